using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification.Explain;

/// <summary>
/// Finds which of the instructions a walk looked at lie on the path it stopped on. Instructions are numbered as the walk counts them;
/// the same walk counts them the same way each time, so that a second one can watch those alone.
/// </summary>
internal sealed class PathFinder : WalkRecorder
{
    private readonly Stack<Segment> _aside = new();
    private Segment _current = new(null, 0, 1);
    private int _last;

    /// <summary>Which of the walks, the program's own or that of a global function.</summary>
    public int Walk { get; private set; } = -1;

    public override void Begin(PathWalk walk, PathState state)
    {
        Walk++;
        _aside.Clear();
        _current = new Segment(null, 0, 1);
        _last = 0;
    }

    public override void Before(PathWalk walk, PathState state) => _last = walk.Processed;

    public override void PutAside(PathWalk walk, int slot, PathState aside) => _aside.Push(new Segment(_current, walk.Processed, 0));

    public override void TakenUp(PathWalk walk, PathState state) => _current = _aside.Pop() with { Start = walk.Processed + 1 };

    /// <summary>First and last instruction of each stretch, the first stretch first.</summary>
    public List<(int First, int Last)> Stretches()
    {
        var stretches = new List<(int First, int Last)>();
        int last = _last;
        for (Segment? segment = _current; segment is not null; segment = segment.Parent)
        {
            stretches.Add((segment.Start, last));
            last = segment.ForkedAt;
        }

        stretches.Reverse();
        return stretches;
    }

    private sealed record Segment(Segment? Parent, int ForkedAt, int Start);
}
