using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// Whether everything that may happen from one state may happen from another: what was found safe there is safe here. Numbers must be
/// inside, pointers the same, and what is related in the one related in the other.
/// </summary>
internal sealed class StateComparison
{
    private readonly Dictionary<int, int> _ids = [];
    private readonly Dictionary<int, int> _reverse = [];
    private readonly bool _isExact;

    private StateComparison(bool isExact) => _isExact = isExact;

    /// <summary>The kept state is at least as wide as the new one in all that is live.</summary>
    public static bool Covers(PathState kept, PathState state, ushort[] live, int slot) => new StateComparison(isExact: false).Compare(kept, state, live, slot);

    /// <summary>The same in everything.</summary>
    public static bool AreEqual(PathState kept, PathState state) => new StateComparison(isExact: true).Compare(kept, state, null, 0);

    private bool Compare(PathState kept, PathState state, ushort[]? live, int slot)
    {
        if (kept.Frames.Count != state.Frames.Count || kept.References.Count != state.References.Count)
        {
            return false;
        }

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

        for (int i = 0; i < kept.Frames.Count; i++)
        {
            // A caller goes on behind its call, r0 not yet known.
            bool isCurrent = i == kept.Frames.Count - 1;
            int at = isCurrent ? slot : kept.Frames[i + 1].CallSlot + 1;
            int alive = live is null ? 0x3ff : isCurrent ? live[at] : live[at] & ~1;
            if (kept.Frames[i].CallSlot != state.Frames[i].CallSlot || !Compare(kept.Frames[i], state.Frames[i], alive))
            {
                return false;
            }
        }

        return true;
    }

    private bool Compare(Frame kept, Frame frame, int live)
    {
        for (int i = 0; i < 10; i++)
        {
            if ((live & (1 << i)) != 0 && !Compare(kept.Registers[i], frame.Registers[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < kept.Stack.Length; i++)
        {
            StackSlot none = default;
            ref StackSlot other = ref i < frame.Stack.Length ? ref frame.Stack[i] : ref none;
            if (!Compare(ref kept.Stack[i], ref other))
            {
                return false;
            }
        }

        return !_isExact || kept.Stack.Length == frame.Stack.Length;
    }

    private bool Compare(ref StackSlot kept, ref StackSlot slot)
    {
        if (kept.Bytes != slot.Bytes)
        {
            if (_isExact)
            {
                return false;
            }

            for (int i = 0; i < StackSlot.Size; i++)
            {
                // Bytes never written, or of which nothing is known, hold anything but a pointer that was spilled.
                StackByte wanted = kept[i];
                StackByte found = slot[i];
                bool fits = wanted == found
                    || (wanted is StackByte.Invalid or StackByte.Misc && found is not (StackByte.Spill or >= StackByte.Dynptr))
                    || (wanted is StackByte.Invalid or StackByte.Misc && slot.Spilled.IsNumber);
                if (!fits)
                {
                    return false;
                }
            }

            return !kept.IsSpill && !kept.IsObject;
        }

        return !(kept.IsSpill || kept.IsObject) || Compare(kept.Spilled, slot.Spilled);
    }

    private bool Compare(in RegisterState kept, in RegisterState state)
    {
        if (kept.Kind == RegisterKind.NotInitialised)
        {
            return !_isExact || state.Kind == RegisterKind.NotInitialised;
        }

        if (kept.Kind != state.Kind || kept.Traits != state.Traits)
        {
            return false;
        }

        if (kept.IsNumber)
        {
            return _isExact
                ? kept.Number == state.Number && SameId(kept.Id, state.Id)
                : kept.Number.Contains(state.Number) && (kept.Id == 0 || SameId(kept.Id, state.Id));
        }

        if (kept.Offset != state.Offset || kept.Map != state.Map || kept.Type != state.Type || kept.MemorySize != state.MemorySize || kept.Frame != state.Frame)
        {
            return false;
        }

        bool range = _isExact ? kept.Range == state.Range && kept.Number == state.Number : kept.Range <= state.Range && kept.Number.Contains(state.Number);
        return range && SameId(kept.Id, state.Id) && SameId(kept.Owner, state.Owner) && SameId(kept.ReferenceId, state.ReferenceId);
    }

    /// <summary>Ids are names: what matters is that equal ones stand in equal places.</summary>
    private bool SameId(int kept, int id)
    {
        if (kept == 0 || id == 0)
        {
            return kept == id;
        }

        if (_ids.TryGetValue(kept, out int known))
        {
            return known == id;
        }

        if (!_reverse.TryAdd(id, kept))
        {
            return false;
        }

        _ids[kept] = id;
        return true;
    }
}
