using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Elf;

internal enum ElfSectionType : uint
{
    Null = 0,
    ProgramBits = 1,
    SymbolTable = 2,
    StringTable = 3,
    RelocationsWithAddend = 4,
    NoBits = 8,
    Relocations = 9,
}

/// <summary>A section header; <see cref="Data"/> is empty for sections without bytes in the file.</summary>
internal sealed record ElfSection(int Index, string Name, ElfSectionType Type, ulong Flags, long Offset, long Size, int Link, int Info)
{
    private const ulong Writable = 1;
    private const ulong Allocated = 2;
    private const ulong ExecutableInstructions = 4;

    public ReadOnlyMemory<byte> Data { get; init; }

    /// <summary>A power of two; 1 for numbers no section of a BPF object needs.</summary>
    public int Alignment { get; init; } = 1;

    public bool IsExecutable => Type == ElfSectionType.ProgramBits && (Flags & ExecutableInstructions) != 0;

    /// <summary>Data that belongs to the program, not to linkers or debuggers.</summary>
    public bool IsData => Type == ElfSectionType.ProgramBits && (Flags & (Allocated | ExecutableInstructions)) == Allocated && Size > 0;

    public bool IsWritable => (Flags & Writable) != 0;

    public bool IsRelocations => Type is ElfSectionType.Relocations or ElfSectionType.RelocationsWithAddend;
}

internal enum ElfSymbolType
{
    None = 0,
    Object = 1,
    Function = 2,
    Section = 3,
    File = 4,
}

internal sealed record ElfSymbol(int Index, string Name, ElfSymbolType Type, int Binding, int Visibility, int SectionIndex, ulong Value, ulong Size)
{
    private const int Internal = 1;
    private const int Hidden = 2;

    public const int Undefined = 0;

    public bool IsGlobal => Binding != 0;

    public bool IsWeak => Binding == 2;

    public bool IsHidden => Visibility is Internal or Hidden;
}

internal readonly record struct ElfRelocation(ulong Offset, int Symbol, int Type);

/// <summary>
/// The sections and symbols of a 64-bit ELF file for machine 247, of either byte order. Every offset is checked
/// against the file before it is used.
/// </summary>
internal sealed class ElfFile
{
    private const int HeaderSize = 64;
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;
    private const int MachineBpf = 247;
    private const int MaximumSections = 65_536;
    private const int MaximumName = 4096;
    private const ulong MaximumAlignment = 4096;

    private readonly string _file;
    private readonly ReadOnlyMemory<byte> _data;
    private Dictionary<string, ElfSection> _byName = [];
    private readonly Dictionary<int, List<ElfSymbol>> _bySection = [];

    private ElfFile(string file, ReadOnlyMemory<byte> data, bool bigEndian)
    {
        _file = file;
        _data = data;
        IsBigEndian = bigEndian;
    }

    public bool IsBigEndian { get; }

    public IReadOnlyList<ElfSection> Sections { get; private set; } = [];

    public IReadOnlyList<ElfSymbol> Symbols { get; private set; } = [];

    public static ElfFile Parse(string file, ReadOnlyMemory<byte> data)
    {
        ReadOnlySpan<byte> span = data.Span;
        if (span.Length < HeaderSize || !span[..4].SequenceEqual("\x7f"u8 + "ELF"u8))
        {
            throw ObjectErrors.NotElf(file, span.Length);
        }

        bool bigEndian = span[5] == 2;
        var elf = new ElfFile(file, data, bigEndian);
        int machine = elf.Read16(18);
        if (span[4] != 2 || machine != MachineBpf)
        {
            throw ObjectErrors.NotBpf(file, machine, span[4]);
        }

        elf.ReadSections();
        elf.ReadSymbols();
        return elf;
    }

    /// <summary>The first section of a name.</summary>
    public ElfSection? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>In the order of the symbol table.</summary>
    public IReadOnlyList<ElfSymbol> SymbolsOf(ElfSection section) => _bySection.TryGetValue(section.Index, out List<ElfSymbol>? symbols) ? symbols : [];

    public IEnumerable<ElfRelocation> Relocations(ElfSection section)
    {
        int entrySize = section.Type == ElfSectionType.RelocationsWithAddend ? 24 : 16;
        if (section.Size % entrySize != 0)
        {
            throw ObjectErrors.Damaged(_file, $"a relocation section of {section.Size} bytes is not a whole number of {entrySize}-byte entries", section.Name, section.Offset);
        }

        for (long at = section.Offset; at < section.Offset + section.Size; at += entrySize)
        {
            if (entrySize == 24 && Read64(at + 16) != 0)
            {
                throw ObjectErrors.BadRelocation(_file, section.Name, at, "it carries an addend of its own; compilers for BPF leave addends in the instruction");
            }

            ulong info = Read64(at + 8);
            uint symbol = (uint)(info >> 32);
            if (symbol >= Symbols.Count)
            {
                throw ObjectErrors.BadRelocation(_file, section.Name, at, $"it names symbol {symbol} of {Symbols.Count}");
            }

            yield return new ElfRelocation(Read64(at), (int)symbol, (int)(uint)info);
        }
    }

    private void ReadSections()
    {
        long start = (long)Math.Min(Read64(40), long.MaxValue);
        int entrySize = Read16(58);
        int count = Read16(60);
        int namesIndex = Read16(62);
        if (count == 0 || count > MaximumSections || entrySize < SectionHeaderSize || start > _data.Length - (long)count * entrySize || start < HeaderSize)
        {
            throw ObjectErrors.Damaged(_file, $"the table of {count} section headers at byte {start} does not fit {_data.Length} bytes", null, 40);
        }

        if (namesIndex >= count)
        {
            throw ObjectErrors.Damaged(_file, $"section names are said to be in section {namesIndex} of {count}", null, 62);
        }

        (long namesOffset, long namesSize) = Bounds(start + (long)namesIndex * entrySize, "section names");
        ReadOnlySpan<byte> names = _data.Span.Slice((int)namesOffset, (int)namesSize);
        var sections = new ElfSection[count];
        long total = 0;
        for (int i = 0; i < count; i++)
        {
            long header = start + (long)i * entrySize;
            var type = (ElfSectionType)Read32(header + 4);
            string name = Text(names, Read32(header));
            bool hasBytes = type is not (ElfSectionType.NoBits or ElfSectionType.Null);
            (long offset, long size) = hasBytes ? Bounds(header, name) : (0, (long)Math.Min(Read64(header + 32), int.MaxValue));
            // Sections of a file do not overlap; without this check a small file could stand for any amount of code and data.
            total += hasBytes ? size : 0;
            if (total > _data.Length)
            {
                throw ObjectErrors.Damaged(_file, $"its sections hold more bytes than its {_data.Length}, so some overlap", name, header);
            }

            sections[i] = new ElfSection(i, name, type, Read64(header + 8), offset, size, (int)Read32(header + 40), (int)Read32(header + 44))
            {
                Data = hasBytes ? _data.Slice((int)offset, (int)size) : default,
                Alignment = Read64(header + 48) is var alignment && alignment <= MaximumAlignment && BitOperations.IsPow2(alignment) ? (int)alignment : 1,
            };
        }

        Sections = sections;
        foreach (ElfSection section in sections)
        {
            _byName.TryAdd(section.Name, section);
        }
    }

    private void ReadSymbols()
    {
        ElfSection? table = Sections.FirstOrDefault(section => section.Type == ElfSectionType.SymbolTable);
        if (table is null)
        {
            return;
        }

        if (table.Link <= 0 || table.Link >= Sections.Count || Sections[table.Link].Type != ElfSectionType.StringTable || table.Size % SymbolSize != 0)
        {
            throw ObjectErrors.Damaged(_file, "the symbol table has no string table or a broken size", table.Name, table.Offset);
        }

        ReadOnlySpan<byte> names = Sections[table.Link].Data.Span;
        var symbols = new ElfSymbol[table.Size / SymbolSize];
        for (int i = 0; i < symbols.Length; i++)
        {
            long at = table.Offset + (long)i * SymbolSize;
            byte info = _data.Span[(int)at + 4];
            var type = (ElfSymbolType)(info & 0xf);
            int section = Read16(at + 6);
            string name = Text(names, Read32(at));
            if (type == ElfSymbolType.Section && section < Sections.Count)
            {
                name = Sections[section].Name;
            }

            symbols[i] = new ElfSymbol(i, name, type, info >> 4, _data.Span[(int)at + 5] & 3, section, Read64(at + 8), Read64(at + 16));
        }

        Symbols = symbols;
        foreach (ElfSymbol symbol in symbols)
        {
            if (!_bySection.TryGetValue(symbol.SectionIndex, out List<ElfSymbol>? list))
            {
                _bySection[symbol.SectionIndex] = list = [];
            }

            list.Add(symbol);
        }
    }

    private (long Offset, long Size) Bounds(long header, string name)
    {
        ulong offset = Read64(header + 24);
        ulong size = Read64(header + 32);
        if (offset > (ulong)_data.Length || size > (ulong)_data.Length - offset)
        {
            throw ObjectErrors.Damaged(_file, $"section '{name}' [{offset}, +{size}) ends after the file's {_data.Length} bytes", name, header);
        }

        return ((long)offset, (long)size);
    }

    private string Text(ReadOnlySpan<byte> strings, uint offset)
    {
        if (offset >= (uint)strings.Length)
        {
            return "";
        }

        ReadOnlySpan<byte> rest = strings[(int)offset..];
        int end = rest[..Math.Min(rest.Length, MaximumName + 1)].IndexOf((byte)0);
        if (end < 0 && rest.Length > MaximumName)
        {
            throw ObjectErrors.Damaged(_file, $"a name is longer than {MaximumName} bytes", null, offset);
        }

        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private ushort Read16(long offset) => IsBigEndian
        ? BinaryPrimitives.ReadUInt16BigEndian(_data.Span[(int)offset..])
        : BinaryPrimitives.ReadUInt16LittleEndian(_data.Span[(int)offset..]);

    private uint Read32(long offset) => IsBigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(_data.Span[(int)offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(_data.Span[(int)offset..]);

    private ulong Read64(long offset) => IsBigEndian
        ? BinaryPrimitives.ReadUInt64BigEndian(_data.Span[(int)offset..])
        : BinaryPrimitives.ReadUInt64LittleEndian(_data.Span[(int)offset..]);
}
