namespace Osmia.Btf.Printing;

/// <summary>
/// Every type on its own line with the numbers of its record, as <c>bpftool btf dump file F format raw</c> prints it.
/// </summary>
/// <remarks>The format is the same from bpftool 6.0, which added 64-bit enumerations, to 7.7.</remarks>
public static class RawDump
{
    // bpftool names what has no name.
    private static ReadOnlySpan<byte> Anonymous => "(anon)"u8;

    private const int FlushAt = 1 << 16;

    /// <summary>Writes all types, those of the base excepted.</summary>
    public static void Write(BtfTypes types, Stream output)
    {
        var text = new Utf8Buffer(FlushAt * 2);
        for (int id = types.FirstId; id < types.Count; id++)
        {
            Append(text, types[id]);
            if (text.Length >= FlushAt)
            {
                output.Write(text.Written);
                text.Clear();
            }
        }

        output.Write(text.Written);
    }

    /// <summary>Appends one type with its members, each line ended.</summary>
    public static void Append(Utf8Buffer text, BtfType type)
    {
        text.Append((byte)'[').Append((long)type.Id.Value).Append("] "u8).Append(type.Kind.ToKernelName()).Append(" '"u8).Append(Name(type.NameBytes)).Append((byte)'\'');
        switch (type.Kind)
        {
            case BtfKind.Int:
                Size(text, type).Append(" bits_offset="u8).Append((long)type.IntBitOffset).Append(" nr_bits="u8).Append((long)type.IntBits)
                    .Append(" encoding="u8).Append(Encoding(type.IntEncoding));
                break;
            case BtfKind.Pointer or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.Typedef or BtfKind.TypeTag:
                Reference(text, type);
                break;
            case BtfKind.Array:
                text.Append(" type_id="u8).Append((long)type.ElementId.Value).Append(" index_type_id="u8).Append((long)type.IndexTypeId.Value)
                    .Append(" nr_elems="u8).Append((ulong)type.ElementCount);
                break;
            case BtfKind.Struct or BtfKind.Union:
                Composite(text, type);
                break;
            case BtfKind.Enum or BtfKind.Enum64:
                Enumeration(text, type);
                break;
            case BtfKind.Forward:
                text.Append(" fwd_kind="u8).Append(type.KindFlag ? "union"u8 : "struct"u8);
                break;
            case BtfKind.Function:
                Reference(text, type).Append(" linkage="u8).Append(Linkage(type.Linkage));
                break;
            case BtfKind.FunctionPrototype:
                Prototype(text, type);
                break;
            case BtfKind.Variable:
                Reference(text, type).Append(", linkage="u8).Append(Linkage(type.Linkage));
                break;
            case BtfKind.DataSection:
                DataSection(text, type);
                break;
            case BtfKind.Float:
                Size(text, type);
                break;
            case BtfKind.DeclarationTag:
                Reference(text, type).Append(" component_idx="u8).Append((long)type.ComponentIndex);
                break;
        }

        text.Append((byte)'\n');
    }

    private static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> name) => name.IsEmpty ? Anonymous : name;

    private static Utf8Buffer Size(Utf8Buffer text, BtfType type) => text.Append(" size="u8).Append((ulong)type.Size);

    private static Utf8Buffer Reference(Utf8Buffer text, BtfType type) => text.Append(" type_id="u8).Append((long)type.ReferencedId.Value);

    private static Utf8Buffer Count(Utf8Buffer text, BtfType type) => text.Append(" vlen="u8).Append((long)type.Count);

    internal static ReadOnlySpan<byte> Encoding(int encoding) => encoding switch
    {
        0 => "(none)"u8,
        1 => "SIGNED"u8,
        2 => "CHAR"u8,
        4 => "BOOL"u8,
        _ => "UNKN"u8,
    };

    internal static ReadOnlySpan<byte> Linkage(BtfLinkage linkage) => linkage switch
    {
        BtfLinkage.Static => "static"u8,
        BtfLinkage.Global => "global"u8,
        BtfLinkage.External => "extern"u8,
        _ => "(unknown)"u8,
    };

    private static void Composite(Utf8Buffer text, BtfType type)
    {
        Count(Size(text, type), type);
        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            Line(text, type.Owner, member.NameOffset, member.Type).Append(" bits_offset="u8).Append((long)member.BitOffset);
            if (member.BitfieldSize != 0)
            {
                text.Append(" bitfield_size="u8).Append((long)member.BitfieldSize);
            }
        }
    }

    private static void Enumeration(Utf8Buffer text, BtfType type)
    {
        bool isSigned = type.KindFlag;
        text.Append(" encoding="u8).Append(isSigned ? "SIGNED"u8 : "UNSIGNED"u8);
        Count(Size(text, type), type);
        for (int i = 0; i < type.Count; i++)
        {
            BtfEnumerator enumerator = type.Enumerator(i);
            text.Append("\n\t'"u8).Append(Name(type.Owner.StringBytes(enumerator.NameOffset))).Append("' val="u8);
            if (type.Kind == BtfKind.Enum)
            {
                _ = isSigned ? text.Append((long)(int)enumerator.Value) : text.Append((ulong)(uint)enumerator.Value);
            }
            else
            {
                _ = isSigned ? text.Append(enumerator.Value).Append("LL"u8) : text.Append((ulong)enumerator.Value).Append("ULL"u8);
            }
        }
    }

    private static void Prototype(Utf8Buffer text, BtfType type)
    {
        text.Append(" ret_type_id="u8).Append((long)type.ReferencedId.Value);
        Count(text, type);
        for (int i = 0; i < type.Count; i++)
        {
            BtfParameter parameter = type.Parameter(i);
            Line(text, type.Owner, parameter.NameOffset, parameter.Type);
        }
    }

    private static Utf8Buffer Line(Utf8Buffer text, BtfTypes types, uint name, TypeId type) =>
        text.Append("\n\t'"u8).Append(Name(types.StringBytes(name))).Append("' type_id="u8).Append((long)type.Value);

    private static void DataSection(Utf8Buffer text, BtfType type)
    {
        Count(Size(text, type), type);
        for (int i = 0; i < type.Count; i++)
        {
            BtfSectionVariable variable = type.SectionVariable(i);
            text.Append("\n\ttype_id="u8).Append((long)variable.Type.Value).Append(" offset="u8).Append((ulong)variable.Offset).Append(" size="u8).Append((ulong)variable.Size);
            BtfType target = type.Owner[variable.Type];
            if (!target.IsVoid)
            {
                text.Append(" ("u8).Append(target.Kind.ToKernelName()).Append(" '"u8).Append(Name(target.NameBytes)).Append("')"u8);
            }
        }
    }
}
