namespace Osmia.Btf.Writing;

/// <content>Copies of the types of other BTF.</content>
public sealed partial class BtfBuilder
{
    /// <summary>
    /// Copies the types of another blob, those of its base excepted, in their order; names are shared and ids put right, forward
    /// references included. What <paramref name="keep"/> turns away is left out, and what refers to it refers to <c>void</c>.
    /// </summary>
    /// <remarks>
    /// Kinds that this library does not know are left out as well: which of their words are ids cannot be known. A base of
    /// <paramref name="types"/> must be the base of this builder too, and keeps its ids.
    /// </remarks>
    /// <returns>The new id of each old one, by number; 0 for what was left out.</returns>
    /// <exception cref="ArgumentException"><paramref name="types"/> continues another base than this builder.</exception>
    public int[] Append(BtfTypes types, Func<BtfType, bool>? keep = null)
    {
        if (types.Base is not null && !ReferenceEquals(types.Base, _base))
        {
            throw new ArgumentException("the types continue a base that is not this builder's", nameof(types));
        }

        var graph = new TypeGraph(types);
        var map = new int[types.Count];
        for (int id = 1; id < types.FirstId; id++)
        {
            map[id] = id;
        }

        int next = Count;
        for (int id = types.FirstId; id < types.Count; id++)
        {
            map[id] = IsKnown(graph.Kind(id)) && (keep is null || keep(types[id])) ? next++ : 0;
        }

        for (int id = types.FirstId; id < types.Count; id++)
        {
            if (map[id] != 0)
            {
                Copy(graph, id, map);
            }
        }

        return map;
    }

    internal static bool IsKnown(BtfKind kind) => kind != BtfKind.Void && BtfKindExtensions.ExtraBytes(kind, 0) >= 0;

    /// <summary>Places a copy of one type; the ids in it are those of <paramref name="map"/>.</summary>
    /// <param name="parts">Members or enumerators to keep, in any order; all if null.</param>
    internal TypeId Copy(TypeGraph graph, int id, int[] map, IReadOnlySet<int>? parts = null)
    {
        BtfKind kind = graph.Kind(id);
        int count = graph.PartCount(id);
        TypeId copy;
        if (parts is null)
        {
            copy = Place(graph.Record(id));
        }
        else
        {
            ReadOnlySpan<uint> record = graph.Record(id);
            int size = (BtfKindExtensions.ExtraBytes(kind, 1) - BtfKindExtensions.ExtraBytes(kind, 0)) / 4;
            var kept = new List<uint>(record[..3].ToArray());
            kept[1] = record[1] - (uint)count + (uint)parts.Count;
            for (int i = 0; i < count; i++)
            {
                if (parts.Contains(i))
                {
                    kept.AddRange(record.Slice(3 + i * size, size));
                }
            }

            count = parts.Count;
            copy = Place([.. kept]);
        }

        Span<uint> words = _words.AsSpan(StartOf(copy));
        foreach (int i in new TypeWords(kind, count))
        {
            words[i] = words[i] < (uint)map.Length ? (uint)map[words[i]] : 0;
        }

        words[0] = _strings.Add(graph.Text(words[0]));
        foreach (int i in TypeWords.Names(kind, count))
        {
            words[i] = _strings.Add(graph.Text(words[i]));
        }

        return copy;
    }
}
