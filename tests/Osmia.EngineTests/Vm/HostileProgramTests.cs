using System.Diagnostics;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>What a program, a map definition or a careless caller could do to the process, one case each.</summary>
public sealed class HostileProgramTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly VmEngine _engine = new(new VmOptions { Slots = 2, Seed = 1, InstructionBudget = 1 << 22 });

    public void Dispose() => _engine.Dispose();

    /// <summary>Compiled code believes that its callers hand over what they do: here a context and a pointer into the caller's frame.</summary>
    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void A_function_is_called_back_only_when_the_program_loads_its_address(VmTier tier)
    {
        const string Tail = """
            r0 = 0; exit
            inner:
            r0 = *(u64 *)(r1 - 8); *(u64 *)(r1 - 16) = r0; r2 = *(u32 *)(r2 + 12); r0 += r2; exit
            unused:
            r0 = 0; exit
            """;
        IEnumerable<string> forged = new[] { 0, 14, 19, 1_000_000, int.MaxValue }.SelectMany(function => new[] { $"w2 = 0xfffeb000; r2 <<= 32; r3 = {function}; r2 |= r3", $"r2 = 0x{0xfffe_b000_0000_0000 + (ulong)function:x} ll" });
        foreach (string pointer in forged)
        {
            string code = $"r6 = r1; r0 = *(u32 *)(r1 + 12); *(u64 *)(r10 - 8) = r0; r1 = r10; r2 = r6; call inner\nr1 = 70000; {pointer}; r3 = 0; r4 = 0; call loop\n{Tail}";
            using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
            using LoadedObject loaded = engine.Load(TestPrograms.Object([TestPrograms.Program(code, ProgramType.Xdp)]), LoadOptions.Default);
            TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[64] }));
            Assert.Equal("OSM6103", trap.Id);
            Assert.Contains("is no function of the program", trap.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(MapType.Ringbuf)]
    [InlineData(MapType.PerfEventArray)]
    public void A_disposed_reader_says_so_and_touches_nothing(MapType type)
    {
        LoadedObject loaded = LoadProducer(type);
        RecordReader reader = loaded.Maps[0].OpenReader();
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[16] });
        reader.Dispose();
        loaded.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.Consume((_, _) => { }));
        Assert.Throws<ObjectDisposedException>(() => reader.Wait(TimeSpan.Zero));
        reader.Dispose();
    }

    [Theory]
    [InlineData(MapType.Ringbuf)]
    [InlineData(MapType.PerfEventArray)]
    public void A_reader_disposed_by_its_own_handler_stops(MapType type)
    {
        LoadedObject loaded = LoadProducer(type);
        RecordReader reader = loaded.Maps[0].OpenReader();
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[16], Repeat = 5 });
        loaded.Dispose();
        Assert.Equal(1, reader.Consume((_, _) => reader.Dispose()));
    }

    [Fact]
    public void A_reader_may_be_disposed_while_another_thread_waits()
    {
        LoadedObject loaded = LoadProducer(MapType.Ringbuf);
        RecordReader reader = loaded.Maps[0].OpenReader();
        var waiter = new Thread(() =>
        {
            try
            {
                while (true)
                {
                    reader.Wait(TimeSpan.FromMilliseconds(1));
                    reader.Consume((_, _) => { });
                }
            }
            catch (ObjectDisposedException)
            {
            }
        });
        waiter.Start();
        Thread.Sleep(20);
        reader.Dispose();
        loaded.Dispose();
        Assert.True(waiter.Join(s_patience));
    }

    [Fact]
    public void Disposed_programs_maps_and_engines_say_so()
    {
        LoadedObject loaded = _engine.Load("r0 = 0; exit", TestPrograms.Map(0, MapType.Hash, 4, 4, 4), TestPrograms.Map(1, MapType.LpmTrie, 8, 4, 4, 1), TestPrograms.Map(2, MapType.Queue, 0, 4, 4));
        loaded.Dispose();
        Assert.Throws<ObjectDisposedException>(() => loaded.Programs[0].Run(new ProgramRun()));
        foreach (Map map in loaded.Maps)
        {
            Assert.Throws<ObjectDisposedException>(() => map.TryLookup(new byte[map.KeySize], new byte[4]));
            Assert.Throws<ObjectDisposedException>(() => map.Update(new byte[map.KeySize], new byte[4]));
            Assert.Throws<ObjectDisposedException>(() => map.Delete(new byte[map.KeySize]));
        }

        var engine = new VmEngine();
        LoadedObject orphan = engine.Load("r0 = 0; exit", TestPrograms.Map(0, MapType.Hash, 4, 4, 4));
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => orphan.Programs[0].Run(new ProgramRun()));
        orphan.Dispose();
    }

    [Theory]
    [InlineData(MapType.DevmapHash, 4096, 4)]
    [InlineData(MapType.DevmapHash, 8, 4)]
    [InlineData(MapType.Devmap, 4, 1)]
    [InlineData(MapType.Xskmap, 4, 8)]
    [InlineData(MapType.Cpumap, 4, 16)]
    public void A_redirect_map_of_odd_sizes_is_refused(MapType type, int keySize, int valueSize) =>
        Assert.Throws<MapException>(() => _engine.Load("r0 = 0; exit", TestPrograms.Map(0, type, (uint)keySize, (uint)valueSize, 4)));

    [Fact]
    public void Programs_read_targets_and_do_not_write_them()
    {
        LinkedMap targets = TestPrograms.Map(0, MapType.Devmap, 4, 4, 4);
        const string Find = "*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; ";
        using LoadedObject reader = _engine.Load(ProgramType.Xdp, Find + "r0 = *(u32 *)(r0 + 0); exit", targets);
        using LoadedObject writer = _engine.Load(ProgramType.Xdp, Find + "*(u32 *)(r0 + 0) = 1; r0 = 1; exit", targets);
        foreach (LoadedObject loaded in new[] { reader, writer })
        {
            loaded.Maps[0].Update(new byte[4], BitConverter.GetBytes(7));
        }

        Assert.Equal(7UL, reader.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
        Assert.Equal("OSM6101", Assert.Throws<TrapException>(() => writer.Programs[0].Run(new ProgramRun { Data = new byte[60] })).Id);
    }

    [Fact]
    public void Programs_do_not_update_maps_they_may_only_read()
    {
        LinkedMap map = TestPrograms.Map(0, MapType.Hash, 4, 4, 4, 1 << 7);
        Assert.Equal("OSM6103", Assert.Throws<TrapException>(() => _engine.Run("*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; r3 = r2; r4 = 0; call map_update_elem; exit", [], map)).Id);
        Assert.Equal("OSM6103", Assert.Throws<TrapException>(() => _engine.Run("*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_delete_elem; exit", [], map)).Id);
    }

    [Fact]
    public void Disposing_from_inside_a_run_is_refused_and_can_be_done_afterwards()
    {
        Action? inside = null;
        using var engine = new VmEngine(new VmOptions { Slots = 1, Trace = _ => inside!() });
        LoadedObject loaded = engine.Load("*(u64 *)(r10 - 8) = 0x61; r1 = r10; r1 += -8; r2 = 8; call trace_printk; r0 = 0; exit", TestPrograms.Map(0, MapType.Hash, 4, 4, 4));
        foreach (IDisposable victim in new IDisposable[] { loaded.Programs[0], loaded.Maps[0], engine })
        {
            inside = victim.Dispose;
            Assert.IsType<InvalidOperationException>(Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun())).InnerException);
        }

        inside = () => { };
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        loaded.Dispose();
        Assert.Throws<ObjectDisposedException>(() => loaded.Programs[0].Run(new ProgramRun()));
    }

    [Fact]
    public void A_tail_call_to_a_program_of_another_type_traps()
    {
        LinkedMap table = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 1, name: "table") with { Slots = [new MapSlot(0, "classifier")] };
        LinkedProgram xdp = TestPrograms.Program("r2 = map[0]; r3 = 0; call tail_call; r0 = 5; exit", ProgramType.Xdp, "xdp");
        LinkedProgram classifier = TestPrograms.Program("r0 = *(u32 *)(r1 + 16); exit", ProgramType.SchedCls, "classifier");
        using LoadedObject loaded = _engine.Load(TestPrograms.Object([xdp, classifier], table), LoadOptions.Default);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Program("xdp").Run(new ProgramRun { Data = new byte[60] }));
        Assert.Equal("OSM6103", trap.Id);
        Assert.Contains("sched_cls", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_left_open_after_a_tail_call_is_told_of_the_program_that_ended()
    {
        LinkedMap table = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 1, name: "table") with { Slots = [new MapSlot(0, "second")] };
        LinkedMap ring = TestPrograms.Map(1, MapType.Ringbuf, 0, 0, 4096);
        LinkedProgram first = TestPrograms.Program("r6 = r1; r1 = map[1]; r2 = 8; r3 = 0; call ringbuf_reserve; r1 = r6; r2 = map[0]; r3 = 0; call tail_call; r0 = 5; exit", name: "first");
        LinkedProgram second = TestPrograms.Program("r0 = 0; exit", name: "second");
        using LoadedObject loaded = _engine.Load(TestPrograms.Object([first, second], table, ring), LoadOptions.Default);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Program("first").Run(new ProgramRun()));
        Assert.Equal(("OSM6107", "second", 1), (trap.Id, trap.Program, trap.Slot));
    }

    [Theory]
    [InlineData("again: r1 = r6; r2 = 16000; r3 = 0; call skb_change_head; r1 = r6; r2 = 14; r3 = 0; call skb_change_tail; goto again")]
    [InlineData("again: r1 = r6; r2 = 16000; r3 = 0; call skb_change_tail; r1 = r6; r2 = 14; r3 = 0; call skb_change_tail; goto again")]
    [InlineData("again: r1 = r6; r2 = 0x81; r3 = 7; call skb_vlan_push; goto again")]
    public void A_packet_that_grows_and_shrinks_for_ever_costs_neither_memory_nor_time(string loop)
    {
        using LoadedObject loaded = _engine.Load(ProgramType.SchedCls, "r6 = r1\n" + loop.Replace("again: ", "again:\n", StringComparison.Ordinal));
        long before = Process.GetCurrentProcess().PrivateMemorySize64;
        EndsAtBudget(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }));
        Assert.InRange(Process.GetCurrentProcess().PrivateMemorySize64 - before, long.MinValue, 200 << 20);
    }

    [Fact]
    public void Packets_keep_their_bytes_while_the_buffer_moves()
    {
        using LoadedObject loaded = _engine.Load(ProgramType.SchedCls,
            """
            r6 = r1
            r2 = 5000; r3 = 0; call skb_change_tail
            if r0 != 0 goto out
            r1 = r6; r2 = 2000; r3 = 0; call skb_change_head
            out:
            exit
            """);
        byte[] packet = Enumerable.Range(0, 300).Select(i => (byte)(i + 1)).ToArray();
        byte[] output = new byte[8000];
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = packet, DataOut = output });
        Assert.Equal((0UL, 7000), (result.ReturnValue, result.DataLength));
        Assert.Equal(new byte[2000], output[..2000]);
        Assert.Equal(packet, output[2000..2300]);
        Assert.Equal(new byte[4700], output[2300..7000]);
    }

    [Fact]
    public void The_room_in_front_of_a_packet_holds_nothing_of_earlier_runs()
    {
        using LoadedObject loaded = _engine.Load(ProgramType.Xdp,
            """
            r6 = r1
            r2 = -64; call xdp_adjust_head
            r2 = *(u32 *)(r6 + 0)
            r0 = *(u64 *)(r2 + 8)
            r3 = -1
            *(u64 *)(r2 + 8) = r3
            exit
            """);
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
    }

    [Fact]
    public void Formatting_a_huge_text_counts()
    {
        byte[] text = new byte[1 << 20];
        text.AsSpan(0, text.Length - 1).Fill((byte)'a');
        var format = new LinkedMap(0, ".rodata", MapType.Array, 4, (uint)text.Length, 1, 1 << 7) { DataSection = DataSectionKind.ReadOnly, InitialData = text };
        using LoadedObject loaded = _engine.Load("again:\nr1 = r10; r1 += -8; r2 = 8; r3 = map[0][0]; r4 = 0; r5 = 0; call snprintf; goto again", format);
        EndsAtBudget(() => loaded.Programs[0].Run(new ProgramRun()));
    }

    [Fact]
    public void Walking_an_empty_map_of_many_buckets_counts()
    {
        using LoadedObject loaded = _engine.Load(
            """
            again:
            r1 = map[0]; r2 = func each ll; r3 = 0; r4 = 0; call for_each_map_elem
            goto again
            each:
            r0 = 0
            exit
            """, TestPrograms.Map(0, MapType.Hash, 4, 4, 1 << 22));
        EndsAtBudget(() => loaded.Programs[0].Run(new ProgramRun()));
    }

    [Fact]
    public void Looking_up_in_a_trie_of_every_length_counts()
    {
        LinkedMap trie = TestPrograms.Map(0, MapType.LpmTrie, 260, 4, 4096, 1);
        using LoadedObject loaded = _engine.Load("r6 = r1\nagain:\nr1 = map[0]; r2 = r6; call map_lookup_elem; goto again", trie);
        byte[] key = new byte[260];
        key.AsSpan(4).Fill(0xff);
        for (int length = 1; length <= 2048; length++)
        {
            BitConverter.TryWriteBytes(key, length);
            loaded.Maps[0].Update(key, new byte[4]);
        }

        Array.Clear(key, 4, 256);
        EndsAtBudget(() => loaded.Programs[0].Run(new ProgramRun { Data = key }));
    }

    [Fact]
    public void Keys_made_to_collide_do_not()
    {
        // Flipping the top bit of a word and bit 28 of the next left the former hash as it was, whatever the seed.
        const int Pairs = 14;
        LinkedMap definition = TestPrograms.Map(0, MapType.Hash, Pairs * 16, 4, 1 << Pairs);
        using LoadedObject loaded = _engine.Load("r0 = 0; exit", definition);
        var clock = Stopwatch.StartNew();
        byte[] key = new byte[Pairs * 16];
        for (int i = 0; i < 1 << Pairs; i++)
        {
            for (int pair = 0; pair < Pairs; pair++)
            {
                bool isSet = ((i >> pair) & 1) != 0;
                key[(pair * 16) + 7] = (byte)(isSet ? 0x80 : 0);
                key[(pair * 16) + 8 + 3] = (byte)(isSet ? 0x10 : 0);
            }

            loaded.Maps[0].Update(key, new byte[4]);
        }

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(0.5), $"{1 << Pairs} updates took {clock.Elapsed}");
    }

    [Fact]
    public void A_record_is_out_of_reach_once_it_is_submitted()
    {
        using LoadedObject loaded = _engine.Load("r1 = map[0]; r2 = 8; r3 = 0; call ringbuf_reserve; r6 = r0; *(u64 *)(r6 + 0) = 1; r1 = r6; r2 = 0; call ringbuf_submit; *(u64 *)(r6 + 0) = 2; r0 = 0; exit", TestPrograms.Map(0, MapType.Ringbuf, 0, 0, 4096));
        Assert.Equal("OSM6100", Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun())).Id);
    }

    [Fact]
    public void A_returned_functions_frame_is_out_of_reach()
    {
        Assert.Equal("OSM6100", Assert.Throws<TrapException>(() => _engine.Run("call inner; r0 = *(u64 *)(r0 + 0); exit\ninner:\nr0 = r10; r0 += -8; *(u64 *)(r0 + 0) = 1; exit")).Id);
    }

    [Theory]
    [InlineData("r2 = -4; r0 = *(u64 *)(r2 + 0); exit")]
    [InlineData("r2 = -8; r0 = *(u64 *)(r2 + 0); exit")]
    [InlineData("r2 = -1; r1 = r10; r1 += -8; r3 = r2; r2 = 8; call probe_read; if r0 == 0 goto +1; r0 = *(u8 *)(r3 + 0); exit")]
    [InlineData("r1 = -16; r2 = 64; r3 = 0; r4 = 0; r5 = 0; call csum_diff; exit")]
    [InlineData("r1 = r10; r1 += -8; r2 = 0x7ffffffc; r3 = 0; r4 = 0; r5 = 0; call csum_diff; exit")]
    public void Addresses_that_wrap_are_no_memory(string code) =>
        Assert.Throws<TrapException>(() => _engine.Run(code));

    private static void EndsAtBudget(Action run)
    {
        var clock = Stopwatch.StartNew();
        Assert.Equal("OSM6104", Assert.Throws<TrapException>(run).Id);
        Assert.True(clock.Elapsed < s_patience, $"the run ended after {clock.Elapsed}");
    }

    private LoadedObject LoadProducer(MapType type) => type == MapType.Ringbuf
        ? _engine.Load("r3 = r2; r2 = r1; r1 = map[0]; r4 = 0; call ringbuf_output; exit", TestPrograms.Map(0, type, 0, 0, 4096))
        : _engine.Load("r5 = r2; r4 = r1; r2 = map[0]; r3 = 0xffffffff ll; call perf_event_output; exit", TestPrograms.Map(0, type, 4, 4, 0));
}
