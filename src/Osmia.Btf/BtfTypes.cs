using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Osmia.Btf;

/// <summary>
/// The types of one BTF blob. Only an offset per type is kept; names, members and sizes are read from the blob
/// when asked for, so that a mapped kernel BTF of 125,000 types costs half a megabyte.
/// </summary>
/// <remarks>
/// Layout: Documentation/bpf/btf.rst of the Linux kernel. A kind newer than this reader ends the walk:
/// <see cref="IsComplete"/> is false and the types up to there stay usable. Safe for concurrent readers.
/// </remarks>
public sealed partial class BtfTypes
{
    public const ushort Magic = 0xeb9f;
    private const int TypeHeaderSize = 12;

    private readonly ReadOnlyMemory<byte> _data;
    private readonly bool _bigEndian;
    private readonly int _typesStart;
    private readonly int _stringsStart;
    private readonly int _stringsLength;
    // Longer than the types are many: cutting it to length would be a copy.
    private readonly int[] _offsets;
    private readonly int _ownCount;
    private readonly int _firstId;
    private readonly int _firstString;
    private BtfNameIndex? _names;

    private readonly int _typesLength;
    private readonly BtfLayout _layout;

    private BtfTypes(ReadOnlyMemory<byte> data, BtfHeader header, int[] offsets, int count, bool complete, BtfTypes? baseTypes)
    {
        _layout = header.Layout;
        _typesLength = header.TypesLength;
        _data = data;
        _bigEndian = header.BigEndian;
        _typesStart = header.TypesStart;
        _stringsStart = header.StringsStart;
        _stringsLength = header.StringsLength;
        _offsets = offsets;
        _ownCount = count;
        IsComplete = complete;
        Base = baseTypes;
        _firstId = baseTypes?.Count ?? 1;
        _firstString = baseTypes is null ? 0 : baseTypes._firstString + baseTypes._stringsLength;
    }

    /// <summary>The BTF that split (module) BTF continues; ids and strings number on from it.</summary>
    public BtfTypes? Base { get; }

    /// <summary>
    /// False when a kind this reader does not know ended the walk. A blob with a layout section is always complete: unknown kinds
    /// are then stepped over, and stand as types of a <see cref="BtfKind"/> without name.
    /// </summary>
    public bool IsComplete { get; }

    public bool IsBigEndian => _bigEndian;

    /// <summary>
    /// True for split BTF that was read without its base: its ids and names mean something else then. The strings of BTF that stands
    /// alone begin with the empty one.
    /// </summary>
    public bool LacksBase => Base is null && _ownCount > 0 && (_stringsLength == 0 || StringSection[0] != 0);

    /// <summary>One more than the largest id, <c>void</c> and the base's types included.</summary>
    public int Count => _firstId + _ownCount;

    /// <summary>The first id that belongs to this blob and not to its base.</summary>
    public int FirstId => _firstId;

    /// <summary>The blob as it was read.</summary>
    public ReadOnlyMemory<byte> Data => _data;

    /// <summary>The type with an id; an id out of range gives <c>void</c>, as hostile BTF may name any number.</summary>
    public BtfType this[TypeId id] => (uint)id.Value < (uint)Count ? new(this, id) : new(this, TypeId.Void);

    public BtfType this[int id] => this[new TypeId(id)];

    /// <summary>Reads a blob (<c>/sys/kernel/btf/*</c>, or the <c>.BTF</c> section of an object).</summary>
    /// <exception cref="BtfFormatException">The header, a type or a string section does not fit the blob.</exception>
    public static BtfTypes Parse(ReadOnlyMemory<byte> data, BtfTypes? baseTypes = null)
    {
        ReadOnlySpan<byte> span = data.Span;
        BtfHeader header = BtfHeader.Parse(span, baseTypes?._layout ?? default);
        (int[] offsets, int count, bool complete) = WalkTypes(span, header);
        return new BtfTypes(data, header, offsets, count, complete, baseTypes);
    }

    // The first run is the one a user waits for, and it runs over all types: words are read by index, which code compiled ahead of time
    // does without a call.
    private static (int[] Offsets, int Count, bool Complete) WalkTypes(ReadOnlySpan<byte> data, BtfHeader header)
    {
        ReadOnlySpan<byte> types = data.Slice(header.TypesStart, header.TypesLength);
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(types);
        bool isReversed = header.BigEndian == BitConverter.IsLittleEndian;
        int[] offsets = GC.AllocateUninitializedArray<int>(types.Length / 24 + 16);
        int count = 0;
        int position = 0;
        bool isComplete = true;
        while (position < types.Length)
        {
            if (types.Length - position < TypeHeaderSize)
            {
                throw new BtfFormatException("a type header is cut off", header.TypesStart + position);
            }

            // Headers and all that follows them are whole words.
            uint info = words[position / 4 + 1];
            info = isReversed ? BinaryPrimitives.ReverseEndianness(info) : info;
            long extra = BtfKindExtensions.ExtraBytes(BtfKindExtensions.KindOf(info), BtfKindExtensions.CountOf(info));
            if (extra < 0)
            {
                extra = header.Layout.ExtraBytes(BtfKindExtensions.KindOf(info), BtfKindExtensions.CountOf(info));
                if (extra < 0)
                {
                    isComplete = false;
                    break;
                }
            }

            if (types.Length - position - TypeHeaderSize < extra)
            {
                throw new BtfFormatException($"type {count + 1} ({BtfKindExtensions.KindOf(info).ToKernelName()}) is cut off", header.TypesStart + position);
            }

            if (count == offsets.Length)
            {
                Array.Resize(ref offsets, count * 2);
            }

            offsets[count++] = header.TypesStart + position;
            position += TypeHeaderSize + (int)extra;
        }

        return (offsets, count, isComplete);
    }

    private static uint Read32(ReadOnlySpan<byte> span, int offset, bool bigEndian) => bigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(span[offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(span[offset..]);

    /// <summary>Word <paramref name="index"/> of a type: 0 name offset, 1 info, 2 size or type, 3.. what the kind adds.</summary>
    internal uint Word(TypeId id, int index)
    {
        if (id.IsVoid)
        {
            return 0;
        }

        if (id.Value < _firstId)
        {
            return Base!.Word(id, index);
        }

        // A word that the kind does not have may lie past the blob: it reads as 0.
        ReadOnlySpan<byte> data = _data.Span;
        int offset = _offsets[id.Value - _firstId] + index * 4;
        return offset <= data.Length - 4 ? Read32(data, offset, _bigEndian) : 0;
    }

    /// <summary>Where a type of this blob (not of its base) begins in <see cref="Data"/>, in bytes.</summary>
    public int OffsetOf(TypeId id) => Offsets[id.Value - _firstId];

    /// <summary>UTF-8 bytes of a string, without its terminator; empty when the offset is out of range.</summary>
    public ReadOnlySpan<byte> StringBytes(uint offset)
    {
        if (offset < _firstString)
        {
            return Base!.StringBytes(offset);
        }

        uint local = offset - (uint)_firstString;
        if (local >= _stringsLength)
        {
            return default;
        }

        ReadOnlySpan<byte> rest = _data.Span.Slice(_stringsStart + (int)local, _stringsLength - (int)local);
        int end = rest.IndexOf((byte)0);
        return end < 0 ? rest : rest[..end];
    }

    /// <summary>Types by name; built when first asked for.</summary>
    public BtfNameIndex Names => _names ?? Interlocked.CompareExchange(ref _names, new BtfNameIndex(this), null) ?? _names;

    internal ReadOnlySpan<int> Offsets => _offsets.AsSpan(0, _ownCount);

    internal ReadOnlySpan<byte> StringSection => _data.Span.Slice(_stringsStart, _stringsLength);

    internal ReadOnlySpan<byte> TypeSection => _data.Span.Slice(_typesStart, _typesLength);

    /// <summary>Writes, at its id, the word at which each type of this blob begins, counted from <paramref name="first"/>.</summary>
    internal void StartsOfTypes(int[] starts, int first)
    {
        for (int i = 0; i < _ownCount; i++)
        {
            starts[_firstId + i] = first + (_offsets[i] - _typesStart) / 4;
        }
    }

    /// <summary>Offsets of this blob's strings; those of split BTF begin where its base's end.</summary>
    internal uint StringsBegin => (uint)_firstString;

    internal uint StringsEnd => (uint)(_firstString + _stringsLength);

    public string String(uint offset) => Encoding.UTF8.GetString(StringBytes(offset));
}

/// <summary>The header of a blob (24 bytes, 32 with the layout section of Linux 7.1), checked against the blob's length.</summary>
internal readonly record struct BtfHeader(bool BigEndian, int TypesStart, int TypesLength, int StringsStart, int StringsLength, BtfLayout Layout)
{
    private const int MinimumSize = 24;

    public static BtfHeader Parse(ReadOnlySpan<byte> data, BtfLayout baseLayout)
    {
        if (data.Length < MinimumSize)
        {
            throw new BtfFormatException($"{data.Length} bytes are too few for a BTF header of {MinimumSize}", 0);
        }

        ushort magic = BinaryPrimitives.ReadUInt16LittleEndian(data);
        bool bigEndian = magic == BinaryPrimitives.ReverseEndianness(BtfTypes.Magic);
        if (magic != BtfTypes.Magic && !bigEndian)
        {
            throw new BtfFormatException($"magic is 0x{magic:x4}, not 0x{BtfTypes.Magic:x4}", 0);
        }

        if (data[2] != 1)
        {
            throw new BtfFormatException($"version is {data[2]}, only 1 is defined", 2);
        }

        uint headerLength = Read(data, 4, bigEndian);
        if (headerLength < MinimumSize || headerLength > data.Length)
        {
            throw new BtfFormatException($"header length {headerLength} is out of range", 4);
        }

        (int typesStart, int typesLength) = Section(data, headerLength, 8, "type", bigEndian);
        (int stringsStart, int stringsLength) = Section(data, headerLength, 16, "string", bigEndian);
        BtfLayout layout = headerLength < BtfLayout.HeaderWithLayout
            ? baseLayout
            : BtfLayout.Parse(data, (ulong)headerLength + Read(data, 24, bigEndian), Read(data, 28, bigEndian), baseLayout);
        return new BtfHeader(bigEndian, typesStart, typesLength, stringsStart, stringsLength, layout);
    }

    private static (int Start, int Length) Section(ReadOnlySpan<byte> data, uint headerLength, int field, string name, bool bigEndian)
    {
        ulong start = (ulong)headerLength + Read(data, field, bigEndian);
        ulong length = Read(data, field + 4, bigEndian);
        if (start + length > (ulong)data.Length)
        {
            throw new BtfFormatException($"{name} section [{start}, {start + length}) is longer than the blob of {data.Length} bytes", field);
        }

        return ((int)start, (int)length);
    }

    private static uint Read(ReadOnlySpan<byte> data, int offset, bool bigEndian) => bigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(data[offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(data[offset..]);
}
