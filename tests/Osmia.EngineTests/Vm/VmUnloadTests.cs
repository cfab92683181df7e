using System.Diagnostics;
using System.Globalization;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Tests of what the whole process holds: no other test runs beside them.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;

/// <summary>What was loaded is gone when it is disposed: memory, numbers, code, timers.</summary>
/// <remarks>OSMIA_ROUNDS sets the rounds; figures of 10,000 in every tier stand in docs/internals/vm.md.</remarks>
[Collection(nameof(AloneCollection))]
public sealed class VmUnloadTests
{
    private const int ManyRounds = 10_000;

    /// <summary>Of compiling to .NET code, which takes the runtime half a millisecond.</summary>
    private const int FewRounds = 1_000;

    // What the collector may keep for itself; the rings of a few rounds alone would be more.
    private const long Tolerance = 32 << 20;

    private const string Program =
        """
        *(u32 *)(r10 - 4) = 1
        *(u64 *)(r10 - 16) = 7
        r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 0; call map_update_elem
        r1 = map[1]; r2 = r10; r2 += -4; call map_lookup_elem
        if r0 == 0 goto out
        r1 = 1; lock *(u64 *)(r0 + 0) += r1
        r1 = map[2]; r2 = r10; r2 += -16; r3 = 8; r4 = 0; call ringbuf_output
        r1 = map[3]; r2 = r10; r2 += -16; r3 = 0; call map_push_elem
        r1 = 10; r2 = func step ll; r3 = 0; r4 = 0; call loop
        r0 = 0
        exit
        out:
        r0 = 1
        exit
        step:
        r0 = 0
        exit
        """;

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void Rounds_of_loading_running_and_unloading_leave_nothing_behind(VmTier tier)
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("OSMIA_ROUNDS"), CultureInfo.InvariantCulture, out int given) ? given : tier == VmTier.Il ? FewRounds : ManyRounds;
        using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program(Program)], TestPrograms.Map(0, MapType.Hash, 4, 8, 64), TestPrograms.Map(1, MapType.PercpuArray, 4, 8, 4),
            TestPrograms.Map(2, MapType.Ringbuf, 0, 0, 1 << 17), TestPrograms.Map(3, MapType.Queue, 0, 8, 8));
        Repeat(engine, linked, rounds / 2);
        (long managed, long resident) = Memory();
        var clock = Stopwatch.StartNew();
        uint id = Repeat(engine, linked, rounds);
        TimeSpan elapsed = clock.Elapsed;
        (long managedAfter, long residentAfter) = Memory();
        TestContext.Current.SendDiagnosticMessage(
            $"{tier}: {rounds} rounds, {elapsed.TotalMicroseconds / rounds:F0} us each; managed {managed / 1024} -> {managedAfter / 1024} KiB, resident {resident / 1024} -> {residentAfter / 1024} KiB");
        Assert.InRange(managedAfter - managed, long.MinValue, 256 << 10);
        Assert.InRange(residentAfter - resident, long.MinValue, Tolerance);

        // Numbers come back, so that tables do not grow with every load.
        Assert.InRange(id, 1u, 8u);
    }

    [Theory]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void Loading_and_unloading_compiled_programs_leaves_nothing_behind(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
        Rounds(300);
        long before = Used();
        Rounds(600);
        long grown = Used() - before;
        Assert.True(grown < 4 << 20, $"{grown} bytes more");

        void Rounds(int count)
        {
            for (int i = 0; i < count; i++)
            {
                using LoadedObject loaded = engine.Load("*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; r0 = 1; exit", TestPrograms.Map(0, MapType.Hash, 4, 8, 64));
                Assert.Equal(1UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
            }
        }

        static long Used()
        {
            for (int i = 0; i < 4; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            return GC.GetTotalMemory(forceFullCollection: true);
        }
    }

    [Fact]
    public void A_program_that_throws_away_its_timers_leaves_no_timer_behind()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = VmTier.Interpreter });
        const string Start =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = r6; r2 = map[0]; r3 = 1; call timer_init
            r1 = r6; r2 = func fire ll; call timer_set_callback
            r1 = r6; r2 = 1000000; r3 = 0; call timer_start
            exit
            fire:
            r1 = 1
            lock *(u64 *)(r3 + 16) += r1
            r1 = r3; r2 = 0; r3 = 0; call timer_start
            r0 = 0
            exit
            """;
        for (int i = 0; i < 50; i++)
        {
            using LoadedObject loaded = engine.Load(Start, TestPrograms.Map(0, MapType.Array, 4, 24, 1));
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
            byte[] value = new byte[24];
            if (i % 10 == 0)
            {
                var clock = Stopwatch.StartNew();
                while (BitConverter.ToInt64(value, 16) < 3)
                {
                    Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), "the timer does not fire");
                    Assert.True(loaded.Maps[0].TryLookup(new byte[4], value));
                    Thread.Sleep(1);
                }
            }
        }

        Assert.Equal(0, engine.DeferredTraps);
    }

    [Fact]
    public void A_callback_without_end_is_stopped_when_its_time_is_over()
    {
        TrapException? heard = null;
        using var engine = new VmEngine(new VmOptions { Slots = 2, InstructionBudget = long.MaxValue / 8, TimeBudget = TimeSpan.FromMilliseconds(30), DeferredTrap = trap => heard = trap });
        using LoadedObject loaded = engine.Load(
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = r6; r2 = map[0]; r3 = 1; call timer_init
            r1 = r6; r2 = func fire ll; call timer_set_callback
            r1 = r6; r2 = 0; r3 = 0; call timer_start
            exit
            fire:
            r0 += 1
            goto fire
            exit
            """, TestPrograms.Map(0, MapType.Array, 4, 24, 1));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.True(SpinWait.SpinUntil(() => heard is not null, TimeSpan.FromSeconds(10)), "the callback runs on");
        Assert.Contains("longer than", heard!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_callback_that_traps_is_told_and_the_process_goes_on()
    {
        TrapException? heard = null;
        using var engine = new VmEngine(new VmOptions { Slots = 2, DeferredTrap = trap => heard = trap });
        const string Start =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = r6; r2 = map[0]; r3 = 1; call timer_init
            r1 = r6; r2 = func fire ll; call timer_set_callback
            r1 = r6; r2 = 0; r3 = 0; call timer_start
            exit
            fire:
            r1 = 0
            r0 = *(u64 *)(r1 + 8)
            exit
            """;
        using LoadedObject loaded = engine.Load(Start, TestPrograms.Map(0, MapType.Array, 4, 24, 1));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.True(SpinWait.SpinUntil(() => engine.DeferredTraps == 1 && heard is not null, TimeSpan.FromSeconds(10)));
        Assert.Equal("OSM6100", heard!.Id);
        Assert.Contains("NULL", heard.Message, StringComparison.Ordinal);

        // The next run works: the timer is there already, and is started again.
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.True(SpinWait.SpinUntil(() => engine.DeferredTraps == 2, TimeSpan.FromSeconds(10)));
    }

    /// <summary>The host's code throws what a map operation throws: to the program it is one fault as another.</summary>
    [Fact]
    public void What_the_host_throws_into_a_callback_is_a_trap()
    {
        using var maps = new VmEngine(new VmOptions { Slots = 1 });
        Map full = maps.CreateMap(TestPrograms.Map(0, MapType.Array, 4, 4, 1));
        using var engine = new VmEngine(new VmOptions { Slots = 2, Trace = _ => full.Update([9, 0, 0, 0], new byte[4]) });
        const string Start =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = r6; r2 = map[0]; r3 = 1; call timer_init
            r1 = r6; r2 = func fire ll; call timer_set_callback
            r1 = r6; r2 = 0; r3 = 0; call timer_start
            exit
            fire:
            *(u64 *)(r10 - 8) = 0x41
            r1 = r10; r1 += -8; r2 = 2; call trace_printk
            r0 = 0
            exit
            """;
        using LoadedObject loaded = engine.Load(Start, TestPrograms.Map(0, MapType.Array, 4, 24, 1));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.True(SpinWait.SpinUntil(() => engine.DeferredTraps == 1, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void An_absolute_time_is_of_the_clock_the_timer_was_made_for()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2 });
        const string Start =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = r6; r2 = map[0]; r3 = 0; call timer_init
            r1 = r6; r2 = func fire ll; call timer_set_callback
            call ktime_get_tai_ns
            r1 = r6; r2 = r0; r3 = 1; call timer_start
            exit
            fire:
            r1 = 1
            *(u64 *)(r3 + 16) = r1
            r0 = 0
            exit
            """;
        using LoadedObject loaded = engine.Load(Start, TestPrograms.Map(0, MapType.Array, 4, 24, 1));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        byte[] value = new byte[24];
        Assert.True(SpinWait.SpinUntil(() => loaded.Maps[0].TryLookup(new byte[4], value) && value[16] == 1, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void A_map_that_was_given_up_takes_no_timers()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter });
        const string Init = "*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; r1 = r0; r2 = map[0]; r3 = 1; call timer_init; exit";
        using LoadedObject loaded = engine.Load(Init, TestPrograms.Map(0, MapType.Array, 4, 24, 1));
        loaded.Maps[0].Dispose();
        Assert.Equal(unchecked((ulong)-1L), loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
    }

    private static uint Repeat(VmEngine engine, LinkedObject linked, int rounds)
    {
        uint last = 0;
        for (int i = 0; i < rounds; i++)
        {
            using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
            last = Math.Max(last, VmEngine.IdOf(loaded.Maps[0]));
        }

        return last;
    }

    private static (long Managed, long Resident) Memory()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        using Process self = Process.GetCurrentProcess();
        return (GC.GetTotalMemory(forceFullCollection: true), self.WorkingSet64);
    }
}
