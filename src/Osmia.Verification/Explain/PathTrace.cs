namespace Osmia.Verification.Explain;

/// <summary>A register of a frame (0 to 10), or a stack slot of it by its offset from r10 (-8, -16, ...).</summary>
internal readonly record struct Place(int Frame, int Number)
{
    public bool IsRegister => Number >= 0;
}

/// <summary>One instruction on the path.</summary>
/// <param name="Frame">Number of the frame it ran in.</param>
internal sealed class TraceStep(int slot, int frame)
{
    public int Slot { get; } = slot;

    public int Frame { get; } = frame;

    /// <summary>A branch of which both ways were possible.</summary>
    public bool WasOpen { get; set; }

    /// <summary>What it changed, with the values afterwards; null for what is no longer there.</summary>
    public List<(Place Place, TracedValue? Value)> Changes { get; } = [];

    /// <summary>References taken (positive) and given back (negative).</summary>
    public List<int> References { get; } = [];
}

/// <summary>The path that ends at the complaint, step by step.</summary>
/// <param name="isWhole">Whether it begins where the program does.</param>
internal sealed class PathTrace(IReadOnlyList<TraceStep> steps, bool isWhole)
{
    private readonly Dictionary<Place, List<(int Step, TracedValue? Value)>> _history = Collect(steps);

    public IReadOnlyList<TraceStep> Steps { get; } = steps;

    public bool IsWhole { get; } = isWhole;

    public TraceStep? Last => Steps.Count > 0 ? Steps[^1] : null;

    /// <summary>What a place holds before a step; null when nothing was written to it, or nothing is known.</summary>
    public TracedValue? Before(int step, Place place)
    {
        if (!_history.TryGetValue(place, out List<(int Step, TracedValue? Value)>? values))
        {
            return null;
        }

        int low = 0;
        int high = values.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = values[middle].Step < step ? (middle + 1, high) : (low, middle);
        }

        return low == 0 ? null : values[low - 1].Value;
    }

    public TracedValue? After(int step, Place place) => Before(step + 1, place);

    private static Dictionary<Place, List<(int Step, TracedValue? Value)>> Collect(IReadOnlyList<TraceStep> steps)
    {
        var history = new Dictionary<Place, List<(int Step, TracedValue? Value)>>();
        for (int i = 0; i < steps.Count; i++)
        {
            foreach ((Place place, TracedValue? value) in steps[i].Changes)
            {
                if (!history.TryGetValue(place, out List<(int Step, TracedValue? Value)>? values))
                {
                    history[place] = values = [];
                }

                values.Add((i, value));
            }
        }

        return history;
    }
}
