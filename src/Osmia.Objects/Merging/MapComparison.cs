using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Reading;

namespace Osmia.Objects.Merging;

/// <summary>Holds an external map declaration against the definition: every attribute must be the same.</summary>
internal sealed class MapComparison(BtfTypes left, BtfTypes right)
{
    /// <summary>The values of a map that is declared and not defined.</summary>
    public static BpfMap Declared(BpfObject source, string name, TypeId declaration)
    {
        BtfTypes types = source.Types!;
        var map = new BpfMap(name);
        BtfType definition = types.Resolve(types[declaration].ReferencedId);
        if (definition.Kind == BtfKind.Struct)
        {
            new MapDefinitionReader(source.Name, types).Read(map, definition);
        }

        return map;
    }

    public string? Differs(BpfMap one, BpfMap two)
    {
        (string Word, string One, string Two)[] attributes =
        [
            ("type", one.Type.ToKernelName(), two.Type.ToKernelName()),
            ("key size", $"{one.KeySize}", $"{two.KeySize}"),
            ("value size", $"{one.ValueSize}", $"{two.ValueSize}"),
            ("max_entries", $"{one.MaxEntries}", $"{two.MaxEntries}"),
            ("map_flags", $"0x{one.Flags:x}", $"0x{two.Flags:x}"),
            ("map_extra", $"0x{one.Extra:x}", $"0x{two.Extra:x}"),
            ("pinning", one.PinByName ? "by name" : "none", two.PinByName ? "by name" : "none"),
        ];
        foreach ((string word, string first, string second) in attributes)
        {
            if (first != second)
            {
                return $"the map's {word} is {first} and {second}";
            }
        }

        if ((TypeDiffers("key", one.KeyType, two.KeyType) ?? TypeDiffers("value", one.ValueType, two.ValueType)) is { } difference)
        {
            return difference;
        }

        return (one.InnerMap, two.InnerMap) switch
        {
            (null, null) => null,
            ({ } first, { } second) => Differs(first, second) is { } inner ? $"in the maps it holds {inner}" : null,
            _ => "only one says what maps it holds",
        };
    }

    private string? TypeDiffers(string word, TypeId one, TypeId two)
    {
        if (one.IsVoid != two.IsVoid)
        {
            return $"only one says the type of the map's {word}";
        }

        return one.IsVoid || new TypeComparison(left, right).Differs(one, two) is not { } difference ? null : $"the type of the map's {word}: {difference}";
    }
}
