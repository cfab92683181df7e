namespace Osmia.Btf;

/// <summary>A member of a struct or union. A bit-field has <see cref="BitfieldSize"/> &gt; 0 bits; offsets are from the start of the composite.</summary>
public readonly record struct BtfMember(uint NameOffset, TypeId Type, int BitOffset, int BitfieldSize)
{
    public int ByteOffset => BitOffset / 8;
}

public readonly record struct BtfEnumerator(uint NameOffset, long Value);

public readonly record struct BtfParameter(uint NameOffset, TypeId Type);

/// <summary>One variable of a data section: offset and size in bytes.</summary>
public readonly record struct BtfSectionVariable(TypeId Type, uint Offset, uint Size);

/// <summary>A view of one type; two words, nothing is copied from the blob. The default value is <c>void</c>.</summary>
public readonly struct BtfType(BtfTypes owner, TypeId id) : IEquatable<BtfType>
{
    public BtfTypes Owner { get; } = owner;

    public TypeId Id { get; } = id;

    private uint Info => Word(1);

    private uint Word(int index) => Owner is null ? 0 : Owner.Word(Id, index);

    public BtfKind Kind => BtfKindExtensions.KindOf(Info);

    /// <summary>Members, enumerators, parameters or section variables that follow the type.</summary>
    public int Count => Kind is BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.FunctionPrototype or BtfKind.DataSection
        ? BtfKindExtensions.CountOf(Info)
        : 0;

    /// <summary>Bit 31 of info: bit-field encoding of members, signed enumerators, or a forward of a union.</summary>
    public bool KindFlag => Info >> 31 != 0;

    public uint NameOffset => Word(0);

    public ReadOnlySpan<byte> NameBytes => Owner is null ? default : Owner.StringBytes(NameOffset);

    /// <summary>The name; empty for anonymous types.</summary>
    public string Name => Owner is null ? "" : Owner.String(NameOffset);

    public bool IsVoid => Id.IsVoid;

    /// <summary>The size word of kinds that carry one (int, float, struct, union, enums, data section), in bytes.</summary>
    public uint Size => Word(2);

    /// <summary>The type that a pointer, modifier, variable, function, declaration tag or prototype (its result) refers to.</summary>
    public TypeId ReferencedId => new((int)Math.Min(Word(2), int.MaxValue));

    public BtfType Referenced => Owner[ReferencedId];

    // --- integers
    private uint IntWord => Word(3);

    public int IntBits => (int)(IntWord & 0xff);

    public int IntBitOffset => (int)((IntWord >> 16) & 0xff);

    public bool IsSigned => ((IntWord >> 24) & 1) != 0;

    public bool IsChar => ((IntWord >> 24) & 2) != 0;

    public bool IsBool => ((IntWord >> 24) & 4) != 0;

    public int IntEncoding => (int)((IntWord >> 24) & 0xf);

    // --- arrays
    public TypeId ElementId => new((int)Math.Min(Word(3), int.MaxValue));

    public TypeId IndexTypeId => new((int)Math.Min(Word(4), int.MaxValue));

    public uint ElementCount => Word(5);

    /// <summary>Linkage of a variable (its own word) or of a function (in the count bits).</summary>
    public BtfLinkage Linkage => Kind == BtfKind.Function ? (BtfLinkage)BtfKindExtensions.CountOf(Info) : (BtfLinkage)Word(3);

    /// <summary>Member or parameter a declaration tag stands on; -1 for the type itself.</summary>
    public int ComponentIndex => (int)Word(3);

    public BtfMember Member(int index)
    {
        uint offset = Word(3 + index * 3 + 2);
        return KindFlag
            ? new(Word(3 + index * 3), TypeIdAt(3 + index * 3 + 1), (int)(offset & 0xffffff), (int)(offset >> 24))
            : new(Word(3 + index * 3), TypeIdAt(3 + index * 3 + 1), (int)(offset & int.MaxValue), 0);
    }

    public BtfEnumerator Enumerator(int index)
    {
        if (Kind == BtfKind.Enum64)
        {
            ulong value = Word(3 + index * 3 + 1) | ((ulong)Word(3 + index * 3 + 2) << 32);
            return new(Word(3 + index * 3), (long)value);
        }

        uint word = Word(3 + index * 2 + 1);
        return new(Word(3 + index * 2), KindFlag ? (int)word : IsLegacyNegative(word) ? (int)word : word);
    }

    // Before Linux 6.0 the kind flag of enumerations was always 0 and values were read as signed.
    private static bool IsLegacyNegative(uint word) => word >= 0xffff_f000;

    public BtfParameter Parameter(int index) => new(Word(3 + index * 2), TypeIdAt(3 + index * 2 + 1));

    public BtfSectionVariable SectionVariable(int index) =>
        new(TypeIdAt(3 + index * 3), Word(3 + index * 3 + 1), Word(3 + index * 3 + 2));

    public string MemberName(int index) => Owner.String(Member(index).NameOffset);

    private TypeId TypeIdAt(int word) => new((int)Math.Min(Word(word), int.MaxValue));

    public bool Equals(BtfType other) => ReferenceEquals(Owner, other.Owner) && Id == other.Id;

    public override bool Equals(object? obj) => obj is BtfType other && Equals(other);

    public override int GetHashCode() => Id.GetHashCode();

    public static bool operator ==(BtfType left, BtfType right) => left.Equals(right);

    public static bool operator !=(BtfType left, BtfType right) => !left.Equals(right);

    public override string ToString() => $"[{Id}] {Kind.ToKernelName()} '{Name}'";
}
