using Osmia.Bytecode;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Maps;

/// <summary>BPF_MAP_*_BATCH (Linux 5.6): many elements with one call.</summary>
public sealed unsafe partial class KernelMap
{
    public override int ReadBatch(MapCursor cursor, Span<byte> keys, Span<byte> values, bool remove = false)
    {
        int count = BatchLength(keys.Length, values.Length);
        if (cursor.IsAtEnd)
        {
            return 0;
        }

        BpfCommand command = remove ? BpfCommand.MapLookupAndDeleteBatch : BpfCommand.MapLookupBatch;
        int result = Batch(command, cursor.Position, cursor.IsStarted, keys, values, 0, ref count);
        if (result < 0 && -result != Errno.ENOENT)
        {
            throw Failed(remove ? "BPF_MAP_LOOKUP_AND_DELETE_BATCH" : "BPF_MAP_LOOKUP_BATCH", "cannot be read in batches", result,
                -result == Errno.ENOSPC ? "a bucket of the hash has more elements than there is room for" : null);
        }

        cursor.IsStarted = true;
        cursor.IsAtEnd = result < 0;
        return count;
    }

    public override void UpdateBatch(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, out int done, UpdateMode mode = UpdateMode.Any)
    {
        done = BatchLength(keys.Length, values.Length);
        int result = Batch(BpfCommand.MapUpdateBatch, [], isStarted: false, keys, values, (ulong)mode, ref done);
        if (result < 0)
        {
            throw Failed("BPF_MAP_UPDATE_BATCH", $"took {done} elements of a batch and refused the next", result);
        }
    }

    public override bool DeleteBatch(ReadOnlySpan<byte> keys, out int done)
    {
        done = BatchLength(keys.Length, keys.Length / Math.Max(KeySize, 1) * ValueBufferSize);
        int result = Batch(BpfCommand.MapDeleteBatch, [], isStarted: false, keys, default, 0, ref done);
        return Find(result, "BPF_MAP_DELETE_BATCH", "deletes no batches");
    }

    public override UserRingWriter OpenWriter() => Type == MapType.UserRingbuf
        ? new UserRingWriter(Name, new Readers.KernelUserRingMemory(this))
        : throw Diagnostics.Refusal.Unsupported("OSM5015", $"map '{Name}' ({Type.ToKernelName()}) takes no samples", $"samples of {Type.ToKernelName()}",
            "only user ring buffers (user_ringbuf) carry samples to a program", "update its elements instead");

    private int Batch(BpfCommand command, Span<byte> position, bool isStarted, ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, ulong flags, ref int count)
    {
        fixed (byte* at = position, k = keys, v = values)
        {
            var attributes = new BatchAttributes
            {
                InBatch = isStarted ? (ulong)at : 0,
                OutBatch = (ulong)at,
                Keys = (ulong)k,
                Values = (ulong)v,
                Count = (uint)count,
                MapFd = Handle.Descriptor,
                ElementFlags = flags,
            };
            int result = BpfSyscall.Call(command, ref attributes);

            // A call that fails before it begins leaves the number that was asked for.
            count = result < 0 && -result is not (Errno.ENOENT or Errno.E2BIG or Errno.EEXIST) && attributes.Count == (uint)count ? 0 : (int)attributes.Count;
            GC.KeepAlive(this);
            return result;
        }
    }
}
