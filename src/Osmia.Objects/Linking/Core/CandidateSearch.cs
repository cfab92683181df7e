using Osmia.Btf;

namespace Osmia.Objects.Linking.Core;

/// <summary>
/// The types of a target that may be meant by a local type: same name but for flavours, same kind. The kernel's are found for all
/// root types in one scan; modules are asked only for a type the kernel does not have, as libbpf asks them.
/// </summary>
internal sealed class CandidateSearch(Target target, BtfTypes local, Func<IReadOnlyCollection<string>> rootNames)
{
    private readonly Dictionary<TypeId, IReadOnlyList<TargetType>> _known = [];
    private Dictionary<string, List<int>>? _kernel;

    /// <summary>Candidates of a root type of the object; the target must have types.</summary>
    public IReadOnlyList<TargetType> Of(TypeId root)
    {
        if (_known.TryGetValue(root, out IReadOnlyList<TargetType>? known))
        {
            return known;
        }

        BtfTypes types = target.Types!;
        _kernel ??= types.FindAll(rootNames());
        string name = BtfTypes.EssentialName(local[root].Name);
        BtfKind kind = local[root].Kind;
        var found = new List<TargetType>();
        foreach (int id in _kernel.GetValueOrDefault(name) ?? [])
        {
            if (CoreMatcher.KindsFit(kind, types[id].Kind))
            {
                found.Add(new TargetType(types, new TypeId(id), 0));
            }
        }

        if (found.Count == 0 && name.Length > 0)
        {
            AddFromModules(found, kind, System.Text.Encoding.UTF8.GetBytes(name));
        }

        return _known[root] = found;
    }

    /// <summary>Names of the target's types of a kind, for "did you mean".</summary>
    public IEnumerable<string> Names(BtfKind kind)
    {
        foreach (BtfTypes owner in target.Modules.Select(module => module.Types).OfType<BtfTypes>().Prepend(target.Types!))
        {
            for (int id = owner.FirstId; id < owner.Count; id++)
            {
                if (CoreMatcher.KindsFit(kind, owner[id].Kind) && !owner[id].NameBytes.IsEmpty)
                {
                    yield return owner[id].Name;
                }
            }
        }
    }

    private void AddFromModules(List<TargetType> found, BtfKind kind, byte[] name)
    {
        for (int module = 0; module < target.Modules.Count; module++)
        {
            if (target.Modules[module].Types is { } types)
            {
                for (int id = types.FirstId; id < types.Count; id++)
                {
                    if (CoreMatcher.KindsFit(kind, types[id].Kind) && BtfTypes.EssentialName(types[id].NameBytes).SequenceEqual(name))
                    {
                        found.Add(new TargetType(types, new TypeId(id), module + 1));
                    }
                }
            }
        }
    }
}
