using System.Globalization;
using System.Text;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

/// <summary>Writes the sections of variables, and the license and version, with their symbols and their BTF data sections.</summary>
internal sealed class DataWriter(BpfObject source, ElfBuilder elf, TypeDraft draft, SymbolTable symbols)
{
    private const string LicenseSection = "license";
    private const string VersionSection = "version";
    private const string ArenaSection = ".addr_space.1";

    // Sections that hold declarations only.
    private static readonly string[] s_withoutBytes = [".maps", KernelConfiguration.SectionName, ".ksyms", ".extern"];

    private readonly Dictionary<BpfMap, OutputSection> _sections = [];

    /// <summary>The section of a map of variables, or null for one that is in no section.</summary>
    public OutputSection? SectionOf(BpfMap map) => _sections.GetValueOrDefault(map);

    public void WriteLicense()
    {
        BtfType declared = Declared(LicenseSection);
        if (source.License.Length > 0 || !declared.IsVoid)
        {
            byte[] text = Encoding.UTF8.GetBytes(source.License);
            var bytes = new byte[Math.Max(text.Length + 1, declared.IsVoid ? 0 : (int)Math.Min(declared.Size, 4096))];
            text.CopyTo(bytes, 0);
            WriteLone(LicenseSection, bytes, 1, ElfBuilder.Write, declared);
        }

        if (source.KernelVersion != 0)
        {
            ByteSink number = elf.NewSink();
            number.Put32(source.KernelVersion);
            WriteLone(VersionSection, number.ToArray(), 4, ElfBuilder.Write, Declared(VersionSection));
        }
    }

    public void WriteSections()
    {
        ILookup<BpfMap, BpfVariable> variables = source.Variables.ToLookup(variable => variable.Map);
        foreach (BpfMap map in source.Maps)
        {
            if (map.DataSection is DataSectionKind.ReadOnly or DataSectionKind.Data or DataSectionKind.ZeroInitialised)
            {
                Write(map, Section(map), map.ValueSize, [.. variables[map]]);
            }
            else if (map.Type == MapType.Arena && map.InitialData.Length > 0)
            {
                OutputSection section = elf.AddSection(ArenaSection, ElfSectionType.ProgramBits, ElfBuilder.Allocate | ElfBuilder.Write, map.Alignment);
                section.Data = map.InitialData;
                Write(map, section, (uint)map.InitialData.Length, [.. variables[map]]);
            }
        }
    }

    private void Write(BpfMap map, OutputSection section, uint size, BpfVariable[] variables)
    {
        _sections[map] = section;
        foreach (BpfVariable variable in variables)
        {
            symbols.Define(variable, new OutputSymbol(variable.Name, ElfSymbolType.Object, Bindings.Of(variable.IsGlobal, variable.IsWeak), section, variable.Offset, variable.Size) { IsHidden = variable.IsHidden });
        }

        Place(section.Name, size, variables);
    }

    public void WriteOthers()
    {
        foreach (BpfSection other in source.OtherSections)
        {
            WriteLone(other.Name, other.Data.ToArray(), other.Alignment, other.IsWritable ? ElfBuilder.Write : 0, Declared(other.Name));
        }
    }

    /// <summary>Types of symbols that others define go back to what a compiler writes: external, with no size and no place.</summary>
    public void WriteExterns()
    {
        foreach (BpfExtern external in source.Externs)
        {
            symbols.DefineExtern(external);
            draft.MakeExternal(external.Declaration);
        }

        BtfType configuration = Declared(KernelConfiguration.SectionName);
        if (configuration.IsVoid)
        {
            return;
        }

        var variables = new List<BtfSectionVariable>();
        for (int i = 0; i < configuration.Count; i++)
        {
            BtfSectionVariable variable = configuration.SectionVariable(i);
            draft.MakeExternal(variable.Type);
            variables.Add(variable with { Offset = 0 });
        }

        draft.SetSection(configuration.Id, 0, variables);
    }

    /// <summary>No compiler makes a data section the type of a variable or member; damaged types may.</summary>
    private bool IsReferredTo(TypeId id)
    {
        BtfTypes types = source.Types!;
        if (source.Functions.Any(function => function.BtfId == id || function.CoreRelocations.Any(relocation => relocation.Type == id))
            || source.Maps.Any(map => map.KeyType == id || (map.ValueType == id && map.DataSection == DataSectionKind.None)))
        {
            return true;
        }

        for (int other = types.FirstId; other < types.Count; other++)
        {
            BtfType type = types[other];
            bool refers = type.Kind switch
            {
                BtfKind.Array => type.ElementId == id || type.IndexTypeId == id,
                BtfKind.Struct or BtfKind.Union => Enumerable.Range(0, type.Count).Any(i => type.Member(i).Type == id),
                BtfKind.FunctionPrototype => type.ReferencedId == id || Enumerable.Range(0, type.Count).Any(i => type.Parameter(i).Type == id),
                BtfKind.DataSection => Enumerable.Range(0, type.Count).Any(i => type.SectionVariable(i).Type == id),
                BtfKind.Int or BtfKind.Float or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Forward => false,
                _ => type.ReferencedId == id,
            };
            if (refers)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A data section in BTF whose section is not written would be refused: nothing refers to its type, which becomes <c>const void</c>.</summary>
    public void DropStaleSections()
    {
        var written = elf.SectionNames.ToHashSet(StringComparer.Ordinal);
        written.UnionWith(s_withoutBytes);
        for (int id = source.Types?.FirstId ?? 0; id < (source.Types?.Count ?? 0); id++)
        {
            BtfType type = source.Types![id];
            if (type.Kind == BtfKind.DataSection && !written.Contains(type.Name))
            {
                if (IsReferredTo(type.Id))
                {
                    throw WriteErrors.CannotWrite(source.Name, $"data section '{type.Name}' of its BTF is used as the type of something, and the object has no such section", "section .BTF");
                }

                draft.MakeConstVoid(type.Id);
            }
        }
    }

    private OutputSection Section(BpfMap map)
    {
        string name = map.SectionName ?? map.Name;
        bool isZero = !map.HasInitialData || (map.DataSection == DataSectionKind.ZeroInitialised && map.InitialData.AsSpan().IndexOfAnyExcept((byte)0) < 0);
        if (map.DataSection == DataSectionKind.ZeroInitialised && !isZero)
        {
            throw WriteErrors.CannotWrite(source.Name, "a variable without a first value was given one, which ELF keeps no bytes for", $"section {name}", "initialise the variable in the source, so that it stands in .data");
        }

        ulong flags = ElfBuilder.Allocate | (map.DataSection == DataSectionKind.ReadOnly ? SharedFlags(name, out int entrySize) : Writable(out entrySize));
        OutputSection section = elf.AddSection(name, isZero ? ElfSectionType.NoBits : ElfSectionType.ProgramBits, flags, map.Alignment, entrySize);
        section.Size = map.ValueSize;
        section.Data = isZero ? [] : map.InitialData;
        if (!isZero && section.Data.Length != map.ValueSize)
        {
            throw WriteErrors.CannotWrite(source.Name, $"its value has {map.ValueSize} bytes and its first value {section.Data.Length}", $"section {name}");
        }

        return section;
    }

    private static ulong Writable(out int entrySize)
    {
        entrySize = 0;
        return ElfBuilder.Write;
    }

    // Compilers mark strings and constants that linkers may merge; their names say of what size (.rodata.str1.1, .rodata.cst16).
    private static ulong SharedFlags(string name, out int entrySize)
    {
        entrySize = 0;
        foreach ((string stem, ulong flags) in (ReadOnlySpan<(string, ulong)>)[(".rodata.str", ElfBuilder.Merge | ElfBuilder.Strings), (".rodata.cst", ElfBuilder.Merge)])
        {
            if (name.StartsWith(stem, StringComparison.Ordinal) && int.TryParse(name[stem.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out entrySize))
            {
                return flags;
            }
        }

        return 0;
    }

    private void WriteLone(string name, byte[] bytes, int alignment, ulong flags, BtfType declared)
    {
        OutputSection section = elf.AddSection(name, ElfSectionType.ProgramBits, ElfBuilder.Allocate | flags, alignment);
        section.Data = bytes;
        if (declared.IsVoid)
        {
            return;
        }

        draft[declared.Id][2] = (uint)bytes.Length;
        for (int i = 0; i < declared.Count; i++)
        {
            BtfSectionVariable entry = declared.SectionVariable(i);
            BtfType variable = source.Types![entry.Type];
            if (variable is { Kind: BtfKind.Variable, Linkage: BtfLinkage.Global })
            {
                elf.AddSymbol(new OutputSymbol(variable.Name, ElfSymbolType.Object, ElfBinding.Global, section, entry.Offset, entry.Size));
            }
        }
    }

    /// <summary>Sizes and offsets in BTF are those of the section.</summary>
    private void Place(string section, uint size, BpfVariable[] variables)
    {
        BtfType declared = Declared(section);
        if (declared.IsVoid)
        {
            return;
        }

        var places = new Dictionary<string, BpfVariable>(StringComparer.Ordinal);
        foreach (BpfVariable variable in variables)
        {
            places.TryAdd(variable.Name, variable);
        }

        var entries = new List<BtfSectionVariable>();
        for (int i = 0; i < declared.Count; i++)
        {
            BtfSectionVariable entry = declared.SectionVariable(i);
            // Static variables of several functions may share a name: only a global one is placed by it.
            entries.Add(places.TryGetValue(source.Types![entry.Type].Name, out BpfVariable? variable) && variable.IsGlobal ? entry with { Offset = (uint)variable.Offset } : entry);
        }

        draft.SetSection(declared.Id, size, [.. entries.OrderBy(entry => entry.Offset)]);
    }

    private BtfType Declared(string section) => source.Types is { } types ? types[types.Find(BtfKind.DataSection, section)] : default;
}
