using System.Runtime.CompilerServices;

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

    /// <summary>RCU sections, preemption and interrupts off.</summary>
    public Regions Regions { get; private init; } = new();

    /// <summary>
    /// Rounds walked of callbacks and of may_goto: raised by each that is begun. States of different rounds are no loop without an end.
    /// An iterator counts its own, and they end with it: what comes after it is no other round.
    /// </summary>
    public int Rounds { get; set; }

    /// <summary>The kept state this path came through last.</summary>
    public KeptState? Parent { get; set; }

    public Frame Current => Frames[^1];

    public RegisterState[] Registers => Frames[^1].Registers;

    /// <summary>What a copy takes, near enough.</summary>
    public long SizeInBytes
    {
        get
        {
            long size = 0;
            foreach (Frame frame in Frames)
            {
                size += frame.Registers.Length * Unsafe.SizeOf<RegisterState>() + frame.Stack.Length * Unsafe.SizeOf<StackSlot>();
            }

            return size;
        }
    }

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
            Regions = Regions.Copy(),
            Locks = [.. Locks],
            IsSleepingCallback = IsSleepingCallback,
            Parent = Parent,
            Rounds = Rounds,
        };
    }

    public void ForEachRegister(Frame.RefAction action)
    {
        foreach (Frame frame in Frames)
        {
            frame.ForEachRegister(action);
        }
    }
}
