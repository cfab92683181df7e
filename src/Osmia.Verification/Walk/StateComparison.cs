using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>How alike two states must be.</summary>
internal enum Likeness
{
    /// <summary>All that matters is inside: numbers that no check depends on may differ. Only for kept states all whose paths have ended.</summary>
    Covered,

    /// <summary>All live numbers are inside, marked or not: for kept states that are still being walked, whose marks are not complete.</summary>
    Within,

    /// <summary>The same in everything.</summary>
    Same,
}

/// <summary>
/// Whether everything that may happen from one state may happen from another: what was found safe there is safe here. Numbers that matter
/// must be inside, pointers the same, and what is related in the one related in the other.
/// </summary>
internal sealed class StateComparison(RegisterLiveness registers, StackLiveness stack)
{
    // The kernel's room for ids is about as large; a state with more is walked again.
    private const int MaximumIds = 600;

    private readonly int[] _keptIds = new int[MaximumIds];
    private readonly int[] _ids = new int[MaximumIds];
    private int _idCount;
    private int _nextPrivateId;
    private Likeness _likeness;

    /// <summary>Whether the state is as alike to the kept one as is asked for.</summary>
    public bool IsLike(KeptState candidate, PathState state, Likeness likeness)
    {
        PathState kept = candidate.State;
        if (!SameCalls(kept, state) || kept.References.Count != state.References.Count || kept.Locks.Count != state.Locks.Count
            || kept.IsSleepingCallback != state.IsSleepingCallback)
        {
            return false;
        }

        _likeness = likeness;
        _idCount = 0;
        _nextPrivateId = int.MinValue;
        if (kept.Regions.IsInRcu != state.Regions.IsInRcu || kept.Regions.PreemptDepth != state.Regions.PreemptDepth || kept.Regions.IrqFlags.Count != state.Regions.IrqFlags.Count)
        {
            return false;
        }

        for (int i = 0; i < kept.Regions.IrqFlags.Count; i++)
        {
            if (!SameId(kept.Regions.IrqFlags[i], state.Regions.IrqFlags[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < kept.References.Count; i++)
        {
            if (!SameId(kept.References[i], state.References[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < kept.Locks.Count; i++)
        {
            (HeldLock held, HeldLock other) = (kept.Locks[i], state.Locks[i]);
            if (held.Kind != other.Kind || held.Owner != other.Owner || !SameId(held.Id, other.Id))
            {
                return false;
            }
        }

        for (int i = 0; i < kept.Frames.Count; i++)
        {
            // A caller goes on behind its call, its arguments forgotten; one that calls back goes on at the call, and calls with them again.
            int at = i == kept.Frames.Count - 1 ? candidate.Slot : kept.Frames[i + 1].CallSlot;
            int alive = likeness == Likeness.Same ? 0x3ff : registers.Before(at);
            // Reads are all known when all paths have ended.
            ulong slots = likeness == Likeness.Covered ? stack.AliveAt(kept, i, candidate.Slot) : ulong.MaxValue;
            if (kept.Frames[i].CallbackDepth > state.Frames[i].CallbackDepth || !IsLike(kept.Frames[i], state.Frames[i], candidate.Precise(i), alive, slots))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Two states are in the same functions, called from the same places.</summary>
    public static bool SameCalls(PathState kept, PathState state)
    {
        if (kept.Frames.Count != state.Frames.Count)
        {
            return false;
        }

        for (int i = kept.Frames.Count - 1; i >= 0; i--)
        {
            if (kept.Frames[i].CallSlot != state.Frames[i].CallSlot)
            {
                return false;
            }
        }

        return true;
    }

    private bool IsLike(Frame kept, Frame frame, PreciseMarks precise, int alive, ulong slots)
    {
        for (int i = 0; i < 10; i++)
        {
            if ((alive & (1 << i)) != 0 && !IsLike(kept.Registers[i], frame.Registers[i], (precise.Registers & (1 << i)) != 0))
            {
                return false;
            }
        }

        if (_likeness == Likeness.Same && kept.Stack.Length != frame.Stack.Length)
        {
            return false;
        }

        StackSlot none = default;
        for (int i = 0; i < kept.Stack.Length; i++)
        {
            if ((slots & (1UL << i)) == 0)
            {
                continue;
            }

            ref StackSlot other = ref i < frame.Stack.Length ? ref frame.Stack[i] : ref none;
            if (!IsLike(ref kept.Stack[i], ref other, (precise.Slots & (1UL << i)) != 0))
            {
                return false;
            }
        }

        return true;
    }

    private bool IsLike(ref StackSlot kept, ref StackSlot slot, bool isPrecise)
    {
        if (_likeness == Likeness.Same)
        {
            return kept.Bytes == slot.Bytes && (!(kept.IsSpill || kept.IsObject) || IsLike(kept.Spilled, slot.Spilled, isPrecise: true));
        }

        bool keptIsUnknown = kept.IsUnknownBytes;
        bool keptIsNumber = keptIsUnknown || (kept.IsFullSpill && kept.Spilled.IsNumber);
        if (keptIsNumber && (slot.IsUnknownBytes || (slot.IsFullSpill && slot.Spilled.IsNumber)))
        {
            // Eight bytes of anything are a number like any other.
            return keptIsUnknown
                ? _likeness == Likeness.Covered || IsLike(RegisterState.Unknown, slot.IsFullSpill ? slot.Spilled : RegisterState.Unknown, isPrecise: false)
                : IsLike(kept.Spilled, slot.IsFullSpill ? slot.Spilled : RegisterState.Unknown, isPrecise);
        }

        for (int i = 0; i < StackSlot.Size; i++)
        {
            // Where anything was safe everything is; bytes that may be read unwritten hold anything.
            StackByte wanted = kept[i];
            if (wanted is not (StackByte.Invalid or StackByte.Misc) && wanted != slot[i])
            {
                return false;
            }
        }

        return !(kept.IsSpill || kept.IsObject) || IsLike(kept.Spilled, slot.Spilled, isPrecise);
    }

    private bool IsLike(in RegisterState kept, in RegisterState state, bool isPrecise)
    {
        if (kept.Kind == RegisterKind.NotInitialised)
        {
            return _likeness != Likeness.Same || state.Kind == RegisterKind.NotInitialised;
        }

        if (kept.Kind != state.Kind || kept.Traits != state.Traits)
        {
            return false;
        }

        if (kept.IsNumber)
        {
            return _likeness switch
            {
                Likeness.Same => kept.Number == state.Number && kept.Offset == state.Offset && kept.IsSum == state.IsSum && kept.LinksLow == state.LinksLow && SameId(kept.Id, state.Id),
                Likeness.Covered when !isPrecise => true,
                _ => kept.Offset == state.Offset && kept.IsSum == state.IsSum && kept.LinksLow == state.LinksLow && kept.Number.Contains(state.Number) && SameNumberId(kept.Id, state.Id),
            };
        }

        if (!RegisterState.AreAlike(kept, state))
        {
            return false;
        }

        // How many elements an iterator has given does not matter, but for a loop that goes on as long as there are more.
        bool isIterator = kept.Kind == RegisterKind.Iterator;
        bool range = _likeness == Likeness.Same ? kept.Range == state.Range && kept.Number == state.Number : (isIterator || kept.Range <= state.Range) && kept.Number.Contains(state.Number);
        return range && SameId(kept.Id, state.Id) && SameId(kept.Owner, state.Owner) && SameId(kept.ReferenceId, state.ReferenceId);
    }

    /// <summary>Numbers without an id are each linked to nothing: as if they had one that no other has.</summary>
    private bool SameNumberId(int kept, int id) => SameId(kept == 0 ? _nextPrivateId++ : kept, id == 0 ? _nextPrivateId++ : id);

    /// <summary>Ids are names: what matters is that equal ones stand in equal places.</summary>
    private bool SameId(int kept, int id)
    {
        if (kept == 0 || id == 0)
        {
            return kept == id;
        }

        for (int i = 0; i < _idCount; i++)
        {
            if (_keptIds[i] == kept)
            {
                return _ids[i] == id;
            }

            if (_ids[i] == id)
            {
                return false;
            }
        }

        if (_idCount == MaximumIds)
        {
            return false;
        }

        _keptIds[_idCount] = kept;
        _ids[_idCount++] = id;
        return true;
    }
}
