using System.Globalization;

namespace Osmia.Bench;

/// <summary>
/// Measures contestants in turn, round after round, so that whatever else the machine does falls on all of them alike. The first
/// one is what the others are compared with.
/// </summary>
/// <param name="warmUp">Rounds that do not count: enough for the runtime to compile what is measured at its best.</param>
internal sealed class Contest(string title, string unit, int warmUp)
{
    public const int Processes = 2;
    public const int InProcess = 40;

    private readonly List<Contestant> _contestants = [];

    /// <param name="measure">One measurement, in the contest's unit; told whether it counts.</param>
    /// <param name="note">Printed behind the figures, asked for at the end.</param>
    public void Add(string name, Func<bool, double> measure, Func<string>? note = null) => _contestants.Add(new Contestant(name, measure, note));

    public void Run(int rounds, TextWriter output)
    {
        for (int round = -warmUp; round < rounds; round++)
        {
            if (round == -1 && warmUp == InProcess)
            {
                Thread.Sleep(300); // Better code is compiled in the background.
            }

            // Another order each round: who comes first pays for cold caches.
            for (int i = 0; i < _contestants.Count; i++)
            {
                Contestant contestant = _contestants[(i + round + warmUp) % _contestants.Count];
                double value = contestant.Measure(round >= 0);
                if (round >= 0)
                {
                    contestant.Values.Add(value);
                }
            }
        }

        output.WriteLine($"\n{title} ({unit}, {rounds} rounds)");
        int width = Math.Max(4, _contestants.Max(contestant => contestant.Name.Length));
        output.WriteLine($"{"NAME".PadRight(width)}  {"MEDIAN",10}  {"MIN",10}  {"RATIO",6}");
        double first = _contestants[0].Median;
        foreach (Contestant contestant in _contestants)
        {
            string note = contestant.Note?.Invoke() is { } text ? $"  {text}" : "";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{contestant.Name.PadRight(width)}  {Figure(contestant.Median),10}  {Figure(contestant.Values.Min()),10}  {contestant.Median / first,6:0.00}{note}"));
        }
    }

    private static string Figure(double value) => value.ToString(value < 100 ? "0.00" : "#,0", CultureInfo.InvariantCulture);

    private sealed record Contestant(string Name, Func<bool, double> Measure, Func<string>? Note)
    {
        public List<double> Values { get; } = [];

        public double Median
        {
            get
            {
                double[] sorted = [.. Values.Order()];
                return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
            }
        }
    }
}
