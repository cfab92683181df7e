using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Symbols;

/// <summary>The parts of one 64-bit little-endian ELF file that tell where its code lies and what it is called.</summary>
/// <remarks>Source: the System V ABI, chapters 4 and 5. Every range is checked; a broken section is left out, a broken header refused.</remarks>
internal sealed class ElfImage : IDisposable
{
    private const int HeaderSize = 64;
    private const int SegmentSize = 56;
    private const int SectionSize = 64;
    private const uint LoadSegment = 1;
    private const uint NoteSegment = 4;
    private const uint NoBits = 8;
    private const uint BuildIdNote = 3;

    private readonly IMemoryOwner<byte> _owner;
    private readonly List<ElfSegment> _segments = [];
    private readonly List<ElfSection> _sections = [];

    private ElfImage(IMemoryOwner<byte> owner)
    {
        _owner = owner;
        ReadSegments();
        ReadSections();
    }

    public ReadOnlySpan<byte> Bytes => _owner.Memory.Span;

    public IReadOnlyList<ElfSegment> Segments => _segments;

    public IReadOnlyList<ElfSection> Sections => _sections;

    /// <summary>In small hexadecimal digits; null when the linker gave the file none.</summary>
    public string? BuildId { get; private set; }

    /// <exception cref="InvalidDataException">Not a 64-bit little-endian ELF file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ElfImage Open(string path)
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

    public static ElfImage Read(IMemoryOwner<byte> owner)
    {
        ReadOnlySpan<byte> bytes = owner.Memory.Span;
        if (bytes.Length < HeaderSize || !bytes.StartsWith("\x7f"u8) || !bytes[1..].StartsWith("ELF"u8))
        {
            throw new InvalidDataException("not an ELF file");
        }

        return bytes[4] == 2 && bytes[5] == 1 ? new ElfImage(owner) : throw new InvalidDataException("an ELF file, but not a 64-bit little-endian one");
    }

    public void Dispose() => _owner.Dispose();

    public ElfSection? Section(string name) => _sections.Find(section => section.Name == name);

    /// <summary>Empty for a section without bytes in the file, as files of debug information have them.</summary>
    public ReadOnlySpan<byte> Content(ElfSection section) => Bytes.Slice(section.Start, section.Length);

    /// <summary>The file that holds what was stripped off this one, by its name and the checksum of its bytes.</summary>
    public (string Name, uint Checksum)? DebugLink()
    {
        if (Section(".gnu_debuglink") is not { } section)
        {
            return null;
        }

        ReadOnlySpan<byte> content = Content(section);
        int end = content.IndexOf((byte)0);
        int sum = (end + 4) & ~3;
        return end > 0 && sum + 4 <= content.Length ? (Encoding.UTF8.GetString(content[..end]), BinaryPrimitives.ReadUInt32LittleEndian(content[sum..])) : null;
    }

    private void ReadSegments()
    {
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(Bytes[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(Bytes[56..]);
        for (int i = 0; i < count && Slice(start + (ulong)i * SegmentSize, SegmentSize) is { IsEmpty: false } entry; i++)
        {
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(entry);
            var segment = new ElfSegment(BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]));
            if (type == LoadSegment)
            {
                _segments.Add(segment);
            }
            else if (type == NoteSegment && segment.Length <= int.MaxValue)
            {
                BuildId ??= ReadBuildId(Slice(segment.Offset, (int)segment.Length));
            }
        }
    }

    private void ReadSections()
    {
        ulong start = BinaryPrimitives.ReadUInt64LittleEndian(Bytes[40..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(Bytes[60..]);
        int named = BinaryPrimitives.ReadUInt16LittleEndian(Bytes[62..]);
        ReadOnlySpan<byte> names = default;
        if (Slice(start + (ulong)named * SectionSize, SectionSize) is { IsEmpty: false } strings && Range(strings) is { } place)
        {
            names = Bytes.Slice(place.Start, place.Length);
        }

        for (int i = 0; i < count && Slice(start + (ulong)i * SectionSize, SectionSize) is { IsEmpty: false } entry; i++)
        {
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
            (int Start, int Length) range = type == NoBits ? (0, 0) : Range(entry) ?? (0, 0);
            uint at = BinaryPrimitives.ReadUInt32LittleEndian(entry);
            ReadOnlySpan<byte> name = at < (uint)names.Length ? names[(int)at..] : default;
            int end = name.IndexOf((byte)0);
            var section = new ElfSection(end <= 0 ? "" : Encoding.UTF8.GetString(name[..Math.Min(end, 64)]), type, BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]), range.Start, range.Length,
                BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]));
            _sections.Add(section);
            if (section.Name == ".note.gnu.build-id")
            {
                BuildId ??= ReadBuildId(Content(section));
            }
        }
    }

    private static string? ReadBuildId(ReadOnlySpan<byte> notes)
    {
        while (notes.Length >= 16)
        {
            uint owner = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            ulong start = 12 + (((ulong)owner + 3) & ~3ul);
            ulong end = start + (((ulong)length + 3) & ~3ul);
            if (start + length > (ulong)notes.Length)
            {
                return null;
            }

            if (type == BuildIdNote && owner == 4 && notes[12..].StartsWith("GNU\0"u8) && length is >= 2 and <= 64)
            {
                return Convert.ToHexStringLower(notes.Slice((int)start, (int)length));
            }

            notes = end < (ulong)notes.Length ? notes[(int)end..] : default;
        }

        return null;
    }

    private (int Start, int Length)? Range(ReadOnlySpan<byte> section)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(section[24..]);
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(section[32..]);
        return offset <= (ulong)Bytes.Length && size <= (ulong)Bytes.Length - offset ? ((int)offset, (int)size) : null;
    }

    /// <summary>Empty when the range leaves the file.</summary>
    private ReadOnlySpan<byte> Slice(ulong offset, int length) =>
        offset <= (ulong)Bytes.Length && (ulong)length <= (ulong)Bytes.Length - offset ? Bytes.Slice((int)offset, length) : default;
}

/// <summary>A part of the file that is mapped into memory.</summary>
internal readonly record struct ElfSegment(ulong Address, ulong Offset, ulong Length);

/// <param name="Start">Of its bytes in the file.</param>
/// <param name="Link">Another section it belongs with: of a symbol table, its strings.</param>
internal sealed record ElfSection(string Name, uint Type, ulong Address, int Start, int Length, uint Link);
