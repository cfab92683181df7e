using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Reading;

/// <summary>
/// Reads one map definition from its BTF struct: <c>__uint(name, n)</c> is a pointer to an array of n ints,
/// <c>__type(name, T)</c> a pointer to T, <c>__array(values, T)</c> an array of pointers to T.
/// </summary>
/// <remarks>Source: the BTF-defined maps of libbpf (docs.kernel.org/bpf/libbpf/libbpf_overview.html).</remarks>
internal sealed class MapDefinitionReader(string file, BtfTypes types)
{
    private const int MaximumNesting = 1;
    private const int MaximumAttributes = 32;
    private const ulong PinByName = 1;

    /// <returns>Byte offset of the <c>values</c> member within the definition, or -1 when it has none.</returns>
    public int Read(BpfMap map, BtfType definition, int nesting = 0)
    {
        int slotsOffset = -1;
        if (definition.Count > MaximumAttributes)
        {
            throw ObjectErrors.BadMap(file, map.Name, $"its struct has {definition.Count} members");
        }

        for (int i = 0; i < definition.Count; i++)
        {
            BtfMember member = definition.Member(i);
            string name = types.String(member.NameOffset);
            switch (name)
            {
                case "type":
                    map.Type = (MapType)Number(map, name, member.Type);
                    break;
                case "max_entries":
                    map.MaxEntries = (uint)Number(map, name, member.Type);
                    break;
                case "map_flags":
                    map.Flags = (uint)Number(map, name, member.Type);
                    break;
                case "map_extra":
                    map.Extra = Number(map, name, member.Type);
                    break;
                case "key_size":
                    map.KeySize = (uint)Number(map, name, member.Type);
                    break;
                case "value_size":
                    map.ValueSize = (uint)Number(map, name, member.Type);
                    break;
                case "key":
                    (map.KeyType, map.KeySize) = PointedType(map, name, member.Type);
                    break;
                case "value":
                    (map.ValueType, map.ValueSize) = PointedType(map, name, member.Type);
                    break;
                case "pinning":
                    map.PinByName = Number(map, name, member.Type) switch
                    {
                        0 => false,
                        PinByName => true,
                        var other => throw ObjectErrors.BadMap(file, map.Name, $"pinning {other} is not known", "use LIBBPF_PIN_BY_NAME or LIBBPF_PIN_NONE"),
                    };
                    break;
                case "numa_node":
                    map.NumaNode = (uint)Number(map, name, member.Type);
                    break;
                case "values":
                    slotsOffset = member.ByteOffset;
                    ReadValues(map, member.Type, nesting);
                    break;
                default:
                    throw ObjectErrors.BadMap(file, map.Name, $"attribute '{name}' is not known", "known: type, max_entries, map_flags, map_extra, key, value, key_size, value_size, values, pinning, numa_node");
            }
        }

        if (map.Type == MapType.Unspec)
        {
            throw ObjectErrors.BadMap(file, map.Name, "it has no type", "add __uint(type, BPF_MAP_TYPE_HASH)");
        }

        return slotsOffset;
    }

    private void ReadValues(BpfMap map, TypeId member, int nesting)
    {
        BtfType array = types.Resolve(member);
        BtfType pointer = array.Kind == BtfKind.Array ? types.Resolve(array.ElementId) : default;
        if (array.Kind != BtfKind.Array || pointer.Kind != BtfKind.Pointer)
        {
            throw ObjectErrors.BadMap(file, map.Name, "'values' is not an array of pointers");
        }

        map.KeySize = map.KeySize == 0 ? 4 : map.KeySize;
        map.ValueSize = map.ValueSize == 0 ? 4 : map.ValueSize;
        BtfType pointee = types.Resolve(pointer.ReferencedId);
        if (map.Type is not (MapType.ArrayOfMaps or MapType.HashOfMaps))
        {
            return;
        }

        if (pointee.Kind != BtfKind.Struct || nesting >= MaximumNesting)
        {
            throw ObjectErrors.BadMap(file, map.Name, "the maps it holds are not described by a struct, or hold maps themselves");
        }

        map.InnerMap = new BpfMap(map.Name + ".inner");
        Read(map.InnerMap, pointee, nesting + 1);
    }

    /// <summary><c>__uint(name, n)</c> is a pointer to an array of n ints, <c>__ulong(name, n)</c> an enumeration with the one value n.</summary>
    private ulong Number(BpfMap map, string attribute, TypeId id)
    {
        BtfType type = types.Resolve(id);
        if (type.Kind.IsEnum() && type.Count > 0)
        {
            return (ulong)type.Enumerator(0).Value;
        }

        BtfType array = type.Kind == BtfKind.Pointer ? types.Resolve(type.ReferencedId) : default;
        return array.Kind == BtfKind.Array
            ? array.ElementCount
            : throw ObjectErrors.BadMap(file, map.Name, $"attribute '{attribute}' is not written with __uint() or __ulong()");
    }

    private (TypeId Type, uint Size) PointedType(BpfMap map, string attribute, TypeId id)
    {
        BtfType pointer = types.Resolve(id);
        if (pointer.Kind != BtfKind.Pointer)
        {
            throw ObjectErrors.BadMap(file, map.Name, $"attribute '{attribute}' is not written with __type()");
        }

        long size = types.SizeOf(pointer.ReferencedId);
        return size > 0
            ? (pointer.ReferencedId, (uint)size)
            : throw ObjectErrors.BadMap(file, map.Name, $"the type of its {attribute} has no size");
    }
}
