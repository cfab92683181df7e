using Osmia.Runtime;

namespace Osmia.Cli.Run;

internal enum EngineChoice
{
    Auto,
    Kernel,
    Vm,
}

/// <summary>What <c>osmia run</c> was asked to do.</summary>
internal sealed record RunSettings(string File)
{
    public EngineChoice Engine { get; init; }

    /// <summary>A capture whose packets the program judges; null runs the object on live events.</summary>
    public string? Packets { get; init; }

    /// <summary>A TAP device that is made for the run: the program judges what the host sends into it.</summary>
    public string? Tap { get; init; }

    /// <summary>A capture to be written: the packets that the program lets through.</summary>
    public string? WriteTo { get; init; }

    public AttachOptions Attach { get; init; } = new();

    /// <summary>Only these programs; empty for all.</summary>
    public IReadOnlyList<string> Programs { get; init; } = [];

    /// <summary>The struct of the records, when the object does not say.</summary>
    public string? Event { get; init; }

    public bool Json { get; init; }

    public TimeSpan? Duration { get; init; }

    /// <summary>Stop after this many records or packets.</summary>
    public long Count { get; init; } = long.MaxValue;

    public TimeSpan? Interval { get; init; }

    /// <summary>Written before the object is linked.</summary>
    public IReadOnlyList<VariableSetting> Variables { get; init; } = [];

    /// <summary>Entries written before anything is attached.</summary>
    public IReadOnlyList<MapEntrySetting> MapEntries { get; init; } = [];

    /// <summary>Print the maps at the end.</summary>
    public bool ShowMaps { get; init; } = true;
}

internal sealed record VariableSetting(string Name, string Value);

internal sealed record MapEntrySetting(string Map, string Key, string Value);
