using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Decoding;

/// <summary>A map in memory that keeps its entries in the order they came.</summary>
internal sealed class FakeMap(LinkedMap definition, int valuesPerKey = 1) : Map(definition)
{
    private readonly List<(byte[] Key, byte[] Value)> _entries = [];

    public override int ValuesPerKey { get; } = valuesPerKey;

    public static FakeMap Of(MapType type, uint keySize, uint valueSize, TypeId key = default, TypeId value = default, uint maxEntries = 10_000, int cpus = 1) =>
        new(new LinkedMap(0, "sample", type, keySize, valueSize, maxEntries, 0) { KeyType = key, ValueType = value }, cpus);

    public FakeMap Add(byte[] key, params byte[] value)
    {
        _entries.Add((key, value));
        return this;
    }

    public override bool TryLookup(ReadOnlySpan<byte> key, Span<byte> value)
    {
        int index = IndexOf(key);
        if (index < 0)
        {
            return false;
        }

        _entries[index].Value.CopyTo(value);
        return true;
    }

    public override bool TryNextKey(ReadOnlySpan<byte> key, Span<byte> next)
    {
        int index = key.IsEmpty ? 0 : IndexOf(key) + 1;
        if (index >= _entries.Count)
        {
            return false;
        }

        _entries[index].Key.CopyTo(next);
        return true;
    }

    public override void Update(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any) => Add(key.ToArray(), value.ToArray());

    public override bool Delete(ReadOnlySpan<byte> key) => throw new NotSupportedException();

    public override bool TryTake(ReadOnlySpan<byte> key, Span<byte> value) => throw new NotSupportedException();

    public override int ReadBatch(MapCursor cursor, Span<byte> keys, Span<byte> values, bool remove = false) => throw new NotSupportedException();

    public override void UpdateBatch(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, out int done, UpdateMode mode = UpdateMode.Any) => throw new NotSupportedException();

    public override bool DeleteBatch(ReadOnlySpan<byte> keys, out int done) => throw new NotSupportedException();

    public override UserRingWriter OpenWriter() => throw new NotSupportedException();

    public override RecordReader OpenReader() => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
    }

    private int IndexOf(ReadOnlySpan<byte> key)
    {
        for (int i = 0; i < _entries.Count; i++)
        {
            if (key.SequenceEqual(_entries[i].Key))
            {
                return i;
            }
        }

        return -1;
    }
}
