using System.Collections.Immutable;
using System.Text.Json;

namespace Osmia.Btf.Printing;

public enum ShapeKind : byte
{
    /// <summary>Bytes nothing is known of but their number, and addresses that are arrays of bytes.</summary>
    Bytes,
    Integer,
    Bool,
    Enum,
    Float,
    Pointer,

    /// <summary>An array of <c>char</c>.</summary>
    Text,
    Array,
    Composite,

    /// <summary>The key of a longest-prefix trie: a length in bits, then an address.</summary>
    Prefix,
}

/// <summary>
/// How to print a value of a type: worked out from BTF once, bounded in depth and size, so that printing walks this tree
/// and never looks at BTF again.
/// </summary>
public sealed class ValueShape
{
    private ImmutableArray<ShapeMember> _members = [];

    internal ValueShape(ShapeKind kind, long size)
    {
        Kind = kind;
        Size = size;
    }

    public ShapeKind Kind { get; }

    /// <summary>Bytes of a value.</summary>
    public long Size { get; }

    public FieldFormat Format { get; internal init; }

    public bool IsSigned { get; internal init; }

    /// <summary>The number is stored most significant byte first: <c>__be16</c>, and everything in types of a big-endian object.</summary>
    public bool IsNetworkOrder { get; internal init; }

    /// <summary>Of an array.</summary>
    public ValueShape? Element { get; internal init; }

    public uint Count { get; internal init; }

    /// <summary>Members of a composite, those of anonymous members among them; skipped ones are left out.</summary>
    public ImmutableArray<ShapeMember> Members
    {
        get => _members;
        internal set
        {
            _members = value;
            ProcessMember = FindProcessMember(value);
        }
    }

    /// <summary>The member that says which process user addresses belong to, or -1.</summary>
    public int ProcessMember { get; private set; } = -1;

    /// <summary>Names by value, ascending.</summary>
    internal EnumName[] Names { get; init; } = [];

    /// <summary>True for a number, a name, a text: what fits one column of a table.</summary>
    public bool IsScalar => Kind is not (ShapeKind.Array or ShapeKind.Composite);

    /// <summary>True when values can be added up: integers that are amounts, and arrays and structures of nothing else.</summary>
    public bool IsSummable => Kind switch
    {
        ShapeKind.Integer => Size <= 8 && Format is FieldFormat.Plain or FieldFormat.Nanoseconds or FieldFormat.Microseconds or FieldFormat.Milliseconds,
        ShapeKind.Array => Element!.IsSummable,
        ShapeKind.Composite => !Members.IsEmpty && Members.All(member => member.BitSize == 0 && member.Shape.IsSummable),
        _ => false,
    };

    /// <summary>An integer of 1, 2, 4 or 8 bytes, for values without BTF.</summary>
    public static ValueShape Integer(int size, bool isSigned = false) => new(ShapeKind.Integer, size) { IsSigned = isSigned };

    public static ValueShape Bytes(int size) => new(ShapeKind.Bytes, size);

    public static ValueShape ArrayOf(ValueShape element, uint count) =>
        new(ShapeKind.Array, element.Size * count) { Element = element, Count = count };

    internal ReadOnlySpan<byte> NameOf(long value)
    {
        int low = 0;
        int high = Names.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = Names[middle].Value < value ? (middle + 1, high) : (low, middle);
        }

        return low < Names.Length && Names[low].Value == value ? Names[low].Name : default;
    }

    /// <summary>Characters of the longest enumerator.</summary>
    public int LongestName
    {
        get
        {
            int longest = 0;
            foreach (EnumName name in Names)
            {
                longest = Math.Max(longest, name.Name.Length);
            }

            return longest;
        }
    }

    private static int FindProcessMember(ImmutableArray<ShapeMember> members)
    {
        int found = -1;
        for (int i = 0; i < members.Length; i++)
        {
            if (members[i].Shape is { Kind: ShapeKind.Integer, Size: 4 } && members[i].BitSize == 0
                && (members[i].Name == "tgid" || (members[i].Name == "pid" && found < 0)))
            {
                found = i;
            }
        }

        return found;
    }
}

/// <param name="BitOffset">From the start of the composite.</param>
/// <param name="BitSize">Bits of a bit-field, else 0.</param>
public sealed record ShapeMember(string Name, ValueShape Shape, long BitOffset, int BitSize)
{
    private JsonEncodedText? _jsonName;

    public byte[] NameUtf8 { get; } = System.Text.Encoding.UTF8.GetBytes(Name);

    /// <summary>Encoded when first asked for: the encoder is a large part of the start-up of a command that prints no JSON.</summary>
    public JsonEncodedText JsonName => _jsonName ??= JsonEncodedText.Encode(Name);

    public long ByteOffset => BitOffset / 8;

    /// <summary>The composite is big-endian, so bits are counted from the high end of a byte.</summary>
    internal bool IsBigEndian { get; init; }
}

/// <param name="Order">Place within the enumeration: of two names for a value the first is used.</param>
internal sealed record EnumName(long Value, int Order, byte[] Name);
