using System.Text;

namespace Osmia.Bytecode.Disassembly;

/// <summary>
/// LLVM's form: hexadecimal throughout, offsets with a spaced sign. Strict like its decoder: an instruction with
/// something in an unused field is no instruction.
/// </summary>
/// <remarks>
/// What llvm-objdump prints alike although it is not (a local call without a symbol as a call of a helper, a packet load without its
/// offset, a wide load without its upper half) is not printed here: it becomes bytes, which assemblers read back.
/// Loads and stores of 32 bits and less name the full register, 32-bit atomics the half, as llvm-objdump 19 does.
/// </remarks>
internal static class LlvmFormatter
{
    public static bool TryAppend(StringBuilder text, ReadOnlySpan<Instruction> stream, int slot, Instruction next, string? name)
    {
        Instruction instruction = stream[slot];
        if (instruction is { Opcode.Value: Opcodes.CallRegister, Destination: <= Register.R10, Source: 0, Offset: 0, Immediate: 0 })
        {
            text.Append($"callx r{Dst(instruction)}");
            return true;
        }

        return InstructionValidity.CheckEncoding(stream, slot) is null && (name is not null || IsUnambiguous(instruction, next)) && instruction.Opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 => Arithmetic(text, instruction),
            InstructionClass.Jmp or InstructionClass.Jmp32 => Jump(text, instruction, name),
            InstructionClass.Ld => Load(text, instruction, next, name),
            InstructionClass.Ldx => LoadMemory(text, instruction),
            _ => Store(text, instruction),
        };
    }

    private static bool IsUnambiguous(Instruction instruction, Instruction next) => instruction switch
    {
        { IsCall: true } => instruction.SourceKind == CallKind.Helper,
        { IsWide: true } => instruction.SourceKind == PseudoLoad.Immediate || next.Immediate == 0,
        { Opcode: { Class: InstructionClass.Ld, Mode: Mode.Ind } } => instruction.Immediate == 0,
        _ => true,
    };

    private static int Dst(Instruction instruction) => (int)instruction.Destination;

    private static int Src(Instruction instruction) => (int)instruction.Source;

    private static string Hex(long value) => value < 0 ? $"-0x{-value:x}" : $"0x{value:x}";

    private static string Signed(int value) => value < 0 ? $"-0x{-(long)value:x}" : $"+0x{value:x}";

    private static string Place(Instruction instruction, int register) =>
        $"r{register} {(instruction.Offset < 0 ? '-' : '+')} 0x{Math.Abs((int)instruction.Offset):x}";

    private static string Pointer(Instruction instruction, int register) =>
        $"({OperatorText.Unsigned(instruction.Opcode.Size)} *)({Place(instruction, register)})";

    private static bool Arithmetic(StringBuilder text, Instruction i)
    {
        bool is64 = i.Opcode.Is64Bit;
        char w = is64 ? 'r' : 'w';
        if (i.Opcode.Arithmetic == ArithmeticOperation.End)
        {
            string order = is64 ? "bswap" : i.Opcode.UsesRegister ? "be" : "le";
            text.Append($"r{Dst(i)} = {order}{i.Immediate} r{Dst(i)}");
        }
        else if (i.Opcode.Arithmetic == ArithmeticOperation.Neg)
        {
            text.Append($"{w}{Dst(i)} = -{w}{Dst(i)}");
        }
        else if (OperatorText.IsAddressSpaceCast(i))
        {
            text.Append($"r{Dst(i)} = addr_space_cast(r{Src(i)}, 0x{(uint)i.Immediate >> 16:x}, 0x{(ushort)i.Immediate:x})");
        }
        else
        {
            text.Append($"{w}{Dst(i)} {OperatorText.Arithmetic(i)} ");
            _ = i.Opcode.UsesRegister
                ? text.Append($"{OperatorText.MoveCast(i)}{w}{Src(i)}")
                : text.Append(Hex(i.Immediate));
        }

        return true;
    }

    private static bool Jump(StringBuilder text, Instruction i, string? name)
    {
        switch (i.Opcode.Value)
        {
            case Opcodes.Call:
                text.Append("call ").Append(name ?? Hex(i.Immediate));
                return true;
            case Opcodes.Jump:
                text.Append("goto ").Append(name ?? Signed(i.Offset));
                return true;
            case Opcodes.JumpLong:
                text.Append("gotol ").Append(name ?? Signed(i.Immediate));
                return true;
            case Opcodes.JumpIndirect:
                text.Append("gotox r").Append(Dst(i));
                return true;
            case Opcodes.MayGoto:
                text.Append("may_goto ").Append(name ?? Signed(i.Offset));
                return true;
            case Opcodes.Exit:
                text.Append("exit");
                return true;
        }

        char w = i.Opcode.Is64Bit ? 'r' : 'w';
        text.Append($"if {w}{Dst(i)} {OperatorText.Comparison(i.Opcode.Jump)} ");
        _ = i.Opcode.UsesRegister ? text.Append($"{w}{Src(i)}") : text.Append(Hex(i.Immediate));
        text.Append(" goto ").Append(name ?? Signed(i.Offset));
        return true;
    }

    private static bool Load(StringBuilder text, Instruction i, Instruction next, string? name)
    {
        string size = OperatorText.Unsigned(i.Opcode.Size);
        _ = i.Opcode.Mode switch
        {
            Mode.Abs => text.Append($"r0 = *({size} *)skb[{Hex(i.Immediate)}]"),
            Mode.Ind => text.Append($"r0 = *({size} *)skb[r{Src(i)}]"),
            _ when name is not null => text.Append($"r{Dst(i)} = {name} ll"),
            _ when i.SourceKind == PseudoLoad.Immediate => text.Append($"r{Dst(i)} = {Hex((long)i.WideImmediate(next))} ll"),
            _ => text.Append($"ld_pseudo r{Dst(i)}, 0x{i.SourceKind:x}, 0x{i.Immediate:x}"),
        };
        return true;
    }

    private static bool LoadMemory(StringBuilder text, Instruction i)
    {
        string type = i.Opcode.Mode == Mode.MemSx ? OperatorText.Signed(i.Opcode.Size) : OperatorText.Unsigned(i.Opcode.Size);
        text.Append($"r{Dst(i)} = *({type} *)({Place(i, Src(i))})");
        return true;
    }

    private static bool Store(StringBuilder text, Instruction i)
    {
        if (i.Opcode.Mode == Mode.Atomic)
        {
            Atomic(text, i);
        }
        else
        {
            string value = i.Opcode.Class == InstructionClass.St ? Hex(i.Immediate) : $"r{Src(i)}";
            text.Append($"*{Pointer(i, Dst(i))} = {value}");
        }

        return true;
    }

    private static void Atomic(StringBuilder text, Instruction i)
    {
        bool is64 = i.Opcode.Size == Size.Dw;
        char w = is64 ? 'r' : 'w';
        string place = Place(i, Dst(i));
        string pointer = Pointer(i, Dst(i));
        if (OperatorText.AtomicAssignment(i.Immediate) is { } assignment)
        {
            // Addition is older than the 32-bit registers and keeps its first form.
            text.Append($"lock *{pointer} {assignment} {(i.Immediate == AtomicOperation.Add ? 'r' : w)}{Src(i)}");
            return;
        }

        if (OperatorText.AtomicFetch(i.Immediate) is { } fetch)
        {
            text.Append($"{w}{Src(i)} = atomic_fetch_{fetch}({pointer}, {w}{Src(i)})");
            return;
        }

        _ = i.Immediate switch
        {
            AtomicOperation.Exchange => text.Append($"{w}{Src(i)} = {(is64 ? "xchg_64" : "xchg32_32")}({place}, {w}{Src(i)})"),
            AtomicOperation.CompareExchange => text.Append($"{w}0 = {(is64 ? "cmpxchg_64" : "cmpxchg32_32")}({place}, {w}0, {w}{Src(i)})"),
            AtomicOperation.LoadAcquire => text.Append($"{w}{Dst(i)} = load_acquire({Pointer(i, Src(i))})"),
            _ => text.Append($"store_release({pointer}, {w}{Src(i)})"),
        };
    }
}
