using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Osmia.Runtime;
using Osmia.Vm;
using Osmia.Vm.Events;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Vm.Hooks;

/// <summary>Events of .NET as tracepoints: what programs find in their contexts.</summary>
public class TracepointTests
{
    /// <summary>Hands the context to the test and is done.</summary>
    private const string Show = ".section events\nmain:\n call 65536\n r0 = 0\n exit";

    [Fact]
    public void Event_sources_give_their_payload_by_name()
    {
        using var seen = new Watch<ShopEvent>();
        using var shop = new ShopSource();
        using (var tracepoint = new EventSourceTracepoint<ShopEvent>(seen.Hook, "Osmia-Test-Shop", "Sold"))
        {
            shop.Sold(7, -3, "naïve customer with a very long name", 2.5, true, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));
            shop.Closed("evening");
            Assert.Equal(1, tracepoint.Events);
        }

        shop.Sold(8, 1, "after", 0, false, Guid.Empty);
        ShopEvent sold = Assert.Single(seen.Contexts);
        Assert.Equal((7u, -3L, 2.5, (byte)1, 1), (sold.Article, sold.Change, sold.Price, sold.IsPaid, sold.EventId));
        Assert.Equal(("naïve customer", "Sold"), (Text(sold.Who), Text(sold.EventName)));
        Assert.Equal(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), new Guid(MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes16>(in sold.Order))));
        Assert.InRange(sold.TimestampNs, 1ul, ulong.MaxValue);
        Assert.Equal(0u, sold.NobodyGivesThis);
    }

    [Fact]
    public void The_runtimes_own_events_are_seen_and_do_not_nest()
    {
        using var seen = new Watch<CollectionEvent>();
        using var tracepoint = new EventSourceTracepoint<CollectionEvent>(seen.Hook, "Microsoft-Windows-DotNETRuntime", "GCStart_V2", keywords: (EventKeywords)1);
        GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        Wait(() => seen.Contexts.Any(one => one.Reason == 1));
        Assert.Contains(seen.Contexts, one => one is { Reason: 1, Count: > 0 });
    }

    [Fact]
    public async Task Watching_the_runtimes_events_and_listing_compiled_code_never_wait_for_each_other()
    {
        const int Rounds = 1000;
        using var seen = new Watch<CollectionEvent>();
        using var engine = new VmEngine(new VmOptions { Tier = VmTier.Il });
        using LoadedObject loaded = engine.Load("r0 = 1; exit");
        var watching = Task.Run(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                new EventSourceTracepoint<CollectionEvent>(seen.Hook, "Microsoft-Windows-DotNETRuntime", "GCStart_V2", keywords: (EventKeywords)1).Dispose();
            }
        }, TestContext.Current.CancellationToken);
        var listing = Task.Run(() =>
        {
            while (!watching.IsCompleted)
            {
                Assert.NotEmpty(((VmProgram)loaded.Programs[0]).DescribeCompiled());
            }
        }, TestContext.Current.CancellationToken);
        await Task.WhenAll(watching, listing).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Diagnostic_listeners_give_the_properties_of_their_objects()
    {
        using var seen = new Watch<ShopEvent>();
        using var listener = new DiagnosticListener("Osmia.Test.Listener");
        using (var tracepoint = new DiagnosticTracepoint<ShopEvent>(seen.Hook, "Osmia.Test.Listener", "Sold"))
        {
            Assert.True(listener.IsEnabled("Sold"));
            Assert.False(listener.IsEnabled("Closed"));
            Write(listener, "Sold", new { article = 9, Change = TimeSpan.FromMilliseconds(3), buyer = "Ada", Price = 4.25m, EventId = DayOfWeek.Tuesday });
            Write(listener, "Closed", new { article = 1 });
            Write(listener, "Sold", null);
        }

        Assert.False(listener.IsEnabled("Sold"));
        Assert.Equal(2, seen.Contexts.Count);
        ShopEvent sold = seen.Contexts[0];
        Assert.Equal((9u, 3_000_000L, 4.25, 2, "Ada", "Sold"), (sold.Article, sold.Change, sold.Price, sold.EventId, Text(sold.Who), Text(sold.EventName)));
        Assert.Equal((0u, 0L, 0.0, "", "Sold"), (seen.Contexts[1].Article, seen.Contexts[1].Change, seen.Contexts[1].Price, Text(seen.Contexts[1].Who), Text(seen.Contexts[1].EventName)));

        [System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "tests are not trimmed")]
        static void Write(DiagnosticListener listener, string name, object? payload) => listener.Write(name, payload);
    }

    [Fact]
    public void Activities_give_their_ids_times_and_tags()
    {
        using var seen = new Watch<RequestEvent>();
        using var source = new ActivitySource("Osmia.Test.Requests");
        Assert.Null(source.StartActivity("unheard"));
        ActivityTraceId trace;
        ActivitySpanId span;
        using (var tracepoint = new ActivityTracepoint<RequestEvent>(seen.Hook, "Osmia.Test.Requests"))
        {
            using (Activity activity = source.StartActivity("GET", ActivityKind.Server)!)
            {
                activity.SetTag("http.response.status_code", 404);
                (trace, span) = (activity.TraceId, activity.SpanId);
                activity.SetStatus(ActivityStatusCode.Error);
                activity.SetEndTime(activity.StartTimeUtc + TimeSpan.FromMilliseconds(5));
            }
        }

        RequestEvent request = Assert.Single(seen.Contexts);
        Assert.Equal(("GET", 404, (int)ActivityKind.Server, (int)ActivityStatusCode.Error, 5_000_000ul), (Text(request.OperationName), request.Code, request.Kind, request.Status, request.DurationNs));
        Assert.Equal(trace.ToHexString(), Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes16>(in request.TraceId))));
        Assert.Equal(span.ToHexString(), Convert.ToHexStringLower(BitConverter.GetBytes(request.SpanId)));
    }

    [Fact]
    public void Meters_give_values_and_tags()
    {
        using var seen = new Watch<MeasuredEvent>();
        using var meter = new Meter("Osmia.Test.Meter");
        Counter<int> sold = meter.CreateCounter<int>("sold");
        Histogram<double> weight = meter.CreateHistogram<double>("weight");
        meter.CreateObservableGauge("stock", () => new Measurement<long>(1L << 40, new KeyValuePair<string, object?>("article", 3)));
        using var tracepoint = new MeterTracepoint<MeasuredEvent>(seen.Hook, "Osmia.Test.Meter");
        sold.Add(-4, new KeyValuePair<string, object?>("article", 5));
        weight.Record(7.9);
        tracepoint.Observe();
        Assert.Equal([("sold", -4L, -4.0, 5u), ("weight", 7L, 7.9, 0u), ("stock", 1L << 40, (double)(1L << 40), 3u)], seen.Contexts.Select(one => (Text(one.Instrument), one.Value, one.Exact, one.Article)));
    }

    [Fact]
    public void Timers_count_the_periods_that_passed()
    {
        using var seen = new Watch<TimerEvent>();
        using (var tracepoint = new TimerTracepoint<TimerEvent>(seen.Hook, TimeSpan.FromMilliseconds(2)))
        {
            Wait(() => seen.Contexts.Count >= 5);
        }

        int count = seen.Contexts.Count;
        Thread.Sleep(10);
        Assert.Equal(count, seen.Contexts.Count);
        Assert.All(seen.Contexts, one => Assert.True(one is { Expirations: > 0, TimestampNs: > 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TimerTracepoint<TimerEvent>(seen.Hook, TimeSpan.Zero));
    }

    [Fact]
    public void A_stopped_program_does_not_disturb_who_raised_the_event()
    {
        using var seen = new Watch<ShopEvent>(".section events\nmain:\n r0 = *(u64 *)(r1 + 4000)\n exit");
        using var shop = new ShopSource();
        using var tracepoint = new EventSourceTracepoint<ShopEvent>(seen.Hook, "Osmia-Test-Shop");
        shop.Closed("early");
        Assert.Equal((1L, "OSM6102"), (seen.Link.Statistics.Traps, seen.Link.LastTrap!.Id));
    }

    [Fact]
    public void Events_raised_by_a_helper_are_counted_and_not_seen()
    {
        using var shop = new ShopSource();
        using var seen = new Watch<ShopEvent>(act: () => shop.Closed("again"));
        using var tracepoint = new EventSourceTracepoint<ShopEvent>(seen.Hook, "Osmia-Test-Shop");
        shop.Closed("once");
        Assert.Equal((1L, 1L, 1), (tracepoint.Events, tracepoint.Nested, seen.Contexts.Count));
    }

    /// <summary>Events that describe themselves have no number: their names tell them apart.</summary>
    [Fact]
    [System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "tests are not trimmed")]
    public void Events_that_describe_themselves_are_told_apart()
    {
        using var seen = new Watch<ShopEvent>();
        using var source = new EventSource("Osmia-Test-Selves", EventSourceSettings.EtwSelfDescribingEventFormat);
        using var tracepoint = new EventSourceTracepoint<ShopEvent>(seen.Hook, "Osmia-Test-Selves", level: EventLevel.Verbose);
        source.Write("Sold", new { article = 7u, change = 5L });
        source.Write("Moved", new { change = 6L, article = 8u });
        Assert.Equal([(7u, 5L), (8u, 6L)], seen.Contexts.Select(one => (one.Article, one.Change)));
    }

    /// <summary>Code of the application that a run calls raises events too, and a run that has the last slot can start no other.</summary>
    [Fact]
    public void An_event_raised_inside_a_run_disturbs_nobody_when_there_is_no_slot()
    {
        using var meter = new Meter("Osmia.Test.Inside");
        Counter<int> sold = meter.CreateCounter<int>("sold");
        var type = new HookType<MeasuredEvent>("events");
        using var engine = new VmEngine(new VmOptions { HookTypes = [type], Slots = 1, Tier = VmTier.Interpreter, Trace = _ => sold.Add(1) });
        using LoadedObject loaded = engine.Load(HookTests.Link(engine, ".section events\nmain:\n r0 = 0\n exit"), LoadOptions.Default);
        using Hook<MeasuredEvent> hook = engine.CreateHook(type);
        using HookLink link = hook.Attach(loaded.Programs[0]);
        using var tracepoint = new MeterTracepoint<MeasuredEvent>(hook, "Osmia.Test.Inside");
        Assert.Equal(0UL, engine.Run("*(u64 *)(r10 - 8) = 0x41; r1 = r10; r1 += -8; r2 = 2; call trace_printk; r0 = 0; exit"));
        sold.Add(1);
        Assert.Equal((1L, 1L), (tracepoint.Events, tracepoint.Nested));
    }

    [Fact]
    public void Values_that_are_no_numbers_disturb_nobody()
    {
        using var seen = new Watch<MeasuredEvent>();
        using var meter = new Meter("Osmia.Test.Odd");
        Counter<int> sold = meter.CreateCounter<int>("sold");
        using var tracepoint = new MeterTracepoint<MeasuredEvent>(seen.Hook, "Osmia.Test.Odd");
        sold.Add(1, new KeyValuePair<string, object?>("article", DBNull.Value));
        sold.Add(2, new KeyValuePair<string, object?>("article", Wide.All));
        sold.Add(3, new KeyValuePair<string, object?>("article", 'x'));
        Assert.Equal([(1L, 0u), (2L, uint.MaxValue), (3L, 0u)], seen.Contexts.Select(one => (one.Value, one.Article)));
    }

    [Fact]
    [System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "tests are not trimmed")]
    public void Properties_that_cannot_be_read_are_left_out()
    {
        using var seen = new Watch<ShopEvent>();
        using var listener = new DiagnosticListener("Osmia.Test.Unreadable");
        using var tracepoint = new DiagnosticTracepoint<ShopEvent>(seen.Hook, "Osmia.Test.Unreadable");
        listener.Write("Sold", new Unreadable());
        Assert.Equal((0u, 12L), (Assert.Single(seen.Contexts).Article, seen.Contexts[0].Change));
    }

    /// <summary>Getters and tags are code of the application; what they throw is not for who raised the event.</summary>
    [Fact]
    [System.Diagnostics.CodeAnalysis.UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "tests are not trimmed")]
    public void Values_whose_own_code_throws_are_zeros_and_counted()
    {
        using var seen = new Watch<ShopEvent>();
        using var listener = new DiagnosticListener("Osmia.Test.Broken");
        using var tracepoint = new DiagnosticTracepoint<ShopEvent>(seen.Hook, "Osmia.Test.Broken");
        listener.Write("Sold", new Broken());
        Assert.Equal((0u, 12L), (Assert.Single(seen.Contexts).Article, seen.Contexts[0].Change));
        Assert.Equal((1L, "gone"), (tracepoint.Unread, tracepoint.LastUnread!.Message));

        using var measured = new Watch<MeasuredEvent>();
        using var meter = new Meter("Osmia.Test.Broken");
        Counter<int> sold = meter.CreateCounter<int>("sold");
        using var meters = new MeterTracepoint<MeasuredEvent>(measured.Hook, "Osmia.Test.Broken");
        sold.Add(3, new KeyValuePair<string, object?>("article", new Broken()));
        Assert.Equal((3L, 0u, 1L), (Assert.Single(measured.Contexts).Value, measured.Contexts[0].Article, meters.Unread));
    }

    private sealed class Broken
    {
        private readonly long _change = 12;

        public uint Article => _change == 12 ? throw new InvalidOperationException("gone") : 0u;

        public long Change => _change;

        public override string ToString() => throw new InvalidOperationException("no text");
    }

    private sealed class Unreadable
    {
        private uint _article;

        public uint Article
        {
            set => _article = value;
        }

        public long Change => 12 + _article;

        public Span<byte> Price => new byte[_article];
    }

    private enum Wide : ulong
    {
        None,
        All = ulong.MaxValue,
    }

    private static string Text<T>(T bytes)
        where T : unmanaged
    {
        ReadOnlySpan<byte> all = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in bytes));
        return Encoding.UTF8.GetString(all[..all.IndexOf((byte)0)]);
    }

    private static void Wait(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), "still not after 20 s");

    /// <summary>A hook whose program shows each context to the test.</summary>
    private sealed class Watch<TContext> : IDisposable
        where TContext : unmanaged
    {
        private readonly VmEngine _engine;
        private readonly LoadedObject _loaded;
        private readonly List<TContext> _contexts = [];

        public Watch(string code = Show, Action? act = null)
        {
            var type = new HookType<TContext>("events").ContextHelper("show", (ref TContext context) =>
            {
                lock (_contexts)
                {
                    _contexts.Add(context);
                }

                act?.Invoke();
                return 0;
            });
            _engine = new VmEngine(new VmOptions { HookTypes = [type], Slots = 4, Tier = VmTier.Interpreter });
            _loaded = _engine.Load(HookTests.Link(_engine, code), LoadOptions.Default);
            Hook = _engine.CreateHook(type);
            Link = Hook.Attach(_loaded.Programs[0]);
        }

        public Hook<TContext> Hook { get; }

        public HookLink Link { get; }

        public IReadOnlyList<TContext> Contexts
        {
            get
            {
                lock (_contexts)
                {
                    return [.. _contexts];
                }
            }
        }

        public void Dispose()
        {
            Hook.Dispose();
            _loaded.Dispose();
            _engine.Dispose();
        }
    }

    [EventSource(Name = "Osmia-Test-Shop")]
    private sealed class ShopSource : EventSource
    {
        [Event(1)]
        public void Sold(int article, long change, string buyer, double price, bool isPaid, Guid order) => WriteEvent(1, article, change, buyer, price, isPaid, order);

        [Event(2)]
        public void Closed(string why) => WriteEvent(2, why);
    }

    [InlineArray(16)]
    internal struct Bytes16
    {
        private byte _first;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal record struct ShopEvent
    {
        public uint Article;
        public int EventId;
        public long Change;
        public double Price;
        public ulong TimestampNs;
        [Payload("buyer")]
        public Bytes16 Who;
        public Bytes16 Order;
        public Bytes16 EventName;
        public uint NobodyGivesThis;
        public byte IsPaid;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal record struct CollectionEvent
    {
        public uint Count;
        public uint Depth;
        public uint Reason;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal record struct RequestEvent
    {
        public Bytes16 OperationName;
        public Bytes16 TraceId;
        public ulong SpanId;
        public ulong DurationNs;
        public int Kind;
        public int Status;
        [Payload("http.response.status_code")]
        public int Code;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal record struct MeasuredEvent
    {
        public Bytes16 Instrument;
        public long Value;
        [Payload("Value")]
        public double Exact;
        public uint Article;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal record struct TimerEvent
    {
        public ulong Expirations;
        public ulong TimestampNs;
    }
}
