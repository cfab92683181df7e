using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Verification.KernelTypes;

/// <summary>Members of kernel objects that programs of some kind may write.</summary>
/// <remarks>The kernel's <c>btf_struct_access</c> functions (net/ipv4/bpf_tcp_ca.c, net/bpf/bpf_dummy_struct_ops.c, kernel/sched/ext.c, net/netfilter/nf_conntrack_bpf.c), Linux 6.18.</remarks>
internal static class WritableMembers
{
    private static readonly string[] s_tcp =
    [
        "sk_pacing_rate", "sk_pacing_status", "icsk_ca_priv", "icsk_ack.pending", "snd_cwnd", "snd_cwnd_cnt", "snd_cwnd_stamp", "snd_ssthresh", "ecn_flags", "app_limited",
    ];

    /// <summary>
    /// Paths of members of a structure, an empty one for the whole of it; null when nothing of it may be written. Not every kind of callbacks is
    /// known: see <see cref="IsKnown"/>.
    /// </summary>
    /// <param name="callbacks">The structure of callbacks of a struct_ops program, else empty.</param>
    public static IReadOnlyList<string>? Of(ProgramType program, string callbacks, string structure) => (program, callbacks, structure) switch
    {
        (ProgramType.StructOps, "tcp_congestion_ops", "tcp_sock") => s_tcp,
        (ProgramType.StructOps, "bpf_dummy_ops", "bpf_dummy_ops_state") => [""],
        (ProgramType.StructOps, "sched_ext_ops", "task_struct") => ["scx.slice", "scx.dsq_vtime", "scx.disallow"],
        (ProgramType.Xdp or ProgramType.SchedCls or ProgramType.SchedAct, _, "nf_conn") => ["mark"],
        _ => null,
    };

    public static bool IsKnown(ProgramType program, string callbacks) => program != ProgramType.StructOps || callbacks is "tcp_congestion_ops" or "bpf_dummy_ops" or "sched_ext_ops";

    /// <summary>Whether bytes lie within one of the members.</summary>
    public static bool Cover(BtfTypes types, BtfType structure, IReadOnlyList<string> paths, int offset, int size)
    {
        foreach (string path in paths)
        {
            (long start, long length) = path.Length == 0 ? (0, structure.Size) : Place(types, structure, path);
            if (length > 0 && offset >= start && offset + size <= start + length)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Looks for the member in the structure and in those that it begins with, as <c>struct tcp_sock</c> with <c>struct inet_connection_sock</c>.</summary>
    private static (long Start, long Length) Place(BtfTypes types, BtfType structure, string path)
    {
        string[] names = path.Split('.');
        long start = 0;
        for (int i = 0; i < names.Length; i++)
        {
            if (FindMember(types, structure, names[i]) is not { } found)
            {
                return default;
            }

            start += found.Offset;
            if (i == names.Length - 1)
            {
                return (start, types.SizeOf(found.Type));
            }

            structure = types.Resolve(found.Type);
        }

        return default;
    }

    private static (int Offset, TypeId Type)? FindMember(BtfTypes types, BtfType structure, string name)
    {
        for (int i = 0; i < structure.Count; i++)
        {
            BtfMember member = structure.Member(i);
            if (structure.MemberName(i) == name)
            {
                return (member.ByteOffset, member.Type);
            }

            BtfType inner = types.Resolve(member.Type);
            bool isTransparent = (i == 0 || member.NameOffset == 0) && inner.Kind is BtfKind.Struct or BtfKind.Union;
            if (isTransparent && FindMember(types, inner, name) is { } found)
            {
                return (member.ByteOffset + found.Offset, found.Type);
            }
        }

        return null;
    }
}
