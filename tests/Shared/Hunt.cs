using System.Diagnostics;
using System.Globalization;

namespace Osmia.Tests;

/// <summary>
/// The seeds of a random test, one a round, as long as its time lasts. By hand it begins anywhere. On a build server it begins with 1
/// and stays among the rounds that were run before, so that a failure there is one of the change. The variable repeats one seed.
/// </summary>
internal sealed class Hunt
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly TimeSpan _budget;
    private readonly int _last;

    public Hunt(string variable, TimeSpan budget, int knownRounds)
    {
        string? repeated = Environment.GetEnvironmentVariable(variable);
        bool isBuild = Environment.GetEnvironmentVariable("CI") is not null;
        First = Seed = repeated is { Length: > 0 } ? int.Parse(repeated, CultureInfo.InvariantCulture) : isBuild ? 1 : Random.Shared.Next(int.MaxValue / 2);
        _last = repeated is { Length: > 0 } ? First : isBuild ? knownRounds : int.MaxValue;
        _budget = budget;
    }

    /// <summary>The first round's seed.</summary>
    public int First { get; }

    /// <summary>This round's seed.</summary>
    public int Seed { get; private set; }

    /// <summary>Whether the variable named one seed.</summary>
    public bool IsRepeated => _last == First;

    /// <summary>Goes to the next round; false when the hunt is over.</summary>
    public bool Next()
    {
        if (Seed == _last || _clock.Elapsed >= _budget)
        {
            return false;
        }

        Seed++;
        return true;
    }
}
