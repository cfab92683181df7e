using Osmia.Btf;
using Osmia.Btf.Writing;
using Osmia.Objects.Linking.Core;

namespace Osmia.Objects.Linking;

/// <summary>
/// The part of a kernel's types that the CO-RE records of some objects use: a few hundred bytes that stand for megabytes of BTF where a kernel has
/// none of its own (libbpf's <c>btf_custom_path</c>). What <c>bpftool gen min_core_btf</c> makes.
/// </summary>
public static class MinimalTypes
{
    /// <param name="types">The types of the kernel the objects will run on.</param>
    /// <param name="objects">Every function of them counts, whether its program is loaded or not; they are left as they are.</param>
    /// <returns>Types with ids of their own: a record that asks for a type's id in the target (<c>bpf_core_type_id_kernel</c>) gets another answer.</returns>
    public static BtfTypes Of(BtfTypes types, IReadOnlyList<BpfObject> objects)
    {
        ArgumentNullException.ThrowIfNull(types);
        ArgumentNullException.ThrowIfNull(objects);
        var use = new CoreUse(types);
        var target = new Target("the types to be reduced", () => types);
        foreach (BpfObject source in objects.Where(source => source.Types is not null))
        {
            var relocator = new CoreRelocator(source, target);
            foreach (BpfFunction function in source.Functions)
            {
                relocator.Collect(function, use);
            }
        }

        return Reduce(types, use);
    }

    private static BtfTypes Reduce(BtfTypes types, CoreUse use)
    {
        BtfBuilder builder = New(types);
        int[] map = builder.Append(types, type => use.Has(type.Id));
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType type = types[id];
            if (map[id] != 0 && type.Kind.IsComposite())
            {
                builder.SetMembers(new TypeId(map[id]), type.Size, [.. use.MembersOf(type.Id).Select(index => Member(types, type.Member(index), map))]);
            }
        }

        // A copy has only the names that are still used.
        BtfBuilder result = New(types);
        result.Append(builder.Build());
        return result.Build();
    }

    private static BtfBuilder New(BtfTypes types) => types.Base is null ? new BtfBuilder(types.IsBigEndian) : new BtfBuilder(types.Base);

    private static NamedMember Member(BtfTypes types, BtfMember member, int[] map) =>
        new(types.String(member.NameOffset), new TypeId(member.Type.Value < map.Length ? map[member.Type.Value] : 0), member.BitOffset, member.BitfieldSize);
}
