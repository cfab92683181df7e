using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Symbols;

/// <summary>One place where a statically defined probe stands.</summary>
/// <param name="Offset">Of the probe's instruction, in the file.</param>
/// <param name="Semaphore">Where in the file the counter of its readers lies; 0 when the probe has none.</param>
/// <param name="Arguments">As the compiler wrote them: <c>-4@%eax 8@-16(%rbp)</c>.</param>
internal sealed record UsdtPlace(string Provider, string Probe, ulong Offset, ulong Semaphore, string Arguments);

/// <summary>The USDT probes of one 64-bit little-endian ELF file, from its <c>.note.stapsdt</c> section.</summary>
/// <remarks>Source: SystemTap's description of user-space probe notes (type 3, owner "stapsdt"). Broken notes end the list, they raise nothing.</remarks>
internal static class UsdtNotes
{
    private const int NoteType = 3;
    private const int LoadSegment = 1;
    private const int HeaderSize = 64;
    private const int SectionSize = 64;
    private const int SegmentSize = 56;

    /// <exception cref="InvalidDataException">Not a 64-bit little-endian ELF file.</exception>
    public static IReadOnlyList<UsdtPlace> Read(string path)
    {
        using IMemoryOwner<byte> file = MappedFile.Open(path);
        return Read(file.Memory.Span);
    }

    internal static List<UsdtPlace> Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize || !bytes.StartsWith("\x7f"u8) || !bytes[1..].StartsWith("ELF"u8) || bytes[4] != 2 || bytes[5] != 1)
        {
            throw new InvalidDataException("not a 64-bit little-endian ELF file");
        }

        var places = new List<UsdtPlace>();
        if (Section(bytes, ".note.stapsdt") is not { } notes)
        {
            return places;
        }

        // A prelinked file was moved: its base section tells by how much.
        ulong? baseAddress = Section(bytes, ".stapsdt.base")?.Address;
        ReadOnlySpan<byte> rest = Slice(bytes, notes.Offset, notes.Length);
        while (rest.Length >= 12)
        {
            uint owner = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]);
            ulong start = 12 + Align(owner);
            ulong end = start + Align(length);
            if (end > (ulong)rest.Length)
            {
                break;
            }

            if (type == NoteType && owner == 8 && rest[12..].StartsWith("stapsdt\0"u8) && Place(bytes, rest.Slice((int)start, (int)length), baseAddress) is { } place)
            {
                places.Add(place);
            }

            rest = rest[(int)end..];
        }

        return places;
    }

    private static UsdtPlace? Place(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> note, ulong? baseAddress)
    {
        if (note.Length < 24)
        {
            return null;
        }

        ulong moved = baseAddress is { } now ? now - BinaryPrimitives.ReadUInt64LittleEndian(note[8..]) : 0;
        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(note) + moved;
        ulong semaphore = BinaryPrimitives.ReadUInt64LittleEndian(note[16..]);
        ReadOnlySpan<byte> text = note[24..];
        if (Offset(bytes, address) is not { } offset || Word(ref text) is not { } provider || Word(ref text) is not { } probe || Word(ref text) is not { } arguments)
        {
            return null;
        }

        ulong? counter = semaphore == 0 ? 0 : Offset(bytes, semaphore + moved);
        return counter is { } place ? new UsdtPlace(provider, probe, offset, place, arguments) : null;
    }

    private static string? Word(ref ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf((byte)0);
        if (end < 0)
        {
            return null;
        }

        string word = Encoding.UTF8.GetString(text[..end]);
        text = text[(end + 1)..];
        return word;
    }

    private static (ulong Address, ulong Offset, ulong Length)? Section(ReadOnlySpan<byte> bytes, string name)
    {
        byte[] wanted = Encoding.ASCII.GetBytes(name + "\0");
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[60..]);
        int strings = BinaryPrimitives.ReadUInt16LittleEndian(bytes[62..]);
        ReadOnlySpan<byte> stringSection = Slice(bytes, table + (ulong)strings * SectionSize, SectionSize);
        if (stringSection.IsEmpty)
        {
            return null;
        }

        ReadOnlySpan<byte> names = Slice(bytes, BinaryPrimitives.ReadUInt64LittleEndian(stringSection[24..]), BinaryPrimitives.ReadUInt64LittleEndian(stringSection[32..]));
        for (int i = 0; i < count && Slice(bytes, table + (ulong)i * SectionSize, SectionSize) is { IsEmpty: false } section; i++)
        {
            uint at = BinaryPrimitives.ReadUInt32LittleEndian(section);
            if (at < (uint)names.Length && names[(int)at..].StartsWith(wanted))
            {
                return (BinaryPrimitives.ReadUInt64LittleEndian(section[16..]), BinaryPrimitives.ReadUInt64LittleEndian(section[24..]), BinaryPrimitives.ReadUInt64LittleEndian(section[32..]));
            }
        }

        return null;
    }

    private static ulong? Offset(ReadOnlySpan<byte> bytes, ulong address)
    {
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes[56..]);
        for (int i = 0; i < count && Slice(bytes, table + (ulong)i * SegmentSize, SegmentSize) is { IsEmpty: false } segment; i++)
        {
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(segment[8..]);
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(segment[16..]);
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(segment[40..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(segment) == LoadSegment && address >= start && address - start < length)
            {
                return address - start + offset;
            }
        }

        return null;
    }

    private static ulong Align(uint length) => ((ulong)length + 3) & ~3ul;

    /// <summary>Empty when the range leaves the file.</summary>
    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> bytes, ulong offset, ulong length) =>
        offset <= (ulong)bytes.Length && length <= (ulong)bytes.Length - offset ? bytes.Slice((int)offset, (int)length) : default;
}
