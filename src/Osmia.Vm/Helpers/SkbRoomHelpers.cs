using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>Helpers that make room in a socket buffer or change what it is: other protocol, hash, time, congestion mark.</summary>
/// <remarks>Source: their descriptions in include/uapi/linux/bpf.h; results tried on Linux 6.18.</remarks>
internal static unsafe class SkbRoomHelpers
{
    private const ushort Ip4 = 0x0800;
    private const ushort Ip6 = 0x86dd;
    private const int Ip4Header = 20;
    private const int Ip6Header = 40;
    private const int MaxRoom = 0xfff;
    private const int MaxLength = (4 * 4096) - 320;

    // BPF_F_ADJ_ROOM_*.
    private const ulong EncapsulateIp4 = 1 << 1;
    private const ulong EncapsulateIp6 = 1 << 2;
    private const ulong EncapsulateGre = 1 << 3;
    private const ulong EncapsulateUdp = 1 << 4;
    private const ulong KeepChecksum = 1 << 5;
    private const ulong FixedSegments = 1;
    private const ulong InnerEthernet = 1 << 6;
    private const ulong DecapsulateIp4 = 1 << 7;
    private const ulong DecapsulateIp6 = 1 << 8;
    private const ulong InnerLinkMask = 0xffUL << 56;
    private const ulong KnownFlags = FixedSegments | EncapsulateIp4 | EncapsulateIp6 | EncapsulateGre | EncapsulateUdp | KeepChecksum | InnerEthernet | DecapsulateIp4 | DecapsulateIp6 | InnerLinkMask;

    public static ulong AdjustRoom(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int difference = (int)r[2];
        int size = Math.Abs((long)difference) > MaxRoom ? MaxRoom + 1 : Math.Abs(difference);
        ulong flags = r[4];
        if ((flags & ~KnownFlags) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (size > MaxRoom)
        {
            return Errno.Negative(Errno.Fault);
        }

        ushort protocol = ProtocolOf(slot);
        if (protocol is not (Ip4 or Ip6))
        {
            return Errno.Negative(Errno.NotSupportedHere);
        }

        int minimum = protocol == Ip4 ? Ip4Header : Ip6Header;
        int linkHeader = slot.NetworkHeader - slot.MacHeader;
        int keep;
        switch ((uint)r[3])
        {
            case 0:
                keep = linkHeader + minimum;
                break;
            case 1:
                keep = linkHeader;
                break;
            default:
                return Errno.Negative(Errno.NotSupportedHere);
        }

        bool isShrinking = difference < 0;
        ulong decapsulate = flags & (DecapsulateIp4 | DecapsulateIp6);
        if (decapsulate != 0)
        {
            if (!isShrinking || decapsulate == (DecapsulateIp4 | DecapsulateIp6))
            {
                return Errno.Negative(Errno.Invalid);
            }

            minimum = decapsulate == DecapsulateIp4 ? Ip4Header : Ip6Header;
        }

        int length = slot.PacketLength - (slot.NetworkHeader - slot.PacketDataOffset);
        if (isShrinking ? size >= length || length - size < minimum : slot.PacketLength + size > MaxLength)
        {
            return Errno.Negative(Errno.NotSupportedHere);
        }

        return isShrinking ? Shrink(slot, keep, size, flags) : Grow(slot, keep, size, flags);
    }

    /// <summary>Between IPv4 and IPv6: the header becomes 20 bytes longer or shorter, and the program writes it anew.</summary>
    public static ulong ChangeProtocol(ExecutionSlot slot, ulong* r)
    {
        const int Difference = Ip6Header - Ip4Header;
        slot.ContextArgument(1);
        if (r[3] != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ushort from = ProtocolOf(slot);
        ushort to = BinaryPrimitives.ReverseEndianness((ushort)r[2]);
        int keep = slot.NetworkHeader - slot.MacHeader;
        switch (from, to)
        {
            case (Ip4, Ip6):
                slot.OpenRoom(keep, Difference);
                break;
            case (Ip6, Ip4):
                if (slot.PacketLength < keep + Difference)
                {
                    return Errno.Negative(Errno.NoMemory);
                }

                slot.CloseRoom(keep, Difference);
                break;
            default:
                return Errno.Negative(Errno.NotSupportedHere);
        }

        SetProtocol(slot, to);
        slot.ContextAt<uint>(SkbOffsets.Hash) = 0;
        return 0;
    }

    public static ulong SetHash(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        slot.ContextAt<uint>(SkbOffsets.Hash) = (uint)r[2];
        return 0;
    }

    public static ulong SetTime(ExecutionSlot slot, ulong* r)
    {
        const uint Realtime = 0;
        const uint Monotonic = 1;
        const uint Atomic = 2;
        slot.ContextArgument(1);
        if (ProtocolOf(slot) is not (Ip4 or Ip6))
        {
            return Errno.Negative(Errno.NotSupported);
        }

        uint type = (uint)r[3];
        if (type > Atomic || (type is Monotonic or Atomic && r[2] == 0))
        {
            return Errno.Negative(Errno.Invalid);
        }

        slot.ContextAt<ulong>(SkbOffsets.Time) = r[2];
        slot.ContextAt<byte>(SkbOffsets.TimeType) = (byte)(type == Realtime ? 0 : type);
        return 0;
    }

    /// <summary>Only packets whose checksums a device has verified have a level; a replayed packet has none.</summary>
    public static ulong ChecksumLevel(ExecutionSlot slot, ulong* r)
    {
        const ulong Query = 0;
        const ulong Reset = 3;
        slot.ContextArgument(1);
        return r[2] switch
        {
            Query => Errno.Negative(Errno.Access),
            > Query and <= Reset => 0,
            _ => Errno.Negative(Errno.Invalid),
        };
    }

    /// <returns>1 when the packet now carries the mark, or did; 0 when its sender takes none.</returns>
    public static ulong MarkCongestion(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        byte* header = slot.PacketAt(0, Ip4Header, slot.NetworkHeader);
        switch (InnerProtocolOf(slot))
        {
            case Ip4 when header != null:
                int ecn = header[1] & 3;
                if (ecn is 0 or 3)
                {
                    return ecn == 3 ? 1u : 0;
                }

                ushort before = Unsafe.ReadUnaligned<ushort>(header);
                header[1] |= 3;
                Unsafe.WriteUnaligned(header + 10, Checksum.Replace16(Unsafe.ReadUnaligned<ushort>(header + 10), before, Unsafe.ReadUnaligned<ushort>(header)));
                return 1;
            case Ip6 when slot.PacketAt(0, Ip6Header, slot.NetworkHeader) != null:
                int mark = (header[1] >> 4) & 3;
                if (mark is 0 or 3)
                {
                    return mark == 3 ? 1u : 0;
                }

                header[1] |= 0x30;
                return 1;
            default:
                return 0;
        }
    }

    private static ulong Grow(ExecutionSlot slot, int keep, int size, ulong flags)
    {
        ulong outer = flags & (EncapsulateIp4 | EncapsulateIp6);
        ulong transport = flags & (EncapsulateGre | EncapsulateUdp);
        if (outer != 0)
        {
            bool hasBoth = outer == (EncapsulateIp4 | EncapsulateIp6) || transport == (EncapsulateGre | EncapsulateUdp);
            if (hasBoth || ((flags & InnerEthernet) != 0 && flags >> 56 < ExecutionSlot.EthernetHeader))
            {
                return Errno.Negative(Errno.Invalid);
            }

            if (slot.IsEncapsulated)
            {
                const int Already = 114;
                return Errno.Negative(Already);
            }
        }

        slot.OpenRoom(keep, size);
        if (outer != 0)
        {
            slot.IsEncapsulated = true;
            SetProtocol(slot, outer == EncapsulateIp4 ? Ip4 : Ip6);
        }

        return 0;
    }

    private static ulong Shrink(ExecutionSlot slot, int keep, int size, ulong flags)
    {
        if ((flags & ~(FixedSegments | DecapsulateIp4 | DecapsulateIp6 | KeepChecksum)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (slot.PacketLength < keep + size)
        {
            return Errno.Negative(Errno.NoMemory);
        }

        slot.CloseRoom(keep, size);
        ulong decapsulate = flags & (DecapsulateIp4 | DecapsulateIp6);
        if (decapsulate != 0)
        {
            SetProtocol(slot, decapsulate == DecapsulateIp4 ? Ip4 : Ip6);
        }

        return 0;
    }

    private static ushort ProtocolOf(ExecutionSlot slot) => BinaryPrimitives.ReverseEndianness((ushort)slot.ContextAt<uint>(SkbOffsets.Protocol));

    /// <summary>The protocol behind tags that stand in the packet. The network header, though, stays where it was, as in Linux.</summary>
    private static ushort InnerProtocolOf(ExecutionSlot slot)
    {
        const ushort Vlan = 0x8100;
        const ushort ServiceVlan = 0x88a8;
        const int TagSize = 4;
        ushort protocol = ProtocolOf(slot);
        for (int at = ExecutionSlot.EthernetHeader; protocol is Vlan or ServiceVlan; at += TagSize)
        {
            byte* tag = slot.PacketAt(at, TagSize, slot.PacketDataOffset);
            protocol = tag == null ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(tag + 2, sizeof(ushort)));
        }

        return protocol;
    }

    private static void SetProtocol(ExecutionSlot slot, ushort protocol) => slot.ContextAt<uint>(SkbOffsets.Protocol) = BinaryPrimitives.ReverseEndianness(protocol);
}
