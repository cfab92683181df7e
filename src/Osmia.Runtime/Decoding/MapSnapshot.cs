using System.Runtime.InteropServices;

namespace Osmia.Runtime.Decoding;

/// <summary>All entries of a map as they were while it was read; entries that changed meanwhile may be missing or twice.</summary>
internal sealed class MapSnapshot
{
    // Iterating a changing hash map can start over; twice its entries is past every honest end.
    private const int Patience = 2;

    private readonly List<byte> _keys = [];
    private readonly List<byte> _values = [];

    private MapSnapshot(Map map)
    {
        KeySize = map.KeySize;
        ValueSize = map.ValueSize;
        ValueStride = map.ValueStride;
        ValuesPerKey = map.ValuesPerKey;
    }

    public int Count { get; private set; }

    public int KeySize { get; }

    public int ValueSize { get; }

    public int ValueStride { get; }

    public int ValuesPerKey { get; }

    /// <summary>The map changed so fast that iterating it came to no end.</summary>
    public bool IsCut { get; private set; }

    public ReadOnlySpan<byte> Key(int index) => CollectionsMarshal.AsSpan(_keys).Slice(index * KeySize, KeySize);

    public ReadOnlySpan<byte> Value(int index, int cpu = 0) =>
        CollectionsMarshal.AsSpan(_values).Slice((index * ValuesPerKey + cpu) * ValueStride, ValueSize);

    public static MapSnapshot Read(Map map)
    {
        var snapshot = new MapSnapshot(map);
        byte[] key = new byte[map.KeySize];
        byte[] next = new byte[map.KeySize];
        byte[] value = new byte[map.ValueStride * map.ValuesPerKey];
        long limit = Math.Max(map.Definition.MaxEntries, 1L) * Patience;
        bool found = map.TryNextKey([], next);
        for (long steps = 0; found; steps++)
        {
            if (steps == limit)
            {
                snapshot.IsCut = true;
                break;
            }

            (key, next) = (next, key);
            if (map.TryLookup(key, value))
            {
                snapshot._keys.AddRange(key);
                snapshot._values.AddRange(value);
                snapshot.Count++;
            }

            found = map.TryNextKey(key, next);
        }

        return snapshot;
    }
}
