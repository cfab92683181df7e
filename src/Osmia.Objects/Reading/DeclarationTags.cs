using Osmia.Btf;

namespace Osmia.Objects.Reading;

/// <summary>BTF declaration tags by what they stand on: one scan of the types, when first asked.</summary>
internal sealed class DeclarationTags(BtfTypes? types)
{
    private Dictionary<(int Type, int Component), List<string>>? _tags;

    /// <param name="id">A variable, function, struct, union or typedef.</param>
    /// <param name="component">The member or parameter, or -1 for the type itself.</param>
    public IReadOnlyList<string> Of(TypeId id, int component = -1)
    {
        if (types is null || id.IsVoid)
        {
            return [];
        }

        _tags ??= Read(types);
        return _tags.TryGetValue((id.Value, component), out List<string>? tags) ? tags : [];
    }

    private static Dictionary<(int, int), List<string>> Read(BtfTypes types)
    {
        var all = new Dictionary<(int, int), List<string>>();
        for (int i = types.FirstId; i < types.Count; i++)
        {
            BtfType tag = types[i];
            if (tag.Kind == BtfKind.DeclarationTag)
            {
                (int, int) key = (tag.ReferencedId.Value, tag.ComponentIndex);
                if (!all.TryGetValue(key, out List<string>? list))
                {
                    all[key] = list = [];
                }

                list.Add(tag.Name);
            }
        }

        return all;
    }
}
