using Osmia.Btf;
using Osmia.Btf.Writing;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// Tells a minimiser what the answers to CO-RE records were taken from: the members of paths, and types as far as comparing them looks.
/// </summary>
internal sealed class CoreUse(BtfMinimizer minimizer)
{
    private readonly HashSet<int> _followed = [];

    private BtfTypes Types => minimizer.Target;

    public void Add(CoreSpec match, CoreRelocationKind kind)
    {
        if (kind.IsField())
        {
            AddPath(match);
        }
        else if (kind.IsEnumerator())
        {
            minimizer.UseEnumerator(Types.Resolve(match.Root).Id, match.EnumeratorIndex);
            minimizer.UseType(match.Root);
        }
        else if (kind == CoreRelocationKind.TypeMatches)
        {
            minimizer.UseType(match.Root, withMembers: true);
        }
        else
        {
            AddType(match.Root);
        }
    }

    private void AddPath(CoreSpec match)
    {
        minimizer.UseType(match.Root);
        TypeId id = match.Root;
        for (int i = 1; i < match.Steps.Count; i++)
        {
            CoreStep step = match.Steps[i];
            if (step.Name is not null)
            {
                AddMember(Types.Resolve(id), step, []);
            }

            id = step.Type;
        }
    }

    /// <summary>The member of a step, and the anonymous structs and unions on the way to it.</summary>
    private bool AddMember(BtfType composite, CoreStep step, HashSet<int> searched)
    {
        if (composite.Id == step.Composite)
        {
            minimizer.UseMember(composite.Id, step.Index);
            return true;
        }

        if (!searched.Add(composite.Id.Value))
        {
            return false;
        }

        for (int i = 0; composite.Kind.IsComposite() && i < composite.Count; i++)
        {
            BtfMember member = composite.Member(i);
            if (member.NameOffset == 0 && AddMember(Types.Resolve(member.Type), step, searched))
            {
                minimizer.UseMember(composite.Id, i);
                return true;
            }
        }

        return false;
    }

    /// <summary>A type as it is compared by kind and name: through pointers, arrays and prototypes, not into members.</summary>
    private void AddType(TypeId root)
    {
        // The walk keeps its own stack: chains of types may be long.
        var open = new Stack<TypeId>([root]);
        while (open.TryPop(out TypeId id))
        {
            BtfType type = Types[id];
            if (type.IsVoid || !_followed.Add(type.Id.Value))
            {
                continue;
            }

            minimizer.UseType(type.Id);
            if (type.Kind == BtfKind.Pointer || type.Kind.IsModifier())
            {
                open.Push(type.ReferencedId);
            }
            else if (type.Kind == BtfKind.Array)
            {
                open.Push(type.ElementId);
            }
            else if (type.Kind == BtfKind.FunctionPrototype)
            {
                open.Push(type.ReferencedId);
                for (int i = 0; i < type.Count; i++)
                {
                    open.Push(type.Parameter(i).Type);
                }
            }
        }
    }
}
