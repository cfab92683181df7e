using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;

namespace Osmia.Runtime.Decoding;

/// <summary>A map's entries made ready to print: their shapes, values of several CPUs added up, order, and what is left out.</summary>
internal sealed class MapView
{
    private const int GuessedArrayBytes = 64;

    private readonly byte[] _combined;

    private MapView(Map map, MapSnapshot entries, ValueShapes? shapes)
    {
        Entries = entries;
        Key = KeyShape(map, shapes);
        Value = Known(shapes, map.Definition.ValueType, map.ValueSize) ?? Guess(map.ValueSize);
        bool isIndex = map.Type is MapType.Array or MapType.PercpuArray;
        IsKeyGuessed = !isIndex && Known(shapes, map.Definition.KeyType, map.KeySize) is null;
        IsValueGuessed = Known(shapes, map.Definition.ValueType, map.ValueSize) is null;
        Slots = Value.Kind == ShapeKind.Composite ? Value.Members.FirstOrDefault(IsHistogram) : null;
        IsCombined = map.IsPerCpu && (Value.IsSummable || Slots is not null);
        _combined = IsCombined ? Combine(entries, Value) : [];
    }

    public MapSnapshot Entries { get; }

    public ValueShape Key { get; }

    public ValueShape Value { get; }

    /// <summary>Without BTF: shown as bytes and as the integers they may be.</summary>
    public bool IsKeyGuessed { get; }

    public bool IsValueGuessed { get; }

    /// <summary>The member of a value that counts by powers of two.</summary>
    public ShapeMember? Slots { get; }

    /// <summary>The values of all CPUs are one.</summary>
    public bool IsCombined { get; }

    /// <summary>Entries to print, in order.</summary>
    public int[] Order { get; private set; } = [];

    /// <summary>Elements of an array whose value is all zero, which are not printed.</summary>
    public int Zero { get; private set; }

    /// <summary>Entries past the limit.</summary>
    public int Omitted { get; private set; }

    public static MapView Read(Map map, ValueShapes? shapes, MapPrintOptions options)
    {
        var view = new MapView(map, MapSnapshot.Read(map), shapes);
        view.Arrange(map, options);
        return view;
    }

    /// <summary>An entry's value: of all CPUs where they can be added up, else of the first.</summary>
    public ReadOnlySpan<byte> ValueOf(int entry) =>
        IsCombined ? _combined.AsSpan(entry * Entries.ValueSize, Entries.ValueSize) : Entries.Value(entry);

    private static ValueShape KeyShape(Map map, ValueShapes? shapes)
    {
        ValueShape? known = Known(shapes, map.Definition.KeyType, map.KeySize);
        return known is null ? Guess(map.KeySize)
            : map.Type == MapType.LpmTrie ? shapes!.OfPrefixKey(map.Definition.KeyType)
            : known;
    }

    // A type of another size than the map's (a changed definition) would misread every entry.
    private static ValueShape? Known(ValueShapes? shapes, TypeId type, int size) =>
        shapes is not null && !type.IsVoid && shapes.Of(type) is { } shape && shape.Size == size ? shape : null;

    private static ValueShape Guess(int size) => size switch
    {
        1 or 2 or 4 or 8 => ValueShape.Integer(size),
        > 0 and <= GuessedArrayBytes when size % 8 == 0 => ValueShape.ArrayOf(ValueShape.Integer(8), (uint)size / 8),
        _ => ValueShape.Bytes(size),
    };

    private static bool IsHistogram(ShapeMember member) =>
        member is { Name: "slots", BitSize: 0, Shape: { Kind: ShapeKind.Array, Element.Kind: ShapeKind.Integer } } && member.Shape.IsSummable && member.Shape.Count <= 64;

    private static byte[] Combine(MapSnapshot entries, ValueShape shape)
    {
        var combined = new byte[(long)entries.Count * entries.ValueSize];
        for (int i = 0; i < entries.Count; i++)
        {
            for (int cpu = 0; cpu < entries.ValuesPerKey; cpu++)
            {
                ValueNumbers.Add(shape, combined.AsSpan(i * entries.ValueSize, entries.ValueSize), entries.Value(i, cpu));
            }
        }

        return combined;
    }

    private void Arrange(Map map, MapPrintOptions options)
    {
        bool isArray = map.Type is MapType.Array or MapType.PercpuArray;
        var shown = new List<int>();
        for (int i = 0; i < Entries.Count; i++)
        {
            if (isArray && !options.ShowZero && !map.Definition.IsDataSection && IsZero(i))
            {
                Zero++;
            }
            else
            {
                shown.Add(i);
            }
        }

        if (Slots is not null)
        {
            SortByAmount(shown, entry => Log2Histogram.Read(Slots, ValueOf(entry)).Total);
        }
        else if (!isArray && Counter() is { } counter && (!map.IsPerCpu || IsCombined))
        {
            SortByAmount(shown, entry => ValueNumbers.TryRead(counter, ValueOf(entry), out long number) ? (ulong)number : 0);
        }

        Omitted = Math.Max(shown.Count - options.Limit, 0);
        shown.RemoveRange(shown.Count - Omitted, Omitted);
        Order = shown.ToArray();
    }

    // The largest first; equal ones stay in the order of the map.
    private void SortByAmount(List<int> entries, Func<int, ulong> amountOf)
    {
        var amounts = new ulong[Entries.Count];
        foreach (int entry in entries)
        {
            amounts[entry] = amountOf(entry);
        }

        entries.Sort((left, right) => amounts[left] == amounts[right] ? left.CompareTo(right) : amounts[right].CompareTo(amounts[left]));
    }

    private bool IsZero(int entry)
    {
        for (int cpu = 0; cpu < Entries.ValuesPerKey; cpu++)
        {
            if (Entries.Value(entry, cpu).ContainsAnyExcept((byte)0))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The number entries are sorted by: the first of the value, when it is an unsigned amount.</summary>
    private ShapeMember? Counter()
    {
        ImmutableArray<RecordColumn> columns = RecordColumn.Of(Value, "value");
        return columns[0].Member is { Shape: { Kind: ShapeKind.Integer, IsSigned: false, IsSummable: true } } member ? member : null;
    }
}
