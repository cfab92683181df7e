using System.Buffers.Binary;
using System.Text;

namespace Osmia.Kernel.Symbols;

/// <summary>
/// The functions of one 64-bit little-endian ELF file, by name and by place: from <c>.symtab</c> and <c>.dynsym</c>; of a stripped file from its separate
/// debug file or, in a Go binary, the table of the runtime. Offsets are in the file, because that is what uprobes take and what a memory map of a process tells.
/// </summary>
internal sealed class ElfSymbols : IDisposable
{
    private const int SymbolSize = 24;
    private const uint SymbolTable = 2;
    private const uint DynamicTable = 11;

    private readonly ElfImage _image;
    private readonly ElfImage? _debug;
    private readonly List<Table> _tables = [];
    private readonly ElfSection? _go;
    private readonly Lazy<(ulong[] Addresses, Symbol[] Symbols)> _byAddress;

    private ElfSymbols(ElfImage image, string? path, string? debugFolder)
    {
        _image = image;
        AddTables(image);
        if (_tables.TrueForAll(table => table.IsDynamic) && path is not null)
        {
            _debug = debugFolder is null ? DebugFile.Find(image, path) : DebugFile.Find(image, path, debugFolder);
            if (_debug is not null)
            {
                AddTables(_debug);
            }
            else
            {
                _go = image.Section(".gopclntab") ?? image.Section(".data.rel.ro.gopclntab");
            }
        }

        _byAddress = new(Sort);
    }

    private readonly record struct Table(ElfImage Image, int Start, int Length, int Strings, int StringsLength, bool IsDynamic);

    private readonly record struct Symbol(ElfImage Image, ulong Address, ulong Size, int NameStart, bool IsFunction);

    public bool HasSymbols => _tables.Count > 0 || _go is not null;

    public string? BuildId => _image.BuildId;

    /// <param name="debugFolder">Where the machine keeps separate debug files, if not in its usual place.</param>
    /// <exception cref="InvalidDataException">Not a 64-bit little-endian ELF file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ElfSymbols Open(string path, string? debugFolder = null) => Of(ElfImage.Open(path), path, debugFolder);

    /// <summary>Takes the image over.</summary>
    public static ElfSymbols Of(ElfImage image, string? path, string? debugFolder = null)
    {
        try
        {
            return new ElfSymbols(image, path, debugFolder);
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _image.Dispose();
        _debug?.Dispose();
    }

    /// <summary>File offset of a function's first instruction; functions are preferred over other symbols of the same name.</summary>
    public ulong? FindOffset(string name)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(name + "\0");
        ulong? other = null;
        foreach (Symbol symbol in All())
        {
            if (symbol.Image.Bytes[symbol.NameStart..].StartsWith(wanted) && OffsetOf(symbol.Address) is { } offset)
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

    // Addresses are those of the binary itself: a debug file's segments have no bytes.
    private ulong? OffsetOf(ulong address)
    {
        foreach (ElfSegment segment in _image.Segments)
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
        foreach (ElfSegment segment in _image.Segments)
        {
            if (offset >= segment.Offset && offset - segment.Offset < segment.Length)
            {
                return offset - segment.Offset + segment.Address;
            }
        }

        return null;
    }

    private static string Name(Symbol symbol)
    {
        ReadOnlySpan<byte> rest = symbol.Image.Bytes[symbol.NameStart..];
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private (ulong[] Addresses, Symbol[] Symbols) Sort()
    {
        // Where several names stand for one address, functions win, then the longest size.
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

        if (_go is not null)
        {
            foreach ((ulong address, ulong size, int name) in GoFunctions.Read(_image.Content(_go), _image.Section(".text")?.Address ?? 0))
            {
                yield return new Symbol(_image, address, size, _go.Start + name, IsFunction: true);
            }
        }
    }

    private static bool TryRead(Table table, int index, out Symbol symbol)
    {
        ReadOnlySpan<byte> entry = table.Image.Bytes.Slice(table.Start + index * SymbolSize, SymbolSize);
        uint name = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        int kind = entry[4] & 0xf;
        ushort section = BinaryPrimitives.ReadUInt16LittleEndian(entry[6..]);
        symbol = default;

        // NOTYPE (assembler), FUNC and GNU_IFUNC that are defined here and have a name.
        if (section == 0 || name == 0 || name >= (uint)table.StringsLength || kind is not (0 or 2 or 10))
        {
            return false;
        }

        symbol = new(table.Image, BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]), table.Strings + (int)name, kind != 0);
        return true;
    }

    private void AddTables(ElfImage image)
    {
        foreach (ElfSection section in image.Sections)
        {
            if (section.Type is SymbolTable or DynamicTable && section.Link < image.Sections.Count && image.Sections[(int)section.Link] is { Length: > 0 } strings && section.Length > 0)
            {
                _tables.Add(new(image, section.Start, section.Length, strings.Start, strings.Length, section.Type == DynamicTable));
            }
        }
    }
}
