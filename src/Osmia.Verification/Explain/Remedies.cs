using System.Numerics;
using Osmia.Bytecode;
using Osmia.Verification.Facts;

namespace Osmia.Verification.Explain;

/// <param name="Witness">Concrete values that make it happen.</param>
/// <param name="Try">What to change, as code where it can be.</param>
internal sealed record Remedy(string? Witness, string? Why, params string[] Try);

/// <summary>What helps, by family of refusals. Every text here is for a person who writes C.</summary>
internal static class Remedies
{
    private static readonly string[] s_sizeWords = ["size", "negative", "unbounded", "zero"];

    public static Remedy For(Refusal refusal) => refusal.Family switch
    {
        CheckFamily.PacketBounds => Packet(refusal),
        CheckFamily.MemoryBounds => Memory(refusal),
        CheckFamily.NullCheck => Null(refusal),
        CheckFamily.Dereference => Dereference(refusal),
        CheckFamily.Uninitialised => Uninitialised(refusal),
        CheckFamily.References => References(refusal),
        CheckFamily.ReturnValue => new(null, "the kernel knows what to do with some return values only", $"return one of the values this program type has, and let the compiler see it: {refusal.Program.GiveUp}"),
        CheckFamily.PointerArithmetic => PointerArithmetic(refusal),
        CheckFamily.StackUse => Stack(refusal),
        CheckFamily.CallArgument => CallArgument(refusal),
        CheckFamily.ContextAccess => Context(refusal),
        CheckFamily.EndlessLoop => new(null, "a state of registers and stack that comes back unchanged comes back for ever", "count with a variable the loop changes and bound it: for (int i = 0; i < 100; i++)", "or use bpf_loop() or bpf_for()"),
        CheckFamily.StackSpace => new(null, "512 bytes of stack and 8 frames are all there are for a chain of calls", "move large variables into a per-CPU array map of one element", "or let fewer functions be called from each other (always_inline does not help: it adds their variables up)"),
        CheckFamily.Limits => new(null, "all paths together count, and every branch that is left open doubles them", "run 'osmia verify --cost' to see which lines are walked most", "make loops shorter, use bpf_loop(), or move parts into global (not static) functions, which are verified once"),
        CheckFamily.Allowance => new(null, "which helpers a program may call depends on its type, its licence and the kernel", Allowance(refusal)),
        CheckFamily.Encoding => new(null, null, refusal.Message.Contains("division", StringComparison.Ordinal) || refusal.Message.Contains("shift", StringComparison.Ordinal)
            ? "the constant is wrong: look at the macro or the sizeof it comes from"
            : refusal.Message.Contains("kernel variable", StringComparison.Ordinal) ? "check its name, or declare it __weak and test its address" : "compile again with the options of a BPF target: clang -O2 -g -target bpf"),
        CheckFamily.ControlFlow => new(null, null, "remove what is not reached, and end every function with a return"),
        CheckFamily.Objects => new(null, "dynptrs, iterators and saved flags are made, used and ended by helpers and kernel functions alone, each in its turn",
            "make it before it is used, end it once on every path, and leave its bytes on the stack alone"),
        CheckFamily.NotModelled => new(null, "this part of the kernel's verifier is not followed yet; nothing is said of the program", "load it: 'osmia run' explains the kernel's own answer"),
        _ => new(null, null, $"see docs/diagnostics/{VerificationProblem.IdOf(refusal.Family)}.md for a program that is refused and one that is mended"),
    };

    private static Remedy Packet(Refusal refusal)
    {
        string data = refusal.Program.VariableSetFrom("data") ?? "data";
        string end = refusal.Program.VariableSetFrom("data_end") ?? "data_end";
        if (refusal.Value is not { IsPacket: true } pointer || refusal.Access() is not var (offset, size))
        {
            return new(null, null, $"if ({data} + N > {end}) {refusal.Program.GiveUp}  // N: bytes up to the last one used");
        }

        if (pointer.Number.Wide.SMin < 0)
        {
            return new("with a negative offset the access lies before the packet", null, "make the offset unsigned, or: offset &= 0xffff;");
        }

        long needed = pointer.Offset + offset + size;
        string give = refusal.Program.GiveUp;
        if (pointer.Id != 0 || !pointer.Number.IsConstant)
        {
            // The variable is the pointer as it was moved; constants before it was are part of it.
            string variable = refusal.Story.Moved is var (moved, _) ? refusal.Program.VariableSetAt(refusal.Trace.Steps[moved].Slot) ?? "ptr" : refusal.Variable("ptr");
            needed = offset + size;
            return new(
                $"a packet that ends where {variable} points to",
                "a pointer that was moved by a number that is not constant must be compared with the end anew: what was known before does not count",
                $"if ((void *){variable} + {needed} > {end}) {give}  // after {variable} was moved, right before it is used");
        }

        return new(
            pointer.Size == 0 && needed == 1 ? "an empty packet" : $"a packet of {Math.Max(needed - 1, 0)} bytes: byte {needed - 1} is not there",
            pointer.Size == 0 ? "nothing on this path compares the packet's length with what is read" : $"the comparison on this path shows {pointer.Size} bytes to be there, {needed} are used",
            refusal.Program.IndexAt(refusal.Slot) is { } index && refusal.Program.ArrayAt(refusal.Slot) is { } array ? $"if ((void *)&{array}[{index} + 1] > (void *){end}) {give}  // each time, right before it is used"
            : refusal.Program.MemberOwnerAt(refusal.Slot) is { } owner ? $"if ((void *)({owner} + 1) > {end}) {give}  // at least {needed} bytes"
            : pointer.Size == 0 ? $"if ({data} + {needed} > {end}) {give}" : $"compare with {needed} bytes instead of {pointer.Size}: if ({data} + {needed} > {end}) {give}");
    }

    private static Remedy Memory(Refusal refusal)
    {
        if (refusal.Value is not { IsPointer: true, Size: > 0 } pointer || refusal.Access() is not var (offset, size) || pointer.IsPacket)
        {
            return new(null, null, "check the index right before it is used: if (index >= SIZE) return 0;");
        }

        if (refusal.Message.Contains("only be read", StringComparison.Ordinal))
        {
            return new(null, "the memory is constant or not the program's", "write to a variable of your own and copy there");
        }

        return Indexed(refusal, pointer, offset, size);
    }

    private static Remedy Indexed(Refusal refusal, TracedValue pointer, long offset, long size)
    {
        long place = pointer.Offset + offset;
        if (pointer.Number.IsConstant)
        {
            long first = place + (long)pointer.Number.Value;
            return new($"bytes {first} to {first + size - 1} of {pointer.Size}", $"{pointer.Describe()} has {pointer.Size} bytes on every path", "use a smaller index or size, or make the value larger");
        }

        (long factor, long plus, TracedValue? index) = refusal.Index() is { } found && found.Factor > 0 ? (found.Factor, found.Plus, found.Value) : (1, 0, null);
        string name = refusal.Program.IndexAt(refusal.Slot) ?? "index";
        long count = (pointer.Size - size - place - plus) / factor + 1;
        string? witness = Witness(name, index?.Number ?? pointer.Number, count, factor, plus, place, size, pointer.Size);
        if (count <= 0)
        {
            return new(witness, null, $"make room: {size} bytes at offset {place} do not fit {pointer.Size} bytes");
        }

        bool mayBeNegative = (index?.Number ?? pointer.Number).Wide.SMin < 0;
        var options = new List<string>();
        if (mayBeNegative)
        {
            options.Add($"make it unsigned and bound it: if (({name} < 0) || ({name} >= {count})) {refusal.Program.GiveUp}");
        }
        else
        {
            options.Add($"if ({name} >= {count}) {refusal.Program.GiveUp}");
        }

        if (BitOperations.IsPow2(count))
        {
            options.Add($"or: {name} &= {count - 1};");
        }

        return new(witness, index is null ? null : $"{name} is {index.Describe()} here, and {count} elements of {factor} bytes fit", [.. options]);
    }

    private static string? Witness(string name, Domains.Scalar index, long count, long factor, long plus, long place, long size, long memory)
    {
        if (index.Wide.SMin < 0 && !index.Contains((ulong)Math.Max(count, 0)))
        {
            return index.Contains(ulong.MaxValue) ? $"{name} = -1" : $"{name} = {index.Wide.SMin}";
        }

        ulong first = Math.Max((ulong)Math.Max(count, 0), index.Wide.UMin);
        ulong value = index.Contains(first) ? first : index.Contains(index.Wide.UMax) ? index.Wide.UMax : index.Bits.Maximum;
        long at = place + plus + (long)value * factor;
        return !index.Contains(value) ? null : value > uint.MaxValue ? $"{name} = {value}" : $"{name} = {value}: bytes {at} to {at + size - 1} of {memory}";
    }

    private static Remedy Null(Refusal refusal)
    {
        string variable = refusal.Variable($"r{Math.Max(refusal.Register, 0)}");
        string why = refusal.Value?.Kind switch
        {
            ValueKind.MapValue => $"a lookup in map '{refusal.Value.Name}' finds nothing when the key is not there",
            ValueKind.Memory => "the memory may not be there: a reservation fails when the buffer is full",
            ValueKind.Socket => "there may be no such socket",
            _ => "the pointer may be null",
        };
        string after = refusal.Story.OriginSlot >= 0 && refusal.Program.LineAt(refusal.Story.OriginSlot) is { } line ? $"  // after line {line.Line}" : "";
        return new(refusal.Value is { Kind: ValueKind.MapValue } value ? $"a key that map '{value.Name}' does not have: {variable} is NULL" : $"{variable} is NULL", why, $"if (!{variable}) {refusal.Program.GiveUp}{after}");
    }

    private static Remedy Dereference(Refusal refusal)
    {
        if (refusal.Story.LossSlot >= 0)
        {
            return new(null, $"{refusal.Program.Callee(refusal.Story.LossSlot)}() may move the packet, so that pointers made before lead nowhere",
                $"load {refusal.Program.VariableSetFrom("data") ?? "data"} and {refusal.Program.VariableSetFrom("data_end") ?? "data_end"} from the context again after that call, and compare again");
        }

        return refusal.Value is { IsNumber: true }
            ? new(null, "the verifier takes an address only from what the kernel hands out; a number read from memory is none, whatever its C type says",
                "read kernel memory with bpf_probe_read_kernel() or BPF_CORE_READ(), user memory with bpf_probe_read_user()",
                "if it was a pointer: 32-bit arithmetic and bit operations make it a number, keep it whole")
            : new(null, null, "use a helper that takes this kind of pointer");
    }

    private static Remedy Uninitialised(Refusal refusal)
    {
        if (refusal.Story.LossSlot >= 0)
        {
            return new(null, "r1 to r5 do not survive a call", "keep the value in a variable the compiler holds in r6 to r9 or on the stack; in assembly copy it there before the call");
        }

        if (refusal.Register is >= 2 and <= 5 && refusal.Story.HasNoOrigin && refusal.Program.FunctionAt(refusal.Slot) == refusal.Program.Program.Name)
        {
            return new(null, "a program is handed one argument, the context, in r1; r2 to r5 hold nothing", $"declare it with one parameter, int {refusal.Program.Program.Name}(struct ... *ctx), or use BPF_PROG() for typed arguments");
        }

        return refusal.Register == 0 && refusal.Instruction is { IsExit: true }
            ? new(null, "the function ends without a result on this path", refusal.Program.GiveUp)
            : refusal.Register is >= 1 and <= 5 && refusal.Instruction is { IsCall: true } ? new(null, "an argument of the call was never set", "pass all arguments the function declares")
            : new(null, "the variable has no value on this path: the compiler is free to read anything then", "give the variable a value where it is declared: int x = 0;");
    }

    private static Remedy References(Refusal refusal)
    {
        if (refusal.AcquiredAt < 0)
        {
            return new(null, null, "give back what was taken on every path, once");
        }

        string taker = refusal.Program.Callee(refusal.AcquiredAt);
        string variable = refusal.Program.VariableSetAt(refusal.AcquiredAt) ?? "record";
        string release = taker switch
        {
            "bpf_ringbuf_reserve" => $"bpf_ringbuf_discard({variable}, 0);",
            "bpf_sk_lookup_tcp" or "bpf_sk_lookup_udp" or "bpf_skc_lookup_tcp" => $"bpf_sk_release({variable});",
            "bpf_ringbuf_reserve_dynptr" => "bpf_ringbuf_discard_dynptr(&ptr, 0);",
            _ => $"the function that releases what {taker}() hands out",
        };
        return new(null, "what is taken and not given back is lost until the machine restarts", $"{release}  // before this path ends");
    }

    private static Remedy PointerArithmetic(Refusal refusal) => refusal.Value is { IsNumber: true, Number.IsConstant: false } number
        ? new(
            number.Number.Wide.SMin < 0 ? "the number is -1" : null,
            $"a pointer may be moved only by a number whose range is known and not too large; this one is {number.Describe()}",
            refusal.Program.IndexAt(refusal.Slot) is { } name
                ? $"make '{name}' unsigned and bound it right before: if ({name} >= SIZE) {refusal.Program.GiveUp}"
                : $"bound the number right before, as an unsigned one: if (n > 1024) {refusal.Program.GiveUp} or n &= 1023;")
        : refusal.Value is { Kind: ValueKind.PacketEnd } ? new(null, "the end of the packet is there to be compared with, not to be moved", "compute from data instead: data + n > data_end")
        : new(null, "pointers can be moved by numbers and subtracted from each other; anything else would hand out addresses", "index from the pointer's beginning with a bounded number");

    private static Remedy Stack(Refusal refusal) => refusal.Message.Contains("not aligned", StringComparison.Ordinal) || refusal.Message.Contains("misaligned", StringComparison.Ordinal)
        ? new(null, "stack accesses must be multiples of their size", "do not take 8 bytes from a packed or char buffer on the stack; copy with __builtin_memcpy")
        : refusal.Message.Contains("pointer is", StringComparison.Ordinal) || refusal.Message.Contains("spill", StringComparison.Ordinal)
            ? new(null, "a pointer on the stack is kept whole: a part of it would be a number", "store and load pointers with 8 bytes at a multiple of 8")
            : new(null, "the stack has 512 bytes below r10, and a variable offset into it must be bounded", "check the index before it is used, or move the buffer into a per-CPU array map");

    private static Remedy CallArgument(Refusal refusal)
    {
        string callee = refusal.Instruction is { IsCall: true } ? refusal.Program.Callee(refusal.Slot) + "()" : "the function";
        if (refusal.Value is { IsNumber: true } size && Array.Exists(s_sizeWords, word => refusal.Message.Contains(word, StringComparison.Ordinal)))
        {
            string name = refusal.Variable("size");
            string witness = size.Number.Wide.SMin < 0 ? $"{name} = -1" : size.Number.Contains(0) && refusal.Message.Contains("zero", StringComparison.Ordinal) ? $"{name} = 0" : $"{name} = {size.Number.Wide.UMax}";
            string none = size.Number.Contains(0) && refusal.Message.Contains("zero", StringComparison.Ordinal) ? $"{name} == 0 || " : "";
            string bound = $"if ({none}{name} > {Room(refusal.Before(refusal.Register - 1))?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "sizeof(buffer)"}) {refusal.Program.GiveUp}";
            return new(witness, $"{callee} must know how many bytes it may touch, at least and at most", size.Number.Wide.SMin < 0 ? $"make '{name}' unsigned, and: {bound}" : bound);
        }

        if (refusal.Value is { MayBeNull: true })
        {
            return Null(refusal);
        }

        return new(null, null, refusal.Value is { IsNumber: true } ? $"hand {callee} an address, such as that of a variable: &value" : $"see what {callee} takes: its page in bpf-helpers(7)");
    }

    /// <summary>Bytes from a pointer to the end of what it points into.</summary>
    private static long? Room(TracedValue? pointer) => pointer switch
    {
        { Kind: ValueKind.Stack, Number.IsConstant: true } => -(pointer.Offset + (long)pointer.Number.Value),
        { Kind: ValueKind.MapValue or ValueKind.Memory, Size: > 0, Number.IsConstant: true } => pointer.Size - pointer.Offset - (long)pointer.Number.Value,
        _ => null,
    };

    private static Remedy Context(Refusal refusal)
    {
        bool isWrite = refusal.Instruction is { Opcode.Class: InstructionClass.St or InstructionClass.Stx };
        ContextLayout? layout = ContextLayout.For(refusal.Program.Program.Type);
        return refusal.Message.Contains("moved by", StringComparison.Ordinal) || refusal.Message.Contains("modified", StringComparison.Ordinal) || refusal.Message.Contains("variable", StringComparison.Ordinal)
            ? new(null, "the kernel rewrites each field's load, so that its offset must stand in the instruction itself", "read the field through the context as it was handed in: ctx->field; copy it to a variable first when a loop chooses among fields")
            : new(null, layout is null ? null : $"a program of this type sees some fields of {layout.Name} only, each with its own size", layout is null ? "read the arguments through BPF_PROG() or ctx[n]" : Fields(layout, refusal.Program.Program, isWrite));
    }

    private static string Fields(ContextLayout layout, Objects.Linking.LinkedProgram program, bool isWrite)
    {
        const int most = 12;
        ContextUsers users = ContextLayout.UsersOf(program.Type, program.AttachType);
        string[] fields = [.. layout.Fields.Where(field => layout.Allows(users, field.Offset, field.Size, isWrite)).Select(field => field.Name)];
        return fields.Length == 0 ? $"no field of {layout.Name} can be {(isWrite ? "written" : "read")} by this program"
            : $"{(isWrite ? "write" : "read")} one of: {string.Join(", ", fields.Take(most))}{(fields.Length > most ? ", ..." : "")}";
    }

    private static string Allowance(Refusal refusal) => refusal.Message.Contains("GPL", StringComparison.Ordinal)
        ? "char LICENSE[] SEC(\"license\") = \"GPL\";"
        : refusal.Message.Contains("the target has no", StringComparison.Ordinal) ? "use a kernel that has it; /sys/kernel/security/lockdown says what the running one takes away"
        : refusal.Message.Contains("write", StringComparison.Ordinal) ? "read it only, or keep what you write in a map of your own"
        : "use another helper, or another program type (the part in SEC(\"...\"))";
}
