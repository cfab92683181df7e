using Osmia.Btf;

namespace Osmia.Verification;

/// <summary>Fields of map values that the kernel keeps for itself: it finds them by the names of their types.</summary>
internal static class SpecialFields
{
    private static readonly string[] s_types =
    [
        "bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq", "bpf_task_work", "bpf_list_head", "bpf_list_node", "bpf_rb_root", "bpf_rb_node", "bpf_refcount",
    ];

    private static readonly string[] s_pointerTags = ["kptr", "kptr_untrusted", "percpu_kptr", "uptr"];

    /// <summary>Whether a type holds one, itself or in what it is made of.</summary>
    public static bool Has(BtfTypes types, TypeId id, int depth = 0)
    {
        BtfType type = types.Resolve(id);
        switch (type.Kind)
        {
            case BtfKind.Array:
                return depth < BtfTypes.MaximumDepth && Has(types, type.ElementId, depth + 1);
            case BtfKind.Pointer:
                return types[type.ReferencedId] is { Kind: BtfKind.TypeTag } tag && Array.IndexOf(s_pointerTags, tag.Name) >= 0;
            case BtfKind.Struct or BtfKind.Union:
                if (Array.IndexOf(s_types, type.Name) >= 0)
                {
                    return true;
                }

                for (int i = 0; depth < BtfTypes.MaximumDepth && i < type.Count; i++)
                {
                    if (Has(types, type.Member(i).Type, depth + 1))
                    {
                        return true;
                    }
                }

                return false;
            default:
                return false;
        }
    }
}
