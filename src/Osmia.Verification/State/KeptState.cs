namespace Osmia.Verification.State;

/// <summary>A state kept at an instruction, to compare later ones with.</summary>
internal sealed class KeptState(PathState state, int slot, KeptState? parent, int trail)
{
    private readonly PreciseMarks[] _precise = new PreciseMarks[state.Frames.Count];

    public PathState State { get; } = state;

    /// <summary>The instruction the state was kept before.</summary>
    public int Slot { get; } = slot;

    public KeptState? Parent { get; } = parent;

    /// <summary>How many kept states the path had come through.</summary>
    public int Depth { get; } = parent is null ? 0 : parent.Depth + 1;

    /// <summary>End of the trail when it was kept.</summary>
    public int TrailEnd { get; } = trail;

    /// <summary>Paths from here that are not at their end; while there are any, an equal state is a loop without an end.</summary>
    public int Branches { get; set; } = 1;

    /// <summary>The walk round the loop the state was kept in; null when it is in none.</summary>
    public LoopVisit? Loop { get; set; }

    /// <summary>Paths that ended here, and paths that were compared and did not.</summary>
    public int Hits { get; set; }

    public int Misses { get; set; }

    /// <summary>Numbers on whose values the safety of some path from here depends, by frame.</summary>
    public ref PreciseMarks Precise(int frame) => ref _precise[frame];
}

/// <summary>Registers and stack slots of one frame, a bit each.</summary>
internal struct PreciseMarks
{
    public ushort Registers;
    public ulong Slots;

    public readonly bool IsEmpty => Registers == 0 && Slots == 0;
}
