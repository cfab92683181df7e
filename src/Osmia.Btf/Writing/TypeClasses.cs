namespace Osmia.Btf.Writing;

/// <summary>
/// Which types are the same: a union-find over ids. What an attempt merged can be taken back.
/// A class is named by its first type, or by the definition where it has forward declarations.
/// </summary>
internal sealed class TypeClasses
{
    private readonly TypeGraph _graph;
    private readonly int[] _parents;
    private readonly List<(int Id, int Parent)> _undo = [];
    private bool _isAttempt;

    public TypeClasses(TypeGraph graph)
    {
        _graph = graph;
        FirstOwn = graph.Types.FirstId;
        _parents = new int[graph.Count];
        for (int id = 0; id < _parents.Length; id++)
        {
            _parents[id] = id;
        }
    }

    /// <summary>Ids below are the base's, and stay what they are.</summary>
    public int FirstOwn { get; }

    public int Find(int id)
    {
        while (_parents[id] != id)
        {
            int above = _parents[_parents[id]];
            if (_parents[id] != above)
            {
                Set(id, above);
            }

            id = above;
        }

        return id;
    }

    /// <summary>Makes two classes one. Both being of the base is refused.</summary>
    public bool Merge(int left, int right)
    {
        (left, right) = (Find(left), Find(right));
        if (left == right)
        {
            return true;
        }

        (int first, int second) = left < right ? (left, right) : (right, left);
        if (second < FirstOwn)
        {
            return false;
        }

        Set(second, first);
        return true;
    }

    /// <summary>Lets a forward declaration be the type it declares, which names the class.</summary>
    public void Resolve(int forward, int definition) => Set(Find(forward), Find(definition));

    public void Begin() => _isAttempt = true;

    public void Commit()
    {
        _isAttempt = false;
        _undo.Clear();
    }

    public void Rollback()
    {
        _isAttempt = false;
        for (int i = _undo.Count - 1; i >= 0; i--)
        {
            _parents[_undo[i].Id] = _undo[i].Parent;
        }

        _undo.Clear();
    }

    private void Set(int id, int parent)
    {
        if (_isAttempt)
        {
            _undo.Add((id, _parents[id]));
        }

        _parents[id] = parent;
    }
}
