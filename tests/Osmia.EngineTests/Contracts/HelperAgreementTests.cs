using System.Buffers.Binary;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>Contexts, packet helpers and instructions: the kernel's verdict, packet and context after a run are the VM's.</summary>
[SupportedOSPlatform("linux")]
public sealed class HelperAgreementTests
{
    private const string Bounds = "r7 = *(u32 *)(r6 + 76); r8 = *(u32 *)(r6 + 80); r2 = r7; r2 += 34; if r2 > r8 goto out\n";
    private const string Out = "\nout:\nexit";

    public static TheoryData<ProgramType, string> Programs => new()
    {
        // xdp_md and the bpf_xdp_* helpers at their limits.
        { ProgramType.Xdp, "r0 = *(u32 *)(r1 + 12); exit" },
        { ProgramType.Xdp, "r0 = *(u32 *)(r1 + 16); exit" },
        { ProgramType.Xdp, "r2 = *(u32 *)(r1 + 0); r0 = *(u32 *)(r1 + 4); r0 -= r2; exit" },
        { ProgramType.Xdp, "r2 = -216; call xdp_adjust_head; exit" },
        { ProgramType.Xdp, "r2 = -217; call xdp_adjust_head; exit" },
        { ProgramType.Xdp, "r2 = 14; call xdp_adjust_head; exit" },
        { ProgramType.Xdp, "r2 = -40; call xdp_adjust_tail; exit" },
        { ProgramType.Xdp, "r2 = 1000; call xdp_adjust_tail; exit" },
        { ProgramType.Xdp, "r2 = 3400; call xdp_adjust_tail; exit" },
        { ProgramType.Xdp, "r2 = 3500; call xdp_adjust_tail; exit" },
        { ProgramType.Xdp, "r2 = -4; call xdp_adjust_meta; exit" },
        { ProgramType.Xdp, "r2 = -3; call xdp_adjust_meta; exit" },
        { ProgramType.Xdp, "r2 = -252; call xdp_adjust_meta; exit" },
        { ProgramType.Xdp, "r2 = -216; call xdp_adjust_meta; exit" },
        { ProgramType.Xdp, "r6 = r1; r2 = -8; call xdp_adjust_meta; r1 = r6; r2 = -100; call xdp_adjust_head; exit" },
        { ProgramType.Xdp, "r6 = r1; r2 = -8; call xdp_adjust_meta; r1 = r6; r2 = -209; call xdp_adjust_head; exit" },
        { ProgramType.Xdp, "call xdp_get_buff_len; exit" },
        { ProgramType.Xdp, "*(u64 *)(r10 - 8) = 0; r2 = 12; r3 = r10; r3 += -8; r4 = 8; call xdp_load_bytes; r0 = *(u64 *)(r10 - 8); exit" },
        { ProgramType.Xdp, "*(u64 *)(r10 - 8) = 0; r2 = 70000; r3 = r10; r3 += -8; r4 = 8; call xdp_load_bytes; exit" },
        { ProgramType.Xdp, "*(u64 *)(r10 - 8) = 0; r2 = 4000; r3 = r10; r3 += -8; r4 = 8; call xdp_load_bytes; exit" },
        { ProgramType.Xdp, "*(u64 *)(r10 - 8) = 7; r2 = 12; r3 = r10; r3 += -8; r4 = 8; call xdp_store_bytes; exit" },
        { ProgramType.Xdp, "r1 = 5; r2 = 0; call redirect; exit" },
        { ProgramType.Xdp, "r1 = 5; r2 = 1; call redirect; exit" },

        // __sk_buff as each type sees it.
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 0); exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 4); exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 16); exit" },
        { ProgramType.SchedCls, "r0 = *(u8 *)(r1 + 17); exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 20); r2 = *(u32 *)(r1 + 24); r0 += r2; exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 36); r0 <<= 8; r2 = *(u32 *)(r1 + 40); r0 |= r2; exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 68); exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 160); exit" },
        { ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 164); r2 = *(u32 *)(r1 + 176); r0 += r2; exit" },
        { ProgramType.SchedCls, "*(u32 *)(r1 + 8) = 42; *(u32 *)(r1 + 32) = 7; *(u8 *)(r1 + 50) = 9; *(u64 *)(r1 + 56) = 0x1234; r0 = *(u16 *)(r1 + 50); exit" },
        { ProgramType.SocketFilter, "r0 = *(u32 *)(r1 + 0); exit" },
        { ProgramType.SocketFilter, "r6 = r1; r0 = *(u8 *)skb[0]; exit" },
        { ProgramType.SocketFilter, "r6 = r1; r7 = 2; r0 = *(u16 *)skb[r7 + 10]; exit" },
        { ProgramType.SocketFilter, "r6 = r1; r0 = *(u32 *)skb[4000]; exit" },
        { ProgramType.SocketFilter, "r6 = r1; r0 = *(u16 *)skb[-2097140]; exit" },
        { ProgramType.SocketFilter, "r6 = r1; r0 = *(u16 *)skb[-1048568]; exit" },
        { ProgramType.SocketFilter, "*(u32 *)(r10 - 8) = 0; r2 = 12; r3 = r10; r3 += -8; r4 = 2; r5 = 0; call skb_load_bytes_relative; r1 = *(u32 *)(r10 - 8); r0 += r1; exit" },
        { ProgramType.SocketFilter, "*(u32 *)(r10 - 8) = 0; r2 = 9; r3 = r10; r3 += -8; r4 = 1; r5 = 1; call skb_load_bytes_relative; r1 = *(u32 *)(r10 - 8); r0 += r1; exit" },
        { ProgramType.SchedCls, "r6 = r1; r0 = *(u16 *)skb[12]; exit" },

        // Helpers on socket buffers.
        { ProgramType.SchedCls, "r6 = r1; *(u32 *)(r10 - 8) = 0; r2 = 40; r3 = r10; r3 += -8; r4 = 4; call skb_load_bytes; r1 = *(u32 *)(r10 - 8); r0 ^= r1; exit" },
        { ProgramType.SchedCls, "*(u32 *)(r10 - 8) = 0; r2 = 4000; r3 = r10; r3 += -8; r4 = 4; call skb_load_bytes; exit" },
        { ProgramType.SchedCls, "*(u32 *)(r10 - 8) = 0x11223344; r2 = 40; r3 = r10; r3 += -8; r4 = 4; r5 = 0; call skb_store_bytes; exit" },
        { ProgramType.SchedCls, "*(u32 *)(r10 - 8) = 1; r2 = 40; r3 = r10; r3 += -8; r4 = 4; r5 = 8; call skb_store_bytes; exit" },
        { ProgramType.SchedCls, "r2 = 20; r3 = 0; call skb_change_tail; exit" },
        { ProgramType.SchedCls, "r2 = 14; r3 = 0; call skb_change_tail; exit" },
        { ProgramType.SchedCls, "r2 = 13; r3 = 0; call skb_change_tail; exit" },
        { ProgramType.SchedCls, "r2 = 2000; r3 = 0; call skb_change_tail; exit" },
        { ProgramType.SchedCls, "r6 = r1; r2 = 100; r3 = 0; call skb_change_head; r7 = *(u32 *)(r6 + 0); r0 ^= r7; exit" },
        { ProgramType.SchedCls, "r2 = 5000; call skb_pull_data; exit" },
        { ProgramType.SchedCls, "r2 = 0; call skb_pull_data; exit" },
        { ProgramType.SchedCls, "r6 = r1; r2 = 2; call skb_change_type; r7 = *(u32 *)(r6 + 4); r0 += r7; exit" },
        { ProgramType.SchedCls, "r6 = r1; r2 = 0x0081; r3 = 5; call skb_vlan_push; r7 = *(u32 *)(r6 + 24); r0 += r7; r7 = *(u32 *)(r6 + 28); r0 += r7; r7 = *(u32 *)(r6 + 16); r0 += r7; exit" },
        { ProgramType.SchedCls, "r6 = r1; r2 = 0x0081; r3 = 5; call skb_vlan_push; r1 = r6; r2 = 0xa888; r3 = 6; call skb_vlan_push; r0 = *(u32 *)(r6 + 24); r7 = *(u32 *)(r6 + 28); r0 += r7; r7 = *(u32 *)(r6 + 16); r0 += r7; exit" },
        { ProgramType.SchedCls, "r6 = r1; r2 = 0x0081; r3 = 5; call skb_vlan_push; r1 = r6; r2 = 0x0081; r3 = 6; call skb_vlan_push; r1 = r6; call skb_vlan_pop; r7 = *(u32 *)(r6 + 24); r7 <<= 4; r1 = r6; call skb_vlan_pop; r8 = *(u32 *)(r6 + 20); r7 |= r8; r0 = r7; exit" },
        { ProgramType.SchedCls, "r6 = r1; call skb_vlan_pop; r7 = *(u32 *)(r6 + 16); r0 += r7; r7 = *(u32 *)(r6 + 0); r0 += r7; exit" },
        { ProgramType.SchedCls, "r2 = 24; r3 = 0x1234; r4 = 0x5678; r5 = 2; call l3_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 24; r3 = 0x12345678; r4 = 0x9abcdef0 ll; r5 = 4; call l3_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 24; r3 = 0; r4 = 0x1234; r5 = 0; call l3_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 25; r3 = 0; r4 = 0x1234; r5 = 0; call l3_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 24; r3 = 0; r4 = 0x1234; r5 = 3; call l3_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 40; r3 = 0x12345678; r4 = 0x77; r5 = 0x14; call l4_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 40; r3 = 0x1234; r4 = 0x77; r5 = 0x22; call l4_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 40; r3 = 0x1234; r4 = 0x77; r5 = 0x62; call l4_csum_replace; exit" },
        { ProgramType.SchedCls, "r2 = 5; call csum_update; exit" },
        { ProgramType.SchedCls, "r1 = 3; r2 = 0; call redirect; exit" },
        { ProgramType.SchedCls, "r1 = 3; r2 = 2; call redirect; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 16) = 0x55667788; *(u64 *)(r10 - 8) = -7; r1 = r10; r1 += -16; r2 = 8; r3 = r10; r3 += -8; r4 = 8; r5 = 99; call csum_diff; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 8) = -7; r1 = 0; r2 = 0; r3 = r10; r3 += -8; r4 = 8; r5 = 0x12345678; call csum_diff; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 8) = -7; r1 = r10; r1 += -8; r2 = 8; r3 = 0; r4 = 0; r5 = 0x12345678; call csum_diff; exit" },
        { ProgramType.SchedCls, "r6 = r1; r0 = 0\n" + Bounds + "*(u16 *)(r7 + 20) = 0x55aa; r0 = *(u16 *)(r7 + 12); r1 = *(u8 *)(r7 + 33); r0 += r1" + Out },
        { ProgramType.CgroupSkb, "r6 = r1; r0 = 0\n" + Bounds + "r0 = 1" + Out },
        { ProgramType.CgroupSkb, "r2 = *(u32 *)(r1 + 88); r3 = *(u32 *)(r1 + 16); r0 = 1; if r2 == 2 goto out; if r3 == 0xdd86 goto out; r0 = 0\nout:\nexit" },

        // Text, numbers, instructions.
        { ProgramType.SchedCls, "*(u64 *)(r10 - 16) = 0x3231; *(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -16; r2 = 8; r3 = 0; r4 = r10; r4 += -8; call strtol; r1 = *(u64 *)(r10 - 8); r0 += r1; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 16) = 0x6678302d; *(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -16; r2 = 8; r3 = 0; r4 = r10; r4 += -8; call strtol; r1 = *(u64 *)(r10 - 8); r0 += r1; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 16) = 0x312d; *(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -16; r2 = 8; r3 = 0; r4 = r10; r4 += -8; call strtoul; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 16) = 0x38; *(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -16; r2 = 8; r3 = 8; r4 = r10; r4 += -8; call strtoul; exit" },
        { ProgramType.SchedCls, "r0 = -13; r1 = 4; r0 s/= r1; r2 = -13; r2 s%= 4; r2 &= 0xff; r0 += r2; r3 = 0x8081; r3 = (s8)r3; r0 += r3; r0 = bswap32 r0; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 8) = 5; r0 = 5; r2 = 9; w0 = cmpxchg_32(r10 - 8, w0, w2); r2 = xchg_64(r10 - 8, r2); r0 += r2; r2 = 3; r2 = atomic_fetch_xor((u64 *)(r10 - 8), r2); r0 += r2; exit" },
        { ProgramType.SchedCls, "*(u64 *)(r10 - 8) = 0x8182; r0 = *(s8 *)(r10 - 8); r1 = *(s16 *)(r10 - 8); r0 += r1; exit" },
    };

    [Theory]
    [MemberData(nameof(Programs))]
    public void The_vm_does_what_the_kernel_does(ProgramType type, string code)
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        LinkedProgram program = TestPrograms.Program(code, type, attachType: AttachTypeOf(type));
        LinkedObject linked = TestPrograms.Object([program]) with { License = "GPL" };
        using var ways = new VmWays(linked, slots: 2);
        using LoadedObject inKernel = kernel.Load(linked, LoadOptions.Default);
        foreach ((string name, byte[] frame) in Frames())
        {
            Outcome expected = Run(inKernel.Programs[0], frame);
            foreach ((string way, LoadedObject inVm) in ways.All)
            {
                Outcome actual = Run(inVm.Programs[0], frame);
                Assert.Equal($"{name}, {way}: {expected}", $"{name}, {way}: {actual}");
            }
        }
    }

    private sealed record Outcome(uint Verdict, int Length, string Data, string Context)
    {
        public override string ToString() => $"r0 = {(int)Verdict}, {Length} bytes\n{Data}\n{Context}";
    }

    private static Outcome Run(LoadedProgram program, byte[] frame)
    {
        byte[] data = new byte[8192];
        byte[] context = new byte[program.Type == ProgramType.Xdp ? 24 : 192];
        ProgramRunResult result = program.Run(new ProgramRun { Data = frame, DataOut = data, ContextOut = context });
        if (program.Type == ProgramType.Xdp)
        {
            // Without an input context the kernel leaves the interface 0 here.
            context.AsSpan(12).Clear();
        }

        return new((uint)result.ReturnValue, result.DataLength, Convert.ToHexStringLower(data.AsSpan(0, result.DataLength)), Convert.ToHexStringLower(context));
    }

    private static AttachType? AttachTypeOf(ProgramType type) => type switch
    {
        ProgramType.CgroupSkb => AttachType.CgroupInetIngress,
        ProgramType.Xdp => AttachType.Xdp,
        _ => null,
    };

    private static IEnumerable<(string Name, byte[] Frame)> Frames()
    {
        byte[] tcp =
        [
            2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
            0x45, 0, 0, 46, 0, 1, 0, 0, 64, 6, 0x12, 0x34, 192, 168, 1, 1, 10, 0, 0, 1,
            0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6,
        ];
        yield return ("tcp", tcp);
        byte[] broadcast = [.. tcp];
        broadcast.AsSpan(0, 6).Fill(0xff);
        yield return ("broadcast", broadcast);
        byte[] own = [.. tcp];
        own.AsSpan(0, 6).Clear();
        yield return ("to loopback's address", own);
        byte[] multicast = [.. tcp];
        multicast[0] = 1;
        yield return ("multicast", multicast);
        yield return ("tagged", [.. tcp[..12], 0x81, 0, 0x20, 7, .. tcp[12..]]);
        yield return ("tagged twice", [.. tcp[..12], 0x88, 0xa8, 0, 9, 0x81, 0, 0x20, 7, .. tcp[12..]]);
        byte[] ip6 = new byte[14 + 40 + 20];
        ip6.AsSpan(14).Fill(3);
        BinaryPrimitives.WriteUInt16BigEndian(ip6.AsSpan(12), 0x86dd);
        ip6[14] = 0x60;
        yield return ("ip6", ip6);
        byte[] length = [.. tcp];
        BinaryPrimitives.WriteUInt16BigEndian(length.AsSpan(12), 46);
        yield return ("802.2", length);
        yield return ("short", [.. tcp[..12], 8, 6, 1, 2, 3, 4, 5, 6]);
    }
}
