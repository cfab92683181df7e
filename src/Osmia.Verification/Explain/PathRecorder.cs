using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification.Explain;

/// <summary>Records the path that <see cref="PathFinder"/> found: what each of its instructions changed.</summary>
internal sealed class PathRecorder : WalkRecorder
{
    // The end of a path tells; what a loop did a hundred thousand steps before does not.
    private const int LongestPath = 20_000;

    private readonly int _walk;
    private readonly List<(int First, int Last)> _stretches = [];
    private readonly List<TraceStep> _steps = [];
    private readonly bool _isWhole = true;
    private int _current = -1;
    private int _stretch;
    private PathState? _before;

    public PathRecorder(PathFinder found)
    {
        _walk = found.Walk;
        int room = LongestPath;
        foreach ((int first, int last) in Enumerable.Reverse(found.Stretches()))
        {
            int kept = Math.Min(room, last - first + 1);
            _isWhole &= kept == last - first + 1;
            if (kept > 0)
            {
                _stretches.Insert(0, (last - kept + 1, last));
            }

            room -= kept;
        }
    }

    public PathTrace Trace => new(_steps, _isWhole);

    public override void Begin(PathWalk walk, PathState state) => _current++;

    public override void Before(PathWalk walk, PathState state)
    {
        if (_current != _walk)
        {
            return;
        }

        while (_stretch < _stretches.Count && walk.Processed > _stretches[_stretch].Last)
        {
            _stretch++;
        }

        if (_stretch >= _stretches.Count || walk.Processed < _stretches[_stretch].First)
        {
            return;
        }

        if (_before is null)
        {
            // What stands there at the beginning comes from a step of no instruction.
            _steps.Add(new TraceStep(-1, 0));
            _before = new PathState();
        }

        NoteChanges(_steps[^1], _before, state, walk.Scope);
        _before = state.Copy();
        _steps.Add(new TraceStep(walk.Slot, state.Frames.Count - 1));
    }

    public override void PutAside(PathWalk walk, int slot, PathState aside)
    {
        if (_current == _walk && _steps.Count > 0 && _stretch < _stretches.Count && walk.Processed >= _stretches[_stretch].First && walk.Processed <= _stretches[_stretch].Last)
        {
            _steps[^1].WasOpen = true;
        }
    }

    private static void NoteChanges(TraceStep step, PathState before, PathState after, VerificationScope scope)
    {
        for (int number = 0; number < Math.Max(before.Frames.Count, after.Frames.Count); number++)
        {
            Frame? old = number < before.Frames.Count ? before.Frames[number] : null;
            Frame? now = number < after.Frames.Count ? after.Frames[number] : null;
            for (int register = 0; register < 11; register++)
            {
                Note(step, new Place(number, register), old is null ? default : old.Registers[register], now is null ? default : now.Registers[register], scope);
            }

            int slots = Math.Max(old?.Stack.Length ?? 0, now?.Stack.Length ?? 0);
            for (int slot = 0; slot < slots; slot++)
            {
                Note(step, new Place(number, (slot + 1) * -StackSlot.Size), Spilled(old, slot), Spilled(now, slot), scope);
            }
        }

        step.References.AddRange(after.References.Except(before.References));
        step.References.AddRange(before.References.Except(after.References).Select(reference => -reference));
    }

    private static RegisterState Spilled(Frame? frame, int slot) => frame is not null && slot < frame.Stack.Length && frame.Stack[slot].IsSpill ? frame.Stack[slot].Spilled : default;

    private static void Note(TraceStep step, Place place, in RegisterState old, in RegisterState now, VerificationScope scope)
    {
        if (old.Kind != now.Kind || old.Number != now.Number || old.Traits != now.Traits || old.Offset != now.Offset || old.Id != now.Id || old.ReferenceId != now.ReferenceId
            || old.Range != now.Range || old.Map != now.Map || old.Frame != now.Frame || old.Type != now.Type || old.MemorySize != now.MemorySize)
        {
            step.Changes.Add((place, TracedValue.Of(now, scope)));
        }
    }
}
