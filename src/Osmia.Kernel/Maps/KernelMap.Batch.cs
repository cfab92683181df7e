using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Readers;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Maps;

/// <summary>BPF_MAP_*_BATCH (Linux 5.6): many elements with one call. Which of them a type has says <see cref="MapTypeTable"/>.</summary>
/// <remarks>A type without them is refused with OSM5019 (<see cref="UnsupportedFeatureException"/>) before the call; an element that is refused with OSM5012.</remarks>
public sealed unsafe partial class KernelMap
{
    public override int ReadBatch(MapCursor cursor, Span<byte> keys, Span<byte> values, bool remove = false)
    {
        string name = remove ? "BPF_MAP_LOOKUP_AND_DELETE_BATCH" : "BPF_MAP_LOOKUP_BATCH";
        int count = BatchLength(keys.Length, values.Length);
        CheckBatch(remove ? MapOperations.LookupAndDeleteBatch : MapOperations.LookupBatch, name);
        if (cursor.IsAtEnd)
        {
            return 0;
        }

        int room = count;
        int result = Batch(remove ? BpfCommand.MapLookupAndDeleteBatch : BpfCommand.MapLookupBatch, cursor.Position, cursor.IsStarted, keys, values, 0, ref count);
        if (result < 0 && -result != Errno.ENOENT)
        {
            throw -result == Errno.ENOSPC
                ? Failed(name, "cannot be read in batches", result, $"one bucket of the map holds more elements than the {room} there is room for", "read larger batches")
                : Failed(name, "cannot be read in batches", result);
        }

        cursor.IsStarted = true;
        cursor.IsAtEnd = result < 0;
        return count;
    }

    public override void UpdateBatch(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, out int done, UpdateMode mode = UpdateMode.Any)
    {
        int count = done = BatchLength(keys.Length, values.Length);
        CheckBatch(MapOperations.UpdateBatch, "BPF_MAP_UPDATE_BATCH");
        int result = Batch(BpfCommand.MapUpdateBatch, [], isStarted: false, keys, values, (ulong)mode, ref done);
        if (result < 0)
        {
            throw Failed("BPF_MAP_UPDATE_BATCH", $"refused element {done} of {count} (those before it are done)", result, -result switch
            {
                Errno.E2BIG => $"the map holds max_entries {Definition.MaxEntries} elements already",
                Errno.ENOENT => "its key is not in the map (mode Exist)",
                Errno.EEXIST => "its key is in the map already (mode NoExist)",
                Errno.EPERM => "the map is frozen or read-only for system calls",
                _ => null,
            });
        }
    }

    public override bool DeleteBatch(ReadOnlySpan<byte> keys, out int done)
    {
        done = BatchLength(keys.Length, keys.Length / Math.Max(KeySize, 1) * ValueBufferSize);
        CheckBatch(MapOperations.DeleteBatch, "BPF_MAP_DELETE_BATCH");
        int result = Batch(BpfCommand.MapDeleteBatch, [], isStarted: false, keys, default, 0, ref done);
        return Find(result, "BPF_MAP_DELETE_BATCH", "deletes no batches");
    }

    public override UserRingWriter OpenWriter() => Type == MapType.UserRingbuf
        ? new UserRingWriter(Name, new KernelUserRingMemory(this))
        : throw Refusal.Unsupported("OSM5015", $"map '{Name}' ({Type.ToKernelName()}) takes no samples", $"samples of {Type.ToKernelName()}",
            "only user ring buffers (user_ringbuf) carry samples to a program", "update its elements instead");

    private void CheckBatch(MapOperations operation, string command)
    {
        if (MapTypeTable.Find(Type) is { } row && (row.Operations & operation) == 0)
        {
            throw Refusal.Unsupported("OSM5019", $"map '{Name}' ({Type.ToKernelName()}) has no batches of that kind", $"{command} of {Type.ToKernelName()}",
                $"the kernel has {command} for {string.Join(", ", MapTypeTable.All.Where(other => (other.Operations & operation) != 0).Select(other => other.Type.ToKernelName()))}",
                "take its elements one by one", $"map '{Name}'");
        }
    }

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
