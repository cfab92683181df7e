using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// The types of a target that may be meant by a local type: same name but for flavours, same kind. Modules are asked only for a type the
/// kernel does not have, as libbpf asks them.
/// </summary>
internal sealed class CandidateSearch(Target target, BtfTypes local)
{
    private readonly Dictionary<int, IReadOnlyList<TargetType>> _known = [];
    private readonly Dictionary<int, HashSet<string>> _names = [];

    /// <summary>Candidates of a root type of the object; the target must have types.</summary>
    public IReadOnlyList<TargetType> Of(TypeId root)
    {
        if (_known.TryGetValue(root.Value, out IReadOnlyList<TargetType>? known))
        {
            return known;
        }

        var found = new List<TargetType>();
        BtfType type = local[root];
        ReadOnlySpan<byte> name = BtfTypes.EssentialName(type.NameBytes);
        if (!name.IsEmpty)
        {
            Add(found, type.Kind, name, target.Types!, 0);
            bool isKernels = found.Count > 0;
            for (int module = 0; !isKernels && module < target.Modules.Count; module++)
            {
                if (target.Modules[module].Types is { } own)
                {
                    Add(found, type.Kind, name, own, module + 1);
                }
            }
        }

        return _known[root.Value] = found;
    }

    /// <summary>Names of the target's types of a kind, for "did you mean"; gathered once, when something is missing.</summary>
    public IReadOnlyCollection<string> Names(BtfKind kind)
    {
        if (_names.TryGetValue((int)kind, out HashSet<string>? known))
        {
            return known;
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (BtfTypes owner in target.Modules.Select(module => module.Types).OfType<BtfTypes>().Prepend(target.Types!))
        {
            for (int id = owner.FirstId; id < owner.Count; id++)
            {
                if (CoreMatcher.KindsFit(kind, owner[id].Kind) && !owner[id].NameBytes.IsEmpty)
                {
                    names.Add(owner[id].Name);
                }
            }
        }

        return _names[(int)kind] = names;
    }

    private static void Add(List<TargetType> found, BtfKind kind, ReadOnlySpan<byte> name, BtfTypes types, int module)
    {
        foreach (TypeId id in types.Names.Variants(name))
        {
            if (id.Value >= types.FirstId && CoreMatcher.KindsFit(kind, types[id].Kind))
            {
                found.Add(new TargetType(types, id, module));
            }
        }
    }
}
