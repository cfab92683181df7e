using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Contexts and packets: what programs of each type see, may change, and hand back.</summary>
public sealed class VmPacketTests : IDisposable
{
    private static readonly byte[] s_frame = MakeFrame();

    private readonly VmEngine _engine = new(new VmOptions { Slots = 1, Seed = 1 });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Xdp_data_and_data_end_are_pointers_around_the_packet()
    {
        Assert.Equal((ulong)s_frame.Length, Xdp("r2 = *(u32 *)(r1 + 0); r0 = *(u32 *)(r1 + 4); r0 -= r2; exit"));
        Assert.Equal(0x0008UL, Xdp("r2 = *(u32 *)(r1 + 0); r0 = *(u16 *)(r2 + 12); exit"));
        Assert.Equal(1UL, Xdp("r0 = *(u32 *)(r1 + 12); exit"));
        Assert.Equal(0UL, Xdp("r0 = *(u32 *)(r1 + 8); r2 = *(u32 *)(r1 + 0); r0 -= r2; exit"));
    }

    [Fact]
    public void A_read_past_the_packet_says_how_far()
    {
        TrapException trap = Assert.Throws<TrapException>(() => Xdp("r2 = *(u32 *)(r1 + 4); r0 = *(u8 *)(r2 + 4); exit"));
        Assert.Equal("OSM6100", trap.Id);
        Assert.Equal(1, trap.Slot);
        Assert.Contains("4 bytes past the end of packet (54 bytes)", trap.Message, StringComparison.Ordinal);
        Assert.Contains("program 'test', instruction 1", trap.Message, StringComparison.Ordinal);
        Assert.Equal(11, trap.Registers.Count);
    }

    [Theory]
    [InlineData("r0 = *(u8 *)(r1 + 0); exit")]
    [InlineData("r0 = *(u64 *)(r1 + 0); exit")]
    [InlineData("r0 = *(u16 *)(r1 + 12); exit")]
    [InlineData("r0 = *(u32 *)(r1 + 20); exit")]
    [InlineData("r0 = *(u32 *)(r1 + 24); exit")]
    [InlineData("r0 = *(u32 *)(r1 + 13); exit")]
    [InlineData("*(u32 *)(r1 + 16) = 1; r0 = 0; exit")]
    public void Xdp_context_fields_are_whole_words_to_read(string code) =>
        Assert.Equal("OSM6102", Assert.Throws<TrapException>(() => Xdp(code)).Id);

    [Fact]
    public void An_atomic_on_the_context_traps() =>
        Assert.Throws<TrapException>(() => Xdp("r2 = 1; lock *(u32 *)(r1 + 16) += r2; r0 = 0; exit"));

    [Fact]
    public void Xdp_may_write_its_packet_and_the_caller_gets_it_back()
    {
        byte[] output = new byte[100];
        ProgramRunResult result = Run(ProgramType.Xdp, "r2 = *(u32 *)(r1 + 0); *(u16 *)(r2 + 0) = 0x1234; r0 = 2; exit", s_frame, output);
        Assert.Equal((2UL, s_frame.Length), (result.ReturnValue, result.DataLength));
        Assert.Equal([0x34, 0x12], output[..2]);
        Assert.Equal(s_frame[2..], output[2..s_frame.Length]);
    }

    [Fact]
    public void Adjust_head_makes_room_and_takes_it_away()
    {
        const string Grow = "r6 = r1; r2 = -4; call xdp_adjust_head; r7 = r0; r2 = *(u32 *)(r6 + 0); *(u32 *)(r2 + 0) = 0x04030201; r0 = r7; exit";
        byte[] output = new byte[100];
        ProgramRunResult grown = Run(ProgramType.Xdp, Grow, s_frame, output);
        Assert.Equal((0UL, s_frame.Length + 4), (grown.ReturnValue, grown.DataLength));
        Assert.Equal([1, 2, 3, 4, .. s_frame[..8]], output[..12]);
        ProgramRunResult shrunk = Run(ProgramType.Xdp, "r2 = 14; call xdp_adjust_head; exit", s_frame, output);
        Assert.Equal((0UL, s_frame.Length - 14), (shrunk.ReturnValue, shrunk.DataLength));
        Assert.Equal(s_frame[14..], output[..(s_frame.Length - 14)]);
    }

    [Theory]
    [InlineData("xdp_adjust_head", -216, 0)]
    [InlineData("xdp_adjust_head", -217, -22)]
    [InlineData("xdp_adjust_head", 40, 0)]
    [InlineData("xdp_adjust_head", 41, -22)]
    [InlineData("xdp_adjust_tail", -40, 0)]
    [InlineData("xdp_adjust_tail", -41, -22)]
    [InlineData("xdp_adjust_tail", 3466, 0)]
    [InlineData("xdp_adjust_tail", 3467, -22)]
    [InlineData("xdp_adjust_meta", -4, 0)]
    [InlineData("xdp_adjust_meta", -3, -13)]
    [InlineData("xdp_adjust_meta", -216, 0)]
    [InlineData("xdp_adjust_meta", -220, -22)]
    [InlineData("xdp_adjust_meta", 4, -22)]
    public void Xdp_adjustments_end_where_the_kernels_do(string helper, int delta, int expected) =>
        Assert.Equal(expected, (long)Xdp($"r2 = {delta}; call {helper}; exit"));

    [Fact]
    public void Pointers_from_before_a_cut_trap()
    {
        TrapException trap = Assert.Throws<TrapException>(() =>
            Xdp("r7 = *(u32 *)(r1 + 4); r2 = -10; call xdp_adjust_tail; r0 = *(u8 *)(r7 - 1); exit"));
        Assert.Contains("9 bytes past the end of packet (44 bytes)", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_stands_in_front_and_comes_back()
    {
        byte[] output = new byte[100];
        byte[] context = new byte[24];
        using LoadedObject loaded = _engine.Load(ProgramType.Xdp,
            """
            r6 = r1; r2 = -8; call xdp_adjust_meta
            r2 = *(u32 *)(r6 + 8); r3 = *(u32 *)(r6 + 0)
            *(u32 *)(r2 + 0) = 7; *(u32 *)(r2 + 4) = 8
            r3 -= r2; r0 = r3
            exit
            """);
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = s_frame, DataOut = output, ContextOut = context });
        Assert.Equal((8UL, s_frame.Length + 8, 24), (result.ReturnValue, result.DataLength, result.ContextLength));
        Assert.Equal([7, 0, 0, 0, 8, 0, 0, 0, .. s_frame], output[..(s_frame.Length + 8)]);
        Assert.Equal(8, BinaryPrimitives.ReadInt32LittleEndian(context));
        Assert.Equal(s_frame.Length + 8, BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(4)));
    }

    [Fact]
    public void An_xdp_context_gives_metadata_and_interface()
    {
        byte[] context = new byte[24];
        BinaryPrimitives.WriteInt32LittleEndian(context, 4);
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(4), s_frame.Length + 4);
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(12), 9);
        using LoadedObject loaded = _engine.Load(ProgramType.Xdp, "r2 = *(u32 *)(r1 + 8); r0 = *(u32 *)(r2 + 0); r0 <<= 8; r3 = *(u32 *)(r1 + 12); r0 |= r3; exit");
        byte[] data = [1, 2, 3, 0, .. s_frame];
        Assert.Equal(0x3020109UL, loaded.Programs[0].Run(new ProgramRun { Data = data, Context = context }).ReturnValue);
        context[8] = 1;
        Assert.Throws<ArgumentException>(() => loaded.Programs[0].Run(new ProgramRun { Data = data, Context = context }));
    }

    [Fact]
    public void Xdp_loads_and_stores_bytes()
    {
        Assert.Equal(0x0008UL, Xdp("r2 = 12; r3 = r10; r3 += -8; r4 = 2; call xdp_load_bytes; r0 = *(u16 *)(r10 - 8); exit"));
        Assert.Equal(-22, (long)Xdp("r2 = 53; r3 = r10; r3 += -8; r4 = 2; call xdp_load_bytes; exit"));
        Assert.Equal((ulong)s_frame.Length, Xdp("call xdp_get_buff_len; exit"));
        Assert.Equal(0x55UL, Xdp("r6 = r1; *(u8 *)(r10 - 8) = 0x55; r2 = 3; r3 = r10; r3 += -8; r4 = 1; call xdp_store_bytes; r2 = *(u32 *)(r6 + 0); r0 = *(u8 *)(r2 + 3); exit"));
    }

    [Fact]
    public void Traffic_control_sees_the_ethernet_header()
    {
        Assert.Equal(54UL, Tc("r0 = *(u32 *)(r1 + 0); exit"));
        Assert.Equal(0x0008UL, Tc("r0 = *(u32 *)(r1 + 16); exit"));
        Assert.Equal(1UL, Tc("r0 = *(u32 *)(r1 + 40); exit"));
        Assert.Equal(3UL, Tc("r0 = *(u32 *)(r1 + 4); exit"));
        Assert.Equal(54UL, Tc("r2 = *(u32 *)(r1 + 76); r0 = *(u32 *)(r1 + 80); r0 -= r2; exit"));
        Assert.Equal(0x0800UL, Tc("r6 = r1; r0 = *(u16 *)skb[12]; exit"));
        Assert.Equal(54UL, Tc("r0 = *(u8 *)(r1 + 0); exit"));
        Assert.Equal(0UL, Tc("r0 = *(u64 *)(r1 + 168); exit"));
    }

    [Fact]
    public void Socket_filters_start_behind_the_ethernet_header_and_have_no_direct_access()
    {
        Assert.Equal(40UL, Run(ProgramType.SocketFilter, "r0 = *(u32 *)(r1 + 0); exit"));
        Assert.Equal(0x45UL, Run(ProgramType.SocketFilter, "r6 = r1; r0 = *(u8 *)skb[0]; exit"));
        Assert.Equal(6UL, Run(ProgramType.SocketFilter, "r6 = r1; r7 = 5; r0 = *(u8 *)skb[r7 + 4]; exit"));
        Assert.Equal(0x0800UL, Run(ProgramType.SocketFilter, "r6 = r1; r0 = *(u16 *)skb[-2097140]; exit"));
        Assert.Equal("OSM6102", Assert.Throws<TrapException>(() => Run(ProgramType.SocketFilter, "r2 = *(u32 *)(r1 + 76); r0 = 0; exit")).Id);
    }

    [Fact]
    public void A_packet_load_past_the_end_ends_the_program_with_zero() =>
        Assert.Equal(0UL, Run(ProgramType.SocketFilter, "r6 = r1; r0 = 5; r0 = *(u32 *)skb[38]; r0 = 7; exit"));

    [Fact]
    public void A_packet_load_needs_the_context_in_r6() =>
        Assert.Equal("OSM6102", Assert.Throws<TrapException>(() => Run(ProgramType.SocketFilter, "r0 = *(u8 *)skb[0]; exit")).Id);

    [Fact]
    public void Cgroup_programs_see_the_network_layer_and_may_not_write_it()
    {
        Assert.Equal(0x45UL, Run(ProgramType.CgroupSkb, "r2 = *(u32 *)(r1 + 76); r0 = *(u8 *)(r2 + 0); exit"));
        Assert.Equal(2UL, Run(ProgramType.CgroupSkb, "r0 = *(u32 *)(r1 + 88); exit"));
        Assert.Equal(0x0101a8c0UL, Run(ProgramType.CgroupSkb, "r0 = *(u32 *)(r1 + 96); exit"));
        Assert.Equal("OSM6101", Assert.Throws<TrapException>(() => Run(ProgramType.CgroupSkb, "r2 = *(u32 *)(r1 + 76); *(u8 *)(r2 + 0) = 1; r0 = 0; exit")).Id);
    }

    [Fact]
    public void Skb_fields_can_be_written_where_the_kernel_lets_them()
    {
        byte[] context = new byte[192];
        using LoadedObject loaded = _engine.Load(ProgramType.SchedCls,
            "*(u32 *)(r1 + 8) = 42; r2 = *(u32 *)(r1 + 32); r2 += 1; *(u32 *)(r1 + 32) = r2; *(u64 *)(r1 + 48) = 5; *(u8 *)(r1 + 67) = 6; r0 = *(u8 *)(r1 + 49); exit");
        byte[] input = new byte[192];
        BinaryPrimitives.WriteInt32LittleEndian(input.AsSpan(32), 100);
        loaded.Programs[0].Run(new ProgramRun { Data = s_frame, Context = input, ContextOut = context });
        Assert.Equal(42, BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(8)));
        Assert.Equal(101, BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(32)));
        Assert.Equal((5, 6), (context[48], context[67]));

        Assert.Throws<TrapException>(() => Run(ProgramType.SocketFilter, "*(u32 *)(r1 + 8) = 42; r0 = 0; exit"));
        Assert.Throws<TrapException>(() => Tc("*(u16 *)(r1 + 8) = 42; r0 = 0; exit"));
        Assert.Throws<TrapException>(() => Tc("*(u32 *)(r1 + 16) = 42; r0 = 0; exit"));
        Assert.Throws<TrapException>(() => Tc("r0 = *(u32 *)(r1 + 88); exit"));
        Assert.Throws<TrapException>(() => Tc("r0 = *(u8 *)(r1 + 181); exit"));
    }

    [Fact]
    public void Bytes_of_an_skb_are_loaded_and_stored()
    {
        Assert.Equal(0x45UL, Tc("r2 = 14; r3 = r10; r3 += -8; r4 = 1; call skb_load_bytes; r0 = *(u8 *)(r10 - 8); exit"));
        Assert.Equal(0x45UL, Tc("r2 = 0; r3 = r10; r3 += -8; r4 = 1; r5 = 1; call skb_load_bytes_relative; r0 = *(u8 *)(r10 - 8); exit"));
        Assert.Equal(-14, (long)Tc("r2 = 54; r3 = r10; r3 += -8; r4 = 1; call skb_load_bytes; exit"));
        Assert.Equal(0x77UL, Tc("r6 = r1; *(u8 *)(r10 - 8) = 0x77; r2 = 14; r3 = r10; r3 += -8; r4 = 1; r5 = 0; call skb_store_bytes; r0 = *(u8 *)skb[14]; exit"));
        TrapException trap = Assert.Throws<TrapException>(() => Tc("r2 = 14; r3 = r10; r3 += -4; r4 = 8; call skb_load_bytes; exit"));
        Assert.Equal("OSM6103", trap.Id);
        Assert.Contains("bpf_skb_load_bytes: argument 3", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_address_keeps_its_checksum_right()
    {
        byte[] output = new byte[100];
        Run(ProgramType.SchedCls,
            """
            r6 = r1
            r2 = 26; r3 = r10; r3 += -8; r4 = 4; call skb_load_bytes
            r7 = *(u32 *)(r10 - 8)
            *(u32 *)(r10 - 16) = 0x0a0b0c0d
            r8 = *(u32 *)(r10 - 16)
            r1 = r6; r2 = 24; r3 = r7; r4 = r8; r5 = 4; call l3_csum_replace
            r1 = r6; r2 = 50; r3 = r7; r4 = r8; r5 = 0x14; call l4_csum_replace
            r1 = r6; r2 = 26; r3 = r10; r3 += -16; r4 = 4; r5 = 0; call skb_store_bytes
            exit
            """, s_frame, output);
        Assert.Equal(0x0a0b0c0du, BinaryPrimitives.ReadUInt32LittleEndian(output.AsSpan(26)));
        Assert.Equal(0xffff, Sum(output.AsSpan(14, 20), 0));
        Assert.Equal(0xffff, TcpSum(output.AsSpan(0, s_frame.Length)));
    }

    [Fact]
    public void A_difference_of_blocks_is_their_checksums_difference()
    {
        ulong difference = Tc(
            "*(u32 *)(r10 - 8) = 0x11223344; *(u32 *)(r10 - 4) = 0x55667788; r1 = r10; r1 += -8; r2 = 4; r3 = r10; r3 += -4; r4 = 4; r5 = 0; call csum_diff; exit");
        Assert.Equal(0x8888UL, difference);

        // Linux 6.18 takes sizes that are no multiple of 4.
        Assert.Equal(0x204UL, Tc("*(u32 *)(r10 - 4) = 0x00030201; r1 = 0; r2 = 0; r3 = r10; r3 += -4; r4 = 3; r5 = 0; call csum_diff; exit"));
    }

    [Fact]
    public void Vlan_tags_are_pushed_and_popped()
    {
        byte[] output = new byte[100];
        const string Push = "r6 = r1; r2 = 0x0081; r3 = 5; call skb_vlan_push; r1 = r6; r2 = 0x0081; r3 = 6; call skb_vlan_push; ";
        ProgramRunResult tagged = Run(ProgramType.SchedCls, Push + "r0 = *(u32 *)(r6 + 24); exit", s_frame, output);
        Assert.Equal((6UL, s_frame.Length + 4), (tagged.ReturnValue, tagged.DataLength));
        Assert.Equal([.. s_frame[..12], 0x81, 0, 0, 5, .. s_frame[12..]], output[..(s_frame.Length + 4)]);
        ProgramRunResult bare = Run(ProgramType.SchedCls, Push + "r1 = r6; call skb_vlan_pop; r7 = *(u32 *)(r6 + 24); r1 = r6; call skb_vlan_pop; r0 = *(u32 *)(r6 + 20); r0 <<= 16; r0 |= r7; exit", s_frame, output);
        Assert.Equal((5UL, s_frame.Length), (bare.ReturnValue, bare.DataLength));
        Assert.Equal(s_frame, output[..s_frame.Length]);
    }

    [Fact]
    public void Skbs_grow_and_shrink_at_both_ends()
    {
        byte[] output = new byte[8000];
        Assert.Equal(20, Run(ProgramType.SchedCls, "r2 = 20; r3 = 0; call skb_change_tail; exit", s_frame, output).DataLength);
        Assert.Equal(6000, Run(ProgramType.SchedCls, "r2 = 6000; r3 = 0; call skb_change_tail; exit", s_frame, output).DataLength);
        Assert.Equal(0, output[5999]);
        ProgramRunResult result = Run(ProgramType.SchedCls, "r6 = r1; r2 = 2000; r3 = 0; call skb_change_head; r0 = *(u32 *)(r6 + 0); exit", s_frame, output);
        Assert.Equal((2054UL, 2054), (result.ReturnValue, result.DataLength));
        Assert.Equal(s_frame, output[2000..2054]);
        Assert.Equal(-22, (long)Tc("r2 = 13; r3 = 0; call skb_change_tail; exit"));
        Assert.Equal(-12, (long)Tc("r2 = 55; call skb_pull_data; exit"));
    }

    [Fact]
    public void Growing_and_cutting_in_turn_stays_bounded()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, InstructionBudget = 1 << 22 });
        long before = GC.GetTotalMemory(forceFullCollection: false) + Environment.WorkingSet;
        TrapException trap = Assert.Throws<TrapException>(() => engine.Run(ProgramType.SchedCls,
            "r6 = r1\nagain:\nr1 = r6; r2 = 60000; r3 = 0; call skb_change_head; r1 = r6; r2 = 14; r3 = 0; call skb_change_tail; goto again; exit", s_frame));
        Assert.Equal("OSM6104", trap.Id);
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 64 << 20);
    }

    [Fact]
    public void A_redirect_is_a_verdict_and_a_note()
    {
        using LoadedObject loaded = _engine.Load(ProgramType.Xdp, "r1 = map[0]; r2 = 1; r3 = 2; call redirect_map; exit", TestPrograms.Map(0, MapType.Devmap, 4, 4, 4, name: "ports"));
        var program = (VmProgram)loaded.Programs[0];
        Assert.Equal(2UL, program.Run(new ProgramRun { Data = s_frame }).ReturnValue);
        loaded.Maps[0].Update(BitConverter.GetBytes(1), BitConverter.GetBytes(17));
        Assert.Equal(4UL, program.Run(new ProgramRun { Data = s_frame }, out Redirection redirection).ReturnValue);
        Assert.Equal((17u, "ports", 1u), (redirection.InterfaceIndex, redirection.Map, redirection.Key));
        Assert.Equal(7UL, Tc("r1 = 3; r2 = 0; call redirect; exit"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(13)]
    [InlineData(14)]
    public void Runts_are_packets_too(int length)
    {
        foreach (ProgramType type in (ProgramType[])[ProgramType.Xdp, ProgramType.SchedCls, ProgramType.SocketFilter, ProgramType.CgroupSkb])
        {
            using LoadedObject loaded = _engine.Load(type, "r6 = r1; r0 = 3; exit");
            Assert.Equal(3UL, loaded.Programs[0].Run(new ProgramRun { Data = s_frame.AsSpan(0, length) }).ReturnValue);
        }

        Assert.Equal((ulong)length, _engine.Run(ProgramType.Xdp, "r2 = *(u32 *)(r1 + 0); r0 = *(u32 *)(r1 + 4); r0 -= r2; exit", s_frame.AsSpan(0, length)));
        Assert.Throws<TrapException>(() => _engine.Run(ProgramType.Xdp, $"r2 = *(u32 *)(r1 + 0); r0 = *(u8 *)(r2 + {length}); exit", s_frame.AsSpan(0, length)));
    }

    [Fact]
    public void A_jumbo_packet_is_no_trouble()
    {
        byte[] packet = new byte[70_000];
        Assert.Equal(70_000UL, _engine.Run(ProgramType.Xdp, "call xdp_get_buff_len; exit", packet));
        Assert.Equal(70_000UL, _engine.Run(ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 0); exit", packet));
    }

    private static byte[] MakeFrame()
    {
        byte[] frame =
        [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
            0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 168, 1, 1, 10, 0, 0, 1,
            0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), (ushort)~Sum(frame.AsSpan(14, 20), 0));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(50), (ushort)~TcpSum(frame));
        return frame;
    }

    private static ushort TcpSum(ReadOnlySpan<byte> frame) => Sum(frame[34..], (uint)(Sum(frame.Slice(26, 8), 0) + 6 + frame.Length - 34));

    private static ushort Sum(ReadOnlySpan<byte> bytes, uint seed)
    {
        uint sum = seed;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)(bytes[i] << 8) | (i + 1 < bytes.Length ? bytes[i + 1] : 0u);
        }

        while (sum > 0xffff)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)sum;
    }

    private ulong Xdp(string code) => _engine.Run(ProgramType.Xdp, code, s_frame);

    private ulong Tc(string code) => _engine.Run(ProgramType.SchedCls, code, s_frame);

    private ulong Run(ProgramType type, string code) => _engine.Run(type, code, s_frame);

    private ProgramRunResult Run(ProgramType type, string code, byte[] packet, byte[] output)
    {
        using LoadedObject loaded = _engine.Load(type, code);
        return loaded.Programs[0].Run(new ProgramRun { Data = packet, DataOut = output });
    }
}
