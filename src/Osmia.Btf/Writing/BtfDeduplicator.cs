namespace Osmia.Btf.Writing;

/// <summary>
/// Merges types that are the same, as blobs of several compilation units have them. Two types are the same when everything that
/// C says of them is: kinds, names, sizes, members, and the types they refer to, cycles included. A forward declaration is the
/// struct or union of that name where the types around it agree, or where only one has that name.
/// </summary>
/// <remarks>
/// Variables and data sections are kept as they are, with new ids. Types of a base are never merged with each other, and types
/// that the base has are replaced by the base's. Kinds that this library does not know are left out.
/// </remarks>
public static class BtfDeduplicator
{
    /// <summary>The types of a blob, each once.</summary>
    /// <param name="map">The new id of each old one, by number.</param>
    public static BtfTypes Deduplicate(BtfTypes types, out int[] map)
    {
        // Equal names have equal offsets in what a builder wrote.
        BtfBuilder unified = NewBuilder(types.Base, types.IsBigEndian);
        map = unified.Append(types);
        var graph = new TypeGraph(unified.Build());
        var same = new TypeClasses(graph);
        SimpleTypes(graph, same);
        new StructComparison(graph, same).MergeAll();
        ForwardDeclarations(graph, same);
        new ReferenceTypes(graph, same).MergeAll();

        BtfBuilder result = NewBuilder(types.Base, types.IsBigEndian);
        int[] newIds = new int[graph.Count];
        int next = result.Count;
        for (int id = 1; id < graph.Count; id++)
        {
            newIds[id] = id < same.FirstOwn ? id : same.Find(id) == id ? next++ : 0;
        }

        for (int id = same.FirstOwn; id < graph.Count; id++)
        {
            newIds[id] = newIds[same.Find(id)];
        }

        for (int id = same.FirstOwn; id < graph.Count; id++)
        {
            if (same.Find(id) == id)
            {
                result.Copy(graph, id, newIds);
            }
        }

        for (int id = 0; id < map.Length; id++)
        {
            map[id] = newIds[map[id]];
        }

        return result.Build();
    }

    private static BtfBuilder NewBuilder(BtfTypes? baseTypes, bool isBigEndian) => baseTypes is null ? new(isBigEndian) : new(baseTypes);

    /// <summary>Types that refer to no other: equal words make equal types. A forward of an enumeration is the enumeration.</summary>
    private static void SimpleTypes(TypeGraph graph, TypeClasses same)
    {
        var table = new RecordTable(graph);
        var enumerations = new Dictionary<uint, int>();
        for (int id = 1; id < graph.Count; id++)
        {
            if (graph.Kind(id) is not (BtfKind.Int or BtfKind.Float or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Forward))
            {
                continue;
            }

            int first = table.FindOrAdd(id);
            if (first != id && id >= same.FirstOwn)
            {
                same.Merge(first, id);
            }
            else if (graph.Kind(id).IsEnum() && graph.Name(id) != 0 && graph.PartCount(id) > 0)
            {
                enumerations.TryAdd(graph.Name(id), id);
            }
        }

        for (int id = same.FirstOwn; id < graph.Count; id++)
        {
            if (graph.Kind(id).IsEnum() && graph.PartCount(id) == 0 && enumerations.TryGetValue(graph.Name(id), out int full))
            {
                same.Resolve(id, full);
            }
        }
    }

    /// <summary>Forward declarations that no comparison of structs came across, and whose name one struct or union has.</summary>
    private static void ForwardDeclarations(TypeGraph graph, TypeClasses same)
    {
        const int Ambiguous = -1;
        var named = new Dictionary<uint, int>();
        for (int id = 1; id < graph.Count; id++)
        {
            if (graph.Kind(id).IsComposite() && same.Find(id) == id && !named.TryAdd(graph.Name(id), id))
            {
                named[graph.Name(id)] = Ambiguous;
            }
        }

        for (int id = same.FirstOwn; id < graph.Count; id++)
        {
            if (graph.Kind(id) == BtfKind.Forward && same.Find(id) == id && named.TryGetValue(graph.Name(id), out int full)
                && full != Ambiguous && StructComparison.IsForwardOf(graph, id, full))
            {
                same.Resolve(id, full);
            }
        }
    }
}
