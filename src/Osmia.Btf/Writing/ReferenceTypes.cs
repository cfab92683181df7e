namespace Osmia.Btf.Writing;

/// <summary>
/// Merges what is left: pointers, qualifiers, arrays, prototypes, functions and tags. What a type refers to is settled before it
/// is; then equal words make equal types.
/// </summary>
internal sealed class ReferenceTypes(TypeGraph graph, TypeClasses same)
{
    private const byte Open = 1;
    private const byte Done = 2;

    private readonly RecordTable _table = new(graph, same);
    private readonly byte[] _states = new byte[graph.Count];
    private readonly Stack<int> _path = new();

    public void MergeAll()
    {
        for (int id = 1; id < graph.Count; id++)
        {
            Settle(id);
        }
    }

    private static bool IsReference(BtfKind kind) => kind is BtfKind.Pointer or BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict
        or BtfKind.Typedef or BtfKind.TypeTag or BtfKind.Array or BtfKind.FunctionPrototype or BtfKind.Function or BtfKind.DeclarationTag;

    private void Settle(int root)
    {
        if (!MustSettle(root))
        {
            return;
        }

        _path.Push(root);
        while (_path.TryPeek(out int id))
        {
            if (_states[id] == 0)
            {
                // A cycle of references alone is no C; where it closes, the type stays by itself.
                _states[id] = Open;
                foreach (int i in new TypeWords(graph.Kind(id), graph.PartCount(id)))
                {
                    int target = graph.IdAt(id, i);
                    if (MustSettle(target))
                    {
                        _path.Push(target);
                    }
                }

                continue;
            }

            _path.Pop();
            if (_states[id] == Done)
            {
                continue;
            }

            _states[id] = Done;
            int first = _table.FindOrAdd(id);
            if (first != id && id >= same.FirstOwn)
            {
                same.Merge(first, id);
            }
        }
    }

    // A type that was merged already, as part of a struct, is settled with the first of its class.
    private bool MustSettle(int id) => IsReference(graph.Kind(id)) && _states[id] == 0;
}
