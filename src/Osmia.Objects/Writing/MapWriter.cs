using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

/// <summary>
/// Writes <c>.maps</c>: the definitions in BTF, where each stands, its symbol, and relocations for values that stand in a map from the start.
/// </summary>
internal sealed class MapWriter(BpfObject source, ElfBuilder elf, TypeDraft draft, SymbolTable symbols)
{
    private const string SectionName = ".maps";
    private const int Alignment = 8;
    private const int MaximumSize = 1 << 24;

    private readonly List<Entry> _entries = [];
    private OutputSection? _section;

    private sealed record Entry(BpfMap Map, TypeId Variable, uint SlotsOffset, uint Offset, uint Size);

    public void Write()
    {
        BpfMap[] maps = [.. source.Maps.Where(map => map.DataSection == DataSectionKind.None)];
        TypeId sectionType = source.Types?.Find(BtfKind.DataSection, SectionName) ?? TypeId.Void;
        List<BtfSectionVariable> written = Variables(sectionType);
        if (maps.Length == 0 && written.Count == 0)
        {
            return;
        }

        Define(maps, written);
        long size = _entries.Count == 0 ? 0 : _entries.Max(entry => (long)entry.Offset + entry.Size);
        if (size > MaximumSize)
        {
            throw WriteErrors.CannotWrite(source.Name, $"its map definitions take {size} bytes; more than {MaximumSize} are not written", $"section {SectionName}");
        }

        IEnumerable<BtfSectionVariable> externs = written.Where(variable => source.Types![variable.Type].Linkage == BtfLinkage.External);
        sectionType = sectionType.IsVoid ? draft.Add(BtfKind.DataSection, SectionName, 0, 0) : sectionType;
        draft.SetSection(sectionType, (uint)size, [.. externs, .. _entries.OrderBy(entry => entry.Offset).Select(entry => new BtfSectionVariable(entry.Variable, entry.Offset, entry.Size))]);
        if (maps.Length == 0)
        {
            return;
        }

        _section = elf.AddSection(SectionName, ElfSectionType.ProgramBits, ElfBuilder.Allocate | ElfBuilder.Write, Alignment);
        _section.Data = new byte[size];
        foreach (Entry entry in _entries)
        {
            symbols.Define(entry.Map, new OutputSymbol(entry.Map.Name, ElfSymbolType.Object, Bindings.Of(entry.Map.IsGlobal, entry.Map.IsWeak), _section, entry.Offset, entry.Size));
        }
    }

    /// <summary>After functions have symbols: values name programs and maps.</summary>
    public void WriteSlots()
    {
        ILookup<string, BpfFunction> functions = source.Functions.ToLookup(function => function.Name, StringComparer.Ordinal);
        ILookup<string, BpfMap> maps = source.Maps.ToLookup(map => map.Name, StringComparer.Ordinal);
        foreach (Entry entry in _entries)
        {
            foreach (MapSlot slot in entry.Map.Slots)
            {
                OutputSymbol? symbol = symbols.Find(entry.Map.Type == MapType.ProgArray ? functions[slot.Name].FirstOrDefault() : maps[slot.Name].FirstOrDefault());
                if (symbol is null)
                {
                    throw WriteErrors.CannotWrite(source.Name, $"element {slot.Index} of map '{entry.Map.Name}' names '{slot.Name}', which it does not hold", $"section {SectionName}");
                }

                _section!.Relocations.Add(new OutputRelocation(entry.Offset + entry.SlotsOffset + slot.Index * (long)DefinitionBuilder.PointerSize, symbol, ElfRelocationType.Pointer));
            }
        }
    }

    private List<BtfSectionVariable> Variables(TypeId sectionType)
    {
        var variables = new List<BtfSectionVariable>();
        BtfType section = sectionType.IsVoid ? default : source.Types![sectionType];
        for (int i = 0; i < section.Count; i++)
        {
            variables.Add(section.SectionVariable(i));
        }

        return variables;
    }

    /// <summary>Definitions that are as they were keep their places; one that changed or is new makes all of them move up.</summary>
    private void Define(BpfMap[] maps, List<BtfSectionVariable> written)
    {
        var places = written.GroupBy(variable => variable.Type.Value).ToDictionary(group => group.Key, group => new Queue<BtfSectionVariable>(group));
        var builder = new DefinitionBuilder(draft, source.Types, source.Name);
        bool moves = false;
        foreach (BpfMap map in maps)
        {
            DefinitionBuilder.Definition definition = builder.Of(map);
            BtfSectionVariable place = default;
            bool isPlaced = places.TryGetValue(map.Declaration.Value, out Queue<BtfSectionVariable>? queue) && queue.TryDequeue(out place);
            if (map.Slots.Count > 0 && !definition.HasValues)
            {
                throw WriteErrors.CannotWrite(source.Name, $"map '{map.Name}' ({map.Type.ToKernelName()}) has first values, which only prog arrays and maps of maps may have", $"section {SectionName}");
            }

            int slots = map.Slots.Count == 0 ? 0 : map.Slots.Max(slot => slot.Index) + 1;
            long needed = definition.Size + (long)slots * DefinitionBuilder.PointerSize;
            if (needed > MaximumSize)
            {
                throw WriteErrors.CannotWrite(source.Name, $"the first values of map '{map.Name}' take {needed} bytes", $"section {SectionName}");
            }

            moves |= !isPlaced || place.Size < needed || place.Offset + (long)place.Size > MaximumSize;
            _entries.Add(new Entry(map, VariableOf(map, definition.Type), definition.Size, place.Offset, Math.Max(place.Size, (uint)needed)));
        }

        long end = 0;
        for (int i = 0; moves && i < _entries.Count; i++)
        {
            _entries[i] = _entries[i] with { Offset = (uint)end };
            end = Place.Align(end + Math.Min(_entries[i].Size, MaximumSize), Alignment);
        }
    }

    private TypeId VariableOf(BpfMap map, TypeId definition)
    {
        if (draft.Has(map.Declaration) && source.Types![map.Declaration].Kind == BtfKind.Variable)
        {
            draft[map.Declaration][2] = (uint)definition.Value;
            return map.Declaration;
        }

        return draft.Add(BtfKind.Variable, map.Name, 0, (uint)definition.Value, (uint)(map.IsGlobal || map.IsWeak ? BtfLinkage.Global : BtfLinkage.Static));
    }
}
