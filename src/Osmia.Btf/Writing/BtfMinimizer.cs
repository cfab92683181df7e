namespace Osmia.Btf.Writing;

/// <summary>
/// Cuts a kernel's types down to what the relocations of some objects use (BTFGen, <c>bpftool gen min_core_btf</c>), so that a program
/// can be carried to kernels without BTF in a few kilobytes. Structs keep their size and the members used at their offsets, enumerations the
/// enumerators used; pointers to what is not used become <c>void *</c>.
/// </summary>
public sealed class BtfMinimizer
{
    private readonly TypeGraph _graph;
    private readonly HashSet<int> _used = [];
    private readonly Dictionary<int, HashSet<int>> _parts = [];
    private readonly HashSet<int> _whole = [];

    /// <param name="target">The types to cut down; a base is taken in, so that the result stands alone.</param>
    public BtfMinimizer(BtfTypes target)
    {
        Target = target;
        _graph = new TypeGraph(target);
    }

    public BtfTypes Target { get; }

    /// <summary>A type whose existence or size is asked for.</summary>
    /// <param name="withMembers">
    /// Keep all members too and the types they have, as a comparison of types needs them; of structs behind pointers the name is enough.
    /// </param>
    public void UseType(TypeId id, bool withMembers = false)
    {
        Require(id);
        if (withMembers)
        {
            UseWhole(id.Value);
        }
        else
        {
            Use(id.Value);
        }
    }

    /// <summary>A member whose place, size, sign or existence is asked for. An access path uses each member on its way.</summary>
    /// <exception cref="ArgumentException">The type is not a struct or union, or has not so many members.</exception>
    public void UseMember(TypeId composite, int memberIndex)
    {
        Require(composite);
        if (!_graph.Kind(composite.Value).IsComposite() || (uint)memberIndex >= (uint)_graph.PartCount(composite.Value))
        {
            throw new ArgumentException($"type {composite} has no member {memberIndex}", nameof(memberIndex));
        }

        Use(composite.Value);
        PartsOf(composite.Value).Add(memberIndex);
        Use(_graph.MemberType(composite.Value, memberIndex));
    }

    /// <summary>An enumerator whose value or existence is asked for.</summary>
    /// <exception cref="ArgumentException">The type is not an enumeration, or has not so many enumerators.</exception>
    public void UseEnumerator(TypeId enumeration, int enumeratorIndex)
    {
        Require(enumeration);
        if (!_graph.Kind(enumeration.Value).IsEnum() || (uint)enumeratorIndex >= (uint)_graph.PartCount(enumeration.Value))
        {
            throw new ArgumentException($"type {enumeration} has no enumerator {enumeratorIndex}", nameof(enumeratorIndex));
        }

        Use(enumeration.Value);
        PartsOf(enumeration.Value).Add(enumeratorIndex);
    }

    /// <summary>The types used so far, in their order.</summary>
    public BtfTypes Build() => Build(out _);

    /// <inheritdoc cref="Build()"/>
    /// <param name="map">The new id of each type of the target, by number; 0 for what was left out.</param>
    public BtfTypes Build(out int[] map)
    {
        map = new int[_graph.Count];
        int next = 1;
        for (int id = 1; id < map.Length; id++)
        {
            map[id] = _used.Contains(id) && BtfBuilder.IsKnown(_graph.Kind(id)) ? next++ : 0;
        }

        var builder = new BtfBuilder(Target.IsBigEndian);
        for (int id = 1; id < map.Length; id++)
        {
            if (map[id] != 0)
            {
                bool isCut = (_graph.Kind(id).IsComposite() || _graph.Kind(id).IsEnum()) && !_whole.Contains(id);
                builder.Copy(_graph, id, map, isCut ? PartsOf(id) : null);
            }
        }

        return builder.Build();
    }

    /// <summary>A type, and what it takes to know its size: not what a pointer points to.</summary>
    private void Use(int id)
    {
        var waiting = new Stack<int>([id]);
        while (waiting.TryPop(out id))
        {
            if (id == 0 || !_used.Add(id))
            {
                continue;
            }

            if (_graph.Kind(id) is not (BtfKind.Pointer or BtfKind.Struct or BtfKind.Union))
            {
                Push(id, waiting);
            }
        }
    }

    private void UseWhole(int root)
    {
        var seen = new HashSet<(int Id, bool IsBehindPointer)>();
        var waiting = new Stack<(int Id, bool IsBehindPointer)>([(root, false)]);
        while (waiting.TryPop(out (int Id, bool IsBehindPointer) item))
        {
            if (item.Id == 0 || !seen.Add(item))
            {
                continue;
            }

            BtfKind kind = _graph.Kind(item.Id);
            _used.Add(item.Id);
            if (item.IsBehindPointer && kind.IsComposite() && _graph.Name(item.Id) != 0)
            {
                continue;
            }

            _whole.Add(item.Id);
            foreach (int i in new TypeWords(kind, _graph.PartCount(item.Id)))
            {
                waiting.Push((_graph.IdAt(item.Id, i), item.IsBehindPointer || kind == BtfKind.Pointer));
            }
        }
    }

    private void Push(int id, Stack<int> waiting)
    {
        foreach (int i in new TypeWords(_graph.Kind(id), _graph.PartCount(id)))
        {
            waiting.Push(_graph.IdAt(id, i));
        }
    }

    private HashSet<int> PartsOf(int id)
    {
        if (!_parts.TryGetValue(id, out HashSet<int>? parts))
        {
            _parts.Add(id, parts = []);
        }

        return parts;
    }

    private void Require(TypeId id)
    {
        if (id.Value <= 0 || id.Value >= _graph.Count)
        {
            throw new ArgumentOutOfRangeException(nameof(id), id.Value, "the target has no such type");
        }
    }
}
