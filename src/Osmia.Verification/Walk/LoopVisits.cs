using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// Loops that end because another round would show nothing new: the path stops at a state of which more is still to be learned. Until the
/// loop has been left its states' marks are not complete; then what mattered behind each such end is carried round the loop until
/// nothing changes.
/// </summary>
/// <remarks>A loop is a strongly connected component of one function's jumps, told apart by the calls that led into it.</remarks>
internal sealed class LoopVisits(ProgramShape shape, Precision precision)
{
    private const int MaximumRounds = 64;

    private readonly Dictionary<int, List<LoopVisit>> _byLoop = [];

    /// <summary>A state was kept; when it is the first of a loop, the loop lasts until all paths from it have ended.</summary>
    public void Enter(KeptState kept)
    {
        (int loop, int depth) = LoopOf(kept);
        if (loop == 0)
        {
            return;
        }

        if (!_byLoop.TryGetValue(loop, out List<LoopVisit>? visits))
        {
            _byLoop[loop] = visits = [];
        }

        LoopVisit? visit = visits.Find(one => one.IsOf(kept.State, depth));
        if (visit is null)
        {
            visits.Add(visit = new LoopVisit(kept.State, depth));
        }

        visit.Entry ??= kept;
        kept.Loop = visit;
    }

    /// <summary>Marks of a kept state may still be missing.</summary>
    public static bool IsOpen(KeptState kept) => kept.Loop is { BackEdges.Count: > 0 };

    /// <summary>A path ended at a state of a loop that is not left yet.</summary>
    /// <param name="trail">End of the trail there.</param>
    public static void AddBackEdge(KeptState at, PathState state, int trail) => at.Loop?.BackEdges.Add(new BackEdge(at, state.Parent, trail, state.Frames.Count - 1));

    /// <summary>All paths from a kept state have ended.</summary>
    public void Leave(KeptState kept)
    {
        if (kept.Loop is not { } visit || visit.Entry != kept)
        {
            return;
        }

        visit.Entry = null;
        bool isNew = true;
        for (int round = 0; isNew; round++)
        {
            isNew = false;
            foreach (BackEdge edge in visit.BackEdges)
            {
                if (round < MaximumRounds)
                {
                    precision.WantAllOf(edge.At);
                    isNew |= precision.Trace(edge.TrailEnd, edge.Parent, edge.Frame);
                }
                else
                {
                    MarkEverything(edge);
                }
            }
        }

        visit.BackEdges.Clear();
    }

    private static void MarkEverything(BackEdge edge)
    {
        for (KeptState? kept = edge.Parent; kept is not null; kept = kept.Parent)
        {
            for (int i = 0; i < kept.State.Frames.Count; i++)
            {
                kept.Precise(i) = new PreciseMarks { Registers = Precision.All, Slots = ulong.MaxValue };
            }
        }
    }

    /// <summary>The outermost loop on the chain of calls, and the frame that is in it; loop 0 when there is none.</summary>
    private (int Loop, int Depth) LoopOf(KeptState kept)
    {
        PathState state = kept.State;
        for (int i = 0; i < state.Frames.Count; i++)
        {
            int at = i == state.Frames.Count - 1 ? kept.Slot : state.Frames[i + 1].CallSlot;
            if (shape.LoopAt(at) is not 0 and int loop)
            {
                return (loop, i);
            }
        }

        return (0, 0);
    }
}
