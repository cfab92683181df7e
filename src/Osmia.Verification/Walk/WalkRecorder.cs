using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// Watches a walk: for the log, facts, costs and explanations. A walk without one pays a comparison with null an instruction. What is
/// handed in is the walk's own and goes on changing: a recorder copies what it keeps.
/// </summary>
internal abstract class WalkRecorder
{
    /// <summary>A function is about to be walked: the program at slot 0, or a global function by itself.</summary>
    public virtual void Begin(PathWalk walk, PathState state)
    {
    }

    /// <summary>An instruction is about to be looked at. <see cref="PathWalk.Processed"/> counts it already.</summary>
    public virtual void Before(PathWalk walk, PathState state)
    {
    }

    /// <summary>An instruction was gone through; the path goes on at <paramref name="next"/>, or is at its end when that is negative.</summary>
    /// <param name="slot">Where it stands.</param>
    public virtual void After(PathWalk walk, int slot, int next, PathState state)
    {
    }

    /// <summary>The other way of a branch was put aside, to be walked from <paramref name="slot"/> on.</summary>
    public virtual void PutAside(PathWalk walk, int slot, PathState aside)
    {
    }

    /// <summary>The path ends where it meets one that was walked before: all it could do was seen from <paramref name="earlier"/> on.</summary>
    public virtual void Covered(PathWalk walk, PathState state, PathState earlier)
    {
    }

    /// <summary>A way put aside is taken up; the last one put aside comes first.</summary>
    public virtual void TakenUp(PathWalk walk, PathState state)
    {
    }
}

/// <summary>Several who watch one walk.</summary>
internal sealed class WalkRecorders(IReadOnlyList<WalkRecorder> all) : WalkRecorder
{
    public override void Begin(PathWalk walk, PathState state)
    {
        foreach (WalkRecorder one in all)
        {
            one.Begin(walk, state);
        }
    }

    public override void Before(PathWalk walk, PathState state)
    {
        foreach (WalkRecorder one in all)
        {
            one.Before(walk, state);
        }
    }

    public override void After(PathWalk walk, int slot, int next, PathState state)
    {
        foreach (WalkRecorder one in all)
        {
            one.After(walk, slot, next, state);
        }
    }

    public override void PutAside(PathWalk walk, int slot, PathState aside)
    {
        foreach (WalkRecorder one in all)
        {
            one.PutAside(walk, slot, aside);
        }
    }

    public override void Covered(PathWalk walk, PathState state, PathState earlier)
    {
        foreach (WalkRecorder one in all)
        {
            one.Covered(walk, state, earlier);
        }
    }

    public override void TakenUp(PathWalk walk, PathState state)
    {
        foreach (WalkRecorder one in all)
        {
            one.TakenUp(walk, state);
        }
    }
}
