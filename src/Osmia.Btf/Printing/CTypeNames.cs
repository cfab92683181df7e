using System.Text;

namespace Osmia.Btf.Printing;

/// <summary>Types as C writes them: <c>struct event *</c>, <c>char[16]</c>, <c>int (*)(void *, int)</c>.</summary>
public static class CTypeNames
{
    // Bounds for hostile BTF: a name past them ends in an ellipsis.
    private const int MaximumNodes = 200;
    private const string Ellipsis = "...";

    public static string NameOf(BtfTypes types, TypeId id) => Declare(types, id, "");

    /// <summary>A declaration of a variable or member: <c>char comm[16]</c>.</summary>
    public static string Declare(BtfTypes types, TypeId id, string name)
    {
        int nodes = 0;
        return Build(types, id, name, "", 0, ref nodes);
    }

    /// <summary>Wraps a declarator in what the type adds around it, from the outermost type in.</summary>
    private static string Build(BtfTypes types, TypeId id, string declarator, string qualifiers, int depth, ref int nodes)
    {
        BtfType type = types[id];
        if (depth == BtfTypes.MaximumDepth || ++nodes > MaximumNodes)
        {
            return Ellipsis;
        }

        switch (type.Kind)
        {
            case BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict:
                string word = type.Kind switch { BtfKind.Const => "const ", BtfKind.Volatile => "volatile ", _ => "restrict " };
                return Build(types, type.ReferencedId, declarator, qualifiers + word, depth + 1, ref nodes);
            case BtfKind.TypeTag:
                return Build(types, type.ReferencedId, declarator, qualifiers, depth + 1, ref nodes);
            case BtfKind.Pointer:
                BtfType pointee = SkipQualifiers(type.Referenced);
                bool touches = declarator.Length == 0 || declarator[0] == '[';
                string star = "*" + (touches ? qualifiers.TrimEnd() : qualifiers) + declarator;
                star = pointee.Kind is BtfKind.Array or BtfKind.FunctionPrototype ? $"({star})" : star;
                return Build(types, type.ReferencedId, star, "", depth + 1, ref nodes);
            case BtfKind.Array:
                return Build(types, type.ElementId, $"{declarator}[{type.ElementCount}]", qualifiers, depth + 1, ref nodes);
            case BtfKind.FunctionPrototype:
                return Build(types, type.ReferencedId, $"{declarator}({Parameters(type, depth, ref nodes)})", "", depth + 1, ref nodes);
            case BtfKind.Function or BtfKind.Variable or BtfKind.DeclarationTag:
                return Build(types, type.ReferencedId, declarator.Length == 0 && type.Kind != BtfKind.DeclarationTag ? type.Name : declarator, qualifiers, depth + 1, ref nodes);
            default:
                string gap = declarator.Length == 0 || declarator[0] == '[' ? "" : " ";
                return $"{qualifiers}{BaseName(type)}{gap}{declarator}";
        }
    }

    private static string Parameters(BtfType prototype, int depth, ref int nodes)
    {
        if (prototype.Count == 0)
        {
            return "void";
        }

        var text = new StringBuilder();
        for (int i = 0; i < prototype.Count; i++)
        {
            text.Append(i == 0 ? "" : ", ");
            BtfParameter parameter = prototype.Parameter(i);
            if (parameter.Type.IsVoid || nodes >= MaximumNodes)
            {
                // A last parameter of type void stands for a variable argument list.
                text.Append(Ellipsis);
                break;
            }

            text.Append(Build(prototype.Owner, parameter.Type, prototype.Owner.String(parameter.NameOffset), "", depth + 1, ref nodes));
        }

        return text.ToString();
    }

    private static BtfType SkipQualifiers(BtfType type)
    {
        for (int depth = 0; depth < BtfTypes.MaximumDepth && type.Kind is BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag; depth++)
        {
            type = type.Referenced;
        }

        return type;
    }

    private static string BaseName(BtfType type) => type.Kind switch
    {
        BtfKind.Void => "void",
        BtfKind.Struct => Tagged("struct", type, "{...}"),
        BtfKind.Union => Tagged("union", type, "{...}"),
        BtfKind.Enum or BtfKind.Enum64 => Tagged("enum", type, "{...}"),
        BtfKind.Forward => Tagged(type.KindFlag ? "union" : "struct", type, ""),
        BtfKind.Int when type.IsBool => "bool",
        _ => type.Name,
    };

    private static string Tagged(string word, BtfType type, string anonymous)
    {
        string name = type.Name;
        return $"{word} {(name.Length == 0 ? anonymous : name)}";
    }
}
