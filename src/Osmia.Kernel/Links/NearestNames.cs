using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Links;

/// <summary>What a person may have meant, for the "try" part of an error.</summary>
internal static class NearestNames
{
    /// <returns>Null when no known name is close.</returns>
    public static string? Suggest(string wanted, IEnumerable<string> known) =>
        Similarity.Nearest(wanted, known, 3) is { Count: > 0 } names ? $"did you mean {string.Join(", ", names)}?" : null;
}
