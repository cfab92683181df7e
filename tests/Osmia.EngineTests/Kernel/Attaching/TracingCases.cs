using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Links;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;
using static Osmia.Tests.Kernel.Attaching.AttachSteps;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>Tracing, security and what the kernel calls by itself.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class TracingCases
{
    private const string Freplace = "../Osmia.EngineTests/Kernel/Sources/freplace.bpf.c";

    private static readonly string s_call = (RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "__x64" : "__arm64") + "_sys_getpgid";

    public static IEnumerable<AttachCase> All =>
    [
        new("tracepoint", "tracepoint", engine => Attached(engine, CountOwn(ProgramType.Tracepoint), new TracepointTarget("syscalls", "sys_enter_getpgid"), Calls)),
        new("raw_tracepoint", "raw tracepoint", engine => Attached(engine, CountOwn(ProgramType.RawTracepoint), new RawTracepointTarget("sys_enter"), Calls)),
        new("raw_tracepoint_writable", "raw tracepoint", engine => Attached(engine, CountOwn(ProgramType.RawTracepointWritable), new RawTracepointTarget("sys_enter"), Calls)),
        new("tracing", "tp_btf", engine => Attached(engine, Typed(engine, CountOwn(ProgramType.Tracing, AttachType.TraceRawTp), BtfKind.Typedef, "btf_trace_sys_enter"), new BtfTracepointTarget("sys_enter"), Calls)),
        new("tracing", "iter", Iterator),
        new("tracing", "fentry", engine => Attached(engine, Typed(engine, CountOwn(ProgramType.Tracing, AttachType.TraceFentry), BtfKind.Function, s_call), new FunctionTarget("fentry", s_call), Calls)),
        new("tracing", "fexit", engine => Attached(engine, Typed(engine, CountOwn(ProgramType.Tracing, AttachType.TraceFexit), BtfKind.Function, s_call), new FunctionTarget("fexit", s_call), Calls)),
        new("tracing", "fmod_ret", engine => Attached(engine, Typed(engine, CountOwn(ProgramType.Tracing, AttachType.ModifyReturn), BtfKind.Function, "security_file_open"),
            new FunctionTarget("fmod_ret", "security_file_open"), () => File.ReadAllText("/proc/self/comm"))),
        new("ext", "freplace", Replace),
        new("lsm", "LSM hook", engine => Attached(engine, Typed(engine, CountOwn(ProgramType.Lsm, AttachType.LsmMac), BtfKind.Function, "bpf_lsm_file_open"), new FunctionTarget("lsm", "file_open"),
            () => File.ReadAllText("/proc/self/comm"))),
        new("lsm", "LSM hook, sleepable", engine => Attached(engine, Typed(engine, CountOwn(ProgramType.Lsm, AttachType.LsmMac), BtfKind.Function, "bpf_lsm_file_open").In("lsm.s/file_open", isSleepable: true),
            new FunctionTarget("lsm.s", "file_open"), () => File.ReadAllText("/proc/self/comm"))),
        new("kprobe", "kprobe", engine => Attached(engine, CountOwn(ProgramType.Kprobe), new KprobeTarget(s_call), Calls)),
        new("kprobe", "kretprobe", engine => Attached(engine, CountOwn(ProgramType.Kprobe), new KprobeTarget(s_call, IsReturn: true), Calls)),
        new("kprobe", "ksyscall", engine => Attached(engine, CountOwn(ProgramType.Kprobe), new KprobeTarget("getpgid", IsSyscall: true), Calls)),
        new("kprobe", "kprobe.multi", engine => Attached(engine, CountOwn(ProgramType.Kprobe, AttachType.TraceKprobeMulti), new MultiProbeTarget(s_call), Calls)),
        new("kprobe", "kprobe.session", engine => Attached(engine, CountOwn(ProgramType.Kprobe, AttachType.TraceKprobeSession), new MultiProbeTarget(s_call, IsSession: true), Calls)),
        new("kprobe", "uprobe", engine => Attached(engine, CountOwn(ProgramType.Kprobe), new UprobeTarget("libc.so.6", "getpgid", 0, false, Environment.ProcessId), Calls)),
        new("kprobe", "uretprobe", engine => Attached(engine, CountOwn(ProgramType.Kprobe), new UprobeTarget("libc.so.6", "getpgid", 0, true, Environment.ProcessId), Calls)),
        new("kprobe", "uprobe, sleepable", engine => Attached(engine, CountOwn(ProgramType.Kprobe).In("uprobe.s", isSleepable: true), new UprobeTarget("libc.so.6", "getpgid", 0, false, Environment.ProcessId), Calls)),
        new("kprobe", "uprobe.multi", engine => Attached(engine, CountOwn(ProgramType.Kprobe, AttachType.TraceUprobeMulti), new MultiProbeTarget("getpgid", "libc.so.6"), Calls)),
        new("kprobe", "uprobe.session", engine => Attached(engine, CountOwn(ProgramType.Kprobe, AttachType.TraceUprobeSession), new MultiProbeTarget("getpgid", "libc.so.6", IsSession: true), Calls)),
        new("kprobe", "USDT", Usdt),
        new("perf_event", "software clock", engine => Attached(engine, CountOwn(ProgramType.PerfEvent), new PerfEventTarget(SoftwareEvent.CpuClock, 999, Environment.ProcessId), Burn)),
        new("perf_event", "hardware event", engine => Attached(engine, CountOwn(ProgramType.PerfEvent), new HardwareEventTarget(HardwareEvent.Instructions, 100_000, Environment.ProcessId), Burn)),
        new("perf_event", "breakpoint", Breakpoint),
        new("struct_ops", "struct_ops", StructOps),
        new("syscall", "test run", engine =>
        {
            using LoadedObject loaded = engine.Load(Linked.Object([Count(ProgramType.Syscall).In("syscall", isSleepable: true)], [Linked.Counter()]), LoadOptions.Default);
            loaded.Programs[0].Run(new ProgramRun());
            return loaded.Counter();
        }),
        new("lirc_mode2", "infrared receiver", engine => Attached(engine, Count(ProgramType.LircMode2, AttachType.LircMode2), new LircTarget("/dev/lirc0"), () => { })),
    ];

    private static LinkedProgram Typed(KernelEngine engine, LinkedProgram program, BtfKind kind, string name) =>
        program with { AttachBtfId = engine.Target.Types?.Find(kind, name) ?? TypeId.Void };

    private static ulong Iterator(KernelEngine engine)
    {
        LinkedProgram program = Typed(engine, Count(ProgramType.Tracing, AttachType.TraceIter), BtfKind.Function, "bpf_iter_task");
        using LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter()]), LoadOptions.Default);
        using var link = (KernelIterator)engine.Attach(loaded.Programs[0], new IteratorTarget("task"));
        using Stream reading = link.OpenRead();
        byte[] buffer = new byte[4096];
        while (reading.Read(buffer) > 0)
        {
        }

        return loaded.Counter();
    }

    private static ulong Replace(KernelEngine engine)
    {
        BpfObject source = Toolchain.Read("clang-19", Freplace, "-mcpu=v3");
        LinkedObject linked = Linker.Link(source, engine.Target);
        using LoadedObject whole = engine.Load(linked with { Programs = [.. linked.Programs.Where(program => program.Type != ProgramType.Ext)] }, LoadOptions.Default);
        LoadedProgram replaced = whole.Program("whole");
        byte[] frame = new byte[64];
        if (replaced.Run(new ProgramRun { Data = frame }).ReturnValue != 11)
        {
            throw new InvalidOperationException("the function is not there");
        }

        var options = new LoadOptions { Targets = new Dictionary<string, LoadedProgram> { ["instead"] = replaced } };
        using LoadedObject part = engine.Load(linked with { Programs = [.. linked.Programs.Where(program => program.Type == ProgramType.Ext)] }, options);
        using Link link = engine.Attach(part.Programs[0], new FunctionTarget("freplace", "answer"));
        return replaced.Run(new ProgramRun { Data = frame }).ReturnValue == 55 ? 1ul : 0;
    }

    /// <summary>The sample on its own small program; counts only what came with the right arguments.</summary>
    private static ulong Usdt(KernelEngine engine)
    {
        using var folder = new TemporaryFolder();
        string binary = Path.Combine(folder.Path, "target");
        Toolchain.Build(binary, "clang-19", "samples/usdt/target.c", "-O1");
        using LoadedObject loaded = engine.Load(Linker.Link(BpfObject.Read(KernelTest.SamplePath("usdt")), engine.Target), LoadOptions.Default);
        using Link link = engine.Attach(loaded.Program("sale"), new UsdtTarget(binary, "shop", "sale"));
        using RecordReader reader = loaded.Map("events").OpenReader();
        Toolchain.Run(binary);
        ulong right = 0;
        reader.Consume((record, _) => right += record[4] is 7 or >= 200 && record[24..].StartsWith("apple\0"u8) ? 1ul : 0);
        return right;
    }

    private static ulong Breakpoint(KernelEngine engine)
    {
        int* watched = (int*)NativeMemory.AlignedAlloc(64, 64);
        try
        {
            return Attached(engine, CountOwn(ProgramType.PerfEvent), new BreakpointTarget((ulong)watched, BreakpointAccess.Write, 4, ThreadId()), () =>
            {
                for (int i = 0; i < Hits; i++)
                {
                    Volatile.Write(ref *watched, i);
                }
            });
        }
        finally
        {
            NativeMemory.AlignedFree(watched);
        }
    }

    private static ulong StructOps(KernelEngine engine) => Isolated(() =>
    {
        using LoadedObject loaded = engine.Load(Linker.Link(BpfObject.Read(KernelTest.SamplePath("tcp-cc")), engine.Target), LoadOptions.Default);
        using Link link = engine.Attach(loaded.Programs[0], new StructOpsTarget("osmia_cc"));
        SocketTraffic.TcpWith("osmia_cc");
        return loaded.ReadVariable<ulong>("acknowledged");
    });

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int ThreadId();
}
