using System.Globalization;
using Osmia.Bytecode;
using Osmia.Verification.Facts;

namespace Osmia.Verification.Explain;

/// <summary>
/// The way of a value through a path, told backwards from where it is used: who made it, what changed it, which comparison said something
/// of it. Instructions that do not touch it are left out.
/// </summary>
internal sealed class ValueStory(ProgramText program, PathTrace trace)
{
    private const int MostSteps = 40;
    private const int Deepest = 4;
    private const int ArgumentsEnd = 6;

    private readonly SortedDictionary<int, (StoryKind Kind, string Text)> _told = [];
    private readonly HashSet<(int Slot, string Text)> _seen = [];
    private bool _isCut;

    /// <summary>The instruction that first made the value, when the path shows it; else -1.</summary>
    public int OriginSlot { get; private set; } = -1;

    /// <summary>Nothing on the path wrote the value.</summary>
    public bool HasNoOrigin { get; private set; }

    /// <summary>A call that made a packet pointer invalid, or clobbered the register; -1 when none did.</summary>
    public int LossSlot { get; private set; } = -1;

    /// <summary>The number that a pointer was moved by last, where it was added.</summary>
    public (int Step, Place Place)? Moved { get; private set; }

    /// <summary>Steps in the order of the path.</summary>
    public IReadOnlyList<StoryStep> Steps() =>
        [.. _told.Select(told => Step(told.Key, told.Value.Kind, told.Value.Text))];

    public void Tell(int step, StoryKind kind, string text)
    {
        // A loop does the same many times: the last time stands for all.
        if (_told.Count < MostSteps && _seen.Add((trace.Steps[step].Slot, kind == StoryKind.Check ? "check" : text)))
        {
            _told.TryAdd(step, (kind, text));
        }
    }

    /// <summary>Goes back from a step, which is not looked at itself.</summary>
    public void Follow(int from, Place place, int depth = 0)
    {
        for (int i = from - 1; i >= 0; i--)
        {
            TraceStep step = trace.Steps[i];
            if (step.Slot < 0)
            {
                HasNoOrigin |= depth == 0 && trace.IsWhole && trace.After(i, place) is null;
                return;
            }

            Instruction instruction = program[step.Slot];
            if (step.Frame < place.Frame && instruction.IsCall)
            {
                // The function was entered here.
                if (!place.IsRegister || place.Number is 0 or >= ArgumentsEnd)
                {
                    HasNoOrigin |= depth == 0 && place.IsRegister;
                    return;
                }

                if (!instruction.IsLocalCall)
                {
                    Tell(i, StoryKind.Origin, $"{program.Callee(step.Slot)} hands {Describe(trace.After(i, place))} to its callback");
                    return;
                }

                place = new Place(step.Frame, place.Number);
                Tell(i, StoryKind.Change, $"handed to {program.Callee(step.Slot)}() as argument {place.Number}: {Describe(trace.Before(i, place))}");
                continue;
            }

            if (!FollowOne(i, step, instruction, ref place, depth))
            {
                return;
            }
        }

        HasNoOrigin |= depth == 0 && trace.IsWhole;
    }

    /// <returns>Whether there is more to tell before this step.</returns>
    private bool FollowOne(int i, TraceStep step, Instruction instruction, ref Place place, int depth)
    {
        int slot = step.Slot;
        TracedValue? after = trace.After(i, place);
        if (!place.IsRegister)
        {
            return FollowStack(i, step, instruction, ref place);
        }

        if (instruction.IsExit && step.Frame == place.Frame + 1 && place.Number < ArgumentsEnd)
        {
            if (place.Number == 0)
            {
                Tell(i, StoryKind.Change, $"returned by {program.FunctionAt(slot)}(): {Describe(trace.Before(i, new Place(step.Frame, 0)))}");
                place = new Place(step.Frame, 0);
                return true;
            }

            return Clobbered(i, slot, place, $"the call of {program.FunctionAt(slot)}()");
        }

        if (step.Frame != place.Frame)
        {
            return true;
        }

        bool isDestination = (int)instruction.Destination == place.Number;
        switch (instruction.Opcode.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64 when isDestination:
                return FollowArithmetic(i, instruction, ref place, after, depth);
            case InstructionClass.Ld when instruction.IsWide ? isDestination : place.Number == 0:
                Begin(i, slot, after is { IsPointer: true } ? $"the address of {Describe(after)}" : instruction.IsWide ? $"set to {Describe(after)}" : "read from the packet");
                return false;
            case InstructionClass.Ldx when isDestination:
                return FollowLoad(i, instruction, ref place, after);
            case InstructionClass.Stx when instruction.Opcode.Mode == Mode.Atomic && (instruction.Immediate & AtomicOperation.Fetch) != 0
                && (instruction.Immediate == AtomicOperation.CompareExchange ? place.Number == 0 : (int)instruction.Source == place.Number):
                Begin(i, slot, $"what an atomic instruction found in memory: {Describe(after)}");
                return false;
            case InstructionClass.Jmp or InstructionClass.Jmp32 when instruction.IsCall:
                return FollowCall(i, slot, instruction, place, after);
            case InstructionClass.Jmp or InstructionClass.Jmp32 when instruction.IsJump:
                NoteCheck(i, instruction, place, after);
                return true;
            default:
                return true;
        }
    }

    private bool FollowArithmetic(int i, Instruction instruction, ref Place place, TracedValue? after, int depth)
    {
        int slot = trace.Steps[i].Slot;
        if (instruction.Opcode is { UsesRegister: false, Arithmetic: ArithmeticOperation.Lsh } && instruction.Immediate == 32 && _isCut)
        {
            // The first of the two shifts that cut a number to its low half.
            _isCut = false;
            return true;
        }

        _isCut = instruction.Opcode is { UsesRegister: false, Arithmetic: ArithmeticOperation.Rsh or ArithmeticOperation.Arsh } && instruction.Immediate == 32;
        if (instruction.Opcode.Arithmetic == ArithmeticOperation.Mov)
        {
            if (!instruction.Opcode.UsesRegister)
            {
                Begin(i, slot, $"set to {Describe(after)}");
                return false;
            }

            var source = new Place(place.Frame, (int)instruction.Source);
            TracedValue? before = trace.Before(i, source);
            bool isCut = before is { IsPointer: true } && after is { IsNumber: true };
            Tell(i, StoryKind.Change, isCut ? $"{Describe(before)} is cut to 32 bits: it is a number now, no pointer"
                : after is { } a && before is { } b && a.Number != b.Number ? $"{Name(source)} with its size changed: {Describe(after)}"
                : $"a copy of {Name(source)}: {Describe(after)}");
            place = source;
            return true;
        }

        TracedValue? left = trace.Before(i, place);
        if (_isCut && left is not { IsPointer: true })
        {
            Tell(i, StoryKind.Change, $"its low 32 bits{(instruction.Opcode.Arithmetic == ArithmeticOperation.Arsh ? ", with their sign" : "")}: {Describe(after)}");
            return true;
        }

        if (!instruction.Opcode.UsesRegister || instruction.Opcode.Arithmetic is ArithmeticOperation.End or ArithmeticOperation.Neg)
        {
            Tell(i, StoryKind.Change, left is { IsPointer: true } && after is { IsNumber: true } ? $"{Describe(left)} becomes a number: {Describe(after)}" : $"now {Describe(after)}");
            return true;
        }

        var right = new Place(place.Frame, (int)instruction.Source);
        TracedValue? operand = trace.Before(i, right);
        if (after is { IsPointer: true })
        {
            (Place pointer, Place number) = operand is { IsPointer: true } ? (right, place) : (place, right);
            TracedValue? by = trace.Before(i, number);
            Tell(i, StoryKind.Change, $"moved by {Name(number)}, which is {Describe(by)}");
            if (by is { Number.IsConstant: false } && depth < Deepest)
            {
                Moved ??= (i, number);
                Follow(i, number, depth + 1);
            }

            place = pointer;
            return true;
        }

        Tell(i, StoryKind.Change, left is { IsPointer: true } || operand is { IsPointer: true }
            ? $"computed from {Describe(left)} and {Describe(operand)}: a number now, no pointer"
            : $"now {Describe(after)}; {Name(right)} is {Describe(operand)}");
        if (operand is { Number.IsConstant: false } && left is { IsNumber: true, Number.IsConstant: true } && depth < Deepest)
        {
            place = right;
        }

        return true;
    }

    private bool FollowLoad(int i, Instruction instruction, ref Place place, TracedValue? after)
    {
        int slot = trace.Steps[i].Slot;
        var source = new Place(place.Frame, (int)instruction.Source);
        TracedValue? pointer = trace.Before(i, source);
        switch (pointer?.Kind)
        {
            case ValueKind.Stack when pointer.Number.IsConstant:
                int offset = pointer.Offset + (int)pointer.Number.Value + instruction.Offset;
                int frame = pointer.Frame >= 0 ? pointer.Frame : place.Frame;
                var stored = new Place(frame, offset & ~7);
                Tell(i, StoryKind.Change, $"loaded from the stack at {OffsetText(offset)}: {Describe(after)}");
                place = stored;
                return true;
            case ValueKind.Context:
                string? field = ContextLayout.For(program.Program.Type)?.FieldAt(instruction.Offset)?.Name;
                Begin(i, slot, $"{(field is null ? "read from the context" : $"field '{field}' of the context")}: {Describe(after)}");
                return false;
            case ValueKind.MapValue or ValueKind.Packet or ValueKind.PacketMeta or ValueKind.Memory or ValueKind.Typed or ValueKind.MapKey or ValueKind.Socket:
                string from = pointer.Kind switch
                {
                    ValueKind.MapValue => $"a value of map '{pointer.Name}'",
                    ValueKind.MapKey => $"a key of map '{pointer.Name}'",
                    ValueKind.Packet or ValueKind.PacketMeta => "the packet",
                    ValueKind.Typed => pointer.Name.Length > 0 ? $"struct {pointer.Name}" : "a kernel object",
                    ValueKind.Socket => "a socket",
                    _ => "memory",
                };
                int size = instruction.Opcode.Size.InBytes();
                Begin(i, slot, $"{(size == 1 ? "a byte" : $"{size} bytes")} read from {from}: {Describe(after)}");
                return false;
            default:
                Begin(i, slot, $"loaded: {Describe(after)}");
                return false;
        }
    }

    private bool FollowCall(int i, int slot, Instruction instruction, Place place, TracedValue? after)
    {
        string callee = program.Callee(slot);
        if (place.Number == 0)
        {
            if (instruction.IsLocalCall && i + 1 < trace.Steps.Count && trace.Steps[i + 1].Frame > place.Frame)
            {
                return true; // The walk goes into it; its exit was told.
            }

            Begin(i, slot, after is null ? $"{callee}() returns nothing" : $"{callee}() returns {Describe(after)}");
            return false;
        }

        if (place.Number < ArgumentsEnd)
        {
            return Clobbered(i, slot, place, $"the call of {callee}()");
        }

        if (trace.Before(i, place) is { Kind: ValueKind.Packet or ValueKind.PacketEnd or ValueKind.PacketMeta } before && after is null or { IsNumber: true })
        {
            LossSlot = slot;
            Tell(i, StoryKind.Loss, $"{callee}() may move the packet: {Name(place)}, {Describe(before)}, is stale from here on");
        }

        return true;
    }

    private bool FollowStack(int i, TraceStep step, Instruction instruction, ref Place place)
    {
        int slot = step.Slot;
        TracedValue? after = trace.After(i, place);
        if (instruction.Opcode.Class is InstructionClass.St or InstructionClass.Stx)
        {
            TracedValue? pointer = trace.Before(i, new Place(step.Frame, (int)instruction.Destination));
            if (pointer is not { Kind: ValueKind.Stack, Number.IsConstant: true } || (pointer.Frame >= 0 ? pointer.Frame : step.Frame) != place.Frame)
            {
                return true;
            }

            int offset = pointer.Offset + (int)pointer.Number.Value + instruction.Offset;
            if (offset >= place.Number + 8 || offset + instruction.Opcode.Size.InBytes() <= place.Number)
            {
                return true;
            }

            if (instruction.Opcode.Class == InstructionClass.St || instruction.Opcode.Mode == Mode.Atomic)
            {
                Begin(i, slot, $"written on the stack at {OffsetText(offset)}: {Describe(after)}");
                return false;
            }

            var source = new Place(step.Frame, (int)instruction.Source);
            Tell(i, StoryKind.Change, $"{Name(source)} is stored on the stack at {OffsetText(offset)}: {Describe(trace.Before(i, source))}");
            place = source;
            return true;
        }

        if (instruction.IsCall && !instruction.IsLocalCall && Array.Exists([.. step.Changes], HasChanged(place)))
        {
            Tell(i, StoryKind.Loss, $"{program.Callee(slot)}() writes the stack here");
            return false;
        }

        return true;
    }

    private static Predicate<(Place Place, TracedValue? Value)> HasChanged(Place place) => change => change.Place == place;

    private void NoteCheck(int i, Instruction instruction, Place place, TracedValue? after)
    {
        bool isOperand = (int)instruction.Destination == place.Number || (instruction.Opcode.UsesRegister && (int)instruction.Source == place.Number);
        TracedValue? before = trace.Before(i, place);
        bool learned = before is not null && after is not null && (before.Number != after.Number || before.Size != after.Size || before.MayBeNull != after.MayBeNull || before.Kind != after.Kind);
        if (!learned && !isOperand)
        {
            return;
        }

        string what = $"here {Condition(i)}: ";
        Tell(i, StoryKind.Check, !learned ? what + "says nothing that bounds it"
            : after!.IsPacket && after.Size > before!.Size ? what + $"{after.Size} bytes are there"
            : after.IsPointer && before!.MayBeNull && !after.MayBeNull ? what + "it is not null"
            : before!.MayBeNull && after.IsNumber ? what + "it is null"
            : what + Describe(after));
    }

    /// <summary>What holds behind a jump on this path, such as <c>r1 &lt;= 63</c>.</summary>
    public string Condition(int i)
    {
        int slot = trace.Steps[i].Slot;
        Instruction jump = program[slot];
        bool isTaken = i + 1 < trace.Steps.Count && trace.Steps[i + 1].Slot == slot + 1 + jump.JumpDistance && jump.JumpDistance != 0;
        string comparison = Comparison(jump.Opcode.Jump);
        if (!isTaken)
        {
            comparison = comparison switch
            {
                "==" => "!=",
                "!=" => "==",
                ">" => "<=",
                "<=" => ">",
                "<" => ">=",
                ">=" => "<",
                "s>" => "s<=",
                "s<=" => "s>",
                "s<" => "s>=",
                "s>=" => "s<",
                "&" => "has no bit of",
                _ => comparison,
            };
        }

        comparison = comparison switch
        {
            "s>" => "> (signed)",
            "s<=" => "<= (signed)",
            "s<" => "< (signed)",
            "s>=" => ">= (signed)",
            "&" => "has a bit of",
            _ => comparison,
        };
        char width = jump.Opcode.Is64Bit ? 'r' : 'w';
        string right = jump.Opcode.UsesRegister ? $"{width}{(int)jump.Source}" : jump.Immediate.ToString(CultureInfo.InvariantCulture);
        return $"{width}{(int)jump.Destination} {comparison} {right}";
    }

    private static string Comparison(JumpOperation operation) => operation switch
    {
        JumpOperation.Jeq => "==",
        JumpOperation.Jne => "!=",
        JumpOperation.Jgt => ">",
        JumpOperation.Jge => ">=",
        JumpOperation.Jlt => "<",
        JumpOperation.Jle => "<=",
        JumpOperation.Jsgt => "s>",
        JumpOperation.Jsge => "s>=",
        JumpOperation.Jslt => "s<",
        JumpOperation.Jsle => "s<=",
        _ => "&",
    };

    private bool Clobbered(int i, int slot, Place place, string call)
    {
        LossSlot = slot;
        Tell(i, StoryKind.Loss, $"{call} leaves nothing in {Name(place)}: r1 to r5 do not survive calls");
        return false;
    }

    private void Begin(int i, int slot, string text)
    {
        if (OriginSlot < 0)
        {
            OriginSlot = slot;
        }

        Tell(i, StoryKind.Origin, text);
    }

    private StoryStep Step(int i, StoryKind kind, string text)
    {
        int slot = trace.Steps[i].Slot;
        return new StoryStep(kind, slot, program.LineAt(slot), program.InstructionAt(slot), text);
    }

    private static string Name(Place place) => $"r{place.Number}";

    private static string Describe(TracedValue? value) => value?.Describe() ?? "nothing";

    private static string OffsetText(int offset) => $"r10{offset:+0;-0}";
}
