using System.Globalization;

namespace Osmia.Tests;

/// <summary>The time of a random or differential test: its share in tests/budget.txt of what ./test --budget gives to all.</summary>
internal static class Budget
{
    // Without ./test, in the inner loop, the hunts should not be felt.
    private const double DefaultSeconds = 10;

    private static readonly Dictionary<string, double> s_percents = ReadTable();

    public static IReadOnlyDictionary<string, double> Percents => s_percents;

    public static TimeSpan For(string name)
    {
        if (!s_percents.TryGetValue(name, out var percent))
        {
            throw new ArgumentException($"tests/budget.txt has no share for '{name}'.", nameof(name));
        }

        var text = Environment.GetEnvironmentVariable("OSMIA_BUDGET_SECONDS");
        var seconds = string.IsNullOrEmpty(text) ? DefaultSeconds : double.Parse(text, CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(seconds * percent / 100);
    }

    private static Dictionary<string, double> ReadTable()
    {
        using var stream = typeof(Budget).Assembly.GetManifestResourceStream("budget.txt")!;
        using var reader = new StreamReader(stream);
        var percents = new Dictionary<string, double>();
        while (reader.ReadLine() is { } line)
        {
            var words = line.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 2)
            {
                percents.Add(words[0], double.Parse(words[1], CultureInfo.InvariantCulture));
            }
        }

        return percents;
    }
}
