using System.Runtime.InteropServices;
using System.Text;

namespace Osmia.Btf.Writing;

/// <summary>
/// Types under construction. Ids are given in the order of adding; a type may refer to an id that is added later
/// (<see cref="NextId"/> tells it), as recursive structs need it. Not safe for concurrent use.
/// </summary>
/// <remarks>
/// Layout: Documentation/bpf/btf.rst of the Linux kernel. The kinds are in partial files: types with an extent here,
/// functions and variables in <c>BtfBuilder.Program.cs</c>, copies of other BTF in <c>BtfBuilder.Append.cs</c>.
/// </remarks>
public sealed partial class BtfBuilder
{
    /// <summary>The most members, enumerators, parameters or section variables one type has: kernels before 7.1 read 16 bits.</summary>
    public const int MaximumCount = 0xffff;

    private const int HeaderSize = 24;
    private const int MaximumBitfieldOffset = 0xffffff;
    private const uint KindFlagBit = 1u << 31;

    private readonly bool _isBigEndian;
    private readonly BtfTypes? _base;
    private readonly BtfStrings _strings;
    private readonly int _firstId;

    // Records in words of the host's order. A record that grew is written anew at the end, and its old place is not written out.
    private uint[] _words = new uint[1024];
    private int _wordCount;
    private int[] _starts = new int[128];
    private int _typeCount;

    public BtfBuilder(bool isBigEndian = false)
        : this(null, isBigEndian)
    {
    }

    /// <summary>Split BTF: ids and strings number on from <paramref name="baseTypes"/>, whose types may be referred to.</summary>
    public BtfBuilder(BtfTypes baseTypes)
        : this(baseTypes ?? throw new ArgumentNullException(nameof(baseTypes)), baseTypes.IsBigEndian)
    {
    }

    private BtfBuilder(BtfTypes? baseTypes, bool isBigEndian)
    {
        _base = baseTypes;
        _isBigEndian = isBigEndian;
        _firstId = baseTypes?.Count ?? 1;
        _strings = new BtfStrings(baseTypes);
    }

    /// <summary>The id that the next added type gets.</summary>
    public TypeId NextId => new(_firstId + _typeCount);

    /// <summary>One more than the largest id, <c>void</c> and the base's types included.</summary>
    public int Count => _firstId + _typeCount;

    /// <summary>Offset of a string in the string section. Equal strings share one.</summary>
    /// <exception cref="ArgumentException">The text has a zero byte, which would end it.</exception>
    public uint AddString(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return bytes.AsSpan().Contains((byte)0) ? throw new ArgumentException("a name cannot hold a zero byte", nameof(text)) : _strings.Add(bytes);
    }

    /// <param name="size">Bytes: 1, 2, 4, 8 or 16.</param>
    /// <param name="bits">Bits used, counted from <paramref name="bitOffset"/>; 0 for all.</param>
    public TypeId AddInt(string name, int size, bool isSigned = false, bool isChar = false, bool isBool = false, int bits = 0, int bitOffset = 0)
    {
        if (size is not (1 or 2 or 4 or 8 or 16) || bits < 0 || bitOffset < 0 || bits + bitOffset > size * 8)
        {
            throw new ArgumentException($"an integer of {size} bytes cannot have {bits} bits at bit {bitOffset}", nameof(size));
        }

        uint encoding = (isSigned ? 1u : 0) | (isChar ? 2u : 0) | (isBool ? 4u : 0);
        return Add(BtfKind.Int, name, 0, (uint)size, (encoding << 24) | ((uint)bitOffset << 16) | (uint)(bits == 0 ? size * 8 : bits));
    }

    /// <param name="size">Bytes: 2, 4, 8, 12 or 16.</param>
    public TypeId AddFloat(string name, int size) => size is 2 or 4 or 8 or 12 or 16
        ? Add(BtfKind.Float, name, 0, (uint)size)
        : throw new ArgumentException($"a float cannot have {size} bytes", nameof(size));

    public TypeId AddPointer(TypeId target) => Add(BtfKind.Pointer, "", 0, Number(target));

    public TypeId AddTypedef(string name, TypeId target) => Add(BtfKind.Typedef, name, 0, Number(target));

    public TypeId AddVolatile(TypeId target) => Add(BtfKind.Volatile, "", 0, Number(target));

    public TypeId AddConst(TypeId target) => Add(BtfKind.Const, "", 0, Number(target));

    public TypeId AddRestrict(TypeId target) => Add(BtfKind.Restrict, "", 0, Number(target));

    /// <param name="isAttribute">The name is any attribute (<c>__attribute__((name))</c>, kind flag of Linux 6.15) and not a <c>btf_type_tag</c>.</param>
    public TypeId AddTypeTag(string name, TypeId target, bool isAttribute = false) => Add(BtfKind.TypeTag, name, isAttribute ? KindFlagBit : 0, Number(target));

    /// <param name="componentIndex">Member or parameter the tag stands on, -1 for the type itself.</param>
    /// <param name="isAttribute">The name is any attribute (kind flag of Linux 6.15) and not a <c>btf_decl_tag</c>.</param>
    public TypeId AddDeclarationTag(string name, TypeId target, int componentIndex = -1, bool isAttribute = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(componentIndex, -1);
        return Add(BtfKind.DeclarationTag, name, isAttribute ? KindFlagBit : 0, Number(target), (uint)componentIndex);
    }

    /// <param name="indexType">An integer type; C has no say in it, compilers write <c>__ARRAY_SIZE_TYPE__</c>.</param>
    public TypeId AddArray(TypeId element, TypeId indexType, uint count) => Add(BtfKind.Array, "", 0, 0, Number(element), Number(indexType), count);

    public TypeId AddForward(string name, bool isUnion) => Add(BtfKind.Forward, name, isUnion ? KindFlagBit : 0, 0);

    /// <param name="size">Bytes.</param>
    public TypeId AddStruct(string name, uint size, params ReadOnlySpan<NamedMember> members) => AddComposite(BtfKind.Struct, name, size, members);

    /// <param name="size">Bytes.</param>
    public TypeId AddUnion(string name, uint size, params ReadOnlySpan<NamedMember> members) => AddComposite(BtfKind.Union, name, size, members);

    /// <summary>Gives a struct or union other members and another size.</summary>
    public void SetMembers(TypeId composite, uint size, params ReadOnlySpan<NamedMember> members)
    {
        BtfKind kind = Require(composite, BtfKind.Struct, BtfKind.Union);
        uint name = _words[StartOf(composite)];
        Replace(composite, Composite(kind, name, size, members));
    }

    /// <param name="size">Bytes of a value: 1, 2, 4 or 8.</param>
    /// <exception cref="ArgumentException">A value does not fit 32 bits: that takes <see cref="AddEnum64"/>.</exception>
    public TypeId AddEnum(string name, int size, bool isSigned, params ReadOnlySpan<NamedEnumerator> enumerators)
    {
        var words = new uint[3 + enumerators.Length * 2];
        FillHeader(words, BtfKind.Enum, AddString(name), enumerators.Length, isSigned ? KindFlagBit : 0, EnumSize(size));
        for (int i = 0; i < enumerators.Length; i++)
        {
            long value = enumerators[i].Value;
            if (isSigned ? value is < int.MinValue or > int.MaxValue : value is < 0 or > uint.MaxValue)
            {
                throw new ArgumentException($"{enumerators[i].Name} = {value} does not fit {(isSigned ? "a signed" : "an unsigned")} enumeration of 32 bits", nameof(enumerators));
            }

            words[3 + i * 2] = AddString(enumerators[i].Name);
            words[4 + i * 2] = (uint)value;
        }

        return Place(words);
    }

    /// <summary>An enumeration of 64-bit values (Linux 6.0). Values above <see cref="long.MaxValue"/> are given as the negative number of the same bits.</summary>
    /// <param name="size">Bytes of a value: 1, 2, 4 or 8.</param>
    public TypeId AddEnum64(string name, int size, bool isSigned, params ReadOnlySpan<NamedEnumerator> enumerators)
    {
        var words = new uint[3 + enumerators.Length * 3];
        FillHeader(words, BtfKind.Enum64, AddString(name), enumerators.Length, isSigned ? KindFlagBit : 0, EnumSize(size));
        for (int i = 0; i < enumerators.Length; i++)
        {
            words[3 + i * 3] = AddString(enumerators[i].Name);
            words[4 + i * 3] = (uint)enumerators[i].Value;
            words[5 + i * 3] = (uint)(enumerators[i].Value >> 32);
        }

        return Place(words);
    }

    /// <summary>Lets a pointer, modifier, variable, function, declaration tag or prototype (its result) refer to another type.</summary>
    public void SetReferenced(TypeId id, TypeId target)
    {
        Require(id, BtfKind.Pointer, BtfKind.Typedef, BtfKind.Volatile, BtfKind.Const, BtfKind.Restrict, BtfKind.TypeTag,
            BtfKind.DeclarationTag, BtfKind.Variable, BtfKind.Function, BtfKind.FunctionPrototype);
        _words[StartOf(id) + 2] = Number(target);
    }

    public void SetName(TypeId id, string name) => _words[StartOf(id)] = AddString(name);

    /// <summary>The types as a blob that can be read, written to a file or given to the kernel.</summary>
    public BtfTypes Build() => BtfTypes.Parse(ToArray(), _base);

    /// <summary>The blob: header, types, strings.</summary>
    public byte[] ToArray()
    {
        int typeBytes = 0;
        for (int i = 0; i < _typeCount; i++)
        {
            typeBytes = checked(typeBytes + LengthOf(_starts[i]) * 4);
        }

        ReadOnlySpan<byte> strings = _strings.Section;
        var blob = new byte[checked(HeaderSize + typeBytes + strings.Length)];
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(blob.AsSpan(0, HeaderSize + typeBytes));
        words[0] = BtfTypes.Magic | (1u << 16);
        words[1] = HeaderSize;
        words[3] = (uint)typeBytes;
        words[4] = (uint)typeBytes;
        words[5] = (uint)strings.Length;
        int position = HeaderSize / 4;
        for (int i = 0; i < _typeCount; i++)
        {
            int length = LengthOf(_starts[i]);
            _words.AsSpan(_starts[i], length).CopyTo(words[position..]);
            position += length;
        }

        if (_isBigEndian == BitConverter.IsLittleEndian)
        {
            System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(words, words);
        }

        // Magic, version and flags are two bytes and twice one byte in either order.
        blob[0] = _isBigEndian ? (byte)(BtfTypes.Magic >> 8) : (byte)(BtfTypes.Magic & 0xff);
        blob[1] = _isBigEndian ? (byte)(BtfTypes.Magic & 0xff) : (byte)(BtfTypes.Magic >> 8);
        blob[2] = 1;
        blob[3] = 0;
        strings.CopyTo(blob.AsSpan(HeaderSize + typeBytes));
        return blob;
    }

    private static uint EnumSize(int size) => size is 1 or 2 or 4 or 8
        ? (uint)size
        : throw new ArgumentException($"an enumeration cannot have {size} bytes", nameof(size));

    private static uint Number(TypeId id) => id.Value >= 0 ? (uint)id.Value : throw new ArgumentException("type ids are not negative", nameof(id));

    private TypeId AddComposite(BtfKind kind, string name, uint size, ReadOnlySpan<NamedMember> members) =>
        Place(Composite(kind, AddString(name), size, members));

    private uint[] Composite(BtfKind kind, uint name, uint size, ReadOnlySpan<NamedMember> members)
    {
        bool hasBitfields = false;
        foreach (ref readonly NamedMember member in members)
        {
            hasBitfields |= member.BitfieldSize != 0;
        }

        var words = new uint[3 + members.Length * 3];
        FillHeader(words, kind, name, members.Length, hasBitfields ? KindFlagBit : 0, size);
        for (int i = 0; i < members.Length; i++)
        {
            NamedMember member = members[i];
            if (member.BitOffset < 0 || member.BitfieldSize is < 0 or > 255 || (hasBitfields && member.BitOffset > MaximumBitfieldOffset))
            {
                throw new ArgumentException($"member '{member.Name}' at bit {member.BitOffset} with {member.BitfieldSize} bits cannot be written", nameof(members));
            }

            words[3 + i * 3] = AddString(member.Name);
            words[4 + i * 3] = Number(member.Type);
            words[5 + i * 3] = ((uint)member.BitfieldSize << 24) | (uint)member.BitOffset;
        }

        return words;
    }

    private TypeId Add(BtfKind kind, string name, uint flag, params ReadOnlySpan<uint> sizeAndRest)
    {
        Span<uint> words = stackalloc uint[2 + sizeAndRest.Length];
        words[0] = AddString(name);
        words[1] = ((uint)kind << 24) | flag;
        sizeAndRest.CopyTo(words[2..]);
        return Place(words);
    }

    private static void FillHeader(Span<uint> words, BtfKind kind, uint name, int count, uint flag, uint sizeOrType)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaximumCount);
        words[0] = name;
        words[1] = ((uint)kind << 24) | flag | (uint)count;
        words[2] = sizeOrType;
    }

    private TypeId Place(ReadOnlySpan<uint> words)
    {
        if (_typeCount == _starts.Length)
        {
            Array.Resize(ref _starts, _typeCount * 2);
        }

        _starts[_typeCount++] = Store(words);
        return new TypeId(_firstId + _typeCount - 1);
    }

    private void Replace(TypeId id, ReadOnlySpan<uint> words)
    {
        int start = StartOf(id);
        if (LengthOf(start) >= words.Length)
        {
            words.CopyTo(_words.AsSpan(start));
        }
        else
        {
            _starts[id.Value - _firstId] = Store(words);
        }
    }

    private int Store(ReadOnlySpan<uint> words)
    {
        int start = _wordCount;
        int needed = checked(start + words.Length);
        if (needed > _words.Length)
        {
            Array.Resize(ref _words, (int)Math.Max(needed, Math.Min(_words.Length * 2L, Array.MaxLength)));
        }

        words.CopyTo(_words.AsSpan(start));
        _wordCount = needed;
        return start;
    }

    private int LengthOf(int start)
    {
        uint info = _words[start + 1];
        return 3 + BtfKindExtensions.ExtraBytes(BtfKindExtensions.KindOf(info), BtfKindExtensions.CountOf(info)) / 4;
    }

    private int StartOf(TypeId id) => id.Value >= _firstId && id.Value < Count
        ? _starts[id.Value - _firstId]
        : throw new ArgumentOutOfRangeException(nameof(id), id.Value, "no type of this builder has that id");

    private BtfKind Require(TypeId id, params ReadOnlySpan<BtfKind> kinds)
    {
        BtfKind kind = BtfKindExtensions.KindOf(_words[StartOf(id) + 1]);
        return kinds.Contains(kind) ? kind : throw new ArgumentException($"type {id} is a {kind.ToKernelName()}", nameof(id));
    }
}
