using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// States kept where paths meet. A path that comes with a state that is inside a kept one, whose paths have all ended well, need not be
/// walked again; one that comes back unchanged to a state it is still on the way from will never end.
/// </summary>
internal sealed class KeptStates(ProgramShape shape)
{
    // The kernel's measure of when a state is worth keeping, which decides no verdict but those of its limits.
    private const int InstructionsBetween = 8;
    private const int LongLoop = 100;

    private readonly List<KeptState>?[] _bySlot = new List<KeptState>?[shape.Code.Length];
    private readonly ushort[] _live = RegisterLiveness.Of(shape);
    private int _lastKept;

    public int Total { get; private set; }

    /// <summary>The state that the last path was covered by.</summary>
    public KeptState? CoveredBy { get; private set; }

    /// <summary>True when the path may end here. Else the state is kept when it is worth it.</summary>
    public bool IsCovered(PathState state, int slot, int processed)
    {
        List<KeptState> kept = _bySlot[slot] ??= [];
        bool keep = processed - _lastKept >= InstructionsBetween;
        foreach (KeptState candidate in kept)
        {
            if (candidate.Branches > 0)
            {
                if (StateComparison.AreEqual(candidate.State, state))
                {
                    throw Stop.Reject(CheckFamily.Limits, "the loop comes back here with nothing changed: it never ends");
                }

                // States of a loop that is being walked are close to each other: not each is kept.
                keep &= processed - _lastKept >= LongLoop || candidate.State.Frames.Count != state.Frames.Count || kept.Count < 2;
            }
            else if (StateComparison.Covers(candidate.State, state, _live, slot))
            {
                CoveredBy = candidate;
                return true;
            }
        }

        if (keep)
        {
            _lastKept = processed;
            var added = new KeptState(state.Copy(), state.Parent);
            kept.Add(added);
            state.Parent = added;
            Total++;
        }

        return false;
    }

    /// <summary>A path has ended: the states it came through have one less on the way.</summary>
    public static void EndPath(PathState state)
    {
        for (KeptState? kept = state.Parent; kept is not null; kept = kept.Parent)
        {
            if (--kept.Branches > 0)
            {
                return;
            }
        }
    }
}
