using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Symbols;

/// <summary>
/// The functions of one 64-bit little-endian ELF file, from <c>.symtab</c> and <c>.dynsym</c>, by name and by place. Offsets are
/// in the file, because that is what uprobes take and what a memory map of a process tells.
/// </summary>
/// <remarks>Source: the System V ABI, chapters 4 and 5. Every range is checked; a broken section is left out, a broken header refused.</remarks>
internal sealed class ElfSymbols : IDisposable
{
    private const int SymbolSize = 24;
    private const uint SymbolTable = 2;
    private const uint DynamicTable = 11;

    private readonly IMemoryOwner<byte> _owner;
    private readonly ReadOnlyMemory<byte> _file;
    private readonly List<Table> _tables = [];
    private readonly List<Segment> _segments = [];
    private readonly Lazy<(ulong[] Addresses, Symbol[] Symbols)> _byAddress;

    private ElfSymbols(IMemoryOwner<byte> owner)
    {
        _owner = owner;
        _file = owner.Memory;
        _byAddress = new(Sort);
    }

    private readonly record struct Table(int Start, int Length, int Strings, int StringsLength);

    private readonly record struct Segment(ulong Address, ulong Offset, ulong Length);

    private readonly record struct Symbol(ulong Address, ulong Size, int NameStart, bool IsFunction);

    public bool HasSymbols => _tables.Count > 0;

    /// <exception cref="InvalidDataException">Not a 64-bit little-endian ELF file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ElfSymbols Open(string path)
    {
        IMemoryOwner<byte> owner = MappedFile.Open(path);
        try
        {
            return Read(owner);
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    public void Dispose() => _owner.Dispose();

    private static ElfSymbols Read(IMemoryOwner<byte> file)
    {
        ReadOnlySpan<byte> bytes = file.Memory.Span;
        if (bytes.Length < 64 || !bytes.StartsWith("\x7f"u8) || !bytes[1..].StartsWith("ELF"u8))
        {
            throw new InvalidDataException("not an ELF file");
        }

        if (bytes[4] != 2 || bytes[5] != 1)
        {
            throw new InvalidDataException("an ELF file, but not a 64-bit little-endian one");
        }

        var symbols = new ElfSymbols(file);
        symbols.ReadSegments(bytes);
        symbols.ReadTables(bytes);
        return symbols;
    }

    /// <summary>File offset of a function's first instruction; functions are preferred over other symbols of the same name.</summary>
    public ulong? FindOffset(string name)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(name + "\0");
        ulong? other = null;
        foreach (Symbol symbol in All())
        {
            if (_file.Span[symbol.NameStart..].StartsWith(wanted) && OffsetOf(symbol.Address) is { } offset)
            {
                if (symbol.IsFunction)
                {
                    return offset;
                }

                other ??= offset;
            }
        }

        return other;
    }

    /// <summary>Functions with the file offset of their first instruction.</summary>
    public IEnumerable<(string Name, ulong Offset)> Functions() =>
        from symbol in All()
        where symbol.IsFunction
        let offset = OffsetOf(symbol.Address)
        where offset is not null
        select (Name(symbol), offset.Value);

    public IEnumerable<string> FunctionNames() => All().Where(symbol => symbol.IsFunction).Select(Name).Distinct();

    /// <summary>The function that holds a file offset, and how far into it.</summary>
    public (string Name, ulong Offset)? FunctionAt(ulong fileOffset)
    {
        if (AddressOf(fileOffset) is not { } address)
        {
            return null;
        }

        (ulong[] addresses, Symbol[] symbols) = _byAddress.Value;
        int index = Array.BinarySearch(addresses, address);
        index = index >= 0 ? index : ~index - 1;
        if (index < 0)
        {
            return null;
        }

        // Symbols of assembler code have no size: they reach to the next one.
        Symbol symbol = symbols[index];
        return symbol.Size == 0 || address - symbol.Address < symbol.Size ? (Name(symbol), address - symbol.Address) : null;
    }

    private ulong? OffsetOf(ulong address)
    {
        foreach (Segment segment in _segments)
        {
            if (address >= segment.Address && address - segment.Address < segment.Length)
            {
                return address - segment.Address + segment.Offset;
            }
        }

        return null;
    }

    private ulong? AddressOf(ulong offset)
    {
        foreach (Segment segment in _segments)
        {
            if (offset >= segment.Offset && offset - segment.Offset < segment.Length)
            {
                return offset - segment.Offset + segment.Address;
            }
        }

        return null;
    }

    private string Name(Symbol symbol)
    {
        ReadOnlySpan<byte> rest = _file.Span[symbol.NameStart..];
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private (ulong[] Addresses, Symbol[] Symbols) Sort()
    {
        // Where several names stand for one address, the last in this order wins: functions, then the longest size.
        Symbol[] symbols = [.. All().OrderBy(s => s.Address).ThenByDescending(s => s.IsFunction).ThenByDescending(s => s.Size).DistinctBy(s => s.Address)];
        return ([.. symbols.Select(symbol => symbol.Address)], symbols);
    }

    private IEnumerable<Symbol> All()
    {
        foreach (Table table in _tables)
        {
            for (int i = 1; i < table.Length / SymbolSize; i++)
            {
                if (TryRead(table, i, out Symbol symbol))
                {
                    yield return symbol;
                }
            }
        }
    }

    private bool TryRead(Table table, int index, out Symbol symbol)
    {
        ReadOnlySpan<byte> entry = _file.Span.Slice(table.Start + index * SymbolSize, SymbolSize);
        uint name = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        int kind = entry[4] & 0xf;
        ushort section = BinaryPrimitives.ReadUInt16LittleEndian(entry[6..]);
        symbol = default;

        // NOTYPE (assembler), FUNC and GNU_IFUNC that are defined here and have a name.
        if (section == 0 || name == 0 || name >= (uint)table.StringsLength || kind is not (0 or 2 or 10))
        {
            return false;
        }

        symbol = new(BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]), table.Strings + (int)name, kind != 0);
        return true;
    }

    private void ReadSegments(ReadOnlySpan<byte> bytes)
    {
        const int Load = 1;
        const int EntrySize = 56;
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[56..]);
        for (int i = 0; i < count && Slice(bytes, start + (ulong)i * EntrySize, EntrySize) is { IsEmpty: false } entry; i++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == Load)
            {
                _segments.Add(new(BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(entry[32..])));
            }
        }
    }

    private void ReadTables(ReadOnlySpan<byte> bytes)
    {
        const int EntrySize = 64;
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[60..]);
        for (int i = 0; i < count && Slice(bytes, start + (ulong)i * EntrySize, EntrySize) is { IsEmpty: false } entry; i++)
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]) is not (SymbolTable or DynamicTable))
            {
                continue;
            }

            uint link = BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]);
            ReadOnlySpan<byte> strings = link < count ? Slice(bytes, start + link * (ulong)EntrySize, EntrySize) : default;
            if (!strings.IsEmpty && Range(bytes, entry) is { } table && Range(bytes, strings) is { } text)
            {
                _tables.Add(new(table.Start, table.Length, text.Start, text.Length));
            }
        }
    }

    private static (int Start, int Length)? Range(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> section)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(section[24..]);
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(section[32..]);
        return offset <= (ulong)bytes.Length && size <= (ulong)bytes.Length - offset ? ((int)offset, (int)size) : null;
    }

    /// <summary>Empty when the range leaves the file.</summary>
    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> bytes, ulong offset, int length) =>
        offset <= (ulong)bytes.Length && (ulong)length <= (ulong)bytes.Length - offset ? bytes.Slice((int)offset, length) : default;
}
