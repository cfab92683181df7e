using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel;
using Osmia.Kernel.Links;
using Osmia.Kernel.Symbols;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Cli.Run;

/// <summary><c>osmia run FILE</c> on live events of the kernel: load, attach, print, detach, totals.</summary>
[SupportedOSPlatform("linux")]
internal static class LiveRun
{
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(200);

    public static int Run(RunSettings settings)
    {
        BpfObject source = ObjectPreparation.Prepare(settings);
        using KernelEngine engine = KernelEngine.Open();
        using LoadedObject loaded = engine.Load(source);
        foreach (Diagnostic warning in loaded.Warnings)
        {
            Console.Error.WriteLine($"warning: {warning}");
        }

        if (!AttachPlan.Attachable(loaded.Definition).Any())
        {
            throw RunErrors.NothingToAttach(settings.File);
        }

        ObjectPreparation.FillMaps(loaded, settings);
        using var stop = new StopSignal();
        using Stream output = StandardOutput.Open();
        using var symbolizer = new KernelSymbolizer();
        using var pump = new EventPump(loaded, settings, symbolizer, output);
        var report = new MapReport(loaded, symbolizer, settings.Json);
        long started = Stopwatch.GetTimestamp();
        using (LinkSet links = loaded.AttachAll(settings.Attach))
        {
            KernelIterator[] iterators = [.. links.Links.OfType<KernelIterator>()];
            bool isRead = iterators.Length == links.Links.Count && settings.Interval is null;
            string end = isRead ? "read once" : settings.Duration is { } d ? $"stops after {d.TotalSeconds:0.###} s" : "Ctrl-C stops";
            Console.Error.WriteLine($"engine kernel: {Describe(links)}; {end}");
            Read(iterators, output);
            if (settings.Duration is { } duration)
            {
                stop.StopAfter(duration);
            }

            if (!isRead)
            {
                Loop(settings, stop, pump, report, output, iterators, started);
            }
        }

        while (!pump.IsDone && pump.Drain())
        {
        }

        if (settings.ShowMaps)
        {
            Report(settings, report, output);
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        string records = pump.IsEmpty ? "" : $"{pump.Records} records, {LostRecords.Describe(loaded, pump.Lost)}, ";
        string uncounted = pump.IsEmpty && LostRecords.CountedByProgram(loaded) is > 0 and var missed ? $"{missed} lost, " : "";
        Console.Error.WriteLine($"detached: {records}{uncounted}{elapsed.TotalSeconds:0.0} s");
        return ExitCode.Success;
    }

    private static void Loop(RunSettings settings, StopSignal stop, EventPump pump, MapReport report, Stream output, KernelIterator[] iterators, long started)
    {
        TimeSpan next = Next(settings, TimeSpan.Zero);
        while (!stop.IsSet && !pump.IsDone)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
            if (elapsed >= next)
            {
                Report(settings, report, output);
                Read(iterators, output);
                next = Next(settings, next);
            }

            TimeSpan wait = next - elapsed < s_wait ? next - elapsed : s_wait;
            if (pump.IsEmpty)
            {
                stop.Token.WaitHandle.WaitOne(wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            }
            else if (!pump.Drain())
            {
                pump.Wait(wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            }
        }
    }

    /// <summary>What iterators print, each from its first object to its last.</summary>
    private static void Read(KernelIterator[] iterators, Stream output)
    {
        foreach (KernelIterator iterator in iterators)
        {
            using Stream walk = iterator.OpenRead();
            walk.CopyTo(output);
        }

        output.Flush();
    }

    /// <summary>When to report next; the one that falls on the end is the last report anyhow.</summary>
    private static TimeSpan Next(RunSettings settings, TimeSpan last) =>
        settings.Interval is { } interval && last + interval < (settings.Duration ?? TimeSpan.MaxValue) ? last + interval : TimeSpan.MaxValue;

    private static void Report(RunSettings settings, MapReport report, Stream output)
    {
        if (settings.Interval is not null && !settings.Json)
        {
            output.Write(Encoding.UTF8.GetBytes($"\n{DateTime.Now:HH:mm:ss}\n"));
        }

        report.Write(output);
    }

    private static string Describe(LinkSet links)
    {
        string[] targets = [.. links.Links.Select(link => link.Target.Describe())];
        string program = links.Links is [var only] ? only.Program.Name : $"{targets.Length} programs";
        return $"attached {program} to {string.Join(", ", targets.Take(3))}{(targets.Length > 3 ? $" and {targets.Length - 3} more" : "")}";
    }
}
