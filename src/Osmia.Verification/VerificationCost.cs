using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

/// <summary>Where the instructions of a walk were spent, by slot.</summary>
/// <param name="Walked">How often each instruction was looked at, on all paths together.</param>
/// <param name="Covered">How often a path ended at an instruction because an earlier one covers it.</param>
/// <param name="IsCompared">Where paths are compared with earlier ones; each time that was in vain the code behind is walked once more.</param>
public sealed record VerificationCost(IReadOnlyList<int> Walked, IReadOnlyList<int> Covered, IReadOnlyList<bool> IsCompared);

internal sealed class CostRecorder(int slots) : WalkRecorder
{
    private readonly int[] _walked = new int[slots];
    private readonly int[] _covered = new int[slots];
    private readonly bool[] _compared = new bool[slots];

    public VerificationCost Cost => new(_walked, _covered, _compared);

    public override void Before(PathWalk walk, PathState state)
    {
        _walked[walk.Slot]++;
        _compared[walk.Slot] |= walk.IsMeetingPoint(walk.Slot);
    }

    public override void Covered(PathWalk walk, PathState state, PathState earlier)
    {
        _covered[walk.Slot]++;
        _compared[walk.Slot] = true;
    }
}
