using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// States kept where paths meet. A path that comes with a state that is inside a kept one, whose paths have all ended well, need not be
/// walked again; one that comes back unchanged to a state it is still on the way from will never end.
/// </summary>
/// <remarks>
/// When a state is kept and when it is let go is the kernel's measure (is_state_visited in kernel/bpf/verifier.c, Linux 6.18). It decides
/// no verdict but those of the limits.
/// </remarks>
internal sealed class KeptStates(ProgramShape shape, WalkProgress progress, Trail trail, Precision precision, StateComparison comparison)
{
    private const int InstructionsBetween = 8;
    private const int JumpsBetween = 2;
    private const int InstructionsBetweenRounds = 100;
    private const int JumpsBetweenRounds = 20;
    private const int LongWay = 40;
    private const long MostBytes = 1L << 29;
    private const int Patience = 3;
    private const int PatienceWithLoops = 64;

    private readonly List<KeptState>?[] _bySlot = new List<KeptState>?[shape.Code.Length];
    private readonly LoopVisits _loops = new(shape, precision);
    private int _count;
    private long _bytes;

    /// <summary>States kept so far.</summary>
    public int Total { get; private set; }

    /// <summary>The most that were kept at one time.</summary>
    public int Peak { get; private set; }

    /// <summary>Whether the iterator whose next element is asked for here is inside its loop; set by who models iterators.</summary>
    public Func<PathState, bool> IteratorIsActive { get; set; } = _ => false;

    /// <summary>The state that the last path was covered by.</summary>
    public KeptState? CoveredBy { get; private set; }

    /// <summary>True when the path may end here. Else the state is kept when it is worth it.</summary>
    /// <param name="jumpsOnWay">Jumps the path made since it last came through a kept state.</param>
    /// <exception cref="VerdictException">The path is in a loop that never ends.</exception>
    public bool IsCovered(PathState state, int slot, int jumpsOnWay)
    {
        int instructions = progress.Instructions - progress.InstructionsWhenKept;
        int jumps = progress.Jumps - progress.JumpsWhenKept;
        List<KeptState> kept = _bySlot[slot] ??= [];
        LoopPoint loop = shape.LoopPoints[slot];
        bool mustKeep = loop != LoopPoint.None || jumpsOnWay > LongWay;
        bool keep = mustKeep || (jumps >= JumpsBetween && instructions >= InstructionsBetween);
        bool isFarFromLast = mustKeep || jumps >= JumpsBetweenRounds || instructions >= InstructionsBetweenRounds;
        for (int i = kept.Count - 1; i >= 0; i--)
        {
            KeptState candidate = kept[i];
            bool isUnderWay = candidate.Branches > 0;
            if (isUnderWay ? GoesRound(candidate, state, loop) : comparison.IsLike(candidate, state, LoopVisits.IsOpen(candidate) ? Likeness.Within : Likeness.Covered))
            {
                candidate.Hits++;
                // What mattered from there on matters to this path too.
                precision.WantAllOf(candidate);
                precision.Trace(trail.End, state.Parent, state.Frames.Count - 1);
                if (isUnderWay || LoopVisits.IsOpen(candidate))
                {
                    LoopVisits.AddBackEdge(candidate, state, trail.End);
                }

                CoveredBy = candidate;
                return true;
            }

            // States of a loop that is being walked are close to each other: not each is kept.
            keep &= !isUnderWay || isFarFromLast;
            candidate.Misses += keep ? 1 : 0;
            int patience = loop != LoopPoint.None && isUnderWay ? PatienceWithLoops : Patience;
            if (candidate.Misses > (candidate.Hits + 1) * patience)
            {
                kept.RemoveAt(i);
                _count--;
                _bytes -= candidate.State.SizeInBytes;
            }
        }

        // With that much kept only loops go on to be found; a program that comes here is at its limit of instructions soon.
        if (keep && (mustKeep || _bytes < MostBytes))
        {
            Keep(kept, state, slot);
            (progress.InstructionsWhenKept, progress.JumpsWhenKept) = (progress.Instructions, progress.Jumps);
        }

        return false;
    }

    /// <summary>The state kept here on the present path in an earlier round of the same loop, in the same calls.</summary>
    /// <param name="except">A state that is none of an earlier round.</param>
    public KeptState? EarlierRound(PathState state, int slot, KeptState? except)
    {
        List<KeptState>? kept = _bySlot[slot];
        for (int i = kept is null ? -1 : kept.Count - 1; i >= 0; i--)
        {
            if (kept![i].Branches > 0 && kept[i] != except && StateComparison.SameCalls(kept[i].State, state))
            {
                return kept[i];
            }
        }

        return null;
    }

    /// <summary>A path has ended: the states it came through have one less on the way.</summary>
    public void EndPath(PathState state)
    {
        for (KeptState? kept = state.Parent; kept is not null; kept = kept.Parent)
        {
            if (--kept.Branches > 0)
            {
                return;
            }

            _loops.Leave(kept);
        }
    }

    /// <summary>The path is back at a state it is on the way from: true when walking another round would show nothing new.</summary>
    private bool GoesRound(KeptState earlier, PathState state, LoopPoint loop)
    {
        switch (loop)
        {
            case LoopPoint.Iterator:
                return comparison.IsLike(earlier, state, Likeness.Within) && IteratorIsActive(state);
            case LoopPoint.Callback when HasCalledBack(earlier.State, state):
                return comparison.IsLike(earlier, state, Likeness.Within);
            case LoopPoint.MayGoto when earlier.State.Rounds != state.Rounds && comparison.IsLike(earlier, state, Likeness.Within):
                return true;
            default:
                return earlier.State.Rounds == state.Rounds && comparison.IsLike(earlier, state, Likeness.Same)
                    ? throw Stop.Reject(CheckFamily.EndlessLoop, "the loop comes back here with nothing changed: it never ends")
                    : false;
        }
    }

    /// <summary>Between the two a callback has gone a round. A loop around the call that comes back without one is a loop like any other.</summary>
    private static bool HasCalledBack(PathState earlier, PathState state)
    {
        for (int i = 0; i < state.Frames.Count; i++)
        {
            if (state.Frames[i].CallbackDepth > earlier.Frames[i].CallbackDepth)
            {
                return true;
            }
        }

        return false;
    }

    private void Keep(List<KeptState> kept, PathState state, int slot)
    {
        var added = new KeptState(state.Copy(), slot, state.Parent, trail.End);
        kept.Add(added);
        state.Parent = added;
        _loops.Enter(added);
        _bytes += added.State.SizeInBytes;
        Total++;
        Peak = Math.Max(Peak, ++_count);
    }
}
