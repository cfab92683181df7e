using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Maps;

/// <summary>
/// Many elements of a map by one system call: keys one after another, values one after another (of a per-CPU map all CPUs' values of a key together).
/// Linux 5.6 for hash maps and arrays; which operations a type has says <see cref="MapTypeTable"/>.
/// </summary>
public static unsafe class MapBatches
{
    /// <summary>Writes elements.</summary>
    /// <returns>How many were written: all, or the kernel's refusal is thrown, whose message says how many.</returns>
    /// <exception cref="UnsupportedFeatureException">OSM5019: the type has no such operation.</exception>
    /// <exception cref="KernelException">OSM5012: an element was refused; those before it are in the map.</exception>
    public static int UpdateBatch(this KernelMap map, ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, UpdateMode mode = UpdateMode.Any)
    {
        ArgumentNullException.ThrowIfNull(map);
        Check(map, MapOperations.UpdateBatch, "BPF_MAP_UPDATE_BATCH");
        int count = CountOf(map, keys);
        if (values.Length != (long)count * map.ValueBufferSize)
        {
            throw new ArgumentException($"{count} values of map '{map.Name}' have {(long)count * map.ValueBufferSize} bytes; the span has {values.Length}", nameof(values));
        }

        return Write(map, BpfCommand.MapUpdateBatch, "BPF_MAP_UPDATE_BATCH", keys, values, count, (ulong)mode);
    }

    /// <summary>Removes elements.</summary>
    /// <exception cref="KernelException">OSM5012 with ENOENT: a key was not there; those before it are gone.</exception>
    public static int DeleteBatch(this KernelMap map, ReadOnlySpan<byte> keys)
    {
        ArgumentNullException.ThrowIfNull(map);
        Check(map, MapOperations.DeleteBatch, "BPF_MAP_DELETE_BATCH");
        return Write(map, BpfCommand.MapDeleteBatch, "BPF_MAP_DELETE_BATCH", keys, default, CountOf(map, keys), 0);
    }

    /// <summary>Reads the map from its start to its end, a batch at a time.</summary>
    /// <param name="take">Removes what is read.</param>
    public static MapBatchReader ReadBatches(this KernelMap map, bool take = false)
    {
        ArgumentNullException.ThrowIfNull(map);
        Check(map, take ? MapOperations.LookupAndDeleteBatch : MapOperations.LookupBatch, take ? "BPF_MAP_LOOKUP_AND_DELETE_BATCH" : "BPF_MAP_LOOKUP_BATCH");
        return new MapBatchReader(map, take);
    }

    private static int Write(KernelMap map, BpfCommand command, string name, ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count, ulong flags)
    {
        if (count == 0)
        {
            return 0;
        }

        fixed (byte* key = keys)
        fixed (byte* value = values)
        {
            var attributes = new BatchAttributes { Keys = (ulong)key, Values = (ulong)value, Count = (uint)count, MapFd = map.Handle.Descriptor, ElementFlags = flags };
            int result = BpfSyscall.Call(command, ref attributes);
            GC.KeepAlive(map);
            return result >= 0 ? count : throw map.Failed(name, $"refused element {attributes.Count} of {count} (those before it are done)", result, -result switch
            {
                Errno.E2BIG => $"the map holds max_entries {map.Definition.MaxEntries} elements already",
                Errno.ENOENT => "its key is not in the map",
                Errno.EEXIST => "its key is in the map already (mode NoExist)",
                Errno.EPERM => "the map is frozen or read-only for system calls",
                _ => null,
            });
        }
    }

    private static int CountOf(KernelMap map, ReadOnlySpan<byte> keys) => keys.Length % map.KeySize == 0 ? keys.Length / map.KeySize
        : throw new ArgumentException($"map '{map.Name}' has keys of {map.KeySize} bytes; {keys.Length} bytes are no whole number of them", nameof(keys));

    private static void Check(KernelMap map, MapOperations operation, string command)
    {
        if (MapTypeTable.Find(map.Type) is { } row && (row.Operations & operation) == 0)
        {
            throw Refusal.Unsupported("OSM5019", $"map '{map.Name}' ({map.Type.ToKernelName()}) has no batches of that kind", $"{command} of {map.Type.ToKernelName()}",
                $"the kernel has {command} for {string.Join(", ", MapTypeTable.All.Where(other => (other.Operations & operation) != 0).Select(other => other.Type.ToKernelName()))}",
                "take its elements one by one", $"map '{map.Name}'");
        }
    }
}

/// <summary>A walk through a map in batches. Elements that come or go meanwhile may be seen or not, as in any walk.</summary>
public sealed unsafe class MapBatchReader
{
    private readonly KernelMap _map;
    private readonly bool _take;

    // The kernel's own mark: four bytes for hash maps and arrays, a key for others.
    private readonly byte[] _mark;
    private bool _hasMark;
    private bool _isAtEnd;

    internal MapBatchReader(KernelMap map, bool take)
    {
        _map = map;
        _take = take;
        _mark = new byte[Math.Max(map.KeySize, sizeof(ulong))];
    }

    /// <summary>Fills as many keys and values as the spans have room for.</summary>
    /// <returns>Elements read; 0 at the end of the map.</returns>
    /// <exception cref="KernelException">OSM5012 with ENOSPC: the kernel reads hash maps by buckets, and one holds more than the spans; make them larger.</exception>
    public int Read(Span<byte> keys, Span<byte> values)
    {
        int room = Math.Min(keys.Length / _map.KeySize, values.Length / _map.ValueBufferSize);
        ArgumentOutOfRangeException.ThrowIfZero(room, nameof(keys));
        if (_isAtEnd)
        {
            return 0;
        }

        fixed (byte* key = keys)
        fixed (byte* value = values)
        fixed (byte* mark = _mark)
        {
            var attributes = new BatchAttributes
            {
                InBatch = _hasMark ? (ulong)mark : 0, OutBatch = (ulong)mark, Keys = (ulong)key, Values = (ulong)value, Count = (uint)room, MapFd = _map.Handle.Descriptor,
            };
            int result = BpfSyscall.Call(_take ? BpfCommand.MapLookupAndDeleteBatch : BpfCommand.MapLookupBatch, ref attributes);
            GC.KeepAlive(_map);

            // ENOENT: the end was reached, what was read before it is there.
            _isAtEnd = result == -Errno.ENOENT;
            if (result < 0 && !_isAtEnd)
            {
                throw _map.Failed(_take ? "BPF_MAP_LOOKUP_AND_DELETE_BATCH" : "BPF_MAP_LOOKUP_BATCH", "cannot be read in batches", result,
                    result == -Errno.ENOSPC ? $"one bucket of the map holds more elements than the {room} there is room for" : null, result == -Errno.ENOSPC ? "read larger batches" : null);
            }

            _hasMark = true;
            return (int)attributes.Count;
        }
    }
}
