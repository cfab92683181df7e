namespace Osmia.Verification.State;

/// <summary>A loop that is walked: a strongly connected component of a function's jumps, and the calls that led into it.</summary>
internal sealed class LoopVisit
{
    private readonly int[] _calls;

    /// <param name="depth">The frame whose function has the loop.</param>
    public LoopVisit(PathState state, int depth)
    {
        _calls = new int[depth];
        for (int i = 0; i < depth; i++)
        {
            _calls[i] = state.Frames[i + 1].CallSlot;
        }
    }

    /// <summary>The first state kept in the loop on the present path; null while no path is in it.</summary>
    public KeptState? Entry { get; set; }

    public List<BackEdge> BackEdges { get; } = [];

    public bool IsOf(PathState state, int depth)
    {
        bool isSame = depth == _calls.Length;
        for (int i = 0; i < depth && isSame; i++)
        {
            isSame = state.Frames[i + 1].CallSlot == _calls[i];
        }

        return isSame;
    }
}

/// <summary>Where a path ended because it was back at a kept state.</summary>
/// <param name="Parent">The kept state the path came through last.</param>
/// <param name="TrailEnd">The end of its trail.</param>
/// <param name="Frame">The frame it was in.</param>
internal sealed record BackEdge(KeptState At, KeptState? Parent, int TrailEnd, int Frame);
