using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Reading;

namespace Osmia.Objects.Writing;

/// <summary>The BTF struct that defines a map, built from the map's values: <c>__uint()</c>, <c>__type()</c> and <c>__array()</c> as types.</summary>
/// <remarks>Source: the BTF-defined maps of libbpf (docs.kernel.org/bpf/libbpf/libbpf_overview.html).</remarks>
internal sealed class DefinitionBuilder(TypeDraft draft, BtfTypes? types, string objectName)
{
    public const int PointerSize = 8;

    private readonly Dictionary<uint, uint> _numbers = [];

    /// <summary>What a definition costs in <c>.maps</c>, without the values that stand behind it.</summary>
    public readonly record struct Definition(TypeId Type, uint Size, bool HasValues);

    /// <summary>The struct of the map's declaration when it still says what the map says, else a new one.</summary>
    public Definition Of(BpfMap map)
    {
        if (types is not null && types[map.Declaration] is { Kind: BtfKind.Variable } variable && types.Resolve(variable.ReferencedId) is { Kind: BtfKind.Struct } written && Says(map, written, out int slotsOffset))
        {
            return new Definition(variable.ReferencedId, slotsOffset >= 0 ? (uint)slotsOffset : written.Size, slotsOffset >= 0);
        }

        return Build(map);
    }

    private bool Says(BpfMap map, BtfType definition, out int slotsOffset)
    {
        var read = new BpfMap(map.Name);
        slotsOffset = -1;
        try
        {
            slotsOffset = new MapDefinitionReader(objectName, types!).Read(read, definition);
        }
        catch (ObjectFormatException)
        {
            return false; // The declaration was never one of a map: its values count.
        }

        return IsSame(map, read);
    }

    private static bool IsSame(BpfMap map, BpfMap read)
    {
        // The entries of a map without a number of them are counted by its first values.
        bool isCounted = read.MaxEntries == 0 && map.Slots.Count > 0 && map.MaxEntries == (uint)map.Slots.Max(slot => slot.Index) + 1;
        return (map.Type, map.KeySize, map.ValueSize, map.Flags, map.Extra, map.PinByName, map.NumaNode) == (read.Type, read.KeySize, read.ValueSize, read.Flags, read.Extra, read.PinByName, read.NumaNode)
            && (map.KeyType, map.ValueType) == (read.KeyType, read.ValueType)
            && (map.MaxEntries == read.MaxEntries || isCounted)
            && (map.InnerMap is null ? read.InnerMap is null : read.InnerMap is not null && IsSame(map.InnerMap, read.InnerMap));
    }

    private Definition Build(BpfMap map)
    {
        var members = new List<uint>();
        uint size = 0;
        Number("type", (uint)map.Type);
        Typed("key", map.KeyType, map.KeySize);
        Typed("value", map.ValueType, map.ValueSize);
        Number("max_entries", map.MaxEntries);
        Number("map_flags", map.Flags);
        if (map.Extra > uint.MaxValue)
        {
            // __ulong(): an enumeration whose one value is the number.
            Add("map_extra", draft.Add(BtfKind.Enum64, "", 1, PointerSize, draft.String("map_extra"), (uint)map.Extra, (uint)(map.Extra >> 32)));
        }
        else
        {
            Number("map_extra", (uint)map.Extra);
        }

        Number("numa_node", map.NumaNode);
        Number("pinning", map.PinByName ? 1u : 0);
        bool hasValues = map.Type == MapType.ProgArray ? map.Slots.Count > 0 : map.InnerMap is not null;
        if (hasValues)
        {
            // An array without elements, as compilers write it: the values stand behind the struct.
            Add("values", draft.Add(BtfKind.Array, "", 0, 0, (uint)Element(map).Value, (uint)draft.Int(types).Value, 0));
            size -= PointerSize;
        }

        return new Definition(draft.Add(BtfKind.Struct, "", (uint)members.Count / 3, size, [.. members]), size, hasValues);

        void Number(string name, uint value)
        {
            if (value != 0)
            {
                Add(name, PointerTo(ArrayOf(value)));
            }
        }

        void Typed(string name, TypeId type, uint bytes)
        {
            if (!type.IsVoid && types?.SizeOf(type) == bytes)
            {
                Add(name, PointerTo(type));
            }
            else
            {
                Number(name + "_size", bytes);
            }
        }

        void Add(string name, TypeId type)
        {
            members.AddRange([draft.String(name), (uint)type.Value, size * 8]);
            size += PointerSize;
        }
    }

    private TypeId Element(BpfMap map)
    {
        if (map.Type == MapType.ProgArray)
        {
            TypeId context = PointerTo(TypeId.Void);
            return PointerTo(draft.Add(BtfKind.FunctionPrototype, "", 1, (uint)draft.Int(types).Value, 0, (uint)context.Value));
        }

        return PointerTo(Build(map.InnerMap!).Type);
    }

    private TypeId PointerTo(TypeId type) => draft.Add(BtfKind.Pointer, "", 0, (uint)type.Value);

    private TypeId ArrayOf(uint count)
    {
        if (!_numbers.TryGetValue(count, out uint id))
        {
            uint number = (uint)draft.Int(types).Value;
            _numbers[count] = id = (uint)draft.Add(BtfKind.Array, "", 0, 0, number, number, count).Value;
        }

        return new TypeId((int)id);
    }
}
