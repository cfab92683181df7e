namespace Osmia.Verification.State;

/// <summary>Everything known at one point of one path: the frames of the calls made, references held, the lock taken.</summary>
internal sealed class PathState
{
    public const int MaximumFrames = 8;

    public List<Frame> Frames { get; private init; } = [];

    /// <summary>References the program must release, in the order they were acquired.</summary>
    public List<int> References { get; private init; } = [];

    /// <summary>In the order they were taken.</summary>
    public List<HeldLock> Locks { get; private init; } = [];

    /// <summary>In a callback that runs later and may sleep, whatever the program may.</summary>
    public bool IsSleepingCallback { get; init; }

    /// <summary>How often callbacks have come back to the calls that make them, on this path.</summary>
    public int CallbackReturns { get; set; }

    /// <summary>How often this path has gone on where it may go elsewhere (may_goto).</summary>
    public int MayGotoPasses { get; set; }

    /// <summary>The kept state this path came through last.</summary>
    public KeptState? Parent { get; set; }

    public Frame Current => Frames[^1];

    public RegisterState[] Registers => Frames[^1].Registers;

    public PathState Copy()
    {
        var frames = new List<Frame>(Frames.Count);
        foreach (Frame frame in Frames)
        {
            frames.Add(frame.Copy());
        }

        return new PathState
        {
            Frames = frames,
            References = [.. References],
            Locks = [.. Locks],
            IsSleepingCallback = IsSleepingCallback,
            CallbackReturns = CallbackReturns,
            MayGotoPasses = MayGotoPasses,
            Parent = Parent,
        };
    }

    /// <summary>Whether both are in the same functions, called from the same places.</summary>
    public bool HasCallsOf(PathState other)
    {
        if (Frames.Count != other.Frames.Count)
        {
            return false;
        }

        for (int i = 0; i < Frames.Count; i++)
        {
            if (Frames[i].CallSlot != other.Frames[i].CallSlot)
            {
                return false;
            }
        }

        return true;
    }

    public void ForEachRegister(Frame.RefAction action)
    {
        foreach (Frame frame in Frames)
        {
            frame.ForEachRegister(action);
        }
    }
}

/// <summary>A state kept at an instruction, to compare later ones with.</summary>
internal sealed class KeptState(PathState state, int slot, KeptState? parent)
{
    public PathState State { get; } = state;

    public int Slot { get; } = slot;

    public KeptState? Parent { get; } = parent;

    /// <summary>Paths from here that are not at their end; while there are any, an equal state is a loop without an end.</summary>
    public int Branches { get; set; } = 1;
}
