using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Inventory;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia top</c>: what each program of the kernel costs now. The kernel counts while the command runs, and stops when it ends.</summary>
internal static class TopCommand
{
    /// <summary>Lines that are not programs: two above, one that says how many more there are, and the cursor's.</summary>
    private const int Heading = 4;

    private static readonly string[] s_orders = ["time", "runs", "ns", "id", "name"];

    public static Command Build()
    {
        var command = new Command("top", CommandTree.DescriptionOf("top"));
        Option<double> interval = new("--interval", "-i") { Description = "seconds between reports", HelpName = "SECONDS", DefaultValueFactory = _ => 1 };
        Option<int> count = new("--count", "-c") { Description = "reports, then stop", HelpName = "N", DefaultValueFactory = _ => int.MaxValue };
        Option<string> sort = new("--sort", "-s") { Description = "what stands first", HelpName = string.Join('|', s_orders), DefaultValueFactory = _ => s_orders[0] };
        Option<int> limit = new("--limit") { Description = "programs shown", HelpName = "N", DefaultValueFactory = _ => 30 };
        Option<bool> all = new("--all", "-a") { Description = "programs that did not run too" };
        Option<bool> json = new("--json", "-j") { Description = "one JSON object a report" };
        sort.AcceptOnlyFromAmong(s_orders);
        foreach (Option option in new Option[] { interval, count, sort, limit, all, json })
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            if (parsed.GetValue(interval) is not (>= 0.05 and <= 86400) || parsed.GetValue(count) < 1 || parsed.GetValue(limit) < 1)
            {
                throw new UsageException("top: --interval is a number of seconds from 0.05 on, --count and --limit are 1 or more");
            }

            Loop(new Settings(TimeSpan.FromSeconds(parsed.GetValue(interval)), parsed.GetValue(count), parsed.GetValue(sort)!, parsed.GetValue(limit), parsed.GetValue(all), parsed.GetValue(json)));
            return ExitCode.Success;
        });
        return command;
    }

    [SupportedOSPlatform("linux")]
    private static void Loop(Settings settings)
    {
        using var stop = new StopSignal();
        using RunStatistics statistics = RunStatistics.Enable();
        using Stream output = StandardOutput.Open();
        bool isScreen = !settings.Json && Terminal.CanMove;
        (Dictionary<uint, ProgramInfo> before, long at) = (Read(), Stopwatch.GetTimestamp());
        for (int report = 0; report < settings.Count && !stop.Token.WaitHandle.WaitOne(settings.Interval); report++)
        {
            Dictionary<uint, ProgramInfo> now = Read();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(at);
            at = Stopwatch.GetTimestamp();
            List<ProgramLoad> loads = ProgramLoad.Between(before, now, elapsed, settings.All, settings.Sort);
            before = now;
            using var text = new MemoryStream();
            if (settings.Json)
            {
                WriteJson(text, loads, elapsed);
            }
            else
            {
                WriteText(text, loads, now.Count, elapsed, isScreen ? Math.Min(settings.Limit, Terminal.RowsBelow(Heading)) : settings.Limit, isScreen);
            }

            output.Write(text.ToArray());
            output.Flush();
        }
    }

    [SupportedOSPlatform("linux")]
    private static Dictionary<uint, ProgramInfo> Read() => KernelInventory.Programs().ToDictionary(program => program.Id);

    [SupportedOSPlatform("linux")]
    private static void WriteText(MemoryStream stream, List<ProgramLoad> loads, int programs, TimeSpan elapsed, int limit, bool isScreen)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        if (isScreen)
        {
            text.Write("\u001b[H\u001b[2J");
        }

        double share = loads.Sum(load => load.CpuShare);
        string summary = string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:HH:mm:ss}  {programs} programs, {loads.Count(load => load.Runs > 0)} ran, {loads.Sum(load => load.RunsPerSecond):0} runs/s, {share * 100:0.00} % of a CPU over {elapsed.TotalSeconds:0.0} s");
        foreach (string line in Terminal.Wrap(summary, Terminal.Width))
        {
            text.WriteLine(line);
        }

        var table = new TextTable("ID", "TYPE", "NAME", "RUNS/S", "NS/RUN", "CPU%", "MISSED", "HELD BY");
        Holders holders = Holders.Read();
        foreach (ProgramLoad load in loads.Take(limit))
        {
            table.Add(
                $"{load.Program.Id}", load.Program.Type.ToKernelName(), load.Program.FullName, string.Create(CultureInfo.InvariantCulture, $"{load.RunsPerSecond:0.0}"),
                string.Create(CultureInfo.InvariantCulture, $"{load.NanosecondsPerRun:0}"), string.Create(CultureInfo.InvariantCulture, $"{load.CpuShare * 100:0.00}"), $"{load.Missed}",
                HeldBy.Of(holders.Of(HeldKind.Program, load.Program.Id), []));
        }

        if (table.Count > 0)
        {
            table.Write(text, indent: "");
        }
        else
        {
            text.WriteLine("no program ran");
        }

        if (loads.Count > limit)
        {
            text.WriteLine($"({loads.Count - limit} more{(isScreen ? "" : ": --limit")})");
        }

        if (!isScreen)
        {
            text.WriteLine();
        }

        stream.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    [SupportedOSPlatform("linux")]
    private static void WriteJson(MemoryStream stream, List<ProgramLoad> loads, TimeSpan elapsed)
    {
        using (var json = new Utf8JsonWriter(stream, JsonOutput.Plain))
        {
            json.WriteStartObject();
            json.WriteNumber("interval_ns", (long)elapsed.TotalNanoseconds);
            json.WriteStartArray("programs");
            foreach (ProgramLoad load in loads)
            {
                json.WriteStartObject();
                json.WriteNumber("id", load.Program.Id);
                json.WriteString("type", load.Program.Type.ToKernelName());
                json.WriteString("name", load.Program.FullName);
                json.WriteNumber("run_cnt", load.Runs);
                json.WriteNumber("run_time_ns", load.TimeInNanoseconds);
                json.WriteNumber("runs_per_s", Math.Round(load.RunsPerSecond, 1));
                json.WriteNumber("ns_per_run", Math.Round(load.NanosecondsPerRun, 1));
                json.WriteNumber("cpu_share", Math.Round(load.CpuShare, 6));
                json.WriteNumber("recursion_misses", load.Missed);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }

    private sealed record Settings(TimeSpan Interval, int Count, string Sort, int Limit, bool All, bool Json);
}
