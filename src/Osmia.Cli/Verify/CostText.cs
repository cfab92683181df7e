using System.Globalization;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Verification;

namespace Osmia.Cli.Verify;

/// <summary>Where a walk spent its instructions, by source line: the lines to change when a program is too complex.</summary>
internal static class CostText
{
    private const int BarWidth = 20;
    private const int MostLines = 30;

    public static void Write(TextWriter output, LinkedProgram program, VerificationCost cost)
    {
        List<LineCost> lines = Lines(program, cost);
        long total = lines.Sum(line => line.Walked);
        output.WriteLine();
        output.WriteLine(Paint.Code($"cost of program '{program.Name}': {total} instructions walked", "1"));
        output.WriteLine("  WALKED  SHARE                       TIMES  COVERED   MISSED  LINE");
        foreach (LineCost line in lines.Where(line => line.Walked > 0).OrderByDescending(line => line.Walked).Take(MostLines).OrderBy(line => line.Line?.File, StringComparer.Ordinal).ThenBy(line => line.Line?.Line ?? line.Slot))
        {
            int filled = (int)Math.Max(1, line.Walked * BarWidth / Math.Max(total, 1));
            string share = string.Create(CultureInfo.InvariantCulture, $"{line.Walked * 100 / Math.Max(total, 1),3}% ");
            string bar = Paint.Code(new string('#', filled), filled > BarWidth / 3 ? "31" : filled > BarWidth / 10 ? "33" : "32") + new string(' ', BarWidth - filled);
            string place = line.Line is { } source ? $"{source}: {source.Text}" : $"instruction {line.Slot}";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{line.Walked,8}  {share}{bar}  {line.Times,7}  {line.Covered,7}  {line.Missed,7}  {place}"));
        }

        if (lines.Count(line => line.Walked > 0) > MostLines)
        {
            output.WriteLine($"  (the {MostLines} lines that cost most)");
        }
    }

    public static List<LineCost> Lines(LinkedProgram program, VerificationCost cost)
    {
        var lines = new Dictionary<(string?, int), LineCost>();
        for (int slot = 0; slot < cost.Walked.Count; slot++)
        {
            SourceLine? source = program.LineAt(slot);
            (string?, int) key = source is null ? (null, slot) : (source.File, source.Line);
            if (!lines.TryGetValue(key, out LineCost? line))
            {
                lines[key] = line = new LineCost(slot, source);
            }

            line.Walked += cost.Walked[slot];
            line.Times = Math.Max(line.Times, cost.Walked[slot]);
            line.Covered += cost.Covered[slot];
            line.Missed += cost.IsCompared[slot] ? cost.Walked[slot] : 0;
        }

        return [.. lines.Values];
    }

    internal sealed class LineCost(int slot, SourceLine? line)
    {
        public int Slot { get; } = slot;

        public SourceLine? Line { get; } = line;

        /// <summary>Instructions of the line that were walked, on all paths.</summary>
        public long Walked { get; set; }

        /// <summary>How often its instruction that was walked most was.</summary>
        public long Times { get; set; }

        /// <summary>Paths that ended here because an earlier one covers them.</summary>
        public long Covered { get; set; }

        /// <summary>Comparisons with earlier paths in vain: each walks the code behind once more.</summary>
        public long Missed { get; set; }
    }
}
