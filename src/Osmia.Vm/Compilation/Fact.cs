using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

internal enum FactKind
{
    /// <summary>Nothing has been seen yet.</summary>
    None,

    /// <summary>The number <see cref="Fact.Value"/>.</summary>
    Constant,

    /// <summary>The frame pointer plus <see cref="Fact.Value"/>: above 0 lie the frames of the callers, the nearest first.</summary>
    Frame,

    /// <summary>The context plus <see cref="Fact.Value"/>.</summary>
    Context,

    /// <summary>What a lookup in <see cref="Fact.Map"/> gave, which may be null, plus <see cref="Fact.Value"/>.</summary>
    MapValue,

    // From here on guesses: they choose what an access is compared with first.
    PacketLike,
    FrameLike,

    /// <summary>Somewhere in the frame of the function's caller.</summary>
    CallerLike,

    /// <summary>Somewhere near the address <see cref="Fact.Value"/> in a map.</summary>
    AddressLike,

    /// <summary>A map value or a record.</summary>
    ValueLike,
    Unknown,
}

/// <summary>What is known of a value wherever it is used. The first five kinds are certain.</summary>
internal readonly record struct Fact(FactKind Kind, long Value = 0, int Map = -1)
{
    public static Fact Unknown { get; } = new(FactKind.Unknown);

    private bool IsInOwnFrame => Kind == FactKind.FrameLike || (Kind == FactKind.Frame && Value <= 0);

    private bool IsInCallersFrame => Kind == FactKind.CallerLike || (Kind == FactKind.Frame && Value > 0);

    public bool IsCertain => Kind is > FactKind.None and < FactKind.PacketLike;

    public Fact Plus(long distance) => Kind switch
    {
        FactKind.Constant or FactKind.Frame or FactKind.Context or FactKind.MapValue => this with { Value = unchecked(Value + distance) },
        _ => this,
    };

    /// <summary>What is known of a pointer moved by a number that is not known.</summary>
    public Fact Near(Func<ulong, bool> isInMap) => Kind switch
    {
        FactKind.Frame or FactKind.FrameLike when IsInOwnFrame => new(FactKind.FrameLike),
        FactKind.Frame or FactKind.CallerLike => new(FactKind.CallerLike),
        FactKind.MapValue or FactKind.ValueLike => new(FactKind.ValueLike),
        FactKind.Constant when isInMap((ulong)Value) => new(FactKind.AddressLike, Value),
        FactKind.PacketLike or FactKind.AddressLike => this,
        _ => Unknown,
    };

    /// <summary>What holds of a value that is one or the other.</summary>
    public Fact Or(Fact other)
    {
        if (Kind == FactKind.None || this == other)
        {
            return other;
        }

        if (other.Kind == FactKind.None)
        {
            return this;
        }

        // A lookup's result or null is what a lookup's result is.
        if (Kind == FactKind.MapValue && Value == 0 && other is { Kind: FactKind.Constant, Value: 0 })
        {
            return this;
        }

        if (other.Kind == FactKind.MapValue && other.Value == 0 && this is { Kind: FactKind.Constant, Value: 0 })
        {
            return other;
        }

        // What one way hands over, another may have kept in its frame meanwhile: the guess is good for both.
        return IsInCallersFrame || other.IsInCallersFrame ? new(FactKind.CallerLike)
            : IsInOwnFrame && other.IsInOwnFrame ? new(FactKind.FrameLike)
            : Kind is FactKind.MapValue or FactKind.ValueLike && other.Kind is FactKind.MapValue or FactKind.ValueLike ? new(FactKind.ValueLike)
            : Unknown;
    }

    /// <summary>What a function that is handed the value knows of it: its frame lies below the one of its caller.</summary>
    public Fact Handed() => Kind switch
    {
        FactKind.Frame => Plus(ExecutionSlot.FrameSize),
        FactKind.FrameLike => new(FactKind.CallerLike),
        FactKind.CallerLike or FactKind.None => Unknown,
        _ => this,
    };
}
