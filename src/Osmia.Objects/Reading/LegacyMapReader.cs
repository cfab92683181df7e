using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>
/// Maps of before BTF, in sections <c>maps</c> and <c>maps/NAME</c>: each symbol is a struct of numbers. Five of them are common to all
/// (<c>struct bpf_map_def</c>); iproute2 goes on with an id, pinning, and where the map stands in a map of maps (<c>struct bpf_elf_map</c>).
/// </summary>
/// <remarks>Source: tools/lib/bpf before 1.0, and iproute2's include/bpf_elf.h.</remarks>
internal sealed class LegacyMapReader(string file, ElfFile elf, BtfTypes? types)
{
    private const string SectionName = "maps";
    private const string AnnotationPrefix = "____btf_map_";
    private const int CommonSize = 20;
    private const int WithPinning = 28;
    private const int WithInner = 36;
    private const int LargestDefinition = 512;
    private const uint PinForObject = 1;
    private const uint PinForAll = 2;

    private readonly List<Definition> _definitions = [];

    private sealed record Definition(BpfMap Map, uint Id, uint InnerId, uint InnerIndex);

    public List<Diagnostic> Warnings { get; } = [];

    public static bool IsSection(ElfSection section) =>
        section.Type == ElfSectionType.ProgramBits && (section.Name == SectionName || section.Name.StartsWith(SectionName + "/", StringComparison.Ordinal));

    /// <summary>The maps of one section, with their places in it.</summary>
    public List<(ulong Offset, BpfMap Map)> Read(ElfSection section)
    {
        var found = new List<(ulong, BpfMap)>();
        List<ElfSymbol> symbols = [.. elf.SymbolsOf(section).Where(symbol => symbol.Type is ElfSymbolType.Object or ElfSymbolType.None && symbol.Name.Length > 0).OrderBy(symbol => symbol.Value)];
        for (int i = 0; i < symbols.Count; i++)
        {
            ElfSymbol symbol = symbols[i];
            ulong end = i + 1 < symbols.Count ? symbols[i + 1].Value : (ulong)section.Size;
            ulong size = symbol.Size > 0 ? symbol.Size : end - Math.Min(end, symbol.Value);
            if (symbol.Value > (ulong)section.Size || size > (ulong)section.Size - symbol.Value || size is < CommonSize or > LargestDefinition)
            {
                throw ObjectErrors.BadLegacyMap(file, section.Name, symbol.Name, $"its {size} bytes at {symbol.Value} do not fit: a definition has at least {CommonSize} and the section {section.Size}");
            }

            BpfMap map = ReadDefinition(section.Name, symbol, section.Data.Span.Slice((int)symbol.Value, (int)size));
            found.Add((symbol.Value, map));
        }

        return found;
    }

    /// <summary>When all maps are read: iproute2 numbers maps, so that one can name another as its inner map or as one of its elements.</summary>
    public void Connect(IEnumerable<BpfProgram> programs)
    {
        var elements = new Dictionary<BpfMap, List<MapSlot>>();
        foreach (Definition outer in _definitions.Where(definition => definition.Map.Type is MapType.ArrayOfMaps or MapType.HashOfMaps && definition.InnerId != 0))
        {
            Definition? inner = _definitions.Find(definition => definition.Id == outer.InnerId && definition != outer);
            if (inner?.Map.Type is MapType.ArrayOfMaps or MapType.HashOfMaps)
            {
                throw ObjectErrors.BadLegacyMap(file, SectionName, outer.Map.Name, $"its inner map '{inner.Map.Name}' holds maps itself");
            }

            outer.Map.InnerMap = inner?.Map ?? throw ObjectErrors.BadLegacyMap(file, SectionName, outer.Map.Name, $"no map has the id {outer.InnerId} of its inner map");
            if (inner.InnerIndex < outer.Map.MaxEntries)
            {
                Add(outer.Map, (int)inner.InnerIndex, inner.Map.Name);
            }
        }

        // iproute2: a program of section "ID/INDEX" is an element of the prog array with that id.
        foreach (BpfProgram program in programs)
        {
            if (program.Section.TailCall is { } place && _definitions.Find(definition => definition.Map.Type == MapType.ProgArray && definition.Id == place.Map) is { } array)
            {
                if (place.Index >= array.Map.MaxEntries)
                {
                    throw ObjectErrors.BadLegacyMap(file, SectionName, array.Map.Name, $"section \"{program.Section.Name}\" is past its {array.Map.MaxEntries} entries");
                }

                Add(array.Map, (int)place.Index, program.Name);
            }
        }

        foreach ((BpfMap map, List<MapSlot> slots) in elements)
        {
            map.Slots = slots;
        }

        void Add(BpfMap map, int index, string name)
        {
            if (!elements.TryGetValue(map, out List<MapSlot>? slots))
            {
                elements[map] = slots = [];
            }

            slots.Add(new MapSlot(index, name));
        }
    }

    private BpfMap ReadDefinition(string section, ElfSymbol symbol, ReadOnlySpan<byte> bytes)
    {
        uint Number(ReadOnlySpan<byte> from, int index) => from.Length < (index + 1) * 4 ? 0
            : elf.IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(from[(index * 4)..]) : BinaryPrimitives.ReadUInt32LittleEndian(from[(index * 4)..]);

        (TypeId key, TypeId value) = Annotation(symbol.Name);
        uint pinning = bytes.Length >= WithPinning ? Number(bytes, 6) : 0;
        var map = new BpfMap(symbol.Name)
        {
            Type = (MapType)Number(bytes, 0),
            KeySize = Number(bytes, 1),
            ValueSize = Number(bytes, 2),
            MaxEntries = Number(bytes, 3),
            Flags = Number(bytes, 4),
            KeyType = key,
            ValueType = value,
            IsGlobal = symbol.IsGlobal,
            IsWeak = symbol.IsWeak,
            PinByName = pinning == PinForAll,
            PinFolder = pinning == PinForAll ? "tc/globals" : "",
        };
        if (bytes.Length > WithInner && bytes[WithInner..].ContainsAnyExcept((byte)0))
        {
            throw ObjectErrors.BadLegacyMap(file, section, symbol.Name, $"its {bytes.Length} bytes say more than the {WithInner} of the longest known form");
        }

        if (pinning == PinForObject)
        {
            Warnings.Add(ObjectErrors.PinForObject(file, symbol.Name));
        }
        else if (pinning > PinForAll)
        {
            throw ObjectErrors.BadLegacyMap(file, section, symbol.Name, $"pinning {pinning} is not known");
        }

        _definitions.Add(new Definition(map, bytes.Length >= WithPinning ? Number(bytes, 5) : 0, Number(bytes, 7), bytes.Length >= WithInner ? Number(bytes, 8) : uint.MaxValue));
        return map;
    }

    /// <summary>BPF_ANNOTATE_KV_PAIR: a struct that holds a key and a value tells their types.</summary>
    private (TypeId Key, TypeId Value) Annotation(string name)
    {
        BtfType pair = types is null ? default : types[types.Find(BtfKind.Struct, AnnotationPrefix + name)];
        return pair.Kind == BtfKind.Struct && pair.Count == 2 ? (pair.Member(0).Type, pair.Member(1).Type) : default;
    }
}
