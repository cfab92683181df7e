using Osmia.Bytecode;
using Osmia.Verification.Facts;

namespace Osmia.Verification.Explain;

/// <summary>A refusal with all that is known of it: which register is at fault, what it held, and how that came.</summary>
/// <param name="last">The last step of the path, or -1 when the refusal lies on none.</param>
internal sealed class Refusal(ProgramText program, PathTrace trace, ValueStory story, CheckFamily family, string message, int last, int slot)
{
    public ProgramText Program { get; } = program;

    public PathTrace Trace { get; } = trace;

    public ValueStory Story { get; } = story;

    public CheckFamily Family { get; } = family;

    public string Message { get; } = message;

    public int Last { get; } = last;

    public int Slot { get; } = slot;

    public Instruction? Instruction { get; } = slot >= 0 && slot < program.Length ? program[slot] : null;

    /// <summary>The register at fault; -1 when it is none.</summary>
    public int Register { get; private set; } = -1;

    /// <summary>What it holds.</summary>
    public TracedValue? Value { get; private set; }

    /// <summary>Where a reference that is not given back was taken; -1 when that is not the matter.</summary>
    public int AcquiredAt { get; private set; } = -1;

    public TracedValue? Before(int register) => Last < 0 ? null : Trace.Before(Last, new Place(Trace.Steps[Last].Frame, register));

    public void FollowSubject()
    {
        switch (Family)
        {
            case CheckFamily.References:
                FollowReference();
                return;
            case CheckFamily.EndlessLoop:
                TellLoop();
                return;
        }

        Register = Explainer.RegisterIn(Message) ?? RegisterOfInstruction();
        if (Register < 0)
        {
            return;
        }

        Value = Before(Register);
        Story.Follow(Last, new Place(Trace.Steps[Last].Frame, Register));
        if (Value is null && Story.HasNoOrigin)
        {
            TellWhereItIsWritten();
        }
    }

    private int RegisterOfInstruction() => Instruction switch
    {
        { Opcode.Class: InstructionClass.Ldx } i => (int)i.Source,
        { Opcode.Class: InstructionClass.St or InstructionClass.Stx } i => (int)i.Destination,
        { IsExit: true } => 0,
        { Opcode.Class: InstructionClass.Alu or InstructionClass.Alu64 } i => PointerOperand(i),
        { Opcode.IsJump: true, IsCall: false } i when i.IsJump && Family != CheckFamily.EndlessLoop => (int)i.Destination,
        _ => -1,
    };

    /// <summary>The number when its range is at fault, else the pointer.</summary>
    private int PointerOperand(Instruction instruction)
    {
        bool sourceIsPointer = Before((int)instruction.Source) is { IsPointer: true } && Before((int)instruction.Destination) is not { IsPointer: true };
        bool isNumberAtFault = Family == CheckFamily.PointerArithmetic && (Message.Contains("bound", StringComparison.Ordinal) || Message.Contains("moved by", StringComparison.Ordinal));
        return instruction.Opcode.UsesRegister && sourceIsPointer != isNumberAtFault ? (int)instruction.Source : (int)instruction.Destination;
    }

    private void TellLoop()
    {
        int begin = Last - 1;
        while (begin >= 0 && (Trace.Steps[begin].Slot != Slot || Trace.Steps[begin].Frame != Trace.Steps[Last].Frame))
        {
            begin--;
        }

        for (int i = Math.Max(begin, 0); begin >= 0 && i < Last; i++)
        {
            if (Trace.Steps[i].Slot >= 0 && Program[Trace.Steps[i].Slot].IsJump)
            {
                Instruction jump = Program[Trace.Steps[i].Slot];
                Story.Tell(i, StoryKind.Branch, jump.Opcode.Value is Opcodes.Jump or Opcodes.JumpLong ? "goes back" : $"here {Story.Condition(i)}: the loop goes on");
            }
        }
    }

    private void FollowReference()
    {
        var held = new Dictionary<int, int>();
        for (int i = 0; i < Last; i++)
        {
            foreach (int reference in Trace.Steps[i].References)
            {
                if (reference > 0)
                {
                    held.TryAdd(reference, i);
                }
                else
                {
                    held.Remove(-reference);
                }
            }
        }

        if (held.Count == 0)
        {
            return;
        }

        int taken = held.Values.Min();
        AcquiredAt = Trace.Steps[taken].Slot;
        Story.Tell(taken, StoryKind.Origin, $"{Program.Callee(AcquiredAt)}() hands out a reference, which must be given back");
        for (int i = taken + 1; i < Last; i++)
        {
            TraceStep step = Trace.Steps[i];
            if (step.Slot >= 0 && step.WasOpen && Program[step.Slot].IsJump)
            {
                Story.Tell(i, StoryKind.Branch, $"here {Story.Condition(i)}: still held");
            }
        }
    }

    /// <summary>Other places of the function that write the register, and the branch of this path that leads past them.</summary>
    private void TellWhereItIsWritten()
    {
        int function = Program.Program.Functions.IsDefaultOrEmpty ? 0 : Program.Program.FunctionAt(Slot).Slot;
        var writers = new HashSet<int>();
        for (int slot = 0; slot < Program.Length; slot++)
        {
            Instruction instruction = Program[slot];
            bool isWriter = instruction.Opcode.Class switch
            {
                InstructionClass.Alu or InstructionClass.Alu64 or InstructionClass.Ldx => (int)instruction.Destination == Register,
                InstructionClass.Ld => instruction.IsWide ? (int)instruction.Destination == Register : Register == 0,
                _ => instruction.IsCall && Register == 0,
            };
            if (isWriter && (Program.Program.Functions.IsDefaultOrEmpty || Program.Program.FunctionAt(slot).Slot == function))
            {
                writers.Add(slot);
            }

            slot += instruction.IsWide ? 1 : 0;
        }

        for (int i = Last - 1; i >= 0 && writers.Count > 0; i--)
        {
            TraceStep step = Trace.Steps[i];
            if (step.Slot < 0 || step.Frame != Trace.Steps[Last].Frame || !Program[step.Slot].IsJump)
            {
                continue;
            }

            int next = Trace.Steps[i + 1].Slot;
            int target = step.Slot + 1 + Program[step.Slot].JumpDistance;
            int other = next == target ? step.Slot + 1 : target;
            if (Program[step.Slot].Opcode.Value is Opcodes.Jump or Opcodes.JumpLong || other == next || Reached(other, next, writers) is not { } written)
            {
                continue;
            }

            string place = Program.LineAt(written) is { } line ? $"line {line.Line}" : $"instruction {written}";
            Story.Tell(i, StoryKind.Branch, $"here {Story.Condition(i)}: the path goes past {place}, where r{Register} is written");
            return;
        }
    }

    /// <summary>The first writer met from a slot on before the ways join again.</summary>
    private int? Reached(int from, int join, HashSet<int> writers)
    {
        var seen = new HashSet<int>();
        var work = new Queue<int>([from]);
        while (work.TryDequeue(out int slot))
        {
            if (slot < 0 || slot >= Program.Length || slot == join || !seen.Add(slot))
            {
                continue;
            }

            if (writers.Contains(slot))
            {
                return slot;
            }

            Instruction instruction = Program[slot];
            if (instruction.IsExit)
            {
                continue;
            }

            if (instruction.IsJump)
            {
                work.Enqueue(slot + 1 + instruction.JumpDistance);
            }

            if (instruction.Opcode.Value is not (Opcodes.Jump or Opcodes.JumpLong))
            {
                work.Enqueue(slot + (instruction.IsWide ? 2 : 1));
            }
        }

        return null;
    }

    /// <summary>The name of the variable the value was made for, or what stands in for it.</summary>
    public string Variable(string otherwise) => (Story.OriginSlot >= 0 ? Program.VariableSetAt(Story.OriginSlot) : null) ?? otherwise;

    /// <summary>Of a pointer moved by a number: what the number was computed from, and how.</summary>
    public (TracedValue Value, int Slot, long Factor, long Plus)? Index()
    {
        if (Story.Moved is not var (step, place))
        {
            return null;
        }

        long factor = 1;
        long plus = 0;
        int first = step;
        for (int i = step - 1; i >= 0; i--)
        {
            TraceStep one = Trace.Steps[i];
            if (one.Frame != place.Frame || one.Slot < 0)
            {
                continue;
            }

            Instruction instruction = Program[one.Slot];
            if (!instruction.Opcode.IsArithmetic || (int)instruction.Destination != place.Number)
            {
                if (Writes(instruction, place.Number))
                {
                    break;
                }

                continue;
            }

            if (instruction.Opcode.UsesRegister)
            {
                if (instruction.Opcode.Arithmetic != ArithmeticOperation.Mov || instruction.Offset != 0)
                {
                    break;
                }

                place = place with { Number = (int)instruction.Source };
                first = i;
                continue;
            }

            switch (instruction.Opcode.Arithmetic)
            {
                case ArithmeticOperation.Lsh when instruction.Immediate < 31:
                    factor <<= instruction.Immediate;
                    break;
                case ArithmeticOperation.Mul:
                    factor *= instruction.Immediate;
                    break;
                case ArithmeticOperation.Add:
                    plus += factor * instruction.Immediate;
                    break;
                case ArithmeticOperation.Rsh or ArithmeticOperation.Arsh when LeftShiftBefore(i, place.Number) is var (at, left) && left > instruction.Immediate && instruction.Immediate > 0:
                    // Cut to its low half and scaled by the same two shifts.
                    factor <<= left - instruction.Immediate;
                    return Found(at);
                default:
                    return Found(first);
            }

            first = i;
        }

        return Found(first);

        (TracedValue Value, int Slot, long Factor, long Plus)? Found(int at) =>
            Trace.Before(at, place) is { IsNumber: true } value && factor > 0 ? (value, Trace.Steps[Math.Min(at, Trace.Steps.Count - 1)].Slot, factor, plus) : null;
    }

    /// <summary>The shift to the left right before a shift to the right of the same register.</summary>
    private (int Step, int Bits)? LeftShiftBefore(int step, int register)
    {
        for (int i = step - 1; i >= 0 && Trace.Steps[i].Slot >= 0; i--)
        {
            Instruction instruction = Program[Trace.Steps[i].Slot];
            if (Writes(instruction, register))
            {
                return instruction.Opcode is { IsArithmetic: true, Arithmetic: ArithmeticOperation.Lsh, UsesRegister: false } ? (i, instruction.Immediate) : null;
            }
        }

        return null;
    }

    private static bool Writes(Instruction instruction, int register) => instruction.Opcode.Class switch
    {
        InstructionClass.Alu or InstructionClass.Alu64 or InstructionClass.Ldx => (int)instruction.Destination == register,
        InstructionClass.Ld => instruction.IsWide ? (int)instruction.Destination == register : register == 0,
        _ => instruction.IsCall && register < 6,
    };

    /// <summary>Bytes that an instruction or call touches through the register at fault, counted from its pointer; null when it is no access.</summary>
    public (long Offset, long Size)? Access()
    {
        if (Instruction is not { } instruction)
        {
            return null;
        }

        if (instruction.Opcode.Class is InstructionClass.Ldx or InstructionClass.St or InstructionClass.Stx)
        {
            return (instruction.Offset, instruction.Opcode.Size.InBytes());
        }

        // A helper's memory has its size in the register behind it.
        return instruction.IsCall && Register is >= 1 and < 5 && Before(Register + 1) is { Kind: ValueKind.Number } size && size.Number.Wide.UMax < int.MaxValue ? (0, (long)size.Number.Wide.UMax) : null;
    }
}
