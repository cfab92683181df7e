using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Osmia.Btf.Printing;

/// <summary>Types as <c>bpftool -j btf dump</c> prints them: an object with one array, <c>types</c>.</summary>
public static class JsonDump
{
    private static ReadOnlySpan<byte> Anonymous => "(anon)"u8;

    /// <summary>Writes the types of a blob, those of its base excepted; or only <paramref name="roots"/>.</summary>
    public static void Write(BtfTypes types, Utf8JsonWriter json, IReadOnlyCollection<TypeId>? roots = null)
    {
        json.WriteStartObject();
        json.WriteStartArray("types"u8);
        if (roots is not null)
        {
            foreach (TypeId root in roots)
            {
                Write(types[root], json);
            }
        }
        else
        {
            for (int id = types.FirstId; id < types.Count; id++)
            {
                Write(types[id], json);
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(BtfType type, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("id"u8, type.Id.Value);
        json.WriteString("kind"u8, type.Kind.ToKernelName());
        Name(json, type.Owner, type.NameOffset);
        switch (type.Kind)
        {
            case BtfKind.Int:
                json.WriteNumber("size"u8, type.Size);
                json.WriteNumber("bits_offset"u8, type.IntBitOffset);
                json.WriteNumber("nr_bits"u8, type.IntBits);
                json.WriteString("encoding"u8, RawDump.Encoding(type.IntEncoding));
                break;
            case BtfKind.Pointer or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.Typedef or BtfKind.TypeTag:
                Reference(json, type);
                break;
            case BtfKind.Array:
                json.WriteNumber("type_id"u8, type.ElementId.Value);
                json.WriteNumber("index_type_id"u8, type.IndexTypeId.Value);
                json.WriteNumber("nr_elems"u8, type.ElementCount);
                break;
            case BtfKind.Struct or BtfKind.Union:
                Members(json, type);
                break;
            case BtfKind.Enum or BtfKind.Enum64:
                Values(json, type);
                break;
            case BtfKind.Forward:
                json.WriteString("fwd_kind"u8, type.KindFlag ? "union"u8 : "struct"u8);
                break;
            case BtfKind.Function or BtfKind.Variable:
                Reference(json, type);
                json.WriteString("linkage"u8, RawDump.Linkage(type.Linkage));
                break;
            case BtfKind.FunctionPrototype:
                Parameters(json, type);
                break;
            case BtfKind.DataSection:
                Variables(json, type);
                break;
            case BtfKind.Float:
                json.WriteNumber("size"u8, type.Size);
                break;
            case BtfKind.DeclarationTag:
                Reference(json, type);
                json.WriteNumber("component_idx"u8, type.ComponentIndex);
                break;
        }

        json.WriteEndObject();
    }

    private static void Name(Utf8JsonWriter json, BtfTypes types, uint offset)
    {
        ReadOnlySpan<byte> name = types.StringBytes(offset);
        name = name.IsEmpty ? Anonymous : name;
        if (Utf8.IsValid(name))
        {
            json.WriteString("name"u8, name);
        }
        else
        {
            json.WriteString("name"u8, Encoding.UTF8.GetString(name));
        }
    }

    private static void Reference(Utf8JsonWriter json, BtfType type) => json.WriteNumber("type_id"u8, type.ReferencedId.Value);

    private static void Members(Utf8JsonWriter json, BtfType type)
    {
        json.WriteNumber("size"u8, type.Size);
        json.WriteNumber("vlen"u8, type.Count);
        json.WriteStartArray("members"u8);
        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            json.WriteStartObject();
            Name(json, type.Owner, member.NameOffset);
            json.WriteNumber("type_id"u8, member.Type.Value);
            json.WriteNumber("bits_offset"u8, member.BitOffset);
            if (member.BitfieldSize != 0)
            {
                json.WriteNumber("bitfield_size"u8, member.BitfieldSize);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Values(Utf8JsonWriter json, BtfType type)
    {
        json.WriteString("encoding"u8, type.KindFlag ? "SIGNED"u8 : "UNSIGNED"u8);
        json.WriteNumber("size"u8, type.Size);
        json.WriteNumber("vlen"u8, type.Count);
        json.WriteStartArray("values"u8);
        for (int i = 0; i < type.Count; i++)
        {
            BtfEnumerator enumerator = type.Enumerator(i);
            json.WriteStartObject();
            Name(json, type.Owner, enumerator.NameOffset);
            if (type.KindFlag)
            {
                json.WriteNumber("val"u8, enumerator.Value);
            }
            else
            {
                json.WriteNumber("val"u8, type.Kind == BtfKind.Enum ? (uint)enumerator.Value : (ulong)enumerator.Value);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Parameters(Utf8JsonWriter json, BtfType type)
    {
        json.WriteNumber("ret_type_id"u8, type.ReferencedId.Value);
        json.WriteNumber("vlen"u8, type.Count);
        json.WriteStartArray("params"u8);
        for (int i = 0; i < type.Count; i++)
        {
            json.WriteStartObject();
            Name(json, type.Owner, type.Parameter(i).NameOffset);
            json.WriteNumber("type_id"u8, type.Parameter(i).Type.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Variables(Utf8JsonWriter json, BtfType type)
    {
        json.WriteNumber("size"u8, type.Size);
        json.WriteNumber("vlen"u8, type.Count);
        json.WriteStartArray("vars"u8);
        for (int i = 0; i < type.Count; i++)
        {
            BtfSectionVariable variable = type.SectionVariable(i);
            json.WriteStartObject();
            json.WriteNumber("type_id"u8, variable.Type.Value);
            json.WriteNumber("offset"u8, variable.Offset);
            json.WriteNumber("size"u8, variable.Size);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
