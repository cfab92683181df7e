namespace Osmia.Bytecode;

/// <summary>Program types, with the kernel's numbers (<c>enum bpf_prog_type</c>, include/uapi/linux/bpf.h, as of Linux 6.18).</summary>
public enum ProgramType
{
    Unspec = 0,
    SocketFilter = 1,
    Kprobe = 2,
    SchedCls = 3,
    SchedAct = 4,
    Tracepoint = 5,
    Xdp = 6,
    PerfEvent = 7,
    CgroupSkb = 8,
    CgroupSock = 9,
    LwtIn = 10,
    LwtOut = 11,
    LwtXmit = 12,
    SockOps = 13,
    SkSkb = 14,
    CgroupDevice = 15,
    SkMsg = 16,
    RawTracepoint = 17,
    CgroupSockAddr = 18,
    LwtSeg6local = 19,
    LircMode2 = 20,
    SkReuseport = 21,
    FlowDissector = 22,
    CgroupSysctl = 23,
    RawTracepointWritable = 24,
    CgroupSockopt = 25,
    Tracing = 26,
    StructOps = 27,
    Ext = 28,
    Lsm = 29,
    SkLookup = 30,
    Syscall = 31,
    Netfilter = 32,
}

/// <summary>Kernel text of <see cref="ProgramType"/>: the words bpftool and libbpf print.</summary>
public static class ProgramTypeNames
{
    private static readonly string[] s_names =
    [
        "unspec",
        "socket_filter",
        "kprobe",
        "sched_cls",
        "sched_act",
        "tracepoint",
        "xdp",
        "perf_event",
        "cgroup_skb",
        "cgroup_sock",
        "lwt_in",
        "lwt_out",
        "lwt_xmit",
        "sock_ops",
        "sk_skb",
        "cgroup_device",
        "sk_msg",
        "raw_tracepoint",
        "cgroup_sock_addr",
        "lwt_seg6local",
        "lirc_mode2",
        "sk_reuseport",
        "flow_dissector",
        "cgroup_sysctl",
        "raw_tracepoint_writable",
        "cgroup_sockopt",
        "tracing",
        "struct_ops",
        "ext",
        "lsm",
        "sk_lookup",
        "syscall",
        "netfilter",
    ];

    /// <summary>Number of members known to this table; larger values are newer than it.</summary>
    public static int Count => s_names.Length;

    /// <summary>The kernel's short word, or <c>type N</c> for a value newer than this table.</summary>
    public static string ToKernelName(this ProgramType value) =>
        (uint)value < (uint)s_names.Length ? s_names[(int)value] : $"type {(int)value}";

    /// <summary>Finds the value whose kernel word is <paramref name="name"/>.</summary>
    public static bool TryParse(string name, out ProgramType value)
    {
        int index = Array.IndexOf(s_names, name);
        value = (ProgramType)Math.Max(index, 0);
        return index >= 0;
    }
}
