using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Osmia.Objects;
using Osmia.Runtime;
using Osmia.Vm;
using Osmia.Vm.Events;
using Osmia.Vm.Hooks;

namespace Osmia.Samples.DotnetEvents;

/// <summary>A request that ended: a span of a trace, and the tag that says how it ended.</summary>
[StructLayout(LayoutKind.Sequential)]
public record struct Request
{
    public Text32 OperationName { get; set; }

    public ulong DurationNs { get; set; }

    [Payload("http.response.status_code")]
    public uint Status { get; set; }
}

/// <summary>An exception that was thrown, as the runtime tells it.</summary>
[StructLayout(LayoutKind.Sequential)]
public record struct Thrown
{
    public Text64 ExceptionType { get; set; }
}

/// <summary>A text that ends with a zero byte, or is cut.</summary>
[InlineArray(32)]
public struct Text32
{
    private byte _first;
}

/// <inheritdoc cref="Text32"/>
[InlineArray(64)]
public struct Text64
{
    private byte _first;
}

/// <summary>What <c>SEC("request/latency")</c> keeps of an operation.</summary>
[StructLayout(LayoutKind.Sequential)]
public record struct Latency
{
    public ulong Count { get; set; }

    public ulong Failed { get; set; }

    public ulong TotalNs { get; set; }

    public ulong LongestNs { get; set; }
}

/// <summary>Thrown when the shelf is empty.</summary>
public sealed class SoldOutException : Exception;

/// <summary>A .NET program that watches itself: eBPF programs at its activities and at the runtime's own events, which sum up before anything is printed.</summary>
public static class Watcher
{
    private const string SourceName = "Osmia.Samples.Shop";
    private const EventKeywords ExceptionEvents = (EventKeywords)0x8000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static HookType<Request> Requests { get; } = new("request");

    public static HookType<Thrown> Exceptions { get; } = new("thrown");

    public static void Run(string programs, TextWriter output)
    {
        using var engine = new VmEngine(new VmOptions { HookTypes = [Requests, Exceptions] });
        using LoadedObject loaded = engine.LoadVerified(BpfObject.Read(programs));
        using Hook<Request> ended = engine.CreateHook(Requests);
        using Hook<Thrown> thrown = engine.CreateHook(Exceptions);
        using HookLink latency = ended.Attach(loaded.Program("latency"));
        using HookLink types = thrown.Attach(loaded.Program("types"));
        using var activities = new ActivityTracepoint<Request>(ended, SourceName);
        using var exceptions = new EventSourceTracepoint<Thrown>(thrown, "Microsoft-Windows-DotNETRuntime", "ExceptionThrown_V1", keywords: ExceptionEvents);

        Work();

        Map<Text32, Latency> operations = loaded.Map<Text32, Latency>("operations");
        foreach ((Text32 name, Latency sum) in operations.Entries().OrderByDescending(pair => pair.Value.Count))
        {
            output.WriteLine($"{Text(name)}: {sum.Count} requests, {sum.Failed} failed, {sum.TotalNs / sum.Count / 1000} us on average, {sum.LongestNs / 1000} us at most");
        }

        // The runtime hands its events to listeners a little later, on a thread of its own.
        Map<Text64, ulong> counts = loaded.Map<Text64, ulong>("counts");
        var waiting = Stopwatch.StartNew();
        while (CountOf(nameof(SoldOutException)) < 3 && waiting.Elapsed < s_patience)
        {
            Thread.Sleep(10);
        }

        output.WriteLine($"{nameof(SoldOutException)} was thrown {CountOf(nameof(SoldOutException))} times");

        ulong CountOf(string type) => counts.Entries().Where(pair => Text(pair.Key).EndsWith(type, StringComparison.Ordinal)).Select(pair => pair.Value).FirstOrDefault();
    }

    /// <summary>Requests whose times are made up, so that the output is always the same.</summary>
    private static void Work()
    {
        using var source = new ActivitySource(SourceName);
        for (int i = 1; i <= 10; i++)
        {
            Handle(source, "GET /articles", microseconds: 100 * i, isSoldOut: false);
        }

        for (int i = 1; i <= 4; i++)
        {
            Handle(source, "POST /orders", microseconds: 1000, isSoldOut: i > 1);
        }
    }

    private static void Handle(ActivitySource source, string name, int microseconds, bool isSoldOut)
    {
        // Nobody makes an activity that nobody listens to.
        using Activity? activity = source.StartActivity(name, ActivityKind.Server);
        try
        {
            if (isSoldOut)
            {
                throw new SoldOutException();
            }

            activity?.SetTag("http.response.status_code", 200);
        }
        catch (SoldOutException)
        {
            activity?.SetTag("http.response.status_code", 503);
        }

        activity?.SetEndTime(activity.StartTimeUtc.AddMicroseconds(microseconds));
    }

    private static string Text<T>(T text)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in text));
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
