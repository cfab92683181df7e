namespace Osmia.Btf.Writing;

/// <summary>
/// Merges structs, unions and typedefs whose whole graphs are the same. To compare two types is to suppose that they are one, and to
/// compare what they refer to under that supposition, until a difference is found or nothing is left (Hopcroft and Karp's way
/// with automata: nearly linear, and a cycle ends where two types are already supposed to be one).
/// </summary>
internal sealed class StructComparison
{
    // Graphs that are alike in shape and differ in depth could be compared with each other forever. Past these bounds types stay
    // apart, which is never wrong.
    private const int MostCandidates = 32;
    private const int WorkPerType = 400;
    private const int MostSignatureWords = 512;

    private readonly TypeGraph _graph;
    private readonly TypeClasses _same;
    private readonly Dictionary<ulong, int> _heads = [];
    private readonly int[] _next;
    private readonly List<(int Left, int Right)> _pending = [];
    private long _work;

    public StructComparison(TypeGraph graph, TypeClasses same)
    {
        _graph = graph;
        _same = same;
        _next = new int[graph.Count];
        _work = (long)graph.Count * WorkPerType;
    }

    public void MergeAll()
    {
        for (int id = 1; id < _graph.Count; id++)
        {
            if (!(_graph.Kind(id).IsComposite() || _graph.Kind(id) == BtfKind.Typedef) || _same.Find(id) != id)
            {
                continue;
            }

            ulong signature = Signature(id);
            _heads.TryGetValue(signature, out int head);
            if (id >= _same.FirstOwn && MergeWithOneOf(head, id))
            {
                continue;
            }

            _next[id] = head;
            _heads[signature] = id;
        }
    }

    /// <summary>A forward declaration and the struct or union that it may declare.</summary>
    public static bool IsForwardOf(TypeGraph graph, int forward, int definition) =>
        graph.Kind(forward) == BtfKind.Forward && graph.Name(forward) == graph.Name(definition)
        && graph.Kind(definition) == (graph.KindFlag(forward) ? BtfKind.Union : BtfKind.Struct);

    private bool MergeWithOneOf(int candidate, int id)
    {
        for (int tried = 0; candidate != 0 && tried < MostCandidates && _work > 0; candidate = _next[candidate], tried++)
        {
            _same.Begin();
            if (AreSame(candidate, id))
            {
                _same.Commit();
                return true;
            }

            _same.Rollback();
        }

        return false;
    }

    private bool AreSame(int left, int right)
    {
        _pending.Clear();
        _pending.Add((left, right));
        while (_pending.Count > 0)
        {
            (left, right) = _pending[^1];
            _pending.RemoveAt(_pending.Count - 1);
            (left, right) = (_same.Find(left), _same.Find(right));
            if (left == right)
            {
                continue;
            }

            if (left == 0 || right == 0)
            {
                return false;
            }

            _work -= 1 + _graph.PartCount(left);
            if (_work <= 0)
            {
                return false;
            }

            // Where a forward declaration is supposed to be one struct, it is not another: the struct names their class.
            if (IsForwardOf(_graph, left, right) && left >= _same.FirstOwn)
            {
                _same.Resolve(left, right);
                continue;
            }

            if (IsForwardOf(_graph, right, left) && right >= _same.FirstOwn)
            {
                _same.Resolve(right, left);
                continue;
            }

            if (!HaveSameShape(left, right) || !_same.Merge(left, right))
            {
                return false;
            }

            foreach (int i in new TypeWords(_graph.Kind(left), _graph.PartCount(left)))
            {
                _pending.Add((_graph.IdAt(left, i), _graph.IdAt(right, i)));
            }
        }

        return true;
    }

    /// <summary>Equal words, but for the ids.</summary>
    private bool HaveSameShape(int left, int right)
    {
        ReadOnlySpan<uint> one = _graph.Record(left);
        ReadOnlySpan<uint> two = _graph.Record(right);
        if (one.Length != two.Length || one[0] != two[0] || one[1] != two[1])
        {
            return false;
        }

        // Variables and data sections are never merged; what refers to them neither.
        BtfKind kind = _graph.Kind(left);
        if (kind is BtfKind.Variable or BtfKind.DataSection)
        {
            return false;
        }

        var ids = new TypeWords(kind, _graph.PartCount(left)).GetEnumerator();
        int nextId = ids.MoveNext() ? ids.Current : -1;
        for (int i = 2; i < one.Length; i++)
        {
            if (i == nextId)
            {
                nextId = ids.MoveNext() ? ids.Current : -1;
            }
            else if (one[i] != two[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// A number that the same types share: of a type's own words, and of what it refers to down to the next name. What a name stands for
    /// is not looked at, as it may be a forward declaration here and a definition there.
    /// </summary>
    private ulong Signature(int id)
    {
        int words = MostSignatureWords;
        return Signature(id, isTop: true, depth: 0, ref words);
    }

    private ulong Signature(int id, bool isTop, int depth, ref int budget)
    {
        BtfKind kind = _graph.Kind(id);
        uint name = _graph.Name(id);
        ulong hash = Mix(name, kind is BtfKind.Forward ? (_graph.KindFlag(id) ? 5u : 4u) : (uint)kind);
        bool isNamed = name != 0 && (kind.IsComposite() || kind.IsEnum() || kind is BtfKind.Forward);
        if (kind.IsEnum())
        {
            return Mix(name, 6);
        }

        ReadOnlySpan<uint> words = _graph.Record(id);
        if (!isTop && (isNamed || depth == BtfTypes.MaximumDepth || words.Length > budget))
        {
            // Past the bounds nothing is added, alike for types that are the same.
            return hash;
        }

        budget -= isTop ? 0 : words.Length;
        var ids = new TypeWords(kind, _graph.PartCount(id)).GetEnumerator();
        int nextId = ids.MoveNext() ? ids.Current : -1;
        hash = Mix(hash, words[1]);
        for (int i = 2; i < words.Length; i++)
        {
            if (i == nextId)
            {
                hash = Mix(hash, Signature(_graph.IdAt(id, i), isTop: false, depth + 1, ref budget));
                nextId = ids.MoveNext() ? ids.Current : -1;
            }
            else
            {
                hash = Mix(hash, words[i]);
            }
        }

        return hash;
    }

    private static ulong Mix(ulong hash, ulong value)
    {
        hash = (hash ^ value) * 0x9e3779b97f4a7c15;
        return hash ^ (hash >> 31);
    }
}
