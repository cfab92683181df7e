using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Probes of many functions, USDT, breakpoints: hits made on purpose by this process or by a child of the test.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public unsafe class ProbeAttachTests
{
    private const int Hits = 12;

    [Theory]
    [InlineData(AttachType.TraceUprobeMulti, false, 1)]
    [InlineData(AttachType.TraceUprobeMulti, true, 1)]
    [InlineData(AttachType.TraceUprobeSession, false, 2)]
    public void Uprobe_multi_counts_every_function_of_a_pattern(AttachType hook, bool isReturn, int runsPerCall)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([CountOwn(ProgramType.Kprobe, hook)], [Linked.Counter()]), "uprobe.multi");
        var target = new MultiProbeTarget("getpgi?", "libc.so.6", isReturn, hook == AttachType.TraceUprobeSession, Environment.ProcessId);
        using (engine.AttachOrSkip(loaded.Programs[0], target, "uprobe.multi links"))
        {
            Hit();
            Assert.Equal((ulong)(Hits * runsPerCall), loaded.Counter());
        }

        Hit();
        Assert.Equal((ulong)(Hits * runsPerCall), loaded.Counter());
        var none = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], target with { Pattern = "no_such_function_*" }));
        Assert.Equal("OSM5035", none.Id);
    }

    [Fact]
    public void Breakpoint_counts_every_write_to_its_address()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountOwn(ProgramType.PerfEvent)], [Linked.Counter()]));
        long* watched = (long*)NativeMemory.AlignedAlloc(16, 16);
        try
        {
            var target = new BreakpointTarget((ulong)watched, BreakpointAccess.Write, sizeof(long), ThreadId());
            using (engine.AttachOrSkip(loaded.Programs[0], target, "hardware breakpoints"))
            {
                for (int i = 0; i < Hits; i++)
                {
                    Volatile.Write(ref *watched, i);
                }

                Volatile.Write(ref watched[1], 1);
            }

            Volatile.Write(ref *watched, 0);
            Assert.Equal((ulong)Hits, loaded.Counter());
            var odd = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], target with { Length = 3 }));
            Assert.Contains("1, 2, 4 or 8 bytes", odd.Diagnostic.Why, StringComparison.Ordinal);
        }
        finally
        {
            NativeMemory.AlignedFree(watched);
        }
    }

    [Fact]
    public void Hardware_event_counts_or_says_that_the_machine_has_no_such_counter()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountOwn(ProgramType.PerfEvent)], [Linked.Counter()]));
        var target = new HardwareEventTarget(HardwareEvent.Instructions, 100_000, Environment.ProcessId);
        try
        {
            using (engine.Attach(loaded.Programs[0], target))
            {
                Thread.SpinWait(10_000_000);
            }
        }
        catch (KernelException e) when (e.Errno == 2)
        {
            Assert.Contains("no such event source", e.Diagnostic.Why, StringComparison.Ordinal);
            return;
        }

        Assert.True(loaded.Counter() > 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Usdt_probe_gives_its_arguments_and_turns_its_semaphore_on(bool isOfOneProcess)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the probed program is written for x86-64");
        using var folder = new TemporaryFolder();
        string binary = Path.Combine(folder.Path, "probed");
        Toolchain.Build(binary, "clang-19", "tests/Osmia.EngineTests/Kernel/Sources/probed.c", "-O2");
        BpfObject source = Toolchain.Read("clang-19", "../Osmia.EngineTests/Kernel/Sources/usdt.bpf.c", "-D__TARGET_ARCH_x86", "-I/usr/include/x86_64-linux-gnu", "-DBPF_USDT_MAX_SPEC_CNT=4", "-Wno-everything");
        using LoadedObject loaded = engine.Load(source);
        using Process probed = Process.Start(new ProcessStartInfo(binary) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            using (loaded.AttachAll(new AttachOptions { BinaryPath = binary, Pid = isOfOneProcess ? probed.Id : -1 }))
            {
                probed.StandardInput.WriteLine();
                Assert.Equal("1", probed.StandardOutput.ReadToEnd().Trim());
                probed.WaitForExit();
            }
        }
        finally
        {
            if (!probed.HasExited)
            {
                probed.Kill();
            }
        }

        Assert.Equal((10, -7, (1L << 40) + 9, 9, 3), ((int)loaded.ReadVariable<ulong>("hits"), (int)loaded.ReadVariable<long>("last_narrow"), (long)loaded.ReadVariable<ulong>("last_wide"),
            (int)loaded.ReadVariable<long>("last_constant"), loaded.ReadVariable<int>("count")));
        Assert.Equal((10, 45), ((int)loaded.ReadVariable<ulong>("guarded_hits"), (int)loaded.ReadVariable<long>("guarded_sum")));

        LoadedProgram plain = loaded.Program("plain");
        var missing = Assert.Throws<KernelException>(() => engine.Attach(plain, new UsdtTarget(binary, "probed", "plan")));
        Assert.Equal("OSM5035", missing.Id);
        Assert.Contains("probed:plain", missing.Diagnostic.Try, StringComparison.Ordinal);

        // Places of the map of argument records are given back: six attachments need two of four.
        for (int i = 0; i < 6; i++)
        {
            engine.Attach(plain, new UsdtTarget(binary, "probed", "plain")).Dispose();
        }
    }

    [Theory]
    [InlineData("kprobe", "do_sys_openat2")]
    [InlineData("kprobe", "do_sys_openatt2")]
    public void Kprobe_attaches_or_says_what_is_missing(string kind, string function)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountOwn(ProgramType.Kprobe)], [Linked.Counter()]));
        bool exists = function == "do_sys_openat2";
        try
        {
            using Link link = engine.Attach(loaded.Programs[0], new KprobeTarget(function));
            Assert.True(exists, kind);
            File.ReadAllText("/proc/self/comm");
            Assert.True(loaded.Counter() > 0);
        }
        catch (KernelException e)
        {
            Assert.True(e.Id is "OSM5031" or "OSM5035", e.Message);
            Assert.True(e.Id == "OSM5031" || !exists, e.Message);
        }
    }

    private static void Hit()
    {
        for (int i = 0; i < Hits; i++)
        {
            _ = KernelTest.GetProcessGroup(0);
        }
    }

    private static LinkedProgram CountOwn(ProgramType type, AttachType? attach = null) =>
        new Asm().OnlyProcess(Environment.ProcessId, "out").Count(0).Label("out").Move(R0, 0).Exit().Build("count_own", type, attach);

    [DllImport("libc", EntryPoint = "gettid")]
    private static extern int ThreadId();
}
