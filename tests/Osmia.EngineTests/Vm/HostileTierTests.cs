using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Programs that nobody verified, made to be compiled wrongly: compiled code does with each what the interpreter does.</summary>
public sealed class HostileTierTests
{
    /// <summary>The address of the function at slot 0, which no instruction takes.</summary>
    private const string OwnBeginning = "r2 = 0x7fff5800 ll; r2 <<= 33";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static TheoryData<VmTier, VmMode> Ways => new()
    {
        { VmTier.Interpreter, VmMode.Checked },
        { VmTier.Interpreter, VmMode.Metered },
        { VmTier.Il, VmMode.Checked },
        { VmTier.Il, VmMode.Metered },
        { VmTier.X64, VmMode.Checked },
        { VmTier.X64, VmMode.Metered },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void An_access_half_the_address_space_behind_one_that_was_checked_traps(VmTier tier, VmMode mode)
    {
        // Its end, as a signed distance, lies before the checked place.
        foreach (string access in (string[])["r0 = *(u64 *)(r3 + 0)", "*(u64 *)(r3 + 0) = 7; r0 = 0"])
        {
            TrapException trap = Assert.Throws<TrapException>(() => Run(tier, mode, ProgramType.Xdp, $"""
                r6 = *(u32 *)(r1 + 0); r7 = *(u32 *)(r1 + 4); r0 = 0
                r5 = *(u8 *)(r6 + 0); *(u8 *)(r6 + 0) = r5
                if r6 == r7 goto out
                r4 = 0x7ffffffffffffffc ll
                r3 = r6; r3 += r4
                {access}
                out: exit
                """));
            Assert.Equal(("OSM6100", 10), (trap.Id, trap.Slot));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void An_access_half_the_address_space_behind_the_frame_or_an_element_traps(VmTier tier, VmMode mode)
    {
        const string Lookup = "*(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = map[0]; call map_lookup_elem; if r0 == 0 goto out";
        foreach (string code in (string[])
        [
            "r4 = 0x7ffffffffffffffc ll; r3 = r10; r3 += r4; r0 = *(u64 *)(r3 + 0); exit",
            "r4 = 0x7ffffffffffffffc ll; r3 = r10; r3 += r4; *(u64 *)(r3 + 0) = 7; r0 = 0; exit",
            $"{Lookup}; r4 = 0x7ffffffffffffffc ll; r0 += r4; r0 = *(u64 *)(r0 + 0)\nout:\nexit",
            $"{Lookup}; r4 = 0x7ffffffffffffffc ll; r0 += r4; *(u64 *)(r0 + 0) = 7; r0 = 0\nout:\nexit",
        ])
        {
            Assert.Equal("OSM6100", Assert.Throws<TrapException>(() => Run(tier, mode, ProgramType.Xdp, code)).Id);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_was_checked_for_reading_is_not_for_writing(VmTier tier, VmMode mode)
    {
        TrapException trap = Assert.Throws<TrapException>(() => Run(tier, mode, ProgramType.CgroupSkb, "r6 = *(u32 *)(r1 + 76); r5 = *(u8 *)(r6 + 0); r0 = 1; if r5 == 1 goto out; *(u8 *)(r6 + 0) = 7\nout:\nexit"));
        Assert.Equal(("OSM6101", 4), (trap.Id, trap.Slot));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_map_that_programs_only_read_is_not_written_through_what_looks_like_another(VmTier tier, VmMode mode)
    {
        // r2 is r3, but begins as the address of the map that may be written.
        const uint ReadOnlyForPrograms = 1 << 7;
        using var engine = new VmEngine(new VmOptions { Slots = 1, Seed = 1, Tier = tier, Mode = mode });
        using LoadedObject loaded = engine.Load(
            TestPrograms.Object([TestPrograms.Program("r6 = *(u32 *)(r1 + 0); r5 = *(u64 *)(r6 + 0); r3 = map[0][0]; r3 += r5; r0 = *(u64 *)(r3 + 0); r2 = map[1][0]; r2 += r3; r4 = map[1][0]; r2 -= r4; *(u64 *)(r2 + 0) = 7; *(u64 *)(r3 + 0) = 8; exit", ProgramType.Xdp)],
                TestPrograms.Map(0, MapType.Array, 4, 64, 1, ReadOnlyForPrograms), TestPrograms.Map(1, MapType.Array, 4, 64, 1)), LoadOptions.Default);
        Assert.Equal("OSM6101", Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[64] })).Id);
        byte[] value = new byte[64];
        Assert.True(loaded.Maps[0].TryLookup(new byte[4], value));
        Assert.Equal(new byte[64], value);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_was_checked_on_one_way_is_checked_again_where_another_joins(VmTier tier, VmMode mode)
    {
        // The way that is not gone reaches farther than the packet.
        foreach (string goes in (string[])["==", "!="])
        {
            foreach ((int first, int second) in ((int, int)[])[(0, 90), (90, 0)])
            {
                bool isFirst = goes == "!=";
                string code = $"r6 = *(u32 *)(r1 + 0); r4 = *(u8 *)(r6 + 0); r0 = 0; if r4 {goes} 0 goto other; r5 = *(u64 *)(r6 + {first}); goto joined\nother:\nr5 = *(u64 *)(r6 + {second})\njoined:\nr0 = *(u64 *)(r6 + 90); r0 += r5; exit";
                TrapException trap = Assert.Throws<TrapException>(() => Run(tier, mode, ProgramType.Xdp, code));
                Assert.Equal(("OSM6100", (isFirst ? first : second) == 0 ? 7 : isFirst ? 4 : 6), (trap.Id, trap.Slot));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void The_interpreter_is_handed_an_element_whose_address_compiled_code_writes_down_anew(VmTier tier, VmMode mode)
    {
        // r4 is the frame's address, made of the packet's; the element is read before it and never after.
        Assert.Equal(0UL, Run(tier, mode, ProgramType.Xdp, """
            r6 = *(u32 *)(r1 + 0); r7 = r6; *(u64 *)(r10 - 16) = r6; r8 = *(u64 *)(r10 - 16)
            *(u64 *)(r10 - 24) = 5
            r6 += r10; r6 -= r8
            *(u32 *)(r10 - 4) = 0; r2 = r10; r2 += -4; r1 = map[0]; call map_lookup_elem
            if r0 == 0 goto out
            r0 = *(u64 *)(r0 + 0)
            r4 = *(u64 *)(r6 - 24)
            r0 += r4; r0 -= 5; exit
            out: r0 = 99; exit
            """));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_callback_sees_nothing_of_what_another_program_left_in_its_callers_frame(VmTier tier, VmMode mode)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = mode });
        using LoadedObject writer = engine.Load("r0 = r10; r1 = 4711; *(u64 *)(r10 - 8) = r1; *(u64 *)(r10 - 256) = r1; *(u64 *)(r10 - 512) = r1; exit");
        ulong frame = writer.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue;
        string[] readers =
        [
            "r1 = 1; r2 = func called ll; r3 = 0; r4 = 0; call loop; r0 = map[0][0]; r0 = *(u64 *)(r0 + 0); exit\ncalled: r2 = map[0][0]; r1 = *(u64 *)(r10 + 256); *(u64 *)(r2 + 0) = r1; r0 = 1; exit",
            "r1 = 1; r2 = func called ll; r3 = r10; r3 += -8; r4 = 0; call loop; r0 = map[0][0]; r0 = *(u64 *)(r0 + 0); exit\ncalled: r3 = map[0][0]; r1 = *(u64 *)(r2 - 248); *(u64 *)(r3 + 0) = r1; r0 = 1; exit",
            $"r3 = {frame - 512} ll; r1 = map[0][0]; r2 = 512; call probe_read_kernel; r0 = map[0][0]; r0 = *(u64 *)(r0 + 256); exit",
        ];
        foreach (string reader in readers)
        {
            using LoadedObject loaded = engine.Load(reader, TestPrograms.Map(0, MapType.Array, 4, 512, 1));
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);
            Assert.Equal(frame, writer.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_key_on_the_stack_is_there_for_whoever_finds_the_frame(VmTier tier, VmMode mode)
    {
        const string Key = "*(u32 *)(r10 - 4) = 3; r2 = r10; r2 += -4; r1 = map[0]; call map_lookup_elem";
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = mode });
        using LoadedObject teller = engine.Load("r0 = r10; exit");
        ulong frame = teller.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue;
        string[] readers =
        [
            $"{Key}; r1 = 1; r2 = func called ll; r3 = 0; r4 = 0; call loop; r0 = map[0][0]; r0 = *(u64 *)(r0 + 0); exit\ncalled: r2 = map[0][0]; r1 = *(u32 *)(r10 + 508); *(u64 *)(r2 + 0) = r1; r0 = 1; exit",
            $"{Key}; call called; exit\ncalled: r0 = *(u32 *)(r10 + 508); exit",
            $"r6 = *(u64 *)(r1 + 0); {Key}; r0 = *(u32 *)(r6 - 4); exit",
            $"r6 = *(u64 *)(r1 + 0); r6 -= r1; r6 += r1; {Key}; if r0 == 99 goto out; r0 = *(u32 *)(r6 - 4)\nout:\nexit",
            $"r7 = *(u64 *)(r1 + 0); r7 -= r1; r1 += r7; r6 = r1; {Key}; if r0 == 99 goto out; r0 = *(u32 *)(r6 - 4)\nout:\nexit",
            $"{Key}; r3 = {frame - 4} ll; r1 = map[0][0]; r2 = 4; call probe_read_kernel; r0 = map[0][0]; r0 = *(u64 *)(r0 + 0); exit",
            $"r6 = *(u64 *)(r1 + 0); {Key}; r6 += -4; r3 = r6; r1 = map[0][0]; r2 = 4; call probe_read_kernel; r0 = map[0][0]; r0 = *(u64 *)(r0 + 0); exit",
        ];
        foreach (string reader in readers)
        {
            using LoadedObject loaded = engine.Load(reader, TestPrograms.Map(0, MapType.Array, 4, 8, 4));
            Assert.Equal(3UL, loaded.Programs[0].Run(new ProgramRun { Data = BitConverter.GetBytes(frame) }).ReturnValue);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_repeated_run_finds_a_cleared_frame_each_time(VmTier tier, VmMode mode)
    {
        // Compiled code does not know that it is the frame, and leaves for the interpreter.
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, Mode = mode });
        using LoadedObject teller = engine.Load("r0 = r10; exit");
        byte[] packet = BitConverter.GetBytes(teller.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);
        using LoadedObject loaded = engine.Load("r2 = *(u64 *)(r1 + 0); r2 -= r1; r1 += r2; r0 = *(u64 *)(r1 - 512); r0 += 1; *(u64 *)(r1 - 512) = r0; exit");
        Assert.Equal(1UL, loaded.Programs[0].Run(new ProgramRun { Data = packet, Repeat = 3 }).ReturnValue);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public async Task A_loop_that_compiled_code_left_to_the_interpreter_ends_when_its_time_is_over(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, InstructionBudget = 1L << 35, TimeBudget = TimeSpan.FromMilliseconds(30) });
        using LoadedObject loaded = engine.Load("r2 = r10; r3 = r1; *(u64 *)(r10 - 8) = r1; r4 = *(u64 *)(r10 - 8); r1 += r2; r1 -= r4; *(u64 *)(r1 - 16) = 1; r0 = 0\nagain:\nr0 += 1\ngoto again\nexit");
        Task<TrapException> run = Task.Run(() => Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[8] })), TestContext.Current.CancellationToken);
        TrapException trap = await run.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.Equal("OSM6104", trap.Id);
        Assert.Contains("longer than", trap.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_program_that_makes_up_its_own_address_as_a_callbacks_reads_nothing_through_what_it_is_handed(VmTier tier, VmMode mode)
    {
        TrapException trap = Assert.Throws<TrapException>(() => Run(tier, mode, ProgramType.Xdp, $"""
            if r1 < 70000 goto out
            r0 = *(u32 *)(r1 + 12); *(u64 *)(r10 - 8) = r0
            r1 = 0x11171; {OwnBeginning}; r3 = 0; r4 = 0; call loop
            out: r0 = 0; exit
            """));
        Assert.Equal(("OSM6103", 9), (trap.Id, trap.Slot));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_program_that_makes_up_the_address_of_a_function_it_never_calls_does_not_run_it(VmTier tier, VmMode mode)
    {
        TrapException trap = Assert.Throws<TrapException>(() => Run(tier, mode, ProgramType.Xdp, $"""
            r1 = 1; {OwnBeginning}; r2 += 15; r3 = map[0][0]; r4 = 0; call loop
            r0 = map[0][0]; r0 = *(u64 *)(r0 + 0); exit
            call dead; exit
            dead: *(u64 *)(r2 + 0) = 7; r0 = 1; exit
            """));
        Assert.Contains("is no function of the program", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_two_threads_dispose_while_it_is_compiled_stays_in_a_prog_array()
    {
        // Long enough that both wait for the compiler.
        LinkedProgram called = TestPrograms.Program("r0 = 0; " + string.Concat(Enumerable.Repeat("r0 += 7; r0 ^= r10; ", 12_000)) + "r0 = 7; exit", ProgramType.Xdp, "called");
        LinkedProgram caller = TestPrograms.Program("r2 = map[0]; r3 = 0; call tail_call; r0 = 9; exit", ProgramType.Xdp, "caller");
        using var engine = new VmEngine(new VmOptions { Slots = 2, Seed = 1 });
        using LoadedObject first = engine.Load(TestPrograms.Object([caller], TestPrograms.Map(0, MapType.ProgArray, 4, 4, 1)), LoadOptions.Default);
        for (int round = 0; round < 10; round++)
        {
            LoadedObject second = engine.Load(TestPrograms.Object([called]), LoadOptions.Default);
            var program = (VmProgram)second.Programs[0];
            first.Maps[0].Update(new byte[4], BitConverter.GetBytes(program.Id));
            using var start = new ManualResetEventSlim();
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
            {
                start.Wait();
                program.Dispose();
            }))];
            Array.ForEach(threads, thread => thread.Start());
            program.Run(new ProgramRun { Data = new byte[64], Repeat = 256 });

            // The compiler has begun by then, most often.
            Thread.Sleep(2 * round);
            start.Set();
            Assert.True(Array.TrueForAll(threads, thread => thread.Join(s_patience)));
            Assert.Equal(7UL, first.Programs[0].Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
            Assert.True(first.Maps[0].Delete(new byte[4]));
            Assert.Equal(9UL, first.Programs[0].Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
        }
    }

    private static ulong Run(VmTier tier, VmMode mode, ProgramType type, string code)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Seed = 1, Tier = tier, Mode = mode });
        using LoadedObject loaded = engine.Load(type, code, TestPrograms.Map(0, MapType.Array, 4, 64, 1));
        Assert.Equal(tier, ((VmProgram)loaded.Programs[0]).Tier);
        return loaded.Programs[0].Run(new ProgramRun { Data = new byte[64] }).ReturnValue;
    }
}
