using System.Collections.Immutable;

namespace Osmia.Btf.Printing;

/// <summary>Works out the shapes of one BTF blob's types and remembers them. For one thread.</summary>
public sealed class ValueShapes
{
    // A composite with more members, those of its anonymous members and skipped ones counted, is shown as bytes.
    private const int MaximumMembers = 4096;

    private readonly BtfTypes _types;
    private readonly Dictionary<long, FieldTag> _tags = [];
    private readonly Dictionary<long, ValueShape> _shapes = [];
    private readonly HashSet<int> _open = [];

    public ValueShapes(BtfTypes types)
    {
        _types = types;
        for (int id = 1; id < types.Count; id++)
        {
            BtfType type = types[id];
            if (type.Kind == BtfKind.DeclarationTag && FieldFormats.Find(type.Name) is { } tag)
            {
                _tags[Key(type.ReferencedId, type.ComponentIndex)] = tag;
            }
        }
    }

    public BtfTypes Types => _types;

    public ValueShape Of(TypeId id, FieldFormat format = FieldFormat.Plain) => Of(id, format, 0);

    /// <summary>The shape of a longest-prefix trie's key (<c>struct { __u32 prefixlen; ... }</c>), or the plain shape of anything else.</summary>
    public ValueShape OfPrefixKey(TypeId id)
    {
        ValueShape plain = Of(id);
        if (plain.Kind != ShapeKind.Composite || plain.Size < sizeof(uint) || plain.Members.Length < 2
            || plain.Members[0] is not { BitOffset: 0, BitSize: 0, Shape: { Kind: ShapeKind.Integer, Size: 4 } })
        {
            return plain;
        }

        ImmutableArray<ShapeMember> members = plain.Members;
        if (members.Length == 2 && members[1].BitSize == 0)
        {
            // An address without a tag is known by its length.
            FieldFormat format = members[1].Shape.Size switch { 4 => FieldFormat.Ip4, 16 => FieldFormat.Ip6, 6 => FieldFormat.Mac, _ => FieldFormat.Plain };
            members = format == FieldFormat.Plain
                ? members
                : [members[0], members[1] with { Shape = new ValueShape(ShapeKind.Bytes, members[1].Shape.Size) { Format = format } }];
        }

        return new ValueShape(ShapeKind.Prefix, plain.Size) { Members = members };
    }

    private ValueShape Of(TypeId id, FieldFormat format, int depth)
    {
        if (_shapes.TryGetValue(Key(id, (int)format), out ValueShape? known))
        {
            return known;
        }

        // A type that holds itself by value, or a chain too long: hostile.
        if (depth > BtfTypes.MaximumDepth || !_open.Add(id.Value))
        {
            return Unknown(id);
        }

        ValueShape shape = Build(id, format, depth);
        _open.Remove(id.Value);
        _shapes[Key(id, (int)format)] = shape;
        return shape;
    }

    // Keys are numbers, not tuples: the framework brings the code for those, and none has to be compiled at start-up.
    private static long Key(TypeId type, int part) => ((long)type.Value << 32) | (uint)part;

    private FieldTag? TagOf(TypeId type, int member) => _tags.TryGetValue(Key(type, member), out FieldTag? tag) ? tag : null;

    private ValueShape Unknown(TypeId id) => new(ShapeKind.Bytes, Math.Max(_types.SizeOf(id), 0));

    private ValueShape Build(TypeId id, FieldFormat format, int depth)
    {
        BtfType type = _types[id];
        bool isNetworkOrder = _types.IsBigEndian;
        for (int steps = 0; type.Kind.IsModifier() || type.Kind == BtfKind.Variable; steps++)
        {
            if (steps == BtfTypes.MaximumDepth)
            {
                return Unknown(id);
            }

            if (type.Kind == BtfKind.Typedef)
            {
                isNetworkOrder |= type.NameBytes.StartsWith("__be"u8) || type.NameBytes.SequenceEqual("in_port_t"u8);
                format = format != FieldFormat.Plain ? format
                    : TagOf(type.Id, -1)?.Format ?? FieldFormats.OfTypeName(type.Name);
            }

            type = type.Referenced;
        }

        if (type.Kind.IsComposite() && format == FieldFormat.Plain)
        {
            format = FieldFormats.OfTypeName(type.Name);
        }

        long size = Math.Max(_types.SizeOf(type.Id), 0);
        return type.Kind switch
        {
            BtfKind.Int => Integer(type, size, format, isNetworkOrder),
            BtfKind.Enum or BtfKind.Enum64 => Enumeration(type, size, format, isNetworkOrder),
            BtfKind.Float when size is 4 or 8 => new ValueShape(ShapeKind.Float, size) { IsNetworkOrder = isNetworkOrder },
            BtfKind.Pointer => new ValueShape(ShapeKind.Pointer, size) { IsNetworkOrder = isNetworkOrder, Format = format is FieldFormat.KernelSymbol or FieldFormat.UserSymbol ? format : FieldFormat.Plain },
            BtfKind.Array => Array(type, size, format, depth),
            BtfKind.Struct or BtfKind.Union when IsAddress(format, size) => new ValueShape(ShapeKind.Bytes, size) { Format = format },
            BtfKind.Struct or BtfKind.Union => Composite(type, size, depth),
            BtfKind.DataSection => DataSection(type, size, depth),
            _ => new ValueShape(ShapeKind.Bytes, size),
        };
    }

    private static bool IsAddress(FieldFormat format, long size) =>
        format is FieldFormat.Ip4 or FieldFormat.Ip6 or FieldFormat.Mac && size == FieldFormats.SizeOf(format);

    private static ValueShape Integer(BtfType type, long size, FieldFormat format, bool isNetworkOrder)
    {
        if (size is not (1 or 2 or 4 or 8 or 16))
        {
            return new ValueShape(ShapeKind.Bytes, size);
        }

        int wanted = FieldFormats.SizeOf(format);
        format = (wanted == 0 && size <= 8) || wanted == size ? format : FieldFormat.Plain;
        if (IsAddress(format, size))
        {
            return new ValueShape(ShapeKind.Bytes, size) { Format = format };
        }

        ShapeKind kind = type.IsBool && size == 1 && format == FieldFormat.Plain ? ShapeKind.Bool : ShapeKind.Integer;
        return new ValueShape(kind, size) { Format = format, IsSigned = type.IsSigned, IsNetworkOrder = isNetworkOrder };
    }

    private static ValueShape Enumeration(BtfType type, long size, FieldFormat format, bool isNetworkOrder)
    {
        if (size is not (1 or 2 or 4 or 8))
        {
            return new ValueShape(ShapeKind.Bytes, size);
        }

        // Older compilers do not set the kind flag of signed enumerations; the reader gives negative values then.
        var names = new EnumName[type.Count];
        bool isSigned = type.KindFlag;
        for (int i = 0; i < names.Length; i++)
        {
            BtfEnumerator enumerator = type.Enumerator(i);
            names[i] = new EnumName(enumerator.Value, i, Printable(type.Owner.StringBytes(enumerator.NameOffset)));
            isSigned |= type.Kind == BtfKind.Enum && enumerator.Value < 0;
        }

        if (format == FieldFormat.Hex)
        {
            return new ValueShape(ShapeKind.Integer, size) { Format = format, IsNetworkOrder = isNetworkOrder };
        }

        System.Array.Sort(names, static (left, right) => left.Value != right.Value ? left.Value.CompareTo(right.Value) : left.Order.CompareTo(right.Order));
        return new ValueShape(ShapeKind.Enum, size) { IsSigned = isSigned, IsNetworkOrder = isNetworkOrder, Names = names };
    }

    private ValueShape Array(BtfType type, long size, FieldFormat format, int depth)
    {
        if (IsAddress(format, size))
        {
            return new ValueShape(ShapeKind.Bytes, size) { Format = format };
        }

        BtfType element = _types.Resolve(type.ElementId);
        bool isByte = element.Kind == BtfKind.Int && element.Size == 1;
        if (isByte && format == FieldFormat.Hex)
        {
            return new ValueShape(ShapeKind.Bytes, size) { Format = format };
        }

        if (isByte && format == FieldFormat.Plain && (element.IsChar || element.NameBytes.SequenceEqual("char"u8)))
        {
            return new ValueShape(ShapeKind.Text, size);
        }

        return new ValueShape(ShapeKind.Array, size) { Element = Of(type.ElementId, format, depth + 1), Count = type.ElementCount };
    }

    private ValueShape Composite(BtfType type, long size, int depth)
    {
        var members = ImmutableArray.CreateBuilder<ShapeMember>(Math.Min(type.Count, MaximumMembers));
        int left = MaximumMembers;
        return AddMembers(members, type, 0, depth, ref left)
            ? new ValueShape(ShapeKind.Composite, size) { Members = members.ToImmutable() }
            : new ValueShape(ShapeKind.Bytes, size);
    }

    private bool AddMembers(ImmutableArray<ShapeMember>.Builder members, BtfType type, long bitOffset, int depth, ref int left)
    {
        for (int i = 0; i < type.Count; i++)
        {
            if (--left < 0)
            {
                return false;
            }

            BtfMember member = type.Member(i);
            FieldFormat format = TagOf(type.Id, i)?.Format ?? FieldFormat.Plain;
            if (format == FieldFormat.Skip)
            {
                continue;
            }

            long offset = bitOffset + member.BitOffset;
            BtfType resolved = _types.Resolve(member.Type);
            string name = Name(_types.StringBytes(member.NameOffset));
            if (name.Length == 0 && resolved.Kind.IsComposite())
            {
                if (depth >= BtfTypes.MaximumDepth || !AddMembers(members, resolved, offset, depth + 1, ref left))
                {
                    return false;
                }

                continue;
            }

            ValueShape shape = Of(member.Type, format, depth + 1);
            if (shape.Format == FieldFormat.Skip)
            {
                continue;
            }

            (int bits, long start) = BitField(member, resolved, offset);
            bool isReadable = bits == 0 || (bits <= 64 && shape.Kind is ShapeKind.Integer or ShapeKind.Enum or ShapeKind.Bool);
            members.Add(isReadable ? new ShapeMember(name, shape, start, bits) { IsBigEndian = _types.IsBigEndian } : new ShapeMember(name, new ValueShape(ShapeKind.Bytes, 0), start, 0));
        }

        return true;
    }

    /// <summary>Bits and first bit of a bit-field in either encoding: in the member, or (older) in an integer type of its own.</summary>
    private static (int Bits, long Start) BitField(BtfMember member, BtfType resolved, long offset)
    {
        if (member.BitfieldSize > 0)
        {
            return (member.BitfieldSize, offset);
        }

        bool isNarrow = resolved.Kind == BtfKind.Int && (resolved.IntBits < resolved.Size * 8L || resolved.IntBitOffset != 0) && resolved.IntBits > 0;
        return isNarrow && !resolved.IsBool ? (resolved.IntBits, offset + resolved.IntBitOffset)
            : offset % 8 != 0 && resolved.Kind is BtfKind.Int or BtfKind.Enum ? ((int)Math.Min(resolved.Size * 8L, 65), offset)
            : (0, offset);
    }

    private ValueShape DataSection(BtfType type, long size, int depth)
    {
        var members = ImmutableArray.CreateBuilder<ShapeMember>();
        for (int i = 0; i < type.Count && i < MaximumMembers; i++)
        {
            BtfSectionVariable variable = type.SectionVariable(i);
            FieldFormat format = TagOf(variable.Type, -1)?.Format ?? FieldFormat.Plain;
            if (format != FieldFormat.Skip)
            {
                members.Add(new ShapeMember(Name(_types[variable.Type].NameBytes), Of(variable.Type, format, depth + 1), variable.Offset * 8L, 0));
            }
        }

        return new ValueShape(ShapeKind.Composite, size) { Members = members.ToImmutable() };
    }

    private static string Name(ReadOnlySpan<byte> name) => System.Text.Encoding.UTF8.GetString(Printable(name));

    /// <summary>Names reach terminals: a control byte in one becomes a question mark.</summary>
    private static byte[] Printable(ReadOnlySpan<byte> name)
    {
        byte[] copy = name.ToArray();
        foreach (ref byte value in copy.AsSpan())
        {
            value = value is < 0x20 or 0x7f ? (byte)'?' : value;
        }

        return copy;
    }
}
