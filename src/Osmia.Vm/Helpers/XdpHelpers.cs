using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_xdp_*.</summary>
internal static unsafe class XdpHelpers
{
    private const ulong MaxOffset = 0xffff;

    public static ulong AdjustHead(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return slot.TryAdjustHead((int)r[2]) ? 0 : Errno.Negative(Errno.Invalid);
    }

    public static ulong AdjustTail(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return slot.TryAdjustTail((int)r[2]) ? 0 : Errno.Negative(Errno.Invalid);
    }

    public static ulong AdjustMeta(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return (ulong)(long)slot.AdjustMeta((int)r[2]);
    }

    public static ulong Length(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return (ulong)slot.PacketLength;
    }

    public static ulong LoadBytes(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int length = slot.LengthArgument(4);
        byte* target = slot.WritableArgument(3, (ulong)length);
        ulong error = Find(slot, (uint)r[2], length, out byte* packet);
        if (error == 0)
        {
            Buffer.MemoryCopy(packet, target, length, length);
        }

        return error;
    }

    public static ulong StoreBytes(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int length = slot.LengthArgument(4);
        byte* source = slot.ReadableArgument(3, (ulong)length);
        ulong error = Find(slot, (uint)r[2], length, out byte* packet);
        if (error == 0)
        {
            Buffer.MemoryCopy(source, packet, length, length);
        }

        return error;
    }

    private static ulong Find(ExecutionSlot slot, uint offset, int length, out byte* packet)
    {
        packet = null;
        if (offset > MaxOffset || (ulong)length > MaxOffset)
        {
            return Errno.Negative(Errno.Fault);
        }

        packet = slot.PacketAt(offset, length, slot.PacketDataOffset);
        return packet == null ? Errno.Negative(Errno.Invalid) : 0;
    }
}
