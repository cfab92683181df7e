using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// What CO-RE records used of a target's types: whole types, and of structs and unions the members that paths went through. Behind a pointer
/// only its own kind counts, unless the record asked for the type as a whole.
/// </summary>
internal sealed class CoreUse(BtfTypes types)
{
    private readonly HashSet<int> _types = [];
    private readonly Dictionary<int, SortedSet<int>> _members = [];
    private readonly HashSet<(int Type, bool BehindPointer)> _shapes = [];
    private readonly HashSet<int> _followed = [];

    public bool Has(TypeId id) => _types.Contains(id.Value);

    /// <summary>Used members of a struct or union by index, in order.</summary>
    public IEnumerable<int> MembersOf(TypeId id) => _members.TryGetValue(id.Value, out SortedSet<int>? members) ? members : [];

    /// <summary>Adds what an answer was taken from.</summary>
    public void Add(CoreSpec match, CoreRelocationKind kind)
    {
        if (kind.IsField())
        {
            AddPath(match);
        }
        else if (kind == CoreRelocationKind.TypeMatches)
        {
            AddShape(match.Root, behindPointer: false);
        }
        else
        {
            AddType(match.Root, followsPointers: !kind.IsEnumerator());
        }
    }

    private void AddPath(CoreSpec match)
    {
        AddType(match.Root, followsPointers: false);
        TypeId id = match.Root;
        for (int i = 1; i < match.Steps.Count; i++)
        {
            CoreStep step = match.Steps[i];
            if (step.Name is not null)
            {
                AddMember(types.Resolve(id), step, []);
            }

            AddType(step.Type, followsPointers: false);
            id = step.Type;
        }
    }

    /// <summary>The member of a step, and the anonymous structs and unions on the way to it.</summary>
    private bool AddMember(BtfType composite, CoreStep step, HashSet<int> searched)
    {
        if (composite.Id == step.Composite)
        {
            Mark(composite.Id, step.Index);
            return true;
        }

        if (!searched.Add(composite.Id.Value))
        {
            return false;
        }

        for (int i = 0; composite.Kind.IsComposite() && i < composite.Count; i++)
        {
            BtfMember member = composite.Member(i);
            if (member.NameOffset == 0 && AddMember(types.Resolve(member.Type), step, searched))
            {
                Mark(composite.Id, i);
                AddType(member.Type, followsPointers: false);
                return true;
            }
        }

        return false;
    }

    private void Mark(TypeId composite, int member)
    {
        _types.Add(composite.Value);
        if (!_members.TryGetValue(composite.Value, out SortedSet<int>? members))
        {
            _members[composite.Value] = members = [];
        }

        members.Add(member);
    }

    private void AddType(TypeId id, bool followsPointers)
    {
        // The walk keeps its own stack: chains of types may be long.
        var open = new Stack<TypeId>([id]);
        while (open.TryPop(out TypeId next))
        {
            BtfType type = types[next];
            bool isNew = _types.Add(type.Id.Value) | (followsPointers && _followed.Add(type.Id.Value));
            if (type.IsVoid || !isNew)
            {
                continue;
            }

            switch (type.Kind)
            {
                case BtfKind.Pointer when followsPointers:
                case var kind when kind.IsModifier():
                    open.Push(type.ReferencedId);
                    break;
                case BtfKind.Array:
                    open.Push(type.ElementId);
                    open.Push(type.IndexTypeId);
                    break;
                case BtfKind.FunctionPrototype:
                    open.Push(type.ReferencedId);
                    for (int i = 0; i < type.Count; i++)
                    {
                        open.Push(type.Parameter(i).Type);
                    }

                    break;
            }
        }
    }

    private void AddShape(TypeId root, bool behindPointer)
    {
        var open = new Stack<(TypeId Id, bool BehindPointer)>([(root, behindPointer)]);
        while (open.TryPop(out (TypeId Id, bool BehindPointer) next))
        {
            BtfType type = types[next.Id];
            if (type.IsVoid || !_shapes.Add((type.Id.Value, next.BehindPointer)))
            {
                continue;
            }

            _types.Add(type.Id.Value);
            switch (type.Kind)
            {
                case BtfKind.Struct or BtfKind.Union when !next.BehindPointer:
                    for (int i = 0; i < type.Count; i++)
                    {
                        Mark(type.Id, i);
                        open.Push((type.Member(i).Type, false));
                    }

                    break;
                case var kind when kind.IsModifier():
                    open.Push((type.ReferencedId, next.BehindPointer));
                    break;
                case BtfKind.Pointer:
                    open.Push((type.ReferencedId, true));
                    break;
                case BtfKind.Array:
                    open.Push((type.ElementId, false));
                    open.Push((type.IndexTypeId, false));
                    break;
                case BtfKind.FunctionPrototype:
                    open.Push((type.ReferencedId, false));
                    for (int i = 0; i < type.Count; i++)
                    {
                        open.Push((type.Parameter(i).Type, false));
                    }

                    break;
            }
        }
    }
}
