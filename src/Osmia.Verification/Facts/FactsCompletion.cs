using Osmia.Bytecode;

namespace Osmia.Verification.Facts;

/// <summary>
/// Takes back what does not hold on paths that were covered by an earlier one. Such a path goes on as the earlier one did: every value that
/// decides a branch or the safety of an access was compared. Other values may differ, and so may all that is computed from them; where
/// they may have come to, nothing is claimed.
/// </summary>
/// <param name="ways">Steps the walk made, with the frames each entered (or left, when negative).</param>
/// <param name="tied">By comparison of two registers, the copies that learn with them.</param>
internal sealed class FactsCompletion(
    RegisterFact[]?[] registers, RegisterFact[]?[] stack, AccessFact?[] accesses, Dictionary<(int From, int To), int> ways, Dictionary<int, EscapedValues> tied)
{
    private const int ArgumentsEnd = 6;

    public void TakeBack(ReadOnlySpan<Instruction> code, Dictionary<int, EscapedValues> seeds)
    {
        Dictionary<int, EscapedValues> escaped = Spread(code, seeds);
        foreach ((int slot, EscapedValues values) in escaped)
        {
            for (int register = 0; register < 10; register++)
            {
                if (values[0, register] && registers[slot] is { } known)
                {
                    known[register] = RegisterFact.Unknown;
                }
            }

            for (int i = 0; i < (stack[slot]?.Length ?? 0); i++)
            {
                if (values.StackSlot(0, i))
                {
                    stack[slot]![i] = RegisterFact.Unknown;
                }
            }

            // The pointer of an access is compared whenever its path is; an escaped one is never used for it.
            Instruction instruction = code[slot];
            bool isLoad = instruction.Opcode.Class == InstructionClass.Ldx;
            if (accesses[slot] is { } access && values[0, Math.Min((int)(isLoad ? instruction.Source : instruction.Destination), 10)])
            {
                accesses[slot] = access with { Region = ValueKind.Unknown, Map = -1, Offset = Domains.Scalar.Unknown, NeedsCheck = true };
            }
        }
    }

    private Dictionary<int, EscapedValues> Spread(ReadOnlySpan<Instruction> code, Dictionary<int, EscapedValues> seeds)
    {
        ILookup<int, (int To, int Frames)> after = ways.ToLookup(way => way.Key.From, way => (way.Key.To, way.Value));
        var escaped = new Dictionary<int, EscapedValues>();
        var work = new Queue<int>();
        foreach ((int slot, EscapedValues values) in seeds)
        {
            escaped[slot] = values.Copy();
            work.Enqueue(slot);
        }

        while (work.TryDequeue(out int slot))
        {
            EscapedValues left = Through(code[slot], slot, escaped[slot]);
            foreach ((int to, int frames) in after[slot])
            {
                EscapedValues arriving = frames switch
                {
                    0 => left,
                    > 0 => Enter(left, frames, code[slot].IsLocalCall),
                    int.MinValue => Everything(),
                    _ => Leave(left, -frames),
                };
                if (!escaped.TryGetValue(to, out EscapedValues? known))
                {
                    escaped[to] = arriving.Copy();
                    work.Enqueue(to);
                }
                else if (known.Add(arriving))
                {
                    work.Enqueue(to);
                }
            }
        }

        return escaped;
    }

    /// <summary>A function called here sees its arguments; a callback perhaps in other registers.</summary>
    private static EscapedValues Enter(EscapedValues values, int frames, bool isLocalCall)
    {
        EscapedValues entered = values.Shift(frames);
        bool any = false;
        for (int register = 0; register < ArgumentsEnd; register++)
        {
            any |= values[0, register];
        }

        for (int register = 1; register < ArgumentsEnd; register++)
        {
            entered.SetRegister(0, register, isLocalCall ? values[0, register] : any);
        }

        return entered;
    }

    private static EscapedValues Leave(EscapedValues values, int frames)
    {
        EscapedValues left = values.Shift(-frames);
        left.SetRegister(0, 0, values[0, 0]);
        return left;
    }

    private static EscapedValues Everything()
    {
        var all = new EscapedValues();
        all.SetWholeStack();
        for (int level = 0; level < State.PathState.MaximumFrames; level++)
        {
            for (int register = 0; register < 10; register++)
            {
                all.SetRegister(level, register);
            }
        }

        return all;
    }

    private EscapedValues Through(Instruction instruction, int slot, EscapedValues before)
    {
        EscapedValues after = before.Copy();
        int destination = (int)instruction.Destination;
        int source = (int)instruction.Source;
        switch (instruction.Opcode.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64:
                {
                    bool fromSource = instruction.Opcode.UsesRegister && instruction.Opcode.Arithmetic is not (ArithmeticOperation.End or ArithmeticOperation.Neg) && source < 10 && before[0, source];
                    bool kept = instruction.Opcode.Arithmetic != ArithmeticOperation.Mov && before[0, destination];
                    after.SetRegister(0, destination, fromSource || kept);
                    return after;
                }

            case InstructionClass.Ld:
                after.SetRegister(0, instruction.IsWide ? destination : 0, false);
                return after;
            case InstructionClass.Ldx:
                after.SetRegister(0, destination, MayLoad(slot, source, instruction.Offset, instruction.Opcode.Size.InBytes(), before));
                return after;
            case InstructionClass.St or InstructionClass.Stx:
                Store(instruction, slot, before, after);
                return after;
            default:
                if (instruction.IsCall)
                {
                    after.SetRegister(0, 0, false);
                }
                else if (tied.TryGetValue(slot, out EscapedValues? copies) && (before[0, destination] || before[0, source]))
                {
                    // What one operand learned of the other came from a value that may be another.
                    after.SetRegister(0, destination);
                    after.SetRegister(0, source);
                    after.Add(copies);
                }

                return after;
        }
    }

    private bool MayLoad(int slot, int pointer, int offset, int size, EscapedValues values)
    {
        if (!values.AnyOnStack)
        {
            return false;
        }

        RegisterFact fact = registers[slot]?[pointer] ?? RegisterFact.Unknown;
        if (fact.Kind is not (ValueKind.Stack or ValueKind.Unknown))
        {
            return false;
        }

        if (!TryPlace(fact, offset, size, out int first, out int last))
        {
            return true;
        }

        bool may = false;
        for (int i = first; i <= last; i++)
        {
            may |= values.StackSlot(fact.FramesUp, i);
        }

        return may;
    }

    private void Store(Instruction instruction, int slot, EscapedValues before, EscapedValues after)
    {
        bool isAtomic = instruction.Opcode is { Class: InstructionClass.Stx, Mode: Mode.Atomic };
        int source = (int)instruction.Source;
        int pointer = (int)instruction.Destination;
        if (isAtomic && instruction.Immediate == AtomicOperation.LoadAcquire)
        {
            after.SetRegister(0, pointer, MayLoad(slot, source, instruction.Offset, instruction.Opcode.Size.InBytes(), before));
            return;
        }

        bool escapes = instruction.Opcode.Class == InstructionClass.Stx && source < 10 && before[0, source];
        int size = instruction.Opcode.Size.InBytes();
        if (isAtomic && instruction.Immediate != AtomicOperation.StoreRelease)
        {
            // What was there before goes into a register; the walk knows nothing of the number then, or the same as of the place.
            bool fetched = MayLoad(slot, pointer, instruction.Offset, size, before);
            after.SetRegister(0, instruction.Immediate == AtomicOperation.CompareExchange ? 0 : source, fetched || escapes);
            escapes |= fetched;
        }

        RegisterFact fact = registers[slot]?[pointer] ?? RegisterFact.Unknown;
        if (fact.Kind is not (ValueKind.Stack or ValueKind.Unknown))
        {
            return;
        }

        if (!TryPlace(fact, instruction.Offset, size, out int first, out int last))
        {
            if (escapes)
            {
                after.SetWholeStack();
            }

            return;
        }

        for (int i = first; i <= last; i++)
        {
            bool whole = size == 8 && first == last && !isAtomic;
            after.SetStack(fact.FramesUp, i, escapes || (!whole && before.StackSlot(fact.FramesUp, i)));
        }
    }

    /// <summary>The stack slots an access touches, when that is one place of one frame.</summary>
    private static bool TryPlace(in RegisterFact pointer, int offset, int size, out int first, out int last)
    {
        (first, last) = (0, -1);
        if (pointer.Kind != ValueKind.Stack || pointer.FramesUp < 0 || !pointer.Value.IsConstant)
        {
            return false;
        }

        long lowest = (long)pointer.Value.Value + offset;
        long highest = lowest + size - 1;
        if (lowest < -State.Frame.StackSize || highest >= 0)
        {
            return false;
        }

        first = (int)((-highest - 1) / 8);
        last = (int)((-lowest - 1) / 8);
        return true;
    }
}
