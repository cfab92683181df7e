using System.Buffers.Binary;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Elf;

/// <summary>
/// The sections of an ELF file that hold types, found by name in a file of any machine, class and byte order: a kernel image, a kernel
/// module, a program. Nothing else of the file is read, so it may be large and its other parts of any form.
/// </summary>
internal sealed class ElfTypeSections
{
    private const int MachineBpf = 247;
    private const uint NoBits = 8;
    private const ulong Compressed = 1 << 11;
    private const int IndexInFirstHeader = 0xffff;
    private const int LongestName = 64;

    private readonly string _file;
    private readonly ReadOnlyMemory<byte> _data;
    private readonly bool _isBigEndian;
    private readonly bool _is64Bit;
    private readonly long _table;
    private readonly int _entrySize;
    private readonly long _count;
    private readonly (long Offset, long Size) _names;

    public ElfTypeSections(string file, ReadOnlyMemory<byte> data)
    {
        (_file, _data) = (file, data);
        if (!IsElf(data.Span) || data.Length < 52)
        {
            throw ObjectErrors.NotElf(file, data.Length);
        }

        _is64Bit = data.Span[4] == 2;
        _isBigEndian = data.Span[5] == 2;
        if (_is64Bit && data.Length < 64)
        {
            throw ObjectErrors.Damaged(file, $"its {data.Length} bytes end within the header", null, 0);
        }

        IsBpf = _is64Bit && Number(18, 2) == MachineBpf;
        _table = Word(_is64Bit ? 40 : 32);
        _entrySize = (int)Number(_is64Bit ? 58 : 46, 2);
        _count = Number(_is64Bit ? 60 : 48, 2);
        long names = Number(_is64Bit ? 62 : 50, 2);
        if (_table == 0)
        {
            _count = 0;
            return;
        }

        if (_entrySize < (_is64Bit ? 64 : 40) || _table > data.Length - _entrySize)
        {
            throw ObjectErrors.Damaged(file, $"the table of section headers at byte {_table} does not fit {data.Length} bytes", null, 0);
        }

        // Numbers too large for the header stand in the first section's.
        _count = _count == 0 ? Word(_table + (_is64Bit ? 32 : 20)) : _count;
        names = names == IndexInFirstHeader ? Number(_table + (_is64Bit ? 40 : 24), 4) : names;
        if (_count > (data.Length - _table) / _entrySize || names >= _count)
        {
            throw ObjectErrors.Damaged(file, $"the table of {_count} section headers at byte {_table} does not fit {data.Length} bytes", null, 0);
        }

        _names = Bounds(names, "section names");
    }

    /// <summary>Whether it is an object of BPF code.</summary>
    public bool IsBpf { get; }

    public static bool IsElf(ReadOnlySpan<byte> data) => data.StartsWith("\x7f"u8 + "ELF"u8);

    /// <summary>The bytes of the first section of a name; null when there is none.</summary>
    public ReadOnlyMemory<byte>? Find(string name)
    {
        Span<byte> wanted = stackalloc byte[LongestName];
        int length = System.Text.Encoding.ASCII.GetBytes(name, wanted);
        wanted[length++] = 0;
        for (long index = 0; index < _count; index++)
        {
            long header = _table + index * _entrySize;
            long place = Number(header, 4);
            if (place > _names.Size - length || !_data.Span.Slice((int)(_names.Offset + place), length).SequenceEqual(wanted[..length]))
            {
                continue;
            }

            if (Number(header + 4, 4) == NoBits)
            {
                return null;
            }

            if (((ulong)Word(header + 8) & Compressed) != 0)
            {
                throw ObjectErrors.BadTypes(_file, name, "the section is compressed");
            }

            (long offset, long size) = Bounds(index, name);
            return _data.Slice((int)offset, (int)size);
        }

        return null;
    }

    private (long Offset, long Size) Bounds(long index, string name)
    {
        long header = _table + index * _entrySize;
        long offset = Word(header + (_is64Bit ? 24 : 16));
        long size = Word(header + (_is64Bit ? 32 : 20));
        return (ulong)offset <= (ulong)_data.Length && (ulong)size <= (ulong)(_data.Length - offset)
            ? (offset, size)
            : throw ObjectErrors.Damaged(_file, $"section '{name}' [{(ulong)offset}, +{(ulong)size}) ends after the file's {_data.Length} bytes", name, header);
    }

    private long Word(long offset) => _is64Bit ? (long)Math.Min(Number64(offset), long.MaxValue) : Number(offset, 4);

    private long Number(long offset, int size)
    {
        ReadOnlySpan<byte> bytes = _data.Span.Slice((int)offset, size);
        return size == 2
            ? _isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes)
            : _isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private ulong Number64(long offset)
    {
        ReadOnlySpan<byte> bytes = _data.Span.Slice((int)offset, 8);
        return _isBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
