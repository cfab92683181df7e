using System.Buffers.Binary;
using System.Globalization;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>Reads the maps of <c>.maps</c>, one map for each data section, and the variables in those.</summary>
internal sealed class MapReader(string file, ElfFile elf, BtfTypes? types, DeclarationTags tags)
{
    private const string MapSection = ".maps";
    private const string ArenaSection = ".addr_space.1";
    private const int SmallestPage = 4096;
    private const int MaximumData = 1 << 26;
    private const int MaximumConfiguration = 1 << 20;

    private BpfMap? _configuration;
    private readonly List<BpfMap> _maps = [];
    private readonly List<BpfVariable> _variables = [];
    private readonly Dictionary<Place, BpfMap> _definitions = [];
    private readonly Dictionary<int, BpfMap> _dataSections = [];
    private readonly List<SlotArray> _slotArrays = [];
    private readonly LegacyMapReader _legacy = new(file, elf, types);
    private StructOpsReader? _structOps;

    public IReadOnlyList<BpfMap> Maps => _maps;

    public IReadOnlyList<BpfVariable> Variables => _variables;

    public BpfMap? AtDefinition(int section, ulong offset) => _definitions.TryGetValue(new Place(section, offset), out BpfMap? map) ? map : null;

    public BpfMap? ForDataSection(int section) => _dataSections.TryGetValue(section, out BpfMap? map) ? map : null;

    public void Read()
    {
        if (elf.Find(MapSection) is { } definitions)
        {
            ReadDefinitions(definitions);
        }

        foreach (ElfSection section in elf.Sections.Where(LegacyMapReader.IsSection))
        {
            foreach ((ulong offset, BpfMap map) in _legacy.Read(section))
            {
                _maps.Add(map);
                _definitions.TryAdd(new Place(section.Index, offset), map);
            }
        }

        _structOps = new StructOpsReader(file, elf, types, _maps);
        _structOps.Read();
        ReadArena();
        long total = 0;
        foreach (ElfSection section in elf.Sections)
        {
            if (KindOf(section) is { } kind && section.Size > 0)
            {
                total += section.Size;
                if (total > MaximumData)
                {
                    throw ObjectErrors.Damaged(file, $"with '{section.Name}' of {section.Size} bytes its data sections are larger than {MaximumData} bytes", section.Name, section.Offset);
                }

                ReadDataSection(section, kind);
            }
        }

        ReadConfiguration();
    }

    /// <summary>The map of the kernel's configuration and the offset of one of its values.</summary>
    public BpfVariable? Configuration(string name) =>
        _configuration is null ? null : _variables.FirstOrDefault(variable => variable.Map == _configuration && variable.Name == name);

    /// <summary>What was odd but not fatal.</summary>
    public IReadOnlyList<Diagnostic> Warnings => _legacy.Warnings;

    /// <summary>After functions and programs are read: what stands in maps from the start.</summary>
    public void ReadContents(CodeReader code, IReadOnlyList<BpfProgram> programs)
    {
        ReadStaticSlots();
        _legacy.Connect(programs);
        _structOps!.ReadMembers(code);
    }

    /// <summary>Relocations within <c>.maps</c> name the programs and maps that stand in a map from the start.</summary>
    private void ReadStaticSlots()
    {
        var slots = new Dictionary<BpfMap, List<MapSlot>>();
        _slotArrays.Sort((left, right) => right.Offset.CompareTo(left.Offset));
        foreach (ElfSection relocations in elf.Sections.Where(s => s.IsRelocations && s.Info < elf.Sections.Count && s.Info >= 0 && elf.Sections[s.Info].Name == MapSection))
        {
            foreach (ElfRelocation relocation in elf.Relocations(relocations))
            {
                ElfSymbol symbol = elf.Symbols[relocation.Symbol];
                SlotArray? owner = _slotArrays.Find(array => array.Section == relocations.Info && array.Start <= relocation.Offset);
                if (owner is null || (relocation.Offset - owner.Start) % 8 != 0)
                {
                    throw ObjectErrors.BadRelocation(file, relocations.Name, (long)relocation.Offset, $"'{symbol.Name}' is written into something that is no map with values");
                }

                BpfMap map = owner.Map;
                ulong index = (relocation.Offset - owner.Start) / 8;
                if (index >= map.MaxEntries)
                {
                    map.MaxEntries = map.MaxEntries == 0 && index < int.MaxValue ? (uint)index + 1 : map.MaxEntries;
                    if (index >= map.MaxEntries)
                    {
                        throw ObjectErrors.BadMap(file, map.Name, $"value {index} ('{symbol.Name}') is past its {map.MaxEntries} entries");
                    }
                }

                if (!slots.TryGetValue(map, out List<MapSlot>? list))
                {
                    slots[map] = list = [];
                }

                list.Add(new MapSlot((int)index, NameOf(symbol, relocations.Info, relocation.Offset)));
            }
        }

        foreach ((BpfMap owner, List<MapSlot> list) in slots)
        {
            owner.Slots = list;
        }
    }

    /// <summary>Static maps are named by their section's symbol, with their place in the bytes the relocation stands on.</summary>
    private string NameOf(ElfSymbol symbol, int section, ulong offset)
    {
        ReadOnlySpan<byte> bytes = elf.Sections[section].Data.Span;
        if (symbol.Type != ElfSymbolType.Section || offset > (ulong)bytes.Length - Math.Min(8, (ulong)bytes.Length) || bytes.Length < 8)
        {
            return symbol.Name;
        }

        ReadOnlySpan<byte> addend = bytes[(int)offset..];
        ulong place = elf.IsBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(addend) : BinaryPrimitives.ReadUInt64LittleEndian(addend);
        return AtDefinition(symbol.SectionIndex, symbol.Value + place)?.Name ?? symbol.Name;
    }

    private static DataSectionKind? KindOf(ElfSection section) =>
        section.Type is ElfSectionType.ProgramBits or ElfSectionType.NoBits ? DataSections.KindOf(section.Name) : null;

    private void ReadDefinitions(ElfSection section)
    {
        if (section.Size == 0)
        {
            return;
        }

        BtfType dataSection = types is null ? default : types[types.Find(BtfKind.DataSection, MapSection)];
        if (types is null || dataSection.IsVoid)
        {
            throw ObjectErrors.MissingMapTypes(file);
        }

        var symbols = new Dictionary<string, ElfSymbol>(StringComparer.Ordinal);
        foreach (ElfSymbol symbol in elf.SymbolsOf(section))
        {
            symbols.TryAdd(symbol.Name, symbol);
        }

        for (int i = 0; i < dataSection.Count; i++)
        {
            BtfSectionVariable entry = dataSection.SectionVariable(i);
            BtfType variable = types[entry.Type];
            string name = variable.Name;
            BtfType definition = types.Resolve(variable.ReferencedId);
            if (variable is { Kind: BtfKind.Variable, Linkage: BtfLinkage.External })
            {
                continue; // Another object defines it.
            }

            if (variable.Kind != BtfKind.Variable || definition.Kind != BtfKind.Struct)
            {
                throw ObjectErrors.BadMap(file, name, "its type is not a struct");
            }

            ElfSymbol? symbol = symbols.GetValueOrDefault(name);
            var map = new BpfMap(name)
            {
                Declaration = entry.Type,
                IsGlobal = symbol?.IsGlobal ?? variable.Linkage == BtfLinkage.Global,
                IsWeak = symbol?.IsWeak ?? false,
                Tags = tags.Of(entry.Type),
            };
            int slots = new MapDefinitionReader(file, types).Read(map, definition);
            if (slots >= 0)
            {
                _slotArrays.Add(new SlotArray(map, section.Index, entry.Offset, slots));
            }

            _maps.Add(map);
            _definitions.TryAdd(new Place(section.Index, entry.Offset), map);
        }
    }

    /// <summary>Globals of <c>__arena</c> stand in a section of their own and are the first bytes of the object's arena.</summary>
    private void ReadArena()
    {
        ElfSection? section = elf.Find(ArenaSection);
        if (section is null || section.Size == 0)
        {
            return;
        }

        BpfMap arena = _maps.Find(map => map.Type == MapType.Arena)
            ?? throw ObjectErrors.BadMap(file, ArenaSection, "it has global variables of an arena, but no map of type arena", "define the arena in SEC(\".maps\")");
        if (section.Size > MaximumData || section.Size > (long)arena.MaxEntries * SmallestPage)
        {
            throw ObjectErrors.BadMap(file, arena.Name, $"its {arena.MaxEntries} pages do not hold the {section.Size} bytes of its global variables", "raise its max_entries");
        }

        if (section.Data.IsEmpty)
        {
            arena.InitialData = new byte[section.Size];
        }
        else
        {
            arena.InitialData = section.Data.ToArray();
        }

        _dataSections[section.Index] = arena;
        ReadVariables(section, arena, types is null ? default : types[types.Find(BtfKind.DataSection, section.Name)]);
    }

    /// <summary>
    /// Values of the kernel's configuration stand in no section of the file: they are laid out here, the widest first, as libbpf places them.
    /// </summary>
    private void ReadConfiguration()
    {
        BtfType dataSection = types is null ? default : types[types.Find(BtfKind.DataSection, KernelConfiguration.SectionName)];
        if (dataSection.IsVoid || dataSection.Count == 0)
        {
            return;
        }

        var values = new List<ConfigurationValue>();
        for (int i = 0; i < dataSection.Count; i++)
        {
            BtfType variable = types![dataSection.SectionVariable(i).Type];
            long size = types.SizeOf(variable.ReferencedId);
            if (variable.Kind != BtfKind.Variable || size is < 1 or > KernelConfiguration.MaximumValue)
            {
                throw ObjectErrors.BadTypes(file, KernelConfiguration.SectionName, $"entry {i} ('{variable.Name}') is no variable of 1 to {KernelConfiguration.MaximumValue} bytes");
            }

            values.Add(new ConfigurationValue(variable.Id, variable.Name, (int)size, AlignmentOf(types, variable.ReferencedId)));
        }

        values.Sort((left, right) =>
            left.Alignment != right.Alignment ? right.Alignment.CompareTo(left.Alignment)
            : left.Size != right.Size ? left.Size.CompareTo(right.Size)
            : string.CompareOrdinal(left.Name, right.Name));
        int end = 0;
        var offsets = new int[values.Count];
        for (int i = 0; i < values.Count; i++)
        {
            offsets[i] = (end + values[i].Alignment - 1) / values[i].Alignment * values[i].Alignment;
            end = offsets[i] + values[i].Size;
            if (end > MaximumConfiguration)
            {
                throw ObjectErrors.BadTypes(file, KernelConfiguration.SectionName, $"its values have more than {MaximumConfiguration} bytes");
            }
        }

        _configuration = new BpfMap(KernelConfiguration.SectionName)
        {
            Type = MapType.Array,
            KeySize = 4,
            ValueSize = (uint)end,
            MaxEntries = 1,
            Flags = DataSections.FlagsOf(DataSectionKind.Kconfig),
            ValueType = dataSection.Id,
            DataSection = DataSectionKind.Kconfig,
            SectionName = KernelConfiguration.SectionName,
        };
        _maps.Add(_configuration);
        var weak = elf.Symbols.Where(symbol => symbol.SectionIndex == ElfSymbol.Undefined && symbol.IsWeak).Select(symbol => symbol.Name).ToHashSet(StringComparer.Ordinal);
        for (int i = 0; i < values.Count; i++)
        {
            _variables.Add(new BpfVariable(values[i].Name, _configuration, offsets[i], values[i].Size, types![values[i].Id].ReferencedId)
            {
                Declaration = values[i].Id,
                IsWeak = weak.Contains(values[i].Name),
            });
        }
    }

    private sealed record ConfigurationValue(TypeId Id, string Name, int Size, int Alignment);

    private static int AlignmentOf(BtfTypes types, TypeId id)
    {
        const int maximum = 8;
        BtfType type = types.Resolve(id);
        for (int depth = 0; type.Kind == BtfKind.Array && depth < BtfTypes.MaximumDepth; depth++)
        {
            type = types.Resolve(type.ElementId);
        }

        return (int)Math.Clamp(types.SizeOf(type.Id), 1, maximum);
    }

    private void ReadDataSection(ElfSection section, DataSectionKind kind)
    {
        BtfType dataSection = types is null ? default : types[types.Find(BtfKind.DataSection, section.Name)];
        var map = new BpfMap(section.Name)
        {
            Type = MapType.Array,
            KeySize = 4,
            ValueSize = (uint)section.Size,
            MaxEntries = 1,
            Flags = DataSections.FlagsOf(kind),
            ValueType = types is null ? default : dataSection.Id,
            DataSection = kind,
            SectionName = section.Name,
            Alignment = section.Alignment,
        };
        if (!section.Data.IsEmpty)
        {
            map.InitialData = section.Data.ToArray();
        }

        _maps.Add(map);
        _dataSections[section.Index] = map;

        ReadVariables(section, map, dataSection);
    }

    private void ReadVariables(ElfSection section, BpfMap map, BtfType dataSection)
    {
        Dictionary<string, int> declared = VariablesOf(dataSection);
        foreach (ElfSymbol symbol in elf.SymbolsOf(section).Where(s => s.Type == ElfSymbolType.Object && s.Size > 0))
        {
            if (symbol.Value > (ulong)section.Size || symbol.Size > (ulong)section.Size - symbol.Value)
            {
                throw ObjectErrors.Damaged(file, $"variable '{symbol.Name}' ends after its section of {section.Size} bytes", section.Name, section.Offset);
            }

            TypeId variable = declared.TryGetValue(Placed(symbol.Name, symbol.Value), out int id) || declared.TryGetValue(symbol.Name, out id) ? new TypeId(id) : TypeId.Void;
            _variables.Add(new BpfVariable(symbol.Name, map, (int)symbol.Value, (int)symbol.Size, variable.IsVoid ? variable : types![variable].ReferencedId)
            {
                IsGlobal = symbol.IsGlobal,
                IsWeak = symbol.IsWeak,
                IsHidden = symbol.IsHidden,
                Declaration = variable,
                Tags = tags.Of(variable),
            });
        }
    }

    /// <summary>Ids of variables by name, and by name and place: static ones of several functions or files may share a name.</summary>
    private Dictionary<string, int> VariablesOf(BtfType dataSection)
    {
        var variables = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; types is not null && i < dataSection.Count; i++)
        {
            TypeId id = dataSection.SectionVariable(i).Type;
            if (types[id].Kind == BtfKind.Variable)
            {
                variables.TryAdd(types[id].Name, id.Value);
                variables.TryAdd(Placed(types[id].Name, dataSection.SectionVariable(i).Offset), id.Value);
            }
        }

        return variables;
    }

    private static string Placed(string name, ulong offset) => string.Create(CultureInfo.InvariantCulture, $"{name}\0{offset}");

    private sealed record Place(int Section, ulong Offset);

    /// <summary>The array of values of a map's definition, <paramref name="SlotsOffset"/> bytes into it.</summary>
    private sealed record SlotArray(BpfMap Map, int Section, ulong Offset, int SlotsOffset)
    {
        public ulong Start => Offset + (ulong)SlotsOffset;
    }
}
