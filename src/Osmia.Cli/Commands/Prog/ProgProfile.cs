using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;

namespace Osmia.Cli.Commands.Prog;

/// <summary>
/// <c>osmia prog profile PROG [duration N] [METRIC...]</c>: runs and run time by the kernel's own statistics. Metrics of the processor need
/// programs at a program's entry and exit (fentry, fexit) and hardware counters; they are refused by name.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class ProgProfile
{
    public const string Grammar = "PROG [duration SECONDS] [run_cnt] [run_time_ns] [recursion_misses]";

    private static readonly string[] s_hardware = ["cycles", "instructions", "l1d_loads", "llc_misses", "itlb_misses", "dtlb_misses"];
    private static readonly string[] s_known = ["run_cnt", "run_time_ns", "recursion_misses"];

    public static void Run(VerbCall call)
    {
        using KernelProgram program = ProgramWords.Open(call.Words);
        uint seconds = call.Words.Take("duration") ? call.Words.Number("the number of seconds") : 0;
        List<string> metrics = call.Words.Until();
        if (metrics.Find(metric => !s_known.Contains(metric)) is { } unknown)
        {
            throw s_hardware.Contains(unknown) ? RunErrors.NoHardwareMetric(unknown)
                : new UsageException($"{call.Words.Verb}: '{unknown}' is none of {string.Join(", ", s_known)}");
        }

        metrics = metrics.Count > 0 ? metrics : [.. s_known];
        ProgramInfo before;
        ProgramInfo after;
        TimeSpan elapsed;
        using (var stop = new StopSignal())
        using (RunStatistics.Enable())
        {
            before = KernelInventory.Describe(program.Handle);
            long started = Stopwatch.GetTimestamp();
            if (seconds > 0)
            {
                stop.StopAfter(TimeSpan.FromSeconds(seconds));
            }
            else
            {
                Console.Error.WriteLine($"counting runs of {program.Name}; Ctrl-C stops");
            }

            stop.Token.WaitHandle.WaitOne();
            after = KernelInventory.Describe(program.Handle);
            elapsed = Stopwatch.GetElapsedTime(started);
        }

        ulong runs = after.RunCount - before.RunCount;
        (string Metric, ulong Value)[] values =
        [
            .. new[] { ("run_cnt", runs), ("run_time_ns", after.RunTimeInNanoseconds - before.RunTimeInNanoseconds), ("recursion_misses", after.RecursionMisses - before.RecursionMisses) }
                .Where(value => metrics.Contains(value.Item1)),
        ];
        call.Answer(
            json =>
            {
                json.WriteStartArray();
                foreach ((string metric, ulong value) in values)
                {
                    json.WriteStartObject();
                    json.WriteString("metric", metric);
                    json.WriteNumber("run_cnt", runs);
                    json.WriteNumber("value", value);
                    json.WriteNumber("enabled", (ulong)elapsed.TotalNanoseconds);
                    json.WriteNumber("running", (ulong)elapsed.TotalNanoseconds);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            output =>
            {
                var table = new TextTable("METRIC", "VALUE", "PER RUN");
                foreach ((string metric, ulong value) in values)
                {
                    table.Add(metric, $"{value}", metric == "run_cnt" || runs == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{(double)value / runs:0.0}"));
                }

                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"program {ProgramWords.Describe(after)}: {runs} runs in {elapsed.TotalSeconds:0.0} s"));
                table.Write(output);
            });
    }
}
