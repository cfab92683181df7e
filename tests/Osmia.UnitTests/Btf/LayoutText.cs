using System.Globalization;
using System.Text;
using Osmia.Btf;

namespace Osmia.Tests.Btf;

/// <summary>Structs, unions and enumerations as lines that are equal when the layouts are, whichever compiler wrote the BTF.</summary>
internal static class LayoutText
{
    /// <summary>One text a named type. A name that several types have is left out, as a C header has to rename them.</summary>
    public static SortedDictionary<string, string> OfAll(BtfTypes types)
    {
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var ambiguous = new HashSet<string>();
        for (int id = 1; id < types.Count; id++)
        {
            BtfType type = types[id];
            bool isDefinition = type.Kind.IsComposite() || (type.Kind.IsEnum() && type.Count > 0);
            if (isDefinition && type.NameOffset != 0)
            {
                if (!texts.TryAdd(type.Name, Of(type, 0)))
                {
                    ambiguous.Add(type.Name);
                }
            }
        }

        foreach (string name in ambiguous)
        {
            texts.Remove(name);
        }

        return texts;
    }

    private static string Of(BtfType type, int depth)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{(type.Kind.IsEnum() ? "enum" : type.Kind == BtfKind.Struct ? "struct" : "union")} of {type.Size} bytes\n");
        for (int i = 0; i < type.Count; i++)
        {
            if (type.Kind.IsEnum())
            {
                BtfEnumerator value = type.Enumerator(i);
                text.Append(CultureInfo.InvariantCulture, $"  {BtfTypes.EssentialName(type.Owner.String(value.NameOffset))} = {value.Value}\n");
                continue;
            }

            BtfMember member = type.Member(i);
            text.Append(CultureInfo.InvariantCulture, $"{new string(' ', depth * 2 + 2)}{type.MemberName(i)} at {member.BitOffset}:{member.BitfieldSize} {TypeText(type.Owner, member.Type, depth)}\n");
        }

        return text.ToString();
    }

    private static string TypeText(BtfTypes types, TypeId id, int depth)
    {
        BtfType type = types[id];
        while (type.Kind is BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag)
        {
            type = type.Referenced;
        }

        return type.Kind switch
        {
            // GCC says nothing of the sign of char.
            BtfKind.Int when type.Size == 1 && type.Name == "char" => "char",
            BtfKind.Int => $"int{type.Size}{(type.IsSigned ? "s" : "u")}",
            BtfKind.Float => $"float{type.Size}",
            BtfKind.Pointer => "*" + (depth > 6 ? "" : TypeText(types, type.ReferencedId, depth + 1)),
            BtfKind.Array => $"[{type.ElementCount}]{TypeText(types, type.ElementId, depth)}",
            BtfKind.Typedef => BtfTypes.EssentialName(type.Name),
            BtfKind.FunctionPrototype => $"function of {type.Count}",
            BtfKind.Struct or BtfKind.Union when type.NameOffset == 0 => Of(type, depth + 1),
            BtfKind.Enum or BtfKind.Enum64 when type.NameOffset == 0 => $"enum{type.Size}",
            BtfKind.Void => "void",
            _ => BtfTypes.EssentialName(type.Name),
        };
    }
}
