using Osmia.Verification.State;

namespace Osmia.Verification.Facts;

/// <summary>
/// Places whose values at one instruction may be others than the walk saw there: r0 to r9 and the stack slots of the frame at work
/// (level 0) and of its callers (level 1, 2, ...).
/// </summary>
internal sealed class EscapedValues
{
    private readonly ushort[] _registers = new ushort[PathState.MaximumFrames];
    private readonly ulong[] _stack = new ulong[PathState.MaximumFrames];

    public bool this[int level, int register] => (_registers[level] & (1 << register)) != 0;

    public bool StackSlot(int level, int slot) => (_stack[level] & (1UL << slot)) != 0;

    public bool AnyOnStack => Array.Exists(_stack, slots => slots != 0);

    public void SetRegister(int level, int register, bool escaped = true) =>
        _registers[level] = (ushort)(escaped ? _registers[level] | (1 << register) : _registers[level] & ~(1 << register));

    public void SetStack(int level, int slot, bool escaped = true) => _stack[level] = escaped ? _stack[level] | (1UL << slot) : _stack[level] & ~(1UL << slot);

    /// <summary>A store that may go anywhere on the stack.</summary>
    public void SetWholeStack() => Array.Fill(_stack, ulong.MaxValue);

    /// <returns>Whether anything was added.</returns>
    public bool Add(EscapedValues other)
    {
        bool changed = false;
        for (int level = 0; level < _registers.Length; level++)
        {
            ushort registers = (ushort)(_registers[level] | other._registers[level]);
            ulong stack = _stack[level] | other._stack[level];
            changed |= registers != _registers[level] || stack != _stack[level];
            (_registers[level], _stack[level]) = (registers, stack);
        }

        return changed;
    }

    public EscapedValues Copy()
    {
        var copy = new EscapedValues();
        copy.Add(this);
        return copy;
    }

    /// <summary>As the function sees it that is called from here, or, for a negative number, its caller when that many frames are left.</summary>
    public EscapedValues Shift(int frames)
    {
        var shifted = new EscapedValues();
        for (int level = 0; level < _registers.Length; level++)
        {
            int to = level + frames;
            if (to >= 0 && to < _registers.Length)
            {
                (shifted._registers[to], shifted._stack[to]) = (_registers[level], _stack[level]);
            }
        }

        return shifted;
    }

    /// <summary>Where a state that ends here is not inside the earlier one that covers it.</summary>
    public static EscapedValues Between(PathState state, PathState earlier)
    {
        var escaped = new EscapedValues();
        var places = new List<(int Level, int Place, RegisterState Now, RegisterState Earlier)>();
        for (int number = 0; number < earlier.Frames.Count; number++)
        {
            int level = earlier.Frames.Count - 1 - number;
            (Frame now, Frame then) = (state.Frames[number], earlier.Frames[number]);
            for (int register = 0; register < 10; register++)
            {
                places.Add((level, register, now.Registers[register], then.Registers[register]));
            }

            for (int slot = 0; slot < then.Stack.Length; slot++)
            {
                State.StackSlot other = slot < now.Stack.Length ? now.Stack[slot] : default;
                RegisterFact known = StateFacts.Of(then.Stack[slot], number);
                if (known.Kind == ValueKind.Unknown)
                {
                    // Nothing was claimed of it. Loads of some of its bytes were walked as loads of unknown numbers.
                    if (then.Stack[slot].IsSpill && !(other.Bytes == then.Stack[slot].Bytes && Contains(then.Stack[slot].Spilled, other.Spilled)))
                    {
                        escaped.SetStack(level, slot);
                    }

                    // A zero byte is a claim, too.
                    for (int i = 0; i < State.StackSlot.Size; i++)
                    {
                        if (then.Stack[slot][i] == StackByte.Zero && other[i] != StackByte.Zero)
                        {
                            escaped.SetStack(level, slot);
                        }
                    }
                }
                else
                {
                    RegisterState claimed = then.Stack[slot].IsFullSpill ? then.Stack[slot].Spilled : RegisterState.Constant(0);
                    RegisterState found = other.IsFullSpill ? other.Spilled : StateFacts.Of(other, number).IsConstant ? RegisterState.Constant(0) : default;
                    places.Add((level, 16 + slot, found, claimed));
                }
            }
        }

        for (int i = 0; i < places.Count; i++)
        {
            if (!Contains(places[i].Earlier, places[i].Now) || IsTiedOtherwise(places, i))
            {
                escaped.Set(places[i].Level, places[i].Place);
            }
        }

        return escaped;
    }

    private void Set(int level, int place)
    {
        if (place < 16)
        {
            SetRegister(level, place);
        }
        else
        {
            SetStack(level, place - 16);
        }
    }

    /// <summary>Numbers that learn from each other on the earlier path and do not on this one.</summary>
    private static bool IsTiedOtherwise(List<(int Level, int Place, RegisterState Now, RegisterState Earlier)> places, int index)
    {
        (int _, int _, RegisterState now, RegisterState then) = places[index];
        if (!then.IsNumber || then.Id == 0)
        {
            return false;
        }

        for (int i = 0; i < places.Count; i++)
        {
            (int _, int _, RegisterState otherNow, RegisterState otherThen) = places[i];
            if (i == index || !otherThen.IsNumber || otherThen.Id != then.Id)
            {
                continue;
            }

            // Copies to which constants were added differ by those.
            int apart = then.Offset - otherThen.Offset;
            bool isLow = then.LinksLow || otherThen.LinksLow;
            bool areTied = otherNow.IsNumber && (now.Id != 0
                ? otherNow.Id == now.Id && now.Offset - otherNow.Offset == apart && now.LinksLow == then.LinksLow && otherNow.LinksLow == otherThen.LinksLow
                : !isLow && now.IsConstant && otherNow.IsConstant && now.Number.Value - otherNow.Number.Value == (ulong)apart);
            if (!areTied)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether all that the second may be, the first may be. Where nothing was claimed, nothing escapes.</summary>
    private static bool Contains(in RegisterState earlier, in RegisterState now)
    {
        if (earlier.Kind == RegisterKind.NotInitialised)
        {
            // A claim all the same: code that follows treats it as never read.
            return now.Kind == RegisterKind.NotInitialised;
        }

        if (earlier.Kind == RegisterKind.Number)
        {
            return now.IsNumber && earlier.Number.Contains(now.Number);
        }

        return earlier.Kind == now.Kind
            && (earlier.IsNullable || !now.IsNullable)
            && earlier.Map == now.Map
            && earlier.Frame == now.Frame
            && earlier.Type == now.Type
            && earlier.Offset == now.Offset
            && earlier.Number.Contains(now.Number);
    }
}
