using System.Text;

namespace Osmia.Btf;

public sealed partial class BtfTypes
{
    /// <summary>Chains of modifiers and arrays longer than this are hostile, and resolve to <c>void</c>.</summary>
    public const int MaximumDepth = 32;

    private const int PointerSize = 8;

    /// <summary>First id whose kind and name match, or <c>void</c>.</summary>
    public TypeId Find(BtfKind kind, string name) => Names.Find(kind, name);

    /// <summary>Every id whose name, up to a <c>___</c> flavour suffix, is one of <paramref name="names"/>.</summary>
    public Dictionary<string, List<int>> FindAll(IReadOnlyCollection<string> names)
    {
        var found = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        foreach (string name in names)
        {
            if (found.ContainsKey(name))
            {
                continue;
            }

            var ids = new List<int>();
            found[name] = ids;
            foreach (TypeId id in Names.Variants(Encoding.UTF8.GetBytes(name)))
            {
                ids.Add(id.Value);
            }
        }

        return found;
    }

    /// <summary>The name without a CO-RE flavour: <c>task_struct___old</c> is a local variant of <c>task_struct</c>.</summary>
    public static ReadOnlySpan<byte> EssentialName(ReadOnlySpan<byte> name)
    {
        int flavour = name.LastIndexOf("___"u8);
        return flavour > 0 && flavour + 3 < name.Length ? name[..flavour] : name;
    }

    public static string EssentialName(string name)
    {
        int flavour = name.LastIndexOf("___", StringComparison.Ordinal);
        return flavour > 0 && flavour + 3 < name.Length ? name[..flavour] : name;
    }

    /// <summary>Follows typedefs, qualifiers and type tags to the type itself.</summary>
    public BtfType Resolve(TypeId id)
    {
        BtfType type = this[id];
        for (int depth = 0; type.Kind.IsModifier(); depth++)
        {
            if (depth == MaximumDepth)
            {
                return this[TypeId.Void];
            }

            type = type.Referenced;
        }

        return type;
    }

    /// <summary>Size in bytes of a value of this type, or -1 when it has none (void, functions, forwards, cycles).</summary>
    public long SizeOf(TypeId id)
    {
        long elements = 1;
        for (int depth = 0; depth < MaximumDepth; depth++)
        {
            BtfType type = Resolve(id);
            switch (type.Kind)
            {
                case BtfKind.Int or BtfKind.Float or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.DataSection:
                    return Limit(elements * type.Size);
                case BtfKind.Pointer:
                    return Limit(elements * PointerSize);
                case BtfKind.Array:
                    elements *= type.ElementCount;
                    if (elements > int.MaxValue)
                    {
                        return -1;
                    }

                    id = type.ElementId;
                    break;
                case BtfKind.Variable:
                    id = type.ReferencedId;
                    break;
                default:
                    return -1;
            }
        }

        return -1;

        static long Limit(long size) => size > int.MaxValue ? -1 : size;
    }
}
