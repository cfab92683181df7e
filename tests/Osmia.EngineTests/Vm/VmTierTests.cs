using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Tracing;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;
using Osmia.Vm.Events;

namespace Osmia.Tests.Vm;

/// <summary>What compiled code must do besides computing: be optimised, stop, be swapped in, go away.</summary>
public sealed class VmTierTests
{
    private const string Endless = "r0 = 0\nagain:\nr0 += 1\ngoto again\nexit";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_loop_without_end_stops_at_the_budget(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, InstructionBudget = 1 << 20 });
        using LoadedObject loaded = engine.Load(Endless);
        for (int i = 0; i < 3; i++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun()));
            Assert.Equal("OSM6104", trap.Id);
            Assert.InRange(trap.Slot, 1, 2);
        }
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void An_atomic_operation_that_must_ask_where_it_is_keeps_its_operand(VmTier tier)
    {
        // Nothing is known of a pointer that was stored, and a socket filter has no packet to guess.
        const string Program = """
            r2 = r10; r2 += -8
            *(u64 *)(r10 - 16) = r2; *(u64 *)(r10 - 8) = 5
            r1 = *(u64 *)(r10 - 16)
            r3 = *(u64 *)(r10 - 8); r3 += 2; if r3 == 9 goto out
            r3 = atomic_fetch_add((u64 *)(r1 + 0), r3)
            r0 = *(u64 *)(r10 - 8); r0 <<= 8; r0 |= r3; exit
            out: r0 = 0; exit
            """;
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
        Assert.Equal(0x0c05UL, engine.Run(ProgramType.SocketFilter, Program, new byte[64]));
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_packet_load_that_traps_tells_no_register_it_does_not_know(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
        TrapException trap = Assert.Throws<TrapException>(() => engine.Run(ProgramType.SocketFilter, "r8 = 7; r6 = 5; r0 = *(u8 *)skb[r8 + 10]; exit", new byte[64]));
        Assert.True(trap.IsKnown(6));
        Assert.Equal(5UL, trap.Registers[6]);
        Assert.True(!trap.IsKnown(8) || trap.Registers[8] == 7);
        Assert.Equal(tier == VmTier.Interpreter, trap.IsKnown(8));
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_run_is_cancelled_from_another_thread_and_the_next_one_is_not(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, InstructionBudget = long.MaxValue / 8 });
        using LoadedObject loaded = engine.Load(TestPrograms.Object([TestPrograms.Program(Endless, name: "endless"), TestPrograms.Program("r0 = 7; exit", name: "short")]), LoadOptions.Default);
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(30));
        var endless = (VmProgram)loaded.Program("endless");
        Assert.Equal(tier, endless.Tier);
        Assert.Equal("OSM6110", Assert.Throws<TrapException>(() => endless.RunCancellable(new ProgramRun(), out _, source.Token)).Id);
        Assert.Equal(7UL, loaded.Program("short").Run(new ProgramRun()).ReturnValue);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_run_ends_when_its_time_is_over(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, InstructionBudget = long.MaxValue / 8, TimeBudget = TimeSpan.FromMilliseconds(30) });
        using LoadedObject loaded = engine.Load(Endless);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun()));
        Assert.Equal("OSM6104", trap.Id);
        Assert.Contains("longer than", trap.Message, StringComparison.Ordinal);
    }

    /// <summary>Each run is too short to look at the request itself.</summary>
    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void Short_runs_that_are_repeated_end_when_their_time_is_over_or_they_are_cancelled(VmTier tier)
    {
        foreach (string code in (string[])["r0 = 0; exit", "*(u64 *)(r10 - 8) = r1; r0 = *(u64 *)(r10 - 8); exit"])
        {
            using var timed = new VmEngine(new VmOptions { Slots = 1, Tier = tier, TimeBudget = TimeSpan.FromMilliseconds(30) });
            using LoadedObject first = timed.Load(code);
            Assert.Equal("OSM6104", Assert.Throws<TrapException>(() => first.Programs[0].Run(new ProgramRun { Repeat = int.MaxValue })).Id);

            using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
            using LoadedObject second = engine.Load(code);
            using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(30));
            Assert.Equal("OSM6110", Assert.Throws<TrapException>(() => ((VmProgram)second.Programs[0]).RunCancellable(new ProgramRun { Repeat = int.MaxValue }, out _, source.Token)).Id);
        }
    }

    /// <summary>The run before ended in another program than it began with.</summary>
    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_repeated_run_of_tail_calls_that_is_out_of_time_traps_in_the_program_that_was_run(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, TimeBudget = TimeSpan.FromMilliseconds(30) });
        using LoadedObject loaded = engine.Load(TestPrograms.Object(
            [
                TestPrograms.Program("r2 = map[0]; r3 = 0; call tail_call; r0 = 9; exit", ProgramType.Xdp, "first"),
                TestPrograms.Program($"{string.Concat(Enumerable.Repeat("r0 += 1; ", 100))} call ktime_get_ns; r0 = 7; exit", ProgramType.Xdp, "second"),
            ], TestPrograms.Map(0, MapType.ProgArray, 4, 4, 1)), LoadOptions.Default);
        loaded.Maps[0].Update(new byte[4], BitConverter.GetBytes(((VmProgram)loaded.Program("second")).Id));
        Assert.Equal(7UL, loaded.Program("first").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Program("first").Run(new ProgramRun { Data = new byte[64], Repeat = int.MaxValue }));
        Assert.Equal("OSM6104", trap.Id);
        Assert.Contains(trap.Program, (string[])["first", "second"]);
        Assert.InRange(trap.Slot, 0, loaded.Program(trap.Program).Definition.Instructions.Length - 1);
    }

    [Fact]
    public void A_time_budget_in_a_mode_that_does_not_keep_it_is_refused() =>
        Assert.Contains("Metered only", Assert.Throws<ArgumentException>(() => new VmEngine(new VmOptions { Mode = VmMode.Checked, TimeBudget = TimeSpan.FromSeconds(1) })).Message, StringComparison.Ordinal);

    [Fact]
    public void What_the_runtime_compiles_when_a_program_is_prepared_is_part_of_its_compile_time()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        using LoadedObject loaded = engine.Load("r0 = *(u8 *)(r1 + 0); r0 += r2; exit");
        var program = (VmProgram)loaded.Programs[0];
        TimeSpan written = program.CompileTime;
        program.Prepare();
        Assert.True(program.CompileTime > written);
        Assert.Equal(12UL, program.Run(new ProgramRun { Data = [8, 0, 0, 0] }).ReturnValue);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_run_inside_bpf_loop_is_cancelled(VmTier tier)
    {
        // 2^46 calls of the innermost function.
        const string Code =
            """
            r1 = 0x800000; r2 = func outer ll; r3 = 0; r4 = 0; call loop
            exit
            outer:
            r1 = 0x800000; r2 = func inner ll; r3 = 0; r4 = 0; call loop
            r0 = 0; exit
            inner:
            r0 = 0; exit
            """;
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, InstructionBudget = long.MaxValue / 8 });
        using LoadedObject loaded = engine.Load(Code);
        using var source = new CancellationTokenSource(TimeSpan.FromMilliseconds(30));
        Assert.Equal("OSM6110", Assert.Throws<TrapException>(() => ((VmProgram)loaded.Programs[0]).RunCancellable(new ProgramRun(), out _, source.Token)).Id);
    }

    [Fact]
    public void A_frame_pointer_that_no_statement_reads_is_handed_to_the_interpreter()
    {
        // r6 lives in the loop, but what is made of it nobody reads; the budget ends the loop.
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il, InstructionBudget = 1000 });
        using LoadedObject loaded = engine.Load("r6 = r10; r6 += -8; r0 = 0\nagain:\nr7 = r6\nr0 += 1\ngoto again\nexit");
        Assert.Equal(VmTier.Il, ((VmProgram)loaded.Programs[0]).Tier);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun()));
        Assert.Equal("OSM6104", trap.Id);
        Assert.NotEqual(0UL, trap.Registers[6]);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void What_a_run_left_on_its_stack_no_other_program_reads(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = VmMode.Checked });
        using LoadedObject writer = engine.Load("r0 = r10; r1 = 4711; *(u64 *)(r10 - 8) = r1; *(u64 *)(r10 - 256) = r1; *(u64 *)(r10 - 512) = r1; exit");
        byte[] packet = BitConverter.GetBytes(writer.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);

        // Through pointers of unknown origin, by a helper, and by an access that the compiled code leaves to the interpreter.
        string[] readers =
        [
            "r2 = *(u64 *)(r1 + 0); r0 = *(u64 *)(r2 - 8); r3 = *(u64 *)(r2 - 256); r0 |= r3; r3 = *(u64 *)(r2 - 512); r0 |= r3; exit",
            "r3 = *(u64 *)(r1 + 0); r3 += -512; r1 = map[0][0]; r2 = 512; call probe_read_kernel; r0 = map[0][0]; r1 = *(u64 *)(r0 + 0); r2 = *(u64 *)(r0 + 256); r0 = *(u64 *)(r0 + 504); r0 |= r1; r0 |= r2; exit",
            "r2 = *(u64 *)(r1 + 0); r2 -= r1; r1 += r2; r0 = *(u64 *)(r1 - 512); r3 = *(u64 *)(r1 - 256); r0 |= r3; exit",
        ];
        foreach (string reader in readers)
        {
            using LoadedObject loaded = engine.Load(reader, TestPrograms.Map(0, MapType.Array, 4, 512, 1));
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue);
            Assert.Equal(BitConverter.ToUInt64(packet), writer.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue);
        }
    }

    [Fact]
    public void Only_metered_runs_can_be_cancelled()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Mode = VmMode.Checked });
        using LoadedObject loaded = engine.Load("r0 = 0; exit");
        using var source = new CancellationTokenSource();
        Assert.Throws<ArgumentException>(() => ((VmProgram)loaded.Programs[0]).RunCancellable(new ProgramRun(), out _, source.Token));
    }

    [Fact]
    public void A_program_that_runs_often_is_compiled_in_the_background()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2 });
        using LoadedObject loaded = engine.Load("r0 = *(u8 *)(r1 + 0); r0 += r2; exit");
        var program = (VmProgram)loaded.Programs[0];
        Assert.Equal((VmTier.Interpreter, null), (program.Tier, program.TierReason));
        var clock = Stopwatch.StartNew();
        while (program.Tier == VmTier.Interpreter && clock.Elapsed < s_patience)
        {
            Assert.Equal(12UL, program.Run(new ProgramRun { Data = [8, 0, 0, 0] }).ReturnValue);
        }

        if (IsX64)
        {
            // Machine code comes first; it has just begun to count.
            Assert.Equal(VmTier.X64, program.Tier);
            Assert.True(SpinWait.SpinUntil(() => program.TierReason is not null, s_patience));
            Assert.Contains("it has not run 20,000 times", program.TierReason, StringComparison.Ordinal);
        }

        TimeSpan first = program.CompileTime;
        while (program.Tier != VmTier.Il && clock.Elapsed < s_patience)
        {
            Assert.Equal(12UL, program.Run(new ProgramRun { Data = [8, 0, 0, 0], Repeat = 100 }).ReturnValue);
        }

        Assert.Equal((VmTier.Il, null), (program.Tier, program.TierReason));
        Assert.True(!IsX64 || program.CompileTime > first);
        Assert.Equal(12UL, program.Run(new ProgramRun { Data = [8, 0, 0, 0] }).ReturnValue);
    }

    [Fact]
    public void Runs_under_way_in_several_threads_do_not_notice_that_code_is_swapped()
    {
        // Callbacks, a local function and the stack: what may begin in one tier and go on in another.
        const string Code =
            """
            *(u64 *)(r10 - 8) = 0
            r1 = 3; r2 = func add ll; r3 = r10; r3 += -8; r4 = 0; call loop
            r1 = 4; call twice
            r1 = *(u64 *)(r10 - 8); r0 += r1; exit
            add:
            r6 = r2; call twice; r1 = *(u64 *)(r6 + 0); r1 += r0; r1 += 1; *(u64 *)(r6 + 0) = r1; r0 = 0; exit
            twice:
            r0 = r1; r0 += r1; exit
            """;
        for (int round = 0; round < 4; round++)
        {
            using var engine = new VmEngine(new VmOptions { Slots = 4 });
            using LoadedObject loaded = engine.Load(Code);
            var program = (VmProgram)loaded.Programs[0];
            var results = new ConcurrentBag<ulong>();
            Thread[] threads = [.. Enumerable.Range(0, 4).Select(index => new Thread(() =>
            {
                var clock = Stopwatch.StartNew();
                for (int i = 0; (i < 100 || program.Tier != VmTier.Il) && clock.Elapsed < s_patience; i++)
                {
                    results.Add(program.Run(new ProgramRun { Repeat = 1 + (i * (index + 1) % 300) }).ReturnValue);
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Assert.Equal(VmTier.Il, program.Tier);

            // 2 * (0 + 1 + 2) + 3 by the callback, and 2 * 4.
            Assert.Equal([17UL], results.Distinct());
        }
    }

    [Fact]
    public void Programs_that_are_dropped_while_they_are_compiled_do_no_harm()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2 });
        for (int i = 0; i < 300; i++)
        {
            using LoadedObject loaded = engine.Load("*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; r0 = 1; exit", TestPrograms.Map(0, MapType.Hash, 4, 8, 4));
            Assert.Equal(1UL, loaded.Programs[0].Run(new ProgramRun { Repeat = i % 10 == 0 ? 30_000 : 400 }).ReturnValue);
        }
    }

    [Fact]
    public void A_bad_access_in_a_compiled_loop_tells_slot_and_registers()
    {
        // Byte 16 does not exist: the loop is at r3 = 16 with the sum of the bytes before.
        const string Code =
            """
            r0 = 0
            r3 = 0
            again:
            r4 = r1
            r4 += r3
            r5 = *(u8 *)(r4 + 0)
            r0 += r5
            r3 += 1
            if r3 < 100 goto again
            exit
            """;
        foreach (VmTier tier in new[] { VmTier.Interpreter, VmTier.Il, VmTier.X64 })
        {
            using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
            using LoadedObject loaded = engine.Load(Code);
            TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2] }));
            Assert.Equal(("OSM6100", 4, 24UL, 16UL), (trap.Id, trap.Slot, trap.Registers[0], trap.Registers[3]));
            Assert.Equal(trap.Registers[1] + 16, trap.Registers[4]);
        }
    }

    [Fact]
    public void Compiled_code_is_fully_optimised()
    {
        using var listener = new TierListener();
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });

        // The largest straight and the most branched program that are still compiled.
        string[] codes = [Straight(2000), Branches(800), "r0 = 1; exit"];
        var clock = Stopwatch.StartNew();
        do
        {
            // The runtime drops events when others are many: what was not heard of is compiled again.
            foreach (string code in codes.Where(code => !listener.HasSeen("tiers" + codes.IndexOf(code))))
            {
                using LoadedObject loaded = engine.Load(TestPrograms.Object([TestPrograms.Program(code, name: "tiers" + codes.IndexOf(code))]), LoadOptions.Default);
                var program = (VmProgram)loaded.Programs[0];
                Assert.True(program.Tier == VmTier.Il, program.TierReason);
                program.Run(new ProgramRun { Data = new byte[64] });
            }

            Thread.Sleep(500);
        }
        while (listener.Seen.Count < codes.Length && clock.Elapsed < s_patience);

        Assert.Equal(codes.Length, listener.Seen.Count);
        Assert.All(listener.Seen, seen => Assert.Equal("Optimized", seen.Value));
    }

    [Fact]
    public void What_would_not_be_optimised_is_interpreted_and_says_why()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        using LoadedObject loaded = engine.Load(Straight(60_000));
        var program = (VmProgram)loaded.Programs[0];
        Assert.Equal(VmTier.Interpreter, program.Tier);
        Assert.Contains("limit of optimised code", program.TierReason, StringComparison.Ordinal);
        program.Run(new ProgramRun { Data = new byte[64] });
    }

    [Fact]
    public void What_is_too_large_for_dotnet_runs_as_machine_code()
    {
        Assert.SkipUnless(IsX64, "machine code is written for x86-64 only");
        using var engine = new VmEngine(new VmOptions { Slots = 1 });
        using var plain = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter });
        using LoadedObject loaded = engine.Load(Branches(1500));
        using LoadedObject expected = plain.Load(Branches(1500));
        var program = (VmProgram)loaded.Programs[0];
        byte[] data = new byte[64];
        data[0] = 3;
        ulong wanted = expected.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue;
        var clock = Stopwatch.StartNew();
        while (program.TierReason?.Contains("limit", StringComparison.Ordinal) != true && clock.Elapsed < s_patience)
        {
            Assert.Equal(wanted, program.Run(new ProgramRun { Data = data, Repeat = 1000 }).ReturnValue);
        }

        Assert.Equal(VmTier.X64, program.Tier);
        Assert.Contains("limit of optimised code", program.TierReason, StringComparison.Ordinal);
        Assert.Equal(wanted, program.Run(new ProgramRun { Data = data }).ReturnValue);
    }

    [Theory]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void What_the_host_throws_passes_through_compiled_code(VmTier tier)
    {
        // From the helper, through the callback of bpf_loop and a local call, to the one who runs the program.
        const string Code =
            """
            r6 = 5
            call inner
            exit
            inner:
            r1 = 3; r2 = func each ll; r3 = 0; r4 = 0; call loop
            r0 += 100
            exit
            each:
            *(u32 *)(r10 - 8) = 0x64
            r1 = r10; r1 += -8; r2 = 4; call trace_printk
            r0 = 0
            exit
            """;
        bool isBroken = true;
        int lines = 0;
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Trace = _ =>
        {
            if (++lines == 2 && isBroken)
            {
                throw new IOException("disk full");
            }
        } });
        using LoadedObject loaded = engine.Load(Code);
        Assert.Equal(tier, ((VmProgram)loaded.Programs[0]).Tier);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun()));
        Assert.Equal(("OSM6109", 2), (trap.Id, lines));
        Assert.IsType<IOException>(trap.InnerException);
        isBroken = false;
        Assert.Equal(103UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.Equal(5, lines);
    }

    [Fact]
    public void Machine_code_can_be_read_and_run_but_not_written()
    {
        Assert.SkipUnless(IsX64 && OperatingSystem.IsLinux(), "reads /proc/self/maps");
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.X64 });

        // What is given back another thread may be given at once: not each time, though.
        Assert.Contains(Enumerable.Range(0, 50), _ => IsGivenBack());

        bool IsGivenBack()
        {
            LoadedObject loaded = engine.Load("r0 = 1; exit");
            ulong address = ((VmProgram)loaded.Programs[0]).DescribeCompiled()[0].Address;
            Assert.Equal("r-x", AccessOf(address));
            loaded.Dispose();
            return AccessOf(address).Length == 0;
        }

        static string AccessOf(ulong address)
        {
            foreach (string line in File.ReadLines("/proc/self/maps"))
            {
                string[] words = line.Split('-', ' ');
                if (address >= Convert.ToUInt64(words[0], 16) && address < Convert.ToUInt64(words[1], 16))
                {
                    return line.Split(' ')[1][..3];
                }
            }

            return "";
        }
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void Keys_on_the_stack_are_found_by_who_reads_them(VmTier tier)
    {
        // A key that only the lookup reads; one that is read again in another block; one half of which is.
        string[] codes =
        [
            "r6 = 0; r7 = 0\nagain:\n*(u32 *)(r10 - 4) = r6; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem\nif r0 == 0 goto next\nr1 = *(u64 *)(r0 + 0); r7 += r1\nnext:\nr6 += 1\nif r6 != 6 goto again\nr0 = r7; exit",
            "r6 = 2\n*(u32 *)(r10 - 4) = r6; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem\nif r0 == 0 goto next\nr1 = *(u64 *)(r0 + 0)\nr0 = *(u32 *)(r10 - 4); r0 += r1; exit\nnext:\nr0 = 0; exit",
            "r6 = 3\n*(u32 *)(r10 - 4) = r6; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem\nif r0 == 0 goto next\nr1 = *(u64 *)(r0 + 0)\nr0 = *(u8 *)(r10 - 4); r0 += r1; exit\nnext:\nr0 = 0; exit",
        ];
        ulong[] expected = [15 + (3 * 10), 2 + 2 + 10, 3 + 3 + 10];
        for (int i = 0; i < codes.Length; i++)
        {
            using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
            using LoadedObject loaded = engine.Load(codes[i], TestPrograms.Map(0, MapType.Array, 4, 8, 6));
            var map = new Map<uint, ulong>(loaded.Maps[0]);
            for (uint key = 0; key < 6; key++)
            {
                map.Update(key, key + (key is 1 or 2 or 3 ? 10UL : 0));
            }

            Assert.Equal(expected[i], loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        }
    }

    public static TheoryData<int, string, VmTier, VmMode> SumLoops =>
    [
        .. from size in new[] { 1, 2, 4, 8 }
           from register in new[] { "r", "w" }
           from way in new[] { (VmTier.Il, VmMode.Checked), (VmTier.Il, VmMode.Metered), (VmTier.X64, VmMode.Checked) }
           select (size, register, way.Item1, way.Item2),
    ];

    [Theory]
    [MemberData(nameof(SumLoops))]
    public void A_loop_that_adds_up_words_gives_the_same_however_many_they_are(int size, string register, VmTier tier, VmMode mode)
    {
        using var plain = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter, InstructionBudget = 5000 });
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = mode, InstructionBudget = 5000 });
        byte[] data = new byte[2000];
        new Random(size).NextBytes(data);
        foreach (int words in new[] { 1, 2, 15, 16, 17, 18, 33, 64, 100, 199, 250 })
        {
            // The second form jumps back from a block of its own; the third begins in the middle.
            string[] codes =
            [
                $"r0 = 5\nr3 = 0\nagain:\nr4 = r1\nr4 += r3\nr4 = *(u{size * 8} *)(r4 + 0)\n{register}0 += {register}4\nr3 += {size}\nif r3 != {words * size} goto again\nexit",
                $"r0 = -5\nr3 = 0\nagain:\nr4 = r1\nr4 += r3\nr4 = *(u{size * 8} *)(r4 + 3)\n{register}0 += {register}4\nr3 += {size}\nif r3 == {words * size} goto end\ngoto again\nend:\nr0 += r3\nexit",
                $"r0 = *(u64 *)(r1 + 8)\nr3 = *(u8 *)(r1 + 0)\nr3 &= 7\nr3 *= {size}\nagain:\nr4 = r1\nr4 += r3\nr4 = *(u{size * 8} *)(r4 + 1)\n{register}0 += {register}4\nr3 += {size}\nif r3 != {(words + 8) * size} goto again\nexit",
            ];
            foreach (string code in codes)
            {
                using LoadedObject expected = plain.Load(code);
                using LoadedObject loaded = engine.Load(code);
                Assert.Equal(tier, ((VmProgram)loaded.Programs[0]).Tier);

                // Enough for all words; for all but the last; for half of them.
                foreach (int length in new[] { data.Length, Math.Max(16, words * size), Math.Max(16, (words * size / 2) + 1) })
                {
                    Assert.Equal(Outcome(expected, data.AsSpan(0, length)), Outcome(loaded, data.AsSpan(0, length)));
                }
            }
        }

        static string Outcome(LoadedObject loaded, ReadOnlySpan<byte> data)
        {
            try
            {
                return $"{loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue:x}";
            }
            catch (TrapException trap)
            {
                return $"{trap.Id} at {trap.Slot}: r0 {trap.Registers[0]:x} r3 {trap.Registers[3]:x}";
            }
        }
    }

    [Fact]
    public void Loops_that_add_up_words_are_paid_for()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il, InstructionBudget = 1000 });
        using LoadedObject loaded = engine.Load("r0 = 0\nr3 = 0\nagain:\nr4 = r1\nr4 += r3\nr4 = *(u8 *)(r4 + 0)\nr0 += r4\nr3 += 1\nif r3 != 1000 goto again\nexit");
        Assert.Equal("OSM6104", Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[1000] })).Id);
    }

    [Fact]
    public void Verified_mode_takes_what_was_verified_and_nothing_else()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program("r2 = *(u32 *)(r1 + 0); r3 = *(u32 *)(r1 + 4); r4 = r2; r4 += 4; r0 = 0; if r4 > r3 goto +1; r0 = *(u32 *)(r2 + 0); exit", ProgramType.Xdp)]);
        VerifiedProgram? proof = VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out VerificationReport report);
        Assert.True(proof is not null, report.Problem?.Message);
        using (LoadedObject loaded = engine.LoadVerified(linked, [proof]))
        {
            Assert.Equal(VmMode.Verified, ((VmProgram)loaded.Programs[0]).Mode);
            Assert.Equal(0x04030201UL, loaded.Programs[0].Run(new ProgramRun { Data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] }).ReturnValue);
        }

        LinkedObject other = linked with { };
        Assert.Throws<ArgumentException>(() => engine.LoadVerified(other, [proof]));
        Assert.Throws<ArgumentException>(() => new VmEngine(new VmOptions { Mode = VmMode.Verified }));
        LinkedObject wrong = TestPrograms.Object([TestPrograms.Program("r2 = *(u32 *)(r1 + 0); r0 = *(u32 *)(r2 + 0); exit", ProgramType.Xdp)]);
        Assert.Null(VerifiedProgram.Prove(wrong, wrong.Programs[0], engine.Target, out _));
    }

    private static bool IsX64 => System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64 && !OperatingSystem.IsWindows();

    private static string Straight(int length) =>
        "r0 = 1\n" + string.Concat(Enumerable.Range(0, length).Select(i => $"r0 *= {i + 3}\nr0 ^= r1\n")) + "exit";

    private static string Branches(int count) =>
        "r0 = *(u64 *)(r1 + 0)\nr3 = 0\n" + string.Concat(Enumerable.Range(0, count).Select(i => $"if r0 == {i} goto l{i}\nr3 += r0\nl{i}:\n")) + "r0 = r3\nexit";

    /// <summary>What the runtime says of the methods it compiles.</summary>
    private sealed class TierListener : OrderedListener
    {
        private const EventKeywords Jit = (EventKeywords)0x10;
        private static readonly string[] s_names = ["Unknown", "MinOptJitted", "Optimized", "QuickJitted", "OptimizedTier1"];
        private EventSource? _runtime;

        public TierListener() => Enable(_runtime!, EventLevel.Verbose, Jit);

        public Dictionary<string, string> Seen { get; } = [];

        public bool HasSeen(string name)
        {
            lock (Seen)
            {
                return Seen.Keys.Any(seen => seen.StartsWith(name, StringComparison.Ordinal));
            }
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Microsoft-Windows-DotNETRuntime")
            {
                _runtime = eventSource;
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName?.StartsWith("MethodLoadVerbose", StringComparison.Ordinal) != true)
            {
                return;
            }

            string name = (string)eventData.Payload![eventData.PayloadNames!.IndexOf("MethodName")]!;
            if (name.StartsWith("tiers", StringComparison.Ordinal))
            {
                uint flags = (uint)eventData.Payload[eventData.PayloadNames.IndexOf("MethodFlags")]!;
                uint tier = (flags >> 7) & 7;
                lock (Seen)
                {
                    Seen[name] = tier < s_names.Length ? s_names[tier] : $"{tier}";
                }
            }
        }
    }
}
