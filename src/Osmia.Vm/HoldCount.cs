namespace Osmia.Vm;

/// <summary>Counts of holders that end at 0 and never come back from there.</summary>
internal static class HoldCount
{
    /// <summary>One holder more; false when the last one has gone.</summary>
    public static bool TryAdd(ref int holders)
    {
        int seen = Volatile.Read(ref holders);
        while (seen > 0)
        {
            int before = Interlocked.CompareExchange(ref holders, seen + 1, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }
}
