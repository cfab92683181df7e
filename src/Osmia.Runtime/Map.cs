using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Runtime;

/// <summary>BPF_ANY, BPF_NOEXIST, BPF_EXIST of bpf(2).</summary>
public enum UpdateMode : ulong
{
    Any = 0,
    NoExist = 1,
    Exist = 2,
}

/// <summary>A map living in an engine. Keys and values are bytes here; <see cref="Map{TKey, TValue}"/> is the typed view.</summary>
/// <remarks>Safe for concurrent use; a value of a per-CPU map is one value after another, each rounded up to 8 bytes.</remarks>
public abstract class Map(LinkedMap definition) : IDisposable
{
    public LinkedMap Definition { get; } = definition;

    public string Name => Definition.Name;

    public MapType Type => Definition.Type;

    public int KeySize => (int)Definition.KeySize;

    /// <summary>Size of one value in bytes.</summary>
    public int ValueSize => (int)Definition.ValueSize;

    /// <summary>Values behind one key: 1, or the possible CPUs (the VM: its execution slots) of a per-CPU map.</summary>
    public abstract int ValuesPerKey { get; }

    /// <summary>Bytes from one CPU's value to the next.</summary>
    public int ValueStride => IsPerCpu ? (ValueSize + 7) & ~7 : ValueSize;

    /// <summary>Bytes a lookup writes: all CPUs' values.</summary>
    public int ValueBufferSize => ValueStride * ValuesPerKey;

    public bool IsPerCpu => Type is MapType.PercpuArray or MapType.PercpuHash or MapType.LruPercpuHash or MapType.PercpuCgroupStorage;

    /// <returns>False when there is no such key.</returns>
    public abstract bool TryLookup(ReadOnlySpan<byte> key, Span<byte> value);

    /// <exception cref="Objects.Diagnostics.BpfException">The map is full, frozen, or the mode is not met.</exception>
    public abstract void Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any);

    /// <returns>False when there was no such key.</returns>
    public abstract bool Delete(ReadOnlySpan<byte> key);

    /// <summary>Writes the key after <paramref name="key"/> (empty: the first) to <paramref name="next"/>; false at the end.</summary>
    /// <remarks>As in the kernel, a key that has gone in the meantime starts over from the first.</remarks>
    public abstract bool TryNextKey(ReadOnlySpan<byte> key, Span<byte> next);

    /// <summary>Reads and removes at once; pops a queue or stack. Hash maps in the kernel: Linux 5.14.</summary>
    /// <returns>False when there is no such key.</returns>
    /// <exception cref="Objects.Diagnostics.BpfException">The map's type gives no elements away.</exception>
    public abstract bool TryTake(ReadOnlySpan<byte> key, Span<byte> value);

    /// <summary>Reads the next elements, as many as the spans hold (BPF_MAP_LOOKUP_BATCH, Linux 5.6).</summary>
    /// <param name="keys">Room for keys, one after another.</param>
    /// <param name="values">Room for as many values of <see cref="ValueBufferSize"/>.</param>
    /// <param name="remove">Elements that were read are deleted (BPF_MAP_LOOKUP_AND_DELETE_BATCH).</param>
    /// <returns>How many were read. Hash maps are read by whole buckets: a bucket with more elements than there is room for is ENOSPC.</returns>
    /// <exception cref="Objects.Diagnostics.BpfException">The map's type has no batches.</exception>
    public abstract int ReadBatch(MapCursor cursor, Span<byte> keys, Span<byte> values, bool remove = false);

    /// <summary>Updates in the order of the keys until one fails (BPF_MAP_UPDATE_BATCH, Linux 5.6).</summary>
    /// <param name="done">How many were updated, when it throws too.</param>
    public abstract void UpdateBatch(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, out int done, UpdateMode mode = UpdateMode.Any);

    /// <summary>Deletes in the order of the keys until one is not there (BPF_MAP_DELETE_BATCH, Linux 5.6).</summary>
    /// <returns>False when a key was not there.</returns>
    /// <param name="done">How many were deleted.</param>
    public abstract bool DeleteBatch(ReadOnlySpan<byte> keys, out int done);

    /// <summary>Opens the producer of a user ring buffer; one at a time.</summary>
    /// <exception cref="Objects.Diagnostics.UnsupportedFeatureException">The map takes no samples.</exception>
    public abstract UserRingWriter OpenWriter();

    /// <summary>Opens the consumer of a ring buffer or perf event array; one at a time.</summary>
    /// <exception cref="Objects.Diagnostics.UnsupportedFeatureException">The map has no records.</exception>
    public abstract RecordReader OpenReader();

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>How many elements spans of a batch hold.</summary>
    /// <exception cref="ArgumentException">They are no multiples of a key and a value, or do not belong together.</exception>
    protected int BatchLength(int keyBytes, int valueBytes)
    {
        int count = KeySize == 0 ? 0 : keyBytes / KeySize;
        return count > 0 && count * KeySize == keyBytes && (long)count * ValueBufferSize == valueBytes
            ? count
            : throw new ArgumentException($"map '{Name}': {keyBytes} bytes of keys and {valueBytes} bytes of values; a key has {KeySize} bytes, a value {ValueBufferSize}");
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>A typed view of a map; the sizes are checked once.</summary>
public readonly struct Map<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly Map _map;

    /// <exception cref="ArgumentException">Key or value size differs from the map's.</exception>
    public Map(Map map)
    {
        if (map.KeySize != Unsafe.SizeOf<TKey>() || map.ValueSize != Unsafe.SizeOf<TValue>() || map.IsPerCpu)
        {
            throw new ArgumentException(
                $"map '{map.Name}' ({map.Type.ToKernelName()}) has keys of {map.KeySize} and values of {map.ValueSize} bytes{(map.IsPerCpu ? " per CPU" : "")}; "
                + $"{typeof(TKey).Name} has {Unsafe.SizeOf<TKey>()}, {typeof(TValue).Name} {Unsafe.SizeOf<TValue>()}", nameof(map));
        }

        _map = map;
    }

    public bool TryLookup(TKey key, out TValue value)
    {
        value = default;
        return _map.TryLookup(MemoryMarshal.AsBytes(new ReadOnlySpan<TKey>(in key)), MemoryMarshal.AsBytes(new Span<TValue>(ref value)));
    }

    public void Update(TKey key, TValue value, UpdateMode mode = UpdateMode.Any) =>
        _map.Update(MemoryMarshal.AsBytes(new ReadOnlySpan<TKey>(in key)), MemoryMarshal.AsBytes(new ReadOnlySpan<TValue>(in value)), mode);

    public bool Delete(TKey key) => _map.Delete(MemoryMarshal.AsBytes(new ReadOnlySpan<TKey>(in key)));

    /// <summary>Every entry; entries changed meanwhile may be seen twice or not at all, as in the kernel.</summary>
    public IEnumerable<KeyValuePair<TKey, TValue>> Entries()
    {
        TKey key = default;
        bool found = Next(isFirst: true, ref key);
        while (found)
        {
            if (TryLookup(key, out TValue value))
            {
                yield return new(key, value);
            }

            found = Next(isFirst: false, ref key);
        }
    }

    private bool Next(bool isFirst, ref TKey key)
    {
        TKey previous = key;
        ReadOnlySpan<byte> from = isFirst ? default : MemoryMarshal.AsBytes(new ReadOnlySpan<TKey>(in previous));
        return _map.TryNextKey(from, MemoryMarshal.AsBytes(new Span<TKey>(ref key)));
    }
}
