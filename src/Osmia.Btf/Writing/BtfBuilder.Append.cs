namespace Osmia.Btf.Writing;

/// <content>Copies of the types of other BTF.</content>
public sealed partial class BtfBuilder
{
    /// <summary>
    /// Copies the types of another blob, those of its base excepted, in their order; names are shared and ids put right, forward
    /// references included. What <paramref name="keep"/> turns away is left out, and what refers to it refers to <c>void</c>.
    /// </summary>
    /// <remarks>
    /// Kinds that this library does not know are left out as well: which of their words are ids cannot be known. A base of
    /// <paramref name="types"/> must be the base of this builder too, and keeps its ids.
    /// </remarks>
    /// <returns>The new id of each old one, by number; 0 for what was left out.</returns>
    /// <exception cref="ArgumentException"><paramref name="types"/> continues another base than this builder.</exception>
    public int[] Append(BtfTypes types, Func<BtfType, bool>? keep = null)
    {
        if (types.Base is not null && !ReferenceEquals(types.Base, _base))
        {
            throw new ArgumentException("the types continue a base that is not this builder's", nameof(types));
        }

        var map = new int[types.Count];
        for (int id = 1; id < types.FirstId; id++)
        {
            map[id] = id;
        }

        int next = Count;
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType type = types[id];
            map[id] = BtfKindExtensions.ExtraBytes(type.Kind, 0) >= 0 && type.Kind != BtfKind.Void && (keep is null || keep(type)) ? next++ : 0;
        }

        for (int id = types.FirstId; id < types.Count; id++)
        {
            if (map[id] != 0)
            {
                Copy(types, new TypeId(id), map);
            }
        }

        return map;
    }

    private void Copy(BtfTypes types, TypeId id, int[] map)
    {
        BtfType type = types[id];
        int length = 3 + BtfKindExtensions.ExtraBytes(type.Kind, type.Count) / 4;
        uint[]? large = length > 64 ? new uint[length] : null;
        Span<uint> words = large ?? stackalloc uint[length];
        for (int i = 0; i < length; i++)
        {
            words[i] = types.Word(id, i);
        }

        words[0] = _strings.Add(types.StringBytes(words[0]));
        foreach (int i in new TypeWords(type.Kind, type.Count))
        {
            words[i] = words[i] < (uint)map.Length ? (uint)map[words[i]] : 0;
        }

        foreach (int i in TypeWords.Names(type.Kind, type.Count))
        {
            words[i] = _strings.Add(types.StringBytes(words[i]));
        }

        Place(words);
    }
}
