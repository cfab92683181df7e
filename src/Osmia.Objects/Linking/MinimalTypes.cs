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
        var minimizer = new BtfMinimizer(types);
        var use = new CoreUse(minimizer);
        var target = new Target("the types to be reduced", () => types);
        foreach (BpfObject source in objects.Where(source => source.Types is not null))
        {
            var relocator = new CoreRelocator(source, target);
            foreach (BpfFunction function in source.Functions)
            {
                relocator.Collect(function, use);
            }
        }

        return minimizer.Build();
    }
}
