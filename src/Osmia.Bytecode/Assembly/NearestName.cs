namespace Osmia.Bytecode.Assembly;

/// <summary>The name somebody may have meant. Bounded: long names and long lists are not searched.</summary>
internal static class NearestName
{
    private const int MaximumLength = 64;
    private const int MaximumCandidates = 2000;

    public static string? Find(string wanted, IEnumerable<string> candidates)
    {
        string? best = null;
        int bestDistance = Math.Min(wanted.Length / 2, 4) + 1;
        foreach (string candidate in wanted.Length > MaximumLength ? [] : candidates.Take(MaximumCandidates))
        {
            if (candidate.Length <= MaximumLength && Distance(wanted, candidate) is var distance && distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return best;
    }

    // Levenshtein, one row at a time.
    private static int Distance(string left, string right)
    {
        Span<int> row = stackalloc int[right.Length + 1];
        for (int j = 0; j < row.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 0; i < left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < right.Length; j++)
            {
                int substitution = diagonal + (left[i] == right[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(substitution, Math.Min(row[j], row[j + 1]) + 1);
            }
        }

        return row[^1];
    }
}
