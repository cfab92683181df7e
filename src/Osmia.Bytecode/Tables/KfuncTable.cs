namespace Osmia.Bytecode;

/// <summary>
/// Kernel functions that programs may call: flags and callers, which BTF does not carry. Prototypes are read from the target's BTF.
/// A function that is not in the table cannot be judged.
/// </summary>
public static partial class KfuncTable
{
    private static readonly Lazy<Dictionary<string, Kfunc>> s_rows = new(ReadRows);

    // By what a program is verified for, not by how it is attached: the kernel's hooks of kfunc sets.
    private static readonly ProgramType[] s_all = [.. Enum.GetValues<ProgramType>().Where(type => type is not (ProgramType.Unspec or ProgramType.Ext))];
    private static readonly ProgramType[] s_tracing = [ProgramType.Tracing, ProgramType.Tracepoint, ProgramType.PerfEvent, ProgramType.Lsm];

    private static readonly ProgramType[] s_cgroup =
    [
        ProgramType.CgroupSkb, ProgramType.CgroupSock, ProgramType.SockOps, ProgramType.CgroupDevice, ProgramType.CgroupSockAddr, ProgramType.CgroupSysctl,
        ProgramType.CgroupSockopt,
    ];

    private static readonly ProgramType[] s_tunnels = [ProgramType.LwtIn, ProgramType.LwtOut, ProgramType.LwtXmit, ProgramType.LwtSeg6local];

    public static IEnumerable<Kfunc> All => s_rows.Value.Values;

    /// <summary>The row of a kernel function by its C name, or null.</summary>
    public static Kfunc? Find(string name) => s_rows.Value.GetValueOrDefault(name);

    private static Dictionary<string, Kfunc> ReadRows()
    {
        var rows = new Dictionary<string, Kfunc>(StringComparer.Ordinal);
        foreach (string line in Rows.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
            KfuncTraits traits = KfuncTraits.None;
            foreach (string word in cells[1].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                traits |= TraitOf(word);
            }

            var callers = new List<HelperCaller>();
            foreach (string word in cells[2].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                callers.AddRange(CallersOf(word));
            }

            rows.Add(cells[0], new Kfunc(cells[0], traits, callers));
        }

        return rows;
    }

    private static KfuncTraits TraitOf(string word) => word switch
    {
        "acq" => KfuncTraits.Acquires,
        "rel" => KfuncTraits.Releases,
        "null" => KfuncTraits.ReturnsNullable,
        "trusted" => KfuncTraits.TrustedArguments,
        "sleep" => KfuncTraits.Sleeps,
        "destructive" => KfuncTraits.Destructive,
        "rcu" => KfuncTraits.RcuArguments,
        "protected" => KfuncTraits.RcuProtected,
        "new" => KfuncTraits.IteratorNew,
        "next" => KfuncTraits.IteratorNext,
        "destroy" => KfuncTraits.IteratorDestroy,
        "fast" => KfuncTraits.FastCall,
        "chg" => KfuncTraits.ChangesPacket,
        _ => throw HelperTable.BadRow(word),
    };

    private static IEnumerable<HelperCaller> CallersOf(string word)
    {
        (ProgramType[] Types, AttachType[] AttachTypes) found = word switch
        {
            "@all" => (s_all, []),
            "@generic" => ([.. s_tracing, .. s_cgroup, ProgramType.SchedCls, ProgramType.Xdp, ProgramType.StructOps, ProgramType.Syscall], []),
            "@tracing" => (s_tracing, []),
            "@cgroup" => (s_cgroup, []),
            "@lwt" => (s_tunnels, []),
            "sched_cls" => ([ProgramType.SchedCls], []),
            "sched_act" => ([ProgramType.SchedAct], []),
            "xdp" => ([ProgramType.Xdp], []),
            "syscall" => ([ProgramType.Syscall], []),
            "struct_ops" => ([ProgramType.StructOps], []),
            "socket_filter" => ([ProgramType.SocketFilter], []),
            "sk_skb" => ([ProgramType.SkSkb], []),
            "netfilter" => ([ProgramType.Netfilter], []),
            "lsm" => ([ProgramType.Lsm], []),
            "iter" => ([ProgramType.Tracing], [AttachType.TraceIter]),
            "kprobe_session" => ([ProgramType.Kprobe], [AttachType.TraceKprobeSession, AttachType.TraceUprobeSession]),
            _ => throw HelperTable.BadRow(word),
        };
        return found.Types.Select(type => new HelperCaller(type, found.AttachTypes, ""));
    }
}
