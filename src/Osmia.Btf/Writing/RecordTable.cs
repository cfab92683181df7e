namespace Osmia.Btf.Writing;

/// <summary>Finds the first type with the same words, ids replaced by those of their classes where they are given.</summary>
internal sealed class RecordTable(TypeGraph graph, TypeClasses? classes = null)
{
    private const int MostTried = 256;

    private readonly Dictionary<ulong, int> _heads = [];
    private readonly int[] _next = new int[graph.Count];

    public int FindOrAdd(int id)
    {
        ulong hash = Hash(id);
        _heads.TryGetValue(hash, out int head);
        int tried = 0;
        for (int other = head; other != 0 && tried < MostTried; other = _next[other], tried++)
        {
            if (AreEqual(other, id))
            {
                return other;
            }
        }

        _next[id] = head;
        _heads[hash] = id;
        return id;
    }

    private ulong Hash(int id)
    {
        ReadOnlySpan<uint> words = graph.Record(id);
        ulong hash = (ulong)words.Length;
        var ids = new TypeWords(graph.Kind(id), graph.PartCount(id)).GetEnumerator();
        int nextId = classes is not null && ids.MoveNext() ? ids.Current : -1;
        for (int i = 0; i < words.Length; i++)
        {
            uint word = words[i];
            if (i == nextId)
            {
                word = (uint)classes!.Find(graph.IdAt(id, i));
                nextId = ids.MoveNext() ? ids.Current : -1;
            }

            hash = (hash ^ word) * 0x9e3779b97f4a7c15;
            hash ^= hash >> 29;
        }

        return hash;
    }

    private bool AreEqual(int left, int right)
    {
        ReadOnlySpan<uint> one = graph.Record(left);
        ReadOnlySpan<uint> two = graph.Record(right);
        if (one.Length != two.Length || one[1] != two[1])
        {
            return false;
        }

        var ids = new TypeWords(graph.Kind(left), graph.PartCount(left)).GetEnumerator();
        int nextId = classes is not null && ids.MoveNext() ? ids.Current : -1;
        for (int i = 0; i < one.Length; i++)
        {
            if (i == nextId)
            {
                nextId = ids.MoveNext() ? ids.Current : -1;
                if (classes!.Find(graph.IdAt(left, i)) != classes.Find(graph.IdAt(right, i)))
                {
                    return false;
                }
            }
            else if (one[i] != two[i])
            {
                return false;
            }
        }

        return true;
    }
}
