using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

public sealed class VmEngineTests
{
    [Theory]
    [InlineData(ProgramType.Tracepoint)]
    [InlineData(ProgramType.Kprobe)]
    [InlineData(ProgramType.PerfEvent)]
    [InlineData(ProgramType.CgroupSockAddr)]
    public void Program_types_of_the_kernel_are_refused_unless_taken_as_memory_programs(ProgramType type)
    {
        using var engine = new VmEngine();
        UnsupportedFeatureException refusal = Assert.Throws<UnsupportedFeatureException>(() => engine.Load(type, "r0 = 5; exit"));
        Assert.Equal("OSM6008", refusal.Id);
        Assert.Contains(type.ToKernelName(), refusal.Message, StringComparison.Ordinal);
        using var lenient = new VmEngine(new VmOptions { TreatAsMemoryPrograms = true });
        Assert.Equal(5UL, lenient.Run(type, "r0 = 5; exit", new byte[8]));
    }

    [Fact]
    public void Attaching_is_refused_by_name()
    {
        using var engine = new VmEngine();
        using LoadedObject loaded = engine.Load(ProgramType.Xdp, "r0 = 2; exit");
        UnsupportedFeatureException refusal = Assert.Throws<UnsupportedFeatureException>(() => engine.Attach(loaded.Programs[0], new XdpTarget("eth0")));
        Assert.Equal("OSM6009", refusal.Id);
        Assert.Contains("xdp eth0", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    public void A_run_allocates_nothing(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
        using LoadedObject loaded = engine.Load(ProgramType.Xdp,
            """
            r6 = r1
            r7 = *(u32 *)(r1 + 0)
            r8 = *(u32 *)(r1 + 4)
            r2 = r7; r2 += 14
            if r2 > r8 goto out
            r1 = *(u16 *)(r7 + 12)
            *(u32 *)(r10 - 4) = r1
            *(u64 *)(r10 - 16) = 1
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            if r0 != 0 goto hit
            r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 0; call map_update_elem
            goto out
            hit:
            r1 = 1; lock *(u64 *)(r0 + 0) += r1
            call sub
            out:
            r0 = 2
            exit
            sub:
            r0 = 0
            exit
            """, TestPrograms.Map(0, MapType.LruPercpuHash, 4, 8, 4));
        LoadedProgram program = loaded.Programs[0];
        byte[] packet = new byte[60];
        byte[] output = new byte[60];
        program.Run(new ProgramRun { Data = packet, DataOut = output });
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            packet[12] = (byte)i;
            program.Run(new ProgramRun { Data = packet, DataOut = output });
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Repeats_run_on_and_the_time_is_a_mean()
    {
        using var engine = new VmEngine();
        using LoadedObject loaded = engine.Load("r1 = map[0][0]; r2 = 1; lock *(u64 *)(r1 + 0) += r2; r0 = *(u64 *)(r1 + 0); exit",
            new LinkedMap(0, ".bss", MapType.Array, 4, 8, 1, 0) { DataSection = DataSectionKind.ZeroInitialised, InitialData = new byte[8] });
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Repeat = 101 });
        Assert.Equal(101UL, result.ReturnValue);
        Assert.InRange(result.NanosecondsPerRun, 1, 1_000_000);
    }

    [Fact]
    public void Concurrent_runs_have_slots_of_their_own()
    {
        const int Threads = 6;
        const int PerThread = 3000;
        using var engine = new VmEngine(new VmOptions { Slots = 3 });
        using LoadedObject loaded = engine.Load(
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r1 = *(u64 *)(r0 + 0)
            r1 += 1
            *(u64 *)(r0 + 0) = r1
            call get_smp_processor_id
            exit
            """, TestPrograms.Map(0, MapType.PercpuArray, 4, 8, 1));
        var cpus = new System.Collections.Concurrent.ConcurrentDictionary<ulong, bool>();
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < PerThread; i++)
            {
                cpus[loaded.Programs[0].Run(new ProgramRun()).ReturnValue] = true;
            }
        }) { IsBackground = true })];
        Array.ForEach(threads, t => t.Start());
        Assert.All(threads, t => Assert.True(t.Join(TimeSpan.FromSeconds(60)), "a thread hangs"));
        byte[] values = new byte[loaded.Maps[0].ValueBufferSize];
        Assert.True(loaded.Maps[0].TryLookup(new byte[4], values));
        long sum = Enumerable.Range(0, 3).Sum(cpu => BitConverter.ToInt64(values, cpu * 8));

        // Nothing is lost without atomics: no two runs share a slot.
        Assert.Equal(Threads * PerThread, sum);
        Assert.All(cpus.Keys, cpu => Assert.InRange(cpu, 0UL, 2UL));
    }

    [Fact]
    public void A_run_inside_a_run_has_a_slot_of_its_own()
    {
        LoadedProgram? inner = null;
        ulong seen = 99;
        using var engine = new VmEngine(new VmOptions { Slots = 2, Trace = _ => seen = inner!.Run(new ProgramRun()).ReturnValue });
        using LoadedObject second = engine.Load("call get_smp_processor_id; exit");
        inner = second.Programs[0];
        using LoadedObject first = engine.Load("r3 = 0; r4 = 0; r5 = 0; call trace_printk; call get_smp_processor_id; exit");
        ulong outer = first.Programs[0].Run(new ProgramRun { Data = "x\0"u8 }).ReturnValue;
        Assert.NotEqual(outer, seen);
    }

    [Fact]
    public void A_failing_host_callback_is_a_trap_with_its_cause()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Trace = _ => throw new IOException("disk full") });
        using LoadedObject loaded = engine.Load("call trace_printk; exit");
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = "x\0"u8 }));
        Assert.Equal("OSM6109", trap.Id);
        Assert.IsType<IOException>(trap.InnerException);
        Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = "x\0"u8 }));
    }

    [Fact]
    public async Task Disposing_waits_for_runs_under_way()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2, InstructionBudget = 30_000_000 });
        LoadedObject loaded = engine.Load("r1 = map[0][0]; again:\nr2 = *(u64 *)(r1 + 0); r2 += 1; *(u64 *)(r1 + 0) = r2; goto again; exit",
            new LinkedMap(0, ".bss", MapType.Array, 4, 8, 1, 0) { DataSection = DataSectionKind.ZeroInitialised, InitialData = new byte[8] });
        using var started = new ManualResetEventSlim();
        Task<TrapException> run = Task.Run(() => Assert.Throws<TrapException>(() =>
        {
            started.Set();
            loaded.Programs[0].Run(new ProgramRun());
        }), TestContext.Current.CancellationToken);
        Assert.True(started.Wait(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Thread.Sleep(10);
        loaded.Dispose();
        Assert.Equal("OSM6104", (await run).Id);
        Assert.Throws<ObjectDisposedException>(() => loaded.Programs[0].Run(new ProgramRun()));
        Assert.Throws<ObjectDisposedException>(() => loaded.Maps[0].TryLookup(new byte[4], new byte[8]));
    }

    [Fact]
    public void An_unresolved_relocation_traps_only_when_it_is_reached()
    {
        using var engine = new VmEngine();
        LinkedProgram program = new("test", new SectionMatch("test", "", "", ProgramType.Unspec, null, AttachKind.None),
            [.. TestAssembler.Assemble("r0 = 1; if r2 == 0 goto end; hex 85 00 00 00 10 23 ad 0b; end:\nexit")])
        {
            Unresolved = [new UnresolvedRelocation(2, new Diagnostic("OSM2104", "field task_struct.gone not found"))],
        };
        using LoadedObject loaded = engine.Load(TestPrograms.Object([program]), LoadOptions.Default);
        Assert.Equal(1UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[1] }));
        Assert.Equal("OSM6108", trap.Id);
        Assert.Contains("task_struct.gone", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_load_leaves_nothing_behind()
    {
        using var engine = new VmEngine();
        LinkedMap map = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 4) with { Slots = [new MapSlot(0, "nobody")] };
        MapException refusal = Assert.Throws<MapException>(() => engine.Load("r0 = 0; exit", map));
        Assert.Equal("OSM6011", refusal.Id);
        Assert.Contains("'nobody'", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<BytecodeException>(() => engine.Load("r0 = 0", TestPrograms.Map(0, MapType.Hash, 4, 4, 4)));
        Assert.Equal(3UL, engine.Run("r0 = 3; exit"));
    }
}
