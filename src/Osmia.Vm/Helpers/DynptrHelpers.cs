using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_dynptr_*, helpers and kernel functions; records of ring buffers and samples of user ring buffers through them.</summary>
/// <remarks>Source: their descriptions in include/uapi/linux/bpf.h and Documentation/bpf/kfuncs.rst; results tried on Linux 6.18.</remarks>
internal static unsafe class DynptrHelpers
{
    private const ulong MaxSamples = 128 * 1024;
    private const ulong SkbStoreFlags = 3;

    public static ulong FromMemory(ExecutionSlot slot, ulong* r)
    {
        ulong size = (uint)r[2];
        byte* data = slot.WritableArgument(1, size);
        if (size > ExecutionSlot.MaxDynptr || r[3] != 0)
        {
            slot.MakeDynptr(4, DynptrKind.Null, 0, 0, isReadOnly: false);
            return Errno.Negative(size > ExecutionSlot.MaxDynptr ? Errno.TooBig : Errno.Invalid);
        }

        // Frames end before the run does, the packet moves: map values stay.
        if (size == 0 || !slot.Engine.MapMemory.TryFind((ulong)data, slot.Program, out _))
        {
            slot.TrapArgument(1, "is no map value", "a dynptr is made of memory that stays: a map value");
        }

        slot.MakeDynptr(4, DynptrKind.Memory, (ulong)data, (uint)size, isReadOnly: false);
        return 0;
    }

    public static ulong FromPacket(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        bool isReadOnly = slot.Program.Kind is not (ProgramKind.TrafficControl or ProgramKind.Xdp);
        if (r[2] != 0)
        {
            slot.MakeDynptr(3, DynptrKind.Null, 0, 0, isReadOnly: false);
            return Errno.Negative(Errno.Invalid);
        }

        slot.MakeDynptr(3, DynptrKind.Packet, 0, (uint)slot.PacketLength, isReadOnly);
        return 0;
    }

    /// <summary>bpf_dynptr_from_skb_meta: what an XDP program put before the packet, of which a frame that is handed to a TC program has nothing.</summary>
    public static ulong FromMetadata(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        bool isRight = r[2] == 0;
        slot.MakeDynptr(3, isRight ? DynptrKind.Memory : DynptrKind.Null, 0, 0, isReadOnly: false);
        return isRight ? 0 : Errno.Negative(Errno.Invalid);
    }

    public static ulong ReserveRecord(ExecutionSlot slot, ulong* r)
    {
        RingBufferMap map = slot.MapArgument<RingBufferMap>(1, "ring buffer");
        uint size = (uint)r[2];
        byte* record = r[3] != 0 || size > ExecutionSlot.MaxDynptr || !slot.CanReserve ? null : map.Ring.Reserve(size);
        if (record == null)
        {
            slot.MakeDynptr(4, DynptrKind.Null, 0, 0, isReadOnly: false);
            return Errno.Negative(r[3] == 0 && size > ExecutionSlot.MaxDynptr ? Errno.TooBig : Errno.Invalid);
        }

        slot.TryReserve(record, size, map);
        slot.MakeDynptr(4, DynptrKind.Record, (ulong)record, size, isReadOnly: false);
        return 0;
    }

    public static ulong SubmitRecord(ExecutionSlot slot, ulong* r) => FinishRecord(slot, r[2], isDiscard: false);

    public static ulong DiscardRecord(ExecutionSlot slot, ulong* r) => FinishRecord(slot, r[2], isDiscard: true);

    public static ulong Read(ExecutionSlot slot, ulong* r)
    {
        int length = slot.LengthArgument(2);
        byte* target = slot.WritableArgument(1, (ulong)length);
        ref Dynptr source = ref slot.DynptrArgument(3);
        int error = source.Kind == DynptrKind.Null || r[5] != 0 ? -Errno.Invalid : Check(source, (uint)r[4], (uint)length);
        if (error != 0)
        {
            return (ulong)(long)error;
        }

        byte* bytes = slot.DynptrBytes(source, (uint)r[4], (uint)length);
        if (bytes == null)
        {
            return PacketError(slot);
        }

        Buffer.MemoryCopy(bytes, target, length, length);
        return 0;
    }

    public static ulong Write(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr target = ref slot.DynptrArgument(1);
        int length = slot.LengthArgument(4);
        byte* source = slot.ReadableArgument(3, (ulong)length);
        bool takesFlags = target.Kind == DynptrKind.Packet && slot.Program.Kind != ProgramKind.Xdp;
        int error = target.Kind == DynptrKind.Null || target.IsReadOnly ? -Errno.Invalid : Check(target, (uint)r[2], (uint)length);
        if (error == 0 && (r[5] & ~(takesFlags ? SkbStoreFlags : 0)) != 0)
        {
            error = -Errno.Invalid;
        }

        if (error != 0)
        {
            return (ulong)(long)error;
        }

        byte* bytes = slot.DynptrBytes(target, (uint)r[2], (uint)length);
        if (bytes == null)
        {
            return PacketError(slot);
        }

        Buffer.MemoryCopy(source, bytes, length, length);
        return 0;
    }

    /// <summary>A pointer to bytes of a map value or record; null for packets, which have slices.</summary>
    public static ulong Data(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr pointer = ref slot.DynptrArgument(1);
        bool isThere = pointer.Kind is DynptrKind.Memory or DynptrKind.Record && !pointer.IsReadOnly && Check(pointer, (uint)r[2], (uint)r[3]) == 0;
        return isThere ? pointer.Base + pointer.Offset + (uint)r[2] : 0;
    }

    public static ulong Adjust(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr pointer = ref slot.DynptrArgument(1);
        uint start = (uint)r[2];
        uint end = (uint)r[3];
        if (pointer.Kind == DynptrKind.Null || start > end)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (start > pointer.Size || end > pointer.Size)
        {
            return Errno.Negative(Errno.Range);
        }

        pointer.Offset += start;
        pointer.Size = end - start;
        return 0;
    }

    public static ulong IsNull(ExecutionSlot slot, ulong* r) => slot.DynptrArgument(1).Kind == DynptrKind.Null ? 1u : 0;

    public static ulong IsReadOnly(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr pointer = ref slot.DynptrArgument(1);
        return pointer.Kind != DynptrKind.Null && pointer.IsReadOnly ? 1u : 0;
    }

    public static ulong Size(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr pointer = ref slot.DynptrArgument(1);
        return pointer.Kind == DynptrKind.Null ? (uint)Errno.Negative(Errno.Invalid) : pointer.Size;
    }

    public static ulong Clone(ExecutionSlot slot, ulong* r)
    {
        Dynptr source = slot.DynptrArgument(1);
        slot.MakeDynptr(2, source.Kind, source.Base + source.Offset, source.Size, source.IsReadOnly);
        if (source.Kind == DynptrKind.Null)
        {
            return Errno.Negative(Errno.Invalid);
        }

        // A packet's and a record's beginning stay what they were.
        ref Dynptr clone = ref slot.DynptrArgument(2);
        clone.Base = source.Base;
        clone.Offset = source.Offset;
        return 0;
    }

    public static ulong Copy(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr target = ref slot.DynptrArgument(1);
        ref Dynptr source = ref slot.DynptrArgument(3);
        uint length = (uint)r[5];
        if (target.Kind == DynptrKind.Null || source.Kind == DynptrKind.Null || target.IsReadOnly)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (Check(target, (uint)r[2], length) != 0 || Check(source, (uint)r[4], length) != 0)
        {
            return Errno.Negative(Errno.TooBig);
        }

        byte* to = slot.DynptrBytes(target, (uint)r[2], length);
        byte* from = slot.DynptrBytes(source, (uint)r[4], length);
        if (to == null || from == null)
        {
            return PacketError(slot);
        }

        slot.Charge(length);
        Buffer.MemoryCopy(from, to, length, length);
        return 0;
    }

    public static ulong Fill(ExecutionSlot slot, ulong* r)
    {
        ref Dynptr target = ref slot.DynptrArgument(1);
        uint length = (uint)r[3];
        int error = Check(target, (uint)r[2], length);
        if (error != 0)
        {
            return (ulong)(long)error;
        }

        if (target.Kind == DynptrKind.Null || target.IsReadOnly)
        {
            return Errno.Negative(Errno.Invalid);
        }

        byte* bytes = slot.DynptrBytes(target, (uint)r[2], length);
        if (bytes == null)
        {
            return PacketError(slot);
        }

        slot.Charge(length);
        new Span<byte>(bytes, (int)length).Fill((byte)r[4]);
        return 0;
    }

    public static ulong Slice(ExecutionSlot slot, ulong* r) => Slice(slot, r, isForWriting: false);

    public static ulong SliceForWriting(ExecutionSlot slot, ulong* r) => Slice(slot, r, isForWriting: true);

    /// <summary>bpf_user_ringbuf_drain: a callback for each sample, until one asks to stop.</summary>
    public static ulong Drain(ExecutionSlot slot, ulong* r)
    {
        const ulong KnownFlags = RingFlags.NoWakeup | RingFlags.ForceWakeup;
        UserRingMap map = slot.MapArgument<UserRingMap>(1, "user ring buffer");
        int callback = slot.CallbackArgument(2);
        ulong context = r[3];
        if ((r[4] & ~KnownFlags) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (!map.TryBeginDrain())
        {
            return Errno.Negative(Errno.Busy);
        }

        ulong samples = 0;
        int error = 0;
        try
        {
            while (samples < MaxSamples && map.TryPeek(out byte* sample, out uint length, out error))
            {
                samples++;
                ulong lent = slot.LendDynptr(sample, length);
                ulong answer;
                try
                {
                    answer = slot.Callback(callback, lent, context, 0, 0);
                }
                finally
                {
                    slot.TakeDynptrBack(lent);
                    map.Free(length);
                }

                if (answer != 0)
                {
                    break;
                }
            }
        }
        finally
        {
            map.EndDrain();
        }

        // A sample that is being written ends the drain; one that is wrong is the result.
        return error is 0 or -Errno.NoData ? samples : (ulong)(long)error;
    }

    private static ulong Slice(ExecutionSlot slot, ulong* r, bool isForWriting)
    {
        ref Dynptr pointer = ref slot.DynptrArgument(1);
        uint offset = (uint)r[2];
        uint length = (uint)r[4];
        if (pointer.Kind == DynptrKind.Null || (isForWriting && pointer.IsReadOnly) || Check(pointer, offset, length) != 0)
        {
            return 0;
        }

        byte* bytes = slot.DynptrBytes(pointer, offset, length);
        if (bytes == null || slot.FindRegion((ulong)bytes, length, isForWriting))
        {
            return (ulong)bytes;
        }

        // A packet that the program may not point into is copied to the program's buffer.
        if (r[3] == 0)
        {
            return 0;
        }

        byte* buffer = slot.WritableArgument(3, length);
        Buffer.MemoryCopy(bytes, buffer, length, length);
        return (ulong)buffer;
    }

    private static ulong FinishRecord(ExecutionSlot slot, ulong flags, bool isDiscard)
    {
        ref Dynptr pointer = ref slot.DynptrArgument(1);
        if (pointer.Kind == DynptrKind.Record)
        {
            RingBufferMap map = slot.Unreserve(pointer.Base)!;
            map.Ring.Commit((byte*)pointer.Base, isDiscard, flags);
        }
        else if (pointer.Kind != DynptrKind.Null)
        {
            slot.TrapArgument(1, "is no dynptr of a ring buffer's record");
        }

        pointer = default;
        return 0;
    }

    private static int Check(in Dynptr pointer, uint offset, uint length) =>
        length > pointer.Size || offset > pointer.Size - length ? -Errno.TooBig : 0;

    // The packet was cut after the dynptr was made.
    private static ulong PacketError(ExecutionSlot slot) => Errno.Negative(slot.Program.Kind == ProgramKind.Xdp ? Errno.Invalid : Errno.Fault);
}
