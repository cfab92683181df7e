namespace Osmia.Btf.Printing;

/// <summary>What a C compiler makes of a type's alignment and size, told from its BTF alone. Pointers have 8 bytes.</summary>
internal sealed class CAlignment(TypeGraph graph)
{
    private const int PointerSize = 8;
    private const int Largest = 16;
    private const int MaximumNesting = 512;

    private readonly byte[] _known = new byte[graph.Count];

    /// <summary>Alignment in bytes; 0 for what has none (void, functions, forward declarations).</summary>
    public int Of(int id) => Of(id, 0);

    /// <summary>Whether the members stand where only <c>packed</c> puts them.</summary>
    public bool IsPacked(int id)
    {
        int largest = 1;
        for (int i = 0; i < graph.PartCount(id); i++)
        {
            int alignment = Of(graph.MemberType(id, i));
            if (alignment > 0 && graph.MemberBitfieldSize(id, i) == 0 && graph.MemberBitOffset(id, i) % (alignment * 8) != 0)
            {
                return true;
            }

            largest = Math.Max(largest, alignment);
        }

        return graph.Size(id) % largest != 0;
    }

    /// <summary>An <c>aligned</c> attribute alone makes a union longer than its members: which one, or 0.</summary>
    public int ForcedUnionAlignment(int id)
    {
        long longest = 0;
        int largest = 1;
        for (int i = 0; i < graph.PartCount(id); i++)
        {
            int bits = graph.MemberBitfieldSize(id, i);
            longest = Math.Max(longest, bits > 0 ? (bits + 7) / 8 : graph.Types.SizeOf(new TypeId(graph.MemberType(id, i))));
            largest = Math.Max(largest, Of(graph.MemberType(id, i)));
        }

        long size = graph.Size(id);
        long power = size & -size;
        return (longest + largest - 1) / largest * largest < size && (longest + power - 1) / power * power == size && power <= 1 << 20 ? (int)power : 0;
    }

    private int Of(int id, int depth)
    {
        if (_known[id] != 0)
        {
            return _known[id] - 1;
        }

        // What contains itself, or is nested past all measure, counts as bytes.
        _known[id] = 1 + 1;
        int alignment = depth > MaximumNesting ? 1 : Compute(id, depth + 1);
        _known[id] = (byte)(alignment + 1);
        return alignment;
    }

    private int Compute(int id, int depth)
    {
        switch (graph.Kind(id))
        {
            case BtfKind.Int or BtfKind.Float:
                return graph.Size(id) >= Largest ? Largest : Math.Min(PointerSize, Math.Max(1, (int)graph.Size(id)));
            case BtfKind.Enum or BtfKind.Enum64:
                return (int)Math.Clamp(graph.Size(id), 1, PointerSize);
            case BtfKind.Pointer:
                return PointerSize;
            case BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag or BtfKind.Variable:
                return Of(graph.Referenced(id), depth);
            case BtfKind.Array:
                return Of(graph.IdAt(id, 3), depth);
            case BtfKind.Struct or BtfKind.Union:
                int largest = 1;
                for (int i = 0; i < graph.PartCount(id); i++)
                {
                    int alignment = Math.Max(1, Of(graph.MemberType(id, i), depth));
                    largest = Math.Max(largest, alignment);
                    if (graph.MemberBitfieldSize(id, i) == 0 && graph.MemberBitOffset(id, i) % (alignment * 8) != 0)
                    {
                        return 1;
                    }
                }

                return graph.Size(id) % largest != 0 ? 1 : largest;
            default:
                return 0;
        }
    }
}
