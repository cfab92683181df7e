using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

internal enum ElfBinding
{
    Local = 0,
    Global = 1,
    Weak = 2,
}

/// <summary>Relocation types of the BPF psABI (llvm.org/docs, "BPF relocation types").</summary>
internal enum ElfRelocationType
{
    /// <summary>A wide load: <c>R_BPF_64_64</c>.</summary>
    Wide = 1,

    /// <summary>8 bytes of data: <c>R_BPF_64_ABS64</c>.</summary>
    Pointer = 2,

    /// <summary>A call: <c>R_BPF_64_32</c>.</summary>
    Call = 10,
}

/// <summary>A section to be written; its number is known when all are added.</summary>
internal sealed class OutputSection(string name, ElfSectionType type, ulong flags, int alignment)
{
    public string Name { get; } = name;

    public ElfSectionType Type { get; } = type;

    public ulong Flags { get; } = flags;

    public int Alignment { get; } = alignment;

    /// <summary>Bytes in the file; for <see cref="ElfSectionType.NoBits"/> only <see cref="Size"/> counts.</summary>
    public byte[] Data { get; set; } = [];

    public long Size { get; set; }

    public int EntrySize { get; init; }

    public int Index { get; set; }

    public int Link { get; set; }

    public int Info { get; set; }

    public List<OutputRelocation> Relocations { get; } = [];

    /// <summary>The symbol that stands for the section's start.</summary>
    public OutputSymbol Symbol { get; set; } = null!;
}

internal sealed class OutputSymbol(string name, ElfSymbolType type, ElfBinding binding, OutputSection? section, long value, long size)
{
    public string Name { get; } = name;

    public ElfSymbolType Type { get; } = type;

    public ElfBinding Binding { get; } = binding;

    /// <summary>Null for a symbol of another object.</summary>
    public OutputSection? Section { get; } = section;

    public long Value { get; } = value;

    public long Size { get; } = size;

    public bool IsHidden { get; init; }

    public int Index { get; set; }
}

internal sealed record OutputRelocation(long Offset, OutputSymbol Symbol, ElfRelocationType Type);

/// <summary>A relocatable 64-bit ELF file for machine 247: sections in the order they are added, local symbols before global ones, headers at the end.</summary>
internal sealed class ElfBuilder(bool bigEndian)
{
    public const ulong Write = 1;
    public const ulong Allocate = 2;
    public const ulong Execute = 4;
    public const ulong Merge = 0x10;
    public const ulong Strings = 0x20;
    private const ulong InfoIsSection = 0x40;

    /// <summary>Numbers from here on have a meaning of their own (<c>SHN_LORESERVE</c>).</summary>
    public const int MaximumSections = 0xff00;

    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;
    private const int RelocationSize = 16;
    private const int MachineBpf = 247;
    private const int Relocatable = 1;
    private const int HiddenVisibility = 2;

    private readonly List<OutputSection> _sections = [];
    private readonly List<OutputSymbol> _symbols = [];

    public bool IsBigEndian => bigEndian;

    public int SectionCount => _sections.Count;

    public IEnumerable<string> SectionNames => _sections.Select(section => section.Name);

    public ByteSink NewSink() => new(bigEndian);

    public OutputSection AddSection(string name, ElfSectionType type, ulong flags, int alignment, int entrySize = 0)
    {
        var section = new OutputSection(name, type, flags, alignment) { EntrySize = entrySize };
        section.Symbol = new OutputSymbol("", ElfSymbolType.Section, ElfBinding.Local, section, 0, 0);
        _sections.Add(section);
        return section;
    }

    public OutputSymbol AddSymbol(OutputSymbol symbol)
    {
        _symbols.Add(symbol);
        return symbol;
    }

    public byte[] ToArray()
    {
        List<OutputSection> withRelocations = _sections.FindAll(section => section.Relocations.Count > 0);
        List<OutputSymbol> symbols = Ordered(withRelocations, out int locals);
        List<OutputSection> relocations = [.. withRelocations.Select(section => new OutputSection(".rel" + section.Name, ElfSectionType.Relocations, InfoIsSection, 8) { EntrySize = RelocationSize })];
        var symbolTable = new OutputSection(".symtab", ElfSectionType.SymbolTable, 0, 8) { EntrySize = SymbolSize, Info = locals };
        var stringTable = new OutputSection(".strtab", ElfSectionType.StringTable, 0, 1);
        List<OutputSection> all = [.. _sections, .. relocations, symbolTable, stringTable];
        for (int i = 0; i < all.Count; i++)
        {
            all[i].Index = i + 1;
        }

        var names = new StringTable();
        symbolTable.Link = stringTable.Index;
        symbolTable.Data = SymbolBytes(symbols, names);
        for (int i = 0; i < relocations.Count; i++)
        {
            (relocations[i].Link, relocations[i].Info) = (symbolTable.Index, withRelocations[i].Index);
            relocations[i].Data = RelocationBytes(withRelocations[i]);
        }

        uint[] nameOffsets = [.. all.Select(section => names.Add(section.Name))];
        stringTable.Data = names.ToArray();
        return Assemble(all, nameOffsets, stringTable.Index);
    }

    // Section symbols stand only where something refers to them.
    private List<OutputSymbol> Ordered(List<OutputSection> withRelocations, out int locals)
    {
        var used = new HashSet<OutputSymbol>();
        foreach (OutputSection section in withRelocations)
        {
            used.UnionWith(section.Relocations.Select(relocation => relocation.Symbol).Where(symbol => symbol.Type == ElfSymbolType.Section));
        }

        List<OutputSymbol> ordered =
        [
            .. _sections.Select(section => section.Symbol).Where(used.Contains),
            .. _symbols.Where(symbol => symbol.Binding == ElfBinding.Local),
        ];
        locals = ordered.Count + 1;
        ordered.AddRange(_symbols.Where(symbol => symbol.Binding != ElfBinding.Local));
        for (int i = 0; i < ordered.Count; i++)
        {
            ordered[i].Index = i + 1;
        }

        return ordered;
    }

    private byte[] SymbolBytes(List<OutputSymbol> symbols, StringTable names)
    {
        ByteSink sink = NewSink();
        sink.PadTo(SymbolSize);
        foreach (OutputSymbol symbol in symbols)
        {
            sink.Put32(names.Add(symbol.Name));
            sink.Put8(((int)symbol.Binding << 4) | (int)symbol.Type);
            sink.Put8(symbol.IsHidden ? HiddenVisibility : 0);
            sink.Put16(symbol.Section?.Index ?? 0);
            sink.Put64((ulong)symbol.Value);
            sink.Put64((ulong)symbol.Size);
        }

        return sink.ToArray();
    }

    private byte[] RelocationBytes(OutputSection section)
    {
        ByteSink sink = NewSink();
        foreach (OutputRelocation relocation in section.Relocations)
        {
            sink.Put64((ulong)relocation.Offset);
            sink.Put64(((ulong)(uint)relocation.Symbol.Index << 32) | (uint)relocation.Type);
        }

        return sink.ToArray();
    }

    private byte[] Assemble(List<OutputSection> sections, uint[] nameOffsets, int nameSection)
    {
        ByteSink sink = NewSink();
        sink.PadTo(HeaderSize);
        var offsets = new int[sections.Count];
        for (int i = 0; i < sections.Count; i++)
        {
            sink.Align(sections[i].Alignment);
            offsets[i] = sink.Length;
            sink.Put(sections[i].Data);
        }

        sink.Align(8);
        int table = sink.Length;
        sink.PadTo(table + SectionHeaderSize);
        for (int i = 0; i < sections.Count; i++)
        {
            OutputSection section = sections[i];
            sink.Put32(nameOffsets[i]);
            sink.Put32((uint)section.Type);
            sink.Put64(section.Flags);
            sink.Put64(0);
            sink.Put64((ulong)offsets[i]);
            sink.Put64((ulong)(section.Type == ElfSectionType.NoBits ? section.Size : section.Data.Length));
            sink.Put32((uint)section.Link);
            sink.Put32((uint)section.Info);
            sink.Put64((ulong)section.Alignment);
            sink.Put64((ulong)section.EntrySize);
        }

        byte[] file = sink.ToArray();
        Header(table, sections.Count + 1, nameSection).CopyTo(file, 0);
        return file;
    }

    private byte[] Header(int sectionTable, int sectionCount, int nameSection)
    {
        ByteSink sink = NewSink();
        sink.Put([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, bigEndian ? (byte)2 : (byte)1, 1]);
        sink.PadTo(16);
        sink.Put16(Relocatable);
        sink.Put16(MachineBpf);
        sink.Put32(1);
        sink.Put64(0);
        sink.Put64(0);
        sink.Put64((ulong)sectionTable);
        sink.Put32(0);
        sink.Put16(HeaderSize);
        sink.Put16(0);
        sink.Put16(0);
        sink.Put16(SectionHeaderSize);
        sink.Put16(sectionCount);
        sink.Put16(nameSection);
        return sink.ToArray();
    }
}
