using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_ringbuf_* and bpf_perf_event_output.</summary>
internal static unsafe class RecordHelpers
{
    private const string RingKind = "ring buffer";
    private const ulong CurrentCpu = 0xffff_ffff;

    public static ulong RingReserve(ExecutionSlot slot, ulong* r)
    {
        RingBufferMap map = slot.MapArgument<RingBufferMap>(1, RingKind);
        ulong size = r[2];
        if (r[3] != 0 || !slot.CanReserve)
        {
            return 0;
        }

        byte* record = map.Ring.Reserve(size);
        if (record == null)
        {
            return 0;
        }

        slot.TryReserve(record, size, map);
        return (ulong)record;
    }

    public static ulong RingSubmit(ExecutionSlot slot, ulong* r)
    {
        Finish(slot, r, isDiscard: false);
        return 0;
    }

    public static ulong RingDiscard(ExecutionSlot slot, ulong* r)
    {
        Finish(slot, r, isDiscard: true);
        return 0;
    }

    public static ulong RingOutput(ExecutionSlot slot, ulong* r)
    {
        RingBufferMap map = slot.MapArgument<RingBufferMap>(1, RingKind);
        int size = slot.LengthArgument(3);
        byte* data = slot.ReadableArgument(2, (ulong)size);
        ulong flags = r[4];
        if ((flags & ~(RingFlags.NoWakeup | RingFlags.ForceWakeup)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        byte* record = map.Ring.Reserve((ulong)size);
        if (record == null)
        {
            return Errno.Negative(Errno.Again);
        }

        Buffer.MemoryCopy(data, record, size, size);
        map.Ring.Commit(record, isDiscard: false, flags);
        return 0;
    }

    public static ulong RingQuery(ExecutionSlot slot, ulong* r) => slot.MapArgument<RingBufferMap>(1, RingKind).Ring.Query(r[2]);

    public static ulong PerfOutput(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        PerfEventArrayMap map = slot.MapArgument<PerfEventArrayMap>(2, "perf event array");
        ulong flags = r[3];
        int size = slot.LengthArgument(5, 1 << 20);
        byte* data = slot.ReadableArgument(4, (ulong)size);
        bool isPacket = (slot.Program.Kind & ProgramKind.Packet) != 0;
        ulong packetLength = (flags >> 32) & 0xf_ffff;
        if ((flags & ~(isPacket ? 0xf_ffff_ffff_ffffUL : CurrentCpu)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ulong index = flags & CurrentCpu;
        if (index == CurrentCpu)
        {
            index = (ulong)slot.Index;
        }

        if (index >= map.Definition.MaxEntries)
        {
            return Errno.Negative(Errno.TooBig);
        }

        if (index != (ulong)slot.Index)
        {
            // A slot writes its own buffer only, as a CPU does.
            return Errno.Negative(Errno.NotSupported);
        }

        Span<byte> packet = slot.Packet;
        if (packetLength > (ulong)packet.Length)
        {
            return Errno.Negative(Errno.Fault);
        }

        slot.Charge(packetLength);
        return (ulong)(long)map.Output(slot.Index, new ReadOnlySpan<byte>(data, size), packet[..(int)packetLength]);
    }

    private static void Finish(ExecutionSlot slot, ulong* r, bool isDiscard)
    {
        RingBufferMap? map = slot.Unreserve(r[1]);
        if (map is null)
        {
            slot.TrapArgument(1, "is no ring buffer record that the program reserved");
        }

        map!.Ring.Commit((byte*)r[1], isDiscard, r[2]);
    }
}
