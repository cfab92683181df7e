using Osmia.Verification.State;

namespace Osmia.Verification.KernelTypes;

/// <summary>An argument of an iterator that is not simply a pointer the kernel vouches for.</summary>
/// <param name="Kind"><see cref="RegisterKind.Typed"/>, or <see cref="RegisterKind.Buffer"/> for bytes whose size the map decides.</param>
internal readonly record struct IteratorArgument(RegisterKind Kind, PointerTraits Traits);

/// <summary>The iterators and their arguments; argument 0 is <c>struct bpf_iter_meta</c> in all.</summary>
/// <remarks>The kernel's <c>ctx_arg_info</c> of each iterator, which its types do not say; tried one by one on Linux 6.18.</remarks>
internal static class IteratorArguments
{
    private const PointerTraits Null = PointerTraits.Nullable;
    private const PointerTraits TrustedOrNull = PointerTraits.Trusted | PointerTraits.Nullable;

    private static readonly Dictionary<string, (int Index, IteratorArgument Argument)[]> s_iterators = new(StringComparer.Ordinal)
    {
        ["bpf_map"] = [(1, Typed(TrustedOrNull))],
        ["bpf_map_elem"] = [(2, Bytes(Null | PointerTraits.ReadOnly)), (3, Bytes(Null))],
        ["bpf_prog"] = [(1, Typed(Null))],
        ["bpf_link"] = [(1, Typed(Null))],
        ["bpf_sk_storage_map"] = [(2, Typed(Null)), (3, Bytes(Null))],
        ["cgroup"] = [(1, Typed(TrustedOrNull))],
        ["dmabuf"] = [(1, Typed(Null))],
        ["ipv6_route"] = [(1, Typed(Null))],
        ["kmem_cache"] = [(1, Typed(TrustedOrNull))],
        ["ksym"] = [(1, Typed(Null))],
        ["netlink"] = [(1, Typed(Null))],
        ["sockmap"] = [(2, Bytes(Null | PointerTraits.ReadOnly)), (3, Typed(Null))],
        ["task"] = [(1, Typed(TrustedOrNull))],
        ["task_file"] = [(1, Typed(Null)), (3, Typed(Null))],
        ["task_vma"] = [(1, Typed(Null)), (2, Typed(Null))],
        ["tcp"] = [(1, Typed(TrustedOrNull))],
        ["udp"] = [(1, Typed(TrustedOrNull))],
        ["unix"] = [(1, Typed(Null))],
    };

    public static bool IsKnown(string iterator) => s_iterators.ContainsKey(iterator);

    /// <summary>Null for an argument of which nothing else is said.</summary>
    public static IteratorArgument? Of(string iterator, int index)
    {
        foreach ((int listed, IteratorArgument argument) in s_iterators[iterator])
        {
            if (listed == index)
            {
                return argument;
            }
        }

        return null;
    }

    private static IteratorArgument Typed(PointerTraits traits) => new(RegisterKind.Typed, traits);

    private static IteratorArgument Bytes(PointerTraits traits) => new(RegisterKind.Buffer, traits);
}
