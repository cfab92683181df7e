using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>Helpers on socket buffers.</summary>
internal static unsafe class SkbHelpers
{
    private const ulong RecomputeChecksum = 1;
    private const ulong InvalidateHashFlag = 2;
    private const int AddressesSize = 12;
    private const int TagSize = 4;
    private const ushort VlanProtocol = 0x8100;
    private const ushort ServiceVlanProtocol = 0x88a8;

    /// <summary>A flow dissector's test run has no socket buffer behind its packet: it finds nothing, as in the kernel.</summary>
    public static ulong LoadBytes(ExecutionSlot slot, ulong* r) =>
        slot.Program.Kind == ProgramKind.FlowDissector ? Clear(slot, slot.LengthArgument(4)) : Load(slot, r, slot.PacketDataOffset);

    public static ulong LoadBytesRelative(ExecutionSlot slot, ulong* r) =>
        r[5] switch
        {
            0 => Load(slot, r, slot.MacHeader),
            1 => Load(slot, r, slot.NetworkHeader),
            _ => Clear(slot, (int)slot.State->Registers[4]),
        };

    public static ulong StoreBytes(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int length = slot.LengthArgument(4);
        byte* source = slot.ReadableArgument(3, (ulong)length);
        if ((r[5] & ~(RecomputeChecksum | InvalidateHashFlag)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        byte* target = (uint)r[2] > int.MaxValue ? null : slot.PacketAt((uint)r[2], length, slot.PacketDataOffset);
        if (target == null)
        {
            return Errno.Negative(Errno.Fault);
        }

        Buffer.MemoryCopy(source, target, length, length);
        if ((r[5] & InvalidateHashFlag) != 0)
        {
            slot.ContextAt<uint>(SkbOffsets.Hash) = 0;
        }

        return 0;
    }

    /// <summary>All packets here are linear: pulling only tells whether there are that many bytes.</summary>
    public static ulong PullData(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return (uint)r[2] <= (uint)slot.PacketLength ? 0 : Errno.Negative(Errno.NoMemory);
    }

    public static ulong ChangeTail(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return r[3] != 0 ? Errno.Negative(Errno.Invalid) : (ulong)(long)slot.ChangeTail((uint)r[2]);
    }

    public static ulong ChangeHead(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return r[3] != 0 ? Errno.Negative(Errno.Invalid) : (ulong)(long)slot.ChangeHead((uint)r[2]);
    }

    public static ulong ChangeType(ExecutionSlot slot, ulong* r)
    {
        const uint OtherHost = 3;
        slot.ContextArgument(1);
        ref uint type = ref slot.ContextAt<uint>(SkbOffsets.PacketType);
        if (type > OtherHost || (uint)r[2] > OtherHost)
        {
            return Errno.Negative(Errno.Invalid);
        }

        type = (uint)r[2];
        return 0;
    }

    /// <summary>The new tag goes beside the packet; one that was there goes into it.</summary>
    public static ulong VlanPush(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        ushort protocol = BinaryPrimitives.ReverseEndianness((ushort)r[2]);
        if (protocol is not (VlanProtocol or ServiceVlanProtocol))
        {
            protocol = VlanProtocol;
        }

        if (slot.PacketLength < AddressesSize + 2)
        {
            return Errno.Negative(Errno.NoMemory);
        }

        ref uint isPresent = ref slot.ContextAt<uint>(SkbOffsets.VlanPresent);
        if (isPresent != 0)
        {
            slot.OpenGap(AddressesSize, TagSize);
            Span<byte> packet = slot.Packet;
            ushort outer = (ushort)slot.ContextAt<uint>(SkbOffsets.VlanProtocol);
            Unsafe.WriteUnaligned(ref packet[AddressesSize], outer);
            BinaryPrimitives.WriteUInt16BigEndian(packet[(AddressesSize + 2)..], (ushort)slot.ContextAt<uint>(SkbOffsets.VlanTci));
            slot.ContextAt<uint>(SkbOffsets.Protocol) = outer;
        }

        slot.ContextAt<uint>(SkbOffsets.VlanPresent) = 1;
        slot.ContextAt<uint>(SkbOffsets.VlanProtocol) = BinaryPrimitives.ReverseEndianness(protocol);
        slot.ContextAt<uint>(SkbOffsets.VlanTci) = (ushort)r[3];
        return 0;
    }

    public static ulong VlanPop(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        if (slot.ContextAt<uint>(SkbOffsets.VlanPresent) != 0)
        {
            SetTag(slot, 0, 0, 0);
        }
        else
        {
            if (!IsTagged(slot))
            {
                return 0;
            }

            if (!TryRemoveTag(slot, out _))
            {
                return Errno.Negative(Errno.NoMemory);
            }
        }

        // A further tag moves beside the packet.
        if (IsTagged(slot))
        {
            uint protocol = slot.ContextAt<uint>(SkbOffsets.Protocol);
            if (!TryRemoveTag(slot, out ushort tag))
            {
                return Errno.Negative(Errno.NoMemory);
            }

            SetTag(slot, 1, protocol, tag);
        }

        return 0;
    }

    /// <summary>A hash of addresses, protocol and ports: not the kernel's, which is keyed at random.</summary>
    public static ulong Hash(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        ref uint hash = ref slot.ContextAt<uint>(SkbOffsets.Hash);
        if (hash == 0)
        {
            hash = FlowHash.Of(slot);
        }

        return hash;
    }

    public static ulong InvalidateHash(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        slot.ContextAt<uint>(SkbOffsets.Hash) = 0;
        return 0;
    }

    private static ulong Load(ExecutionSlot slot, ulong* r, int from)
    {
        slot.ContextArgument(1);
        int length = slot.LengthArgument(4);
        byte* target = slot.WritableArgument(3, (ulong)length);
        byte* source = (uint)r[2] > int.MaxValue ? null : slot.PacketAt((uint)r[2], length, from);
        if (source == null)
        {
            return Clear(slot, length);
        }

        Buffer.MemoryCopy(source, target, length, length);
        return 0;
    }

    private static ulong Clear(ExecutionSlot slot, int length)
    {
        length = Math.Max(length, 0);
        new Span<byte>(slot.WritableArgument(3, (ulong)length), length).Clear();
        return Errno.Negative(Errno.Fault);
    }

    private static bool IsTagged(ExecutionSlot slot) =>
        BinaryPrimitives.ReverseEndianness((ushort)slot.ContextAt<uint>(SkbOffsets.Protocol)) is VlanProtocol or ServiceVlanProtocol;

    private static bool TryRemoveTag(ExecutionSlot slot, out ushort tag)
    {
        tag = 0;
        Span<byte> packet = slot.Packet;
        if (packet.Length < AddressesSize + TagSize + 2)
        {
            return false;
        }

        tag = BinaryPrimitives.ReadUInt16BigEndian(packet[(AddressesSize + 2)..]);
        ushort inner = Unsafe.ReadUnaligned<ushort>(in packet[AddressesSize + TagSize]);
        slot.CloseGap(AddressesSize, TagSize);
        slot.ContextAt<uint>(SkbOffsets.Protocol) = inner;
        return true;
    }

    private static void SetTag(ExecutionSlot slot, uint isPresent, uint protocol, ushort tag)
    {
        slot.ContextAt<uint>(SkbOffsets.VlanPresent) = isPresent;
        slot.ContextAt<uint>(SkbOffsets.VlanProtocol) = protocol;
        slot.ContextAt<uint>(SkbOffsets.VlanTci) = tag;
    }
}
