using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Each tracing kind, with hits made by this process on purpose and counted by the program.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class TracingAttachTests
{
    private const int Hits = 17;
    private static readonly int s_getpgid = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64 ? 121 : 155;

    [Fact]
    public void Tracepoint_counts_exactly_the_calls_made() =>
        CountsHits(CountOwn(ProgramType.Tracepoint), new TracepointTarget("syscalls", "sys_enter_getpgid"), "tracepoint syscalls:sys_enter_getpgid");

    [Fact]
    public void Raw_tracepoint_counts_exactly_the_calls_made() =>
        CountsHits(CountOwnSystemCall(ProgramType.RawTracepoint, null), new RawTracepointTarget("sys_enter"), "raw tracepoints");

    [Fact]
    public void Typed_raw_tracepoint_counts_exactly_the_calls_made()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BtfTypes? types = engine.Target.Types;
        Assert.SkipWhen(types is null, $"needs kernel BTF: {engine.Target.NoTypesReason}");
        TypeId id = types.Find(BtfKind.Typedef, "btf_trace_sys_enter");
        CountsHits(CountOwnSystemCall(ProgramType.Tracing, AttachType.TraceRawTp) with { AttachBtfId = id }, new BtfTracepointTarget("sys_enter"), "tp_btf");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Uprobe_counts_exactly_the_calls_of_this_process(bool isReturn) =>
        CountsHits(CountOwn(ProgramType.Kprobe), new UprobeTarget("libc.so.6", "getpgid", 0, isReturn, Environment.ProcessId), "uprobes");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sampling_sees_busy_threads_and_ends_with_the_link(bool onlyThisProcess)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountOwn(ProgramType.PerfEvent)], [Linked.Counter()]));
        var target = new PerfEventTarget(SoftwareEvent.CpuClock, 999, onlyThisProcess ? Environment.ProcessId : -1);
        using (engine.AttachOrSkip(loaded.Programs[0], target, "perf events"))
        {
            // A thread that starts after the attach is sampled too.
            var thread = new Thread(Burn);
            thread.Start();
            thread.Join();
        }

        ulong samples = loaded.Counter();
        Assert.True(samples is > 30 and < 3000, $"{samples} samples");
        Burn();
        Assert.Equal(samples, loaded.Counter());
    }

    [Fact]
    public void Missing_targets_are_named_with_what_was_probably_meant()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object(
            [CountOwn(ProgramType.Tracepoint), CountOwn(ProgramType.Kprobe) with { Name = "uprobe" }, CountOwn(ProgramType.RawTracepoint) with { Name = "raw" }, CountOwn(ProgramType.PerfEvent) with { Name = "sample" }],
            [Linked.Counter()]));
        var tracepoint = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new TracepointTarget("sched", "sched_process_exex")));
        Assert.Equal("OSM5031", tracepoint.Id);
        Assert.Contains("sched:sched_process_exec", tracepoint.Diagnostic.Try, StringComparison.Ordinal);

        var raw = Assert.Throws<KernelException>(() => engine.Attach(loaded.Program("raw"), new RawTracepointTarget("sched_process_exex")));
        Assert.Equal("OSM5031", raw.Id);
        Assert.Contains("sched_process_exec", raw.Diagnostic.Try, StringComparison.Ordinal);

        var file = Assert.Throws<KernelException>(() => engine.Attach(loaded.Program("uprobe"), new UprobeTarget("/no/such/file", "f")));
        Assert.Equal("OSM5031", file.Id);
        var symbol = Assert.Throws<KernelException>(() => engine.Attach(loaded.Program("uprobe"), new UprobeTarget("libc.so.6", "getpgidd")));
        Assert.Equal("OSM5035", symbol.Id);
        Assert.Contains("getpgid", symbol.Diagnostic.Try, StringComparison.Ordinal);
        var text = Assert.Throws<KernelException>(() => engine.Attach(loaded.Program("uprobe"), new UprobeTarget("/proc/self/status", "f")));
        Assert.Contains("not an ELF file", text.Diagnostic.Why, StringComparison.Ordinal);

        var gone = Assert.Throws<KernelException>(() => engine.Attach(loaded.Program("sample"), new PerfEventTarget(SoftwareEvent.CpuClock, 99, int.MaxValue)));
        Assert.Contains("no process", gone.Diagnostic.Why, StringComparison.Ordinal);
        var fast = Assert.Throws<KernelException>(() => engine.Attach(loaded.Program("sample"), new PerfEventTarget(SoftwareEvent.CpuClock, 10_000_000)));
        Assert.Contains("perf_event_max_sample_rate", fast.Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_of_another_type_does_not_fit()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountOwn(ProgramType.Tracepoint)], [Linked.Counter()]));
        var error = Assert.Throws<UnsupportedFeatureException>(() => engine.Attach(loaded.Programs[0], new XdpTarget("lo")));
        Assert.Equal("OSM5030", error.Id);
        Assert.Contains("takes programs of type xdp", error.Diagnostic.Why, StringComparison.Ordinal);
    }

    private static void CountsHits(LinkedProgram program, AttachTarget target, string feature)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([program], [Linked.Counter()]), feature);
        uint id = ((KernelProgram)loaded.Programs[0]).Id;
        using (engine.AttachOrSkip(loaded.Programs[0], target, feature))
        {
            Assert.Contains(KernelInventory.Links(), link => link.ProgramId == id);
            Hit();
            Assert.Equal((ulong)Hits, loaded.Counter());
        }

        KernelTest.Eventually(() => !KernelInventory.Links().Any(link => link.ProgramId == id), "the link is gone");
        Hit();
        Assert.Equal((ulong)Hits, loaded.Counter());
    }

    private static void Hit()
    {
        for (int i = 0; i < Hits; i++)
        {
            _ = KernelTest.GetProcessGroup(0);
        }
    }

    private static void Burn()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (clock.ElapsedMilliseconds < 200)
        {
            Thread.SpinWait(1000);
        }
    }

    private static LinkedProgram CountOwn(ProgramType type) =>
        new Asm().OnlyProcess(Environment.ProcessId, "out").Count(0).Label("out").Move(R0, 0).Exit().Build("count_own", type);

    /// <summary>The second argument of the tracepoint sys_enter is the number of the call.</summary>
    private static LinkedProgram CountOwnSystemCall(ProgramType type, AttachType? attach) =>
        new Asm().LoadLong(R6, R1, 8).JumpIfNotEqual(R6, s_getpgid, "out").OnlyProcess(Environment.ProcessId, "out").Count(0).Label("out").Move(R0, 0).Exit()
            .Build("count_call", type, attach);
}
