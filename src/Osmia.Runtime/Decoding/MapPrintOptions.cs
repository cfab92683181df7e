namespace Osmia.Runtime.Decoding;

public sealed record MapPrintOptions
{
    public static MapPrintOptions Default { get; } = new();

    /// <summary>Entries printed; the number of the rest is said.</summary>
    public int Limit { get; init; } = 1000;

    /// <summary>Also each CPU's value of per-CPU maps whose values are added up.</summary>
    public bool PerCpu { get; init; }

    /// <summary>Also the elements of arrays that are all zero.</summary>
    public bool ShowZero { get; init; }

    /// <summary>What histograms count when their <c>slots</c> member has no tag that says it.</summary>
    public string HistogramUnit { get; init; } = "value";
}
