using Osmia.Btf;

namespace Osmia.Objects.Merging;

/// <summary>
/// Does the declaration of one object fit that of another? Rules of libbpf's static linker: names and layouts count, qualifiers, typedefs, array
/// sizes and names of parameters do not, and behind a pointer a struct is known by its name.
/// </summary>
internal sealed class TypeComparison(BtfTypes left, BtfTypes right)
{
    private const int MaximumDepth = 64;

    private readonly HashSet<(int, int, bool)> _seen = [];

    /// <returns>What differs, or null when the types fit.</returns>
    public string? Differs(TypeId leftId, TypeId rightId, bool isExact = true, int depth = 0)
    {
        BtfType one = left.Resolve(leftId);
        BtfType two = right.Resolve(rightId);
        if (!_seen.Add((one.Id.Value, two.Id.Value, isExact)) || depth > MaximumDepth)
        {
            return null;
        }

        if (!isExact && one.Kind == BtfKind.Forward != (two.Kind == BtfKind.Forward))
        {
            return ForwardDiffers(one, two);
        }

        if (one.Kind != two.Kind)
        {
            return $"{Words(one)} and {Words(two)}";
        }

        if (one.Kind is BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Forward or BtfKind.Function or BtfKind.Variable && one.Name != two.Name)
        {
            return $"{Words(one)} and {Words(two)}";
        }

        switch (one.Kind)
        {
            case BtfKind.Int or BtfKind.Float or BtfKind.Enum or BtfKind.Enum64:
                return one.Size == two.Size ? null : $"{Words(one)} of {one.Size} bytes and {Words(two)} of {two.Size}";
            case BtfKind.Pointer:
                return Differs(one.ReferencedId, two.ReferencedId, isExact: false, depth + 1);
            case BtfKind.Array:
                return Differs(one.ElementId, two.ElementId, isExact, depth + 1);
            case BtfKind.Function or BtfKind.Variable:
                return one.Linkage == BtfLinkage.Static != (two.Linkage == BtfLinkage.Static)
                    ? "one is static"
                    : Differs(one.ReferencedId, two.ReferencedId, isExact, depth + 1);
            case BtfKind.Struct or BtfKind.Union:
                return isExact ? MembersDiffer(one, two, depth) : null;
            case BtfKind.FunctionPrototype:
                return ParametersDiffer(one, two, isExact, depth);
            default:
                return null;
        }
    }

    private static string? ForwardDiffers(BtfType one, BtfType two)
    {
        (BtfType forward, BtfType whole) = one.Kind == BtfKind.Forward ? (one, two) : (two, one);
        return forward.Name == whole.Name && whole.Kind == (forward.KindFlag ? BtfKind.Union : BtfKind.Struct) ? null : $"{Words(one)} and {Words(two)}";
    }

    private string? MembersDiffer(BtfType one, BtfType two, int depth)
    {
        if (one.Count != two.Count)
        {
            return $"{Words(one)} has {one.Count} and {two.Count} members";
        }

        for (int i = 0; i < one.Count; i++)
        {
            (BtfMember first, BtfMember second) = (one.Member(i), two.Member(i));
            (string firstName, string secondName) = (left.String(first.NameOffset), right.String(second.NameOffset));
            if (firstName != secondName)
            {
                return $"member {i} of {Words(one)} is '{firstName}' and '{secondName}'";
            }

            if (first.BitOffset != second.BitOffset || first.BitfieldSize != second.BitfieldSize)
            {
                return $"member '{firstName}' of {Words(one)} is at bit {first.BitOffset} and at bit {second.BitOffset}";
            }

            if (Differs(first.Type, second.Type, isExact: true, depth + 1) is { } difference)
            {
                return $"member '{firstName}' of {Words(one)}: {difference}";
            }
        }

        return null;
    }

    private string? ParametersDiffer(BtfType one, BtfType two, bool isExact, int depth)
    {
        if (one.Count != two.Count)
        {
            return $"{one.Count} and {two.Count} parameters";
        }

        for (int i = 0; i < one.Count; i++)
        {
            if (Differs(one.Parameter(i).Type, two.Parameter(i).Type, isExact, depth + 1) is { } difference)
            {
                return $"parameter {i + 1}: {difference}";
            }
        }

        return Differs(one.ReferencedId, two.ReferencedId, isExact, depth + 1) is { } result ? $"the result: {result}" : null;
    }

    private static string Words(BtfType type)
    {
        string name = type.Name.Length > 0 ? type.Name : "without a name";
        return type.Kind switch
        {
            BtfKind.Void => "void",
            BtfKind.Int or BtfKind.Float => name,
            BtfKind.Pointer => "a pointer",
            BtfKind.Array => "an array",
            BtfKind.Struct => $"struct {name}",
            BtfKind.Union => $"union {name}",
            BtfKind.Enum or BtfKind.Enum64 => $"enum {name}",
            BtfKind.Forward => $"{(type.KindFlag ? "union" : "struct")} {name} without members",
            BtfKind.Function or BtfKind.FunctionPrototype => "a function",
            BtfKind.Variable => "a variable",
            _ => type.Kind.ToKernelName(),
        };
    }
}
