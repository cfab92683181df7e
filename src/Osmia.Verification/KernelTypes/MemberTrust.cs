using Osmia.Btf;
using Osmia.Verification.State;

namespace Osmia.Verification.KernelTypes;

/// <summary>
/// How far the kernel vouches for a pointer that was read from a kernel object. What it guarantees of a member is written in its own types: a
/// structure <c>task_struct__safe_rcu</c> lists members of <c>task_struct</c>.
/// </summary>
/// <remarks>The rules of <c>check_ptr_to_btf_access</c> in kernel/bpf/verifier.c, Linux 6.18; the lists are the target's.</remarks>
internal sealed class MemberTrust(BtfTypes types)
{
    private readonly Dictionary<(int Structure, string Suffix), Dictionary<string, int>> _lists = [];

    /// <param name="parent">The pointer that is read through.</param>
    /// <param name="isInRcuSection">RCU readers are waited for: the program does not sleep, or it said so.</param>
    public PointerTraits Of(in RegisterState parent, FoundMember member, bool isInRcuSection)
    {
        if ((parent.Traits & PointerTraits.Untrusted) != 0)
        {
            return PointerTraits.Untrusted;
        }

        if (!IsTrusted(parent) && (parent.Traits & PointerTraits.Rcu) == 0)
        {
            return WithoutTrust(member.Traits);
        }

        if (Lists(parent.Type, "__safe_trusted", member))
        {
            return member.Traits | PointerTraits.Trusted;
        }

        if (Lists(parent.Type, "__safe_trusted_or_null", member))
        {
            return member.Traits | PointerTraits.Trusted | PointerTraits.Nullable;
        }

        if (!isInRcuSection || parent.IsNullable)
        {
            return PointerTraits.Untrusted;
        }

        if (Lists(parent.Type, "__safe_rcu", member))
        {
            return member.Traits | PointerTraits.Rcu;
        }

        bool isListed = Lists(parent.Type, "__safe_rcu_or_null", member);
        if (isListed || (member.Traits & PointerTraits.Rcu) != 0)
        {
            PointerTraits traits = member.Traits | PointerTraits.Rcu | PointerTraits.Nullable;
            return isListed ? traits & ~PointerTraits.Untrusted : traits;
        }

        return (member.Traits & (PointerTraits.PerCpu | PointerTraits.User)) != 0 ? member.Traits : WithoutTrust(member.Traits);
    }

    /// <summary>A reference is held, or the kernel vouches for the pointer and nothing speaks against it.</summary>
    public static bool IsTrusted(in RegisterState pointer) =>
        pointer.ReferenceId != 0 || (pointer.Traits & (PointerTraits.Trusted | PointerTraits.Untrusted | PointerTraits.Rcu | PointerTraits.User | PointerTraits.PerCpu | PointerTraits.Nullable)) == PointerTraits.Trusted;

    private static PointerTraits WithoutTrust(PointerTraits traits) => traits & ~(PointerTraits.Trusted | PointerTraits.Rcu);

    private bool Lists(int structure, string suffix, FoundMember member)
    {
        if (!_lists.TryGetValue((structure, suffix), out Dictionary<string, int>? list))
        {
            _lists[(structure, suffix)] = list = Read(types[structure], suffix);
        }

        return list.TryGetValue(member.Name, out int type) && type == member.Type.Value;
    }

    private Dictionary<string, int> Read(BtfType structure, string suffix)
    {
        var list = new Dictionary<string, int>(StringComparer.Ordinal);
        BtfType listed = types[types.Find(structure.Kind, structure.Name + suffix)];
        for (int i = 0; listed.Kind == structure.Kind && i < listed.Count; i++)
        {
            BtfMember member = listed.Member(i);
            if (types[member.Type] is { Kind: BtfKind.Pointer } pointer)
            {
                list[types.String(member.NameOffset)] = types.Resolve(pointer.ReferencedId).Id.Value;
            }
        }

        return list;
    }
}
