using Osmia.Btf;

namespace Osmia.Vm.Maps;

/// <summary>Finds what makes a value one process's own: locks, timers, work, lists, trees, counts, pointers.</summary>
internal static class KernelFieldFinder
{
    private const int MaxDepth = 8;

    private static readonly string[] s_names =
    [
        "bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq", "bpf_task_work", "bpf_list_head", "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_refcount",
    ];

    /// <returns>The name of the first such field's type, or null.</returns>
    public static string? In(BtfTypes types, TypeId value) => In(types, value, 0);

    private static string? In(BtfTypes types, TypeId id, int depth)
    {
        BtfType type = types.Resolve(id);
        switch (type.Kind)
        {
            case BtfKind.Pointer:
                return "pointer";
            case BtfKind.Array when depth < MaxDepth:
                return In(types, type.ElementId, depth + 1);
            case BtfKind.Struct or BtfKind.Union when Array.IndexOf(s_names, type.Name) is >= 0 and var at:
                return s_names[at];
            case BtfKind.Struct or BtfKind.Union when depth < MaxDepth:
                for (int i = 0; i < type.Count; i++)
                {
                    if (In(types, type.Member(i).Type, depth + 1) is { } found)
                    {
                        return found;
                    }
                }

                return null;
            default:
                return null;
        }
    }
}
