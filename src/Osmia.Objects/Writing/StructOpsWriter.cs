using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

/// <summary>Writes the variables of <c>.struct_ops</c> and its relatives: bytes in the object's layout, and relocations for members that point to programs.</summary>
internal sealed class StructOpsWriter(BpfObject source, ElfBuilder elf, TypeDraft draft, SymbolTable symbols)
{
    private const int Alignment = 8;
    private const int MaximumSize = 1 << 24;

    public void Write()
    {
        ILookup<string, BpfFunction> functions = source.Functions.ToLookup(function => function.Name, StringComparer.Ordinal);
        foreach (IGrouping<string, BpfMap> group in source.Maps.Where(map => map.DataSection == DataSectionKind.StructOps).GroupBy(map => map.SectionName ?? ".struct_ops"))
        {
            OutputSection section = elf.AddSection(group.Key, ElfSectionType.ProgramBits, ElfBuilder.Allocate | ElfBuilder.Write, Alignment);
            TypeId declared = source.Types?.Find(BtfKind.DataSection, group.Key) ?? TypeId.Void;
            List<BtfSectionVariable> entries = Place([.. group], declared, out long size);
            section.Data = new byte[size];
            for (int i = 0; i < entries.Count; i++)
            {
                Write(group.ElementAt(i), section, entries[i], functions);
            }

            declared = declared.IsVoid ? draft.Add(BtfKind.DataSection, group.Key, 0, 0) : declared;
            draft.SetSection(declared, (uint)size, [.. entries.OrderBy(entry => entry.Offset)]);
        }
    }

    /// <summary>Variables keep the places their data section gives them; when it knows not all of them, they stand one behind the other.</summary>
    private List<BtfSectionVariable> Place(List<BpfMap> maps, TypeId section, out long size)
    {
        var known = new Dictionary<int, BtfSectionVariable>();
        BtfType declared = source.Types is { } types ? types[section] : default;
        for (int i = 0; i < declared.Count; i++)
        {
            known.TryAdd(declared.SectionVariable(i).Type.Value, declared.SectionVariable(i));
        }

        if (maps.GroupBy(map => map.Declaration).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw WriteErrors.CannotWrite(source.Name, $"struct_ops variables '{string.Join("' and '", twice.Select(map => map.Name))}' have one declaration", $"section {maps[0].SectionName}", "give each a BTF variable of its own");
        }

        bool isPlaced = maps.TrueForAll(map => known.ContainsKey(map.Declaration.Value));
        var entries = new List<BtfSectionVariable>();
        size = 0;
        foreach (BpfMap map in maps)
        {
            if (!draft.Has(map.Declaration))
            {
                throw WriteErrors.CannotWrite(source.Name, $"struct_ops variable '{map.Name}' has no BTF variable that declares it", $"section {map.SectionName}", "declare it in the object's types: its struct is known by them only");
            }

            uint offset = isPlaced ? known[map.Declaration.Value].Offset : (uint)Writing.Place.Align(size, Alignment);
            size = Math.Max(size, (long)offset + map.ValueSize);
            entries.Add(new BtfSectionVariable(map.Declaration, offset, map.ValueSize));
            if (size > MaximumSize)
            {
                throw WriteErrors.CannotWrite(source.Name, $"its variables take {size} bytes; more than {MaximumSize} are not written", $"section {map.SectionName}");
            }
        }

        return entries;
    }

    private void Write(BpfMap map, OutputSection section, BtfSectionVariable place, ILookup<string, BpfFunction> functions)
    {
        map.InitialData.AsSpan(0, Math.Min(map.InitialData.Length, (int)map.ValueSize)).CopyTo(section.Data.AsSpan((int)place.Offset));
        bool isStatic = source.Types![map.Declaration].Linkage == BtfLinkage.Static;
        symbols.Define(map, new OutputSymbol(map.Name, ElfSymbolType.Object, isStatic ? ElfBinding.Local : ElfBinding.Global, section, place.Offset, map.ValueSize));
        BtfType definition = source.Types!.Resolve(source.Types[map.Declaration].ReferencedId);
        foreach (MapSlot slot in map.Slots)
        {
            if (slot.Index >= definition.Count || symbols.Find(functions[slot.Name].FirstOrDefault()) is not { } program)
            {
                throw WriteErrors.CannotWrite(source.Name, $"member {slot.Index} of '{map.Name}' is '{slot.Name}', which is no function of the object", $"section {section.Name}");
            }

            section.Relocations.Add(new OutputRelocation(place.Offset + definition.Member(slot.Index).ByteOffset, program, ElfRelocationType.Pointer));
        }
    }
}
