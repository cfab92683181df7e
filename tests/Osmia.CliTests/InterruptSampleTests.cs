using System.Globalization;
using System.Text.Json;

namespace Osmia.Tests;

/// <summary>
/// Interrupts belong to no process, so the samples' counts are held against the kernel's own: at least what happened while
/// the programs were surely attached, at most what happened from before the start until after the end.
/// </summary>
public class InterruptSampleTests
{
    // The kernel skips a program that would run within another on the same CPU; busy machines show a few of those.
    private const double Missed = 0.9;
    private const int Few = 20;

    [Fact]
    public void Softirqs_counts_what_proc_softirqs_counts()
    {
        Requirements.Kernel();
        (List<JsonElement> entries, Dictionary<string, long> inner, Dictionary<string, long> outer) = Measure("softirqs", "/proc/softirqs", line => line.Split(':')[0].Trim());
        Assert.NotEmpty(entries);
        foreach (JsonElement entry in entries)
        {
            string kind = entry.GetProperty("key").GetString()!;
            AssertBetween(kind, entry.GetProperty("value").GetProperty("count").GetInt64(), inner[kind], outer[kind]);
        }
    }

    [Fact]
    public void Hardirqs_counts_what_proc_interrupts_counts()
    {
        Requirements.Kernel();
        (List<JsonElement> entries, Dictionary<string, long> inner, Dictionary<string, long> outer) = Measure("hardirqs", "/proc/interrupts", line => line.Split(':')[0].Trim());
        Assert.SkipWhen(entries.Count == 0, "needs a device that interrupts");
        foreach (IGrouping<string, JsonElement> line in entries.GroupBy(entry => entry.GetProperty("key").GetProperty("irq").GetInt32().ToString(CultureInfo.InvariantCulture)))
        {
            // Several devices on one line each see every interrupt of it.
            AssertBetween(line.Key, line.Max(entry => entry.GetProperty("value").GetProperty("count").GetInt64()), inner[line.Key], outer[line.Key]);
        }
    }

    private static (List<JsonElement> Entries, Dictionary<string, long> Inner, Dictionary<string, long> Outer) Measure(string sample, string file, Func<string, string> nameOf)
    {
        Dictionary<string, long> before = Read(file, nameOf);
        using var run = new SampleRun(sample, []);
        Dictionary<string, long> attached = Read(file, nameOf);
        // Something for interrupts to do: writes that reach the disk, and timers.
        string scratch = Path.GetTempFileName();
        for (int i = 0; i < 20; i++)
        {
            using FileStream stream = new(scratch, FileMode.Append);
            stream.Write(new byte[64 * 1024]);
            stream.Flush(flushToDisk: true);
            Thread.Sleep(50);
        }

        File.Delete(scratch);
        Dictionary<string, long> ending = Read(file, nameOf);
        run.Stop();
        Dictionary<string, long> after = Read(file, nameOf);
        return (run.MapEntries("totals"), Difference(attached, ending), Difference(before, after));
    }

    private static void AssertBetween(string name, long counted, long inner, long outer) =>
        Assert.True(counted >= inner * Missed - Few && counted <= outer, $"{name}: counted {counted}, the kernel {inner} while attached and {outer} in all");

    private static Dictionary<string, long> Difference(Dictionary<string, long> from, Dictionary<string, long> to) =>
        to.ToDictionary(pair => pair.Key, pair => pair.Value - from.GetValueOrDefault(pair.Key));

    private static Dictionary<string, long> Read(string file, Func<string, string> nameOf) => File.ReadLines(file)
        .Where(line => line.Contains(':', StringComparison.Ordinal))
        .ToDictionary(nameOf, line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .TakeWhile(word => long.TryParse(word, out _))
            .Sum(word => long.Parse(word, CultureInfo.InvariantCulture)));
}
