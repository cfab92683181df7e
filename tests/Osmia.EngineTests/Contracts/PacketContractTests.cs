using System.Buffers.Binary;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>
/// Small programs about one thing each, on the same packets in both engines: the value returned, the packet and the context that come
/// back. Programs take their arguments from the first bytes of the packet.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class PacketContractTests : IDisposable
{
    private const string Bounds = "r6 = r1; r7 = *(u32 *)(r1 + 0); r8 = *(u32 *)(r1 + 4); r2 = r7; r2 += 14; r0 = 77; if r2 <= r8 goto +1; exit; ";
    private const string SkbBounds = "r6 = r1; r7 = *(u32 *)(r1 + 76); r8 = *(u32 *)(r1 + 80); r2 = r7; r2 += 14; r0 = 77; if r2 <= r8 goto +1; exit; ";

    private readonly KernelEngine _kernel = KernelTest.OpenOrSkip();
    private readonly VmEngine _vm = new(new VmOptions { Slots = 1 });

    public void Dispose()
    {
        _kernel.Dispose();
        _vm.Dispose();
    }

    [Theory]
    [InlineData(ProgramType.SchedCls)]
    [InlineData(ProgramType.SocketFilter)]
    [InlineData(ProgramType.CgroupSkb)]
    public void Socket_buffers_of_the_capture_have_the_same_length_and_protocol(ProgramType type)
    {
        // The length is below 2^15, so both facts fit the 32 bits a test run reports.
        LinkedObject linked = Object(type, "r2 = *(u32 *)(r1 + 0); r0 = *(u32 *)(r1 + 16); r0 <<= 15; r0 |= r2; " + (type == ProgramType.CgroupSkb ? "r0 = 1; exit" : "exit"));
        using LoadedObject inKernel = _kernel.Load(linked);
        using LoadedObject inVm = _vm.Load(linked, LoadOptions.Default);
        var kernelReplay = new PacketReplay(inKernel.Programs[0]);
        var vmReplay = new PacketReplay(inVm.Programs[0]);
        using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
        int number = 0;
        while (packets.TryRead(out _, out ReadOnlySpan<byte> frame))
        {
            number++;
            if (inKernel.Programs[0].TakesFrame(frame))
            {
                ulong? expected = kernelReplay.Judge(frame);
                Assert.True(expected == vmReplay.Judge(frame), $"packet {number} of {frame.Length} bytes: kernel {Text(expected)}");
            }
        }

        Assert.True(kernelReplay.Packets > 1000, $"only {kernelReplay.Packets} packets were compared");
        Assert.Equal(0, kernelReplay.Skipped);
    }

    [Theory]
    [InlineData("xdp_adjust_head")]
    [InlineData("xdp_adjust_tail")]
    [InlineData("xdp_adjust_meta")]
    public void Xdp_moves_its_ends_alike(string helper)
    {
        string code = Bounds + $"r2 = *(u32 *)(r7 + 0); r1 = r6; call {helper}; exit";
        Compare(ProgramType.Xdp, code, from length in new[] { 14, 15, 28, 64, 1500, 3000 } from argument in Distances(length) select Packet(length, argument));
    }

    [Fact]
    public void Xdp_metadata_goes_with_the_head()
    {
        const string Code = Bounds +
            """
            r9 = *(u32 *)(r7 + 0)
            r1 = r6; r2 = -8; call xdp_adjust_meta
            if r0 != 0 goto out
            r2 = *(u32 *)(r6 + 8); r3 = *(u32 *)(r6 + 0); r4 = r2; r4 += 8
            if r4 > r3 goto out
            r5 = 0x1122334455667788 ll
            *(u64 *)(r2 + 0) = r5
            r1 = r6; r2 = r9; call xdp_adjust_head
            r9 = r0
            r2 = *(u32 *)(r6 + 8); r3 = *(u32 *)(r6 + 0); r4 = r2; r4 += 8
            r0 = 5
            if r4 > r3 goto out
            r0 = *(u32 *)(r2 + 0)
            r0 += r9
            out:
            exit
            """;
        Compare(ProgramType.Xdp, Code, from length in new[] { 14, 64 } from argument in Distances(length) select Packet(length, argument));
    }

    [Theory]
    [InlineData("r3 = 0; call skb_change_tail")]
    [InlineData("r3 = 0; call skb_change_head")]
    [InlineData("call skb_pull_data")]
    [InlineData("call skb_change_type")]
    public void Skbs_are_changed_alike(string call)
    {
        string code = SkbBounds + $"r2 = *(u32 *)(r7 + 0); r1 = r6; {call}; r7 = r0; r1 = r6; r0 = *(u32 *)(r1 + 0); r0 <<= 8; r0 += r7; exit";
        Compare(ProgramType.SchedCls, code, from length in new[] { 34, 35, 64, 1500 } from argument in Distances(length) select Packet(length, argument));
    }

    [Fact]
    public void Vlan_tags_are_pushed_and_popped_alike()
    {
        const string Fields = "r7 = *(u32 *)(r6 + 16); r7 <<= 3; r2 = *(u32 *)(r6 + 20); r7 += r2; r7 <<= 5; r2 = *(u32 *)(r6 + 24); r7 ^= r2; r7 <<= 3; r2 = *(u32 *)(r6 + 28); r7 ^= r2; r2 = *(u32 *)(r6 + 0); r7 += r2; r0 <<= 7; r0 ^= r7; exit";
        byte[][] packets = [Ethernet(0x0800, 60), Ethernet(0x86dd, 80), Ethernet(0x8100, 60), Ethernet(0x88a8, 60), Ethernet(0x8100, 18), Ethernet(0x8100, 16), Ethernet(0x0042, 60)];
        foreach (string calls in (string[])
            [
                "r1 = r6; call skb_vlan_pop",
                "r1 = r6; r2 = 0x81; r3 = 7; call skb_vlan_push",
                "r1 = r6; r2 = 0xa888; r3 = 0xfff; call skb_vlan_push",
                "r1 = r6; r2 = 0x81; r3 = 7; call skb_vlan_push; r1 = r6; r2 = 0xa888; r3 = 9; call skb_vlan_push",
                "r1 = r6; r2 = 0x81; r3 = 7; call skb_vlan_push; r1 = r6; call skb_vlan_pop",
                "r1 = r6; call skb_vlan_pop; r1 = r6; call skb_vlan_pop",
            ])
        {
            Compare(ProgramType.SchedCls, $"r6 = r1; {calls}; {Fields}", packets);
        }
    }

    [Theory]
    [InlineData(ProgramType.SchedCls)]
    [InlineData(ProgramType.SocketFilter)]
    public void Skb_bytes_are_loaded_alike(ProgramType type)
    {
        int[] offsets = [0, 1, 13, 14, 20, 27, 45, 46, 47, 48, 59, 60, 61, -1, int.MaxValue, int.MinValue, 0xffff];
        foreach (int offset in offsets)
        {
            string argument = $"r1 = r6; r2 = {offset}; r3 = r10; r3 += -16; r4 = 14";
            const string Start = "r6 = r1; *(u64 *)(r10 - 16) = 7; *(u64 *)(r10 - 8) = 7";
            const string End = "r2 = *(u64 *)(r10 - 16); r0 ^= r2; r2 = *(u64 *)(r10 - 8); r0 += r2; r3 = r2; r3 >>= 32; r0 ^= r3; exit";
            Compare(type, $"{Start}; {argument}; call skb_load_bytes; {End}", [Ethernet(0x0800, 60)]);
            for (int header = 0; header < 3; header++)
            {
                Compare(type, $"{Start}; {argument}; r5 = {header}; call skb_load_bytes_relative; {End}", [Ethernet(0x0800, 60)]);
            }
        }
    }

    [Theory]
    [InlineData("r2 = 24; r3 = 0x1234; r4 = 0x5678; r5 = 2; call l3_csum_replace")]
    [InlineData("r2 = 24; r3 = 0x12345678; r4 = 0x9abcdef0; r5 = 4; call l3_csum_replace")]
    [InlineData("r2 = 24; r3 = 0; r4 = 0x9abcdef0; r5 = 0; call l3_csum_replace")]
    [InlineData("r2 = 25; r3 = 0; r4 = 1; r5 = 0; call l3_csum_replace")]
    [InlineData("r2 = 24; r3 = 1; r4 = 1; r5 = 3; call l3_csum_replace")]
    [InlineData("r2 = 40; r3 = 0x12345678; r4 = 0x9abcdef0; r5 = 0x14; call l4_csum_replace")]
    [InlineData("r2 = 40; r3 = 0x12345678; r4 = 0x9abcdef0; r5 = 0x24; call l4_csum_replace")]
    [InlineData("r2 = 50; r3 = 0x1234; r4 = 0x5678; r5 = 0x22; call l4_csum_replace")]
    [InlineData("r2 = 50; r3 = 0x1234; r4 = 0x5678; r5 = 0x62; call l4_csum_replace")]
    [InlineData("r2 = 59; r3 = 0x1234; r4 = 0x5678; r5 = 2; call l4_csum_replace")]
    [InlineData("r2 = 0x10000; r3 = 0x1234; r4 = 0x5678; r5 = 2; call l4_csum_replace")]
    [InlineData("r3 = r10; r3 += -8; r2 = 20; r4 = 8; r5 = 0; call skb_store_bytes")]
    [InlineData("r3 = r10; r3 += -8; r2 = 20; r4 = 8; r5 = 1; call skb_store_bytes")]
    [InlineData("r3 = r10; r3 += -8; r2 = 20; r4 = 8; r5 = 4; call skb_store_bytes")]
    [InlineData("r3 = r10; r3 += -8; r2 = 53; r4 = 8; r5 = 0; call skb_store_bytes")]
    [InlineData("r1 = r10; r1 += -8; r2 = 8; r3 = r10; r3 += -16; r4 = 8; r5 = 5; call csum_diff")]
    [InlineData("r1 = 0; r2 = 0; r3 = r10; r3 += -16; r4 = 8; r5 = 0xffff; call csum_diff")]
    [InlineData("r1 = r10; r1 += -8; r2 = 8; r3 = 0; r4 = 0; r5 = -1; call csum_diff")]
    public void Checksums_and_stores_agree(string call)
    {
        byte[] zeroed = Ethernet(0x0800, 60);
        zeroed.AsSpan(20).Clear();
        Compare(ProgramType.SchedCls, $"r6 = r1; r2 = 0x8182838485868788 ll; *(u64 *)(r10 - 8) = r2; r2 = 0x1f2e3d4c5b6a7988 ll; *(u64 *)(r10 - 16) = r2; r1 = r6; {call}; exit", [Ethernet(0x0800, 60), zeroed]);
    }

    [Theory]
    [InlineData(ProgramType.SchedCls)]
    [InlineData(ProgramType.SocketFilter)]
    public void Packet_loads_agree_inside_and_outside(ProgramType type)
    {
        int[] offsets = [0, 1, 11, 12, 13, 14, 42, 43, 44, 45, 46, 47, 56, 57, 58, 59, 60, 61, int.MaxValue, -1, int.MinValue, -0x100000, -0x100000 + 44, -0x100000 + 46, -0x100001, -0x200000, -0x200000 + 12, -0x200000 + 58, -0x200001];
        foreach (int offset in offsets)
        {
            foreach (string width in (string[])["u8", "u16", "u32"])
            {
                Compare(type, $"r6 = r1; r0 = *({width} *)skb[{offset}]; r0 += 3; exit", [Ethernet(0x0800, 60)]);
                Compare(type, $"r6 = r1; r7 = {offset}; r0 = *({width} *)skb[r7 + 1]; r0 += 3; exit", [Ethernet(0x0800, 60)]);
            }
        }
    }

    public static TheoryData<ProgramType, bool> ContextCases => new()
    {
        { ProgramType.Xdp, false },
        { ProgramType.Xdp, true },
        { ProgramType.SchedCls, false },
        { ProgramType.SchedCls, true },
        { ProgramType.SocketFilter, false },
        { ProgramType.SocketFilter, true },
        { ProgramType.CgroupSkb, false },
        { ProgramType.CgroupSkb, true },
    };

    /// <summary>At every offset and width: what the verifier refuses the VM traps at, and what it allows gives the same value.</summary>
    [Theory]
    [MemberData(nameof(ContextCases))]
    public void Context_fields_agree(ProgramType type, bool isWrite)
    {
        byte[][] packets = [Ethernet(0x0800, 60), Ethernet(0x86dd, 80), Ethernet(0x8100, 64), Ethernet(0x0030, 60)];
        packets[1].AsSpan(0, 6).Fill(0xff);
        packets[2].AsSpan(0, 6).Clear();
        var differences = new List<string>();
        foreach (int size in (int[])[1, 2, 4, 8])
        {
            for (int offset = 0; offset < (type == ProgramType.Xdp ? 32 : 200); offset += size)
            {
                string pointer = $"(u{size * 8} *)(r1 + {offset})";
                string code = isWrite ? $"r2 = 0; *{pointer} = r2; r0 = 1; exit" : $"r2 = *{pointer}; r1 = map[0][0]; *(u64 *)(r1 + 0) = r2; r0 = 1; exit";

                // Addresses; and parts of pkt_type, protocol and family beyond what the kernel keeps of them, where it repeats the field.
                bool isIncomparable = !isWrite && (type == ProgramType.Xdp ? offset < 12 : offset is (> 4 and < 8) or (> 16 and < 20) or (> 88 and < 92) or (>= 76 and < 84) or (>= 140 and < 144) or (>= 168 and < 176));
                foreach (byte[] packet in packets)
                {
                    (ulong? expected, ulong? actual) = (KernelValue(type, code, packet), VmValue(type, code, packet));
                    if (expected.HasValue != actual.HasValue || (!isIncomparable && expected != actual))
                    {
                        differences.Add($"{pointer} on {Convert.ToHexStringLower(packet[..14])}: kernel {Text(expected)}, VM {Text(actual)}");
                    }
                }
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static string Text(ulong? value) => value is { } number ? $"0x{number:x}" : "refuses";

    private ulong? KernelValue(ProgramType type, string code, byte[] packet)
    {
        try
        {
            using LoadedObject loaded = _kernel.Load(Object(type, code));
            return RunForValue(loaded, packet);
        }
        catch (KernelException e) when (e.Call.Contains("LOAD", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
    }

    private ulong? VmValue(ProgramType type, string code, byte[] packet)
    {
        try
        {
            using LoadedObject loaded = _vm.Load(Object(type, code), LoadOptions.Default);
            return RunForValue(loaded, packet);
        }
        catch (TrapException)
        {
            return null;
        }
    }

    private static ulong RunForValue(LoadedObject loaded, byte[] packet)
    {
        loaded.Programs[0].Run(new ProgramRun { Data = packet });
        new Map<uint, ulong>(loaded.Maps[0]).TryLookup(0, out ulong value);
        return value;
    }

    private void Compare(ProgramType type, string code, IEnumerable<byte[]> packets)
    {
        LinkedObject linked = Object(type, code);
        using LoadedObject inKernel = _kernel.Load(linked);
        using var ways = new VmWays(linked, slots: 1);
        var differences = new List<string>();
        foreach (byte[] packet in packets)
        {
            string expected = Run(inKernel.Programs[0], packet);
            foreach ((string way, LoadedObject inVm) in ways.All)
            {
                string actual = Run(inVm.Programs[0], packet);
                if (expected != actual)
                {
                    differences.Add($"packet of {packet.Length} bytes, first word {BinaryPrimitives.ReadInt32LittleEndian(packet)}:\n  kernel {expected}\n  VM     {actual} ({way})");
                }
            }
        }

        Assert.True(differences.Count == 0, $"{code}\n{string.Join('\n', differences)}");
    }

    private static string Run(LoadedProgram program, byte[] packet)
    {
        byte[] output = new byte[128 * 1024];
        byte[] context = new byte[program.Type == ProgramType.Xdp ? 24 : 192];
        ProgramRunResult result = program.Run(new ProgramRun { Data = packet, DataOut = output, ContextOut = context });
        return $"r0 {(uint)result.ReturnValue:x}, {result.DataLength} bytes, context {Convert.ToHexStringLower(context).TrimEnd('0')}, data {Convert.ToHexStringLower(output.AsSpan(0, Math.Min(result.DataLength, output.Length)))}";
    }

    private static LinkedObject Object(ProgramType type, string code) => TestPrograms.Object([TestPrograms.Program(code, type)], TestPrograms.Map(0, MapType.Array, 4, 8, 1, name: "value")) with { License = "GPL" };

    private static int[] Distances(int length) =>
        [0, 1, -1, 3, 4, -4, 8, -8, 13, 14, 15, 16, 27, 28, 32, 60, 252, -252, 255, 256, -128, -200, -208, -212, -215, -216, -217, -220, -255, -256, -257, -14, -15, length, length - 13, length - 14, length - 15, -length, -(length - 13), -(length - 14),
            3519 - length, 3520 - length, 3521 - length, 3776 - length, 3775 - length, 1500, 3500, 4096, -4096, 16064, 16065, 16064 - length, 16065 - length, 20000, 65535, 65536, int.MaxValue, int.MinValue];

    private static byte[] Packet(int length, int argument)
    {
        byte[] packet = Ethernet(0x0800, length);
        BinaryPrimitives.WriteInt32LittleEndian(packet, argument);
        return packet;
    }

    private static byte[] Ethernet(int type, int length)
    {
        byte[] packet = new byte[length];
        for (int i = 0; i < length; i++)
        {
            packet[i] = (byte)((i * 7) + 2);
        }

        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(12), (ushort)type);
        if (length > 14)
        {
            packet[14] = type == 0x86dd ? (byte)0x60 : (byte)0x45;
        }

        return packet;
    }
}
