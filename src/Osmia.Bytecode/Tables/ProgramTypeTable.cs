using static Osmia.Bytecode.AttachType;

namespace Osmia.Bytecode;

/// <summary>Whether a program type may be loaded sleepable (<c>BPF_F_SLEEPABLE</c>).</summary>
public enum SleepRule
{
    Never,

    /// <summary>Where the attach type allows it: <see cref="ProgramTypeFacts.MaySleep"/>.</summary>
    Allowed,

    /// <summary>The kernel loads it no other way.</summary>
    Always,
}

/// <summary>What the loader needs besides CAP_BPF.</summary>
[Flags]
public enum ProgramNeeds
{
    None = 0,
    NetAdmin = 1,
    Perfmon = 2,
}

/// <summary>How the expected attach type of a program is looked at when it is loaded.</summary>
public enum AttachTypeRule
{
    /// <summary>Only when it is attached.</summary>
    AtAttach,

    /// <summary>It must be one of <see cref="ProgramTypeFacts.AttachTypes"/> when the program is loaded; it decides what the program may do.</summary>
    AtLoad,

    /// <summary>There is none: the field must be 0.</summary>
    MustBeZero,

    /// <summary>The number of a member of the structure that the program implements.</summary>
    MemberIndex,
}

/// <summary>A row of <see cref="ProgramTypeTable"/>.</summary>
/// <param name="Since">The first kernel that has it.</param>
/// <param name="AttachTypes">The attach types of its programs; empty when they are attached some other way (a socket option, a route, a netlink filter).</param>
/// <param name="IsGplRequired">The kernel loads it only under a GPL-compatible license.</param>
public sealed record ProgramTypeFacts(ProgramType Type, KernelVersion Since, AttachTypeRule AttachRule, IReadOnlyList<AttachType> AttachTypes, SleepRule Sleep, ProgramNeeds Needs, bool IsGplRequired)
{
    /// <summary>The layout of the context; null when the arguments are typed (tracing, lsm, struct_ops) or those of another program (ext).</summary>
    public ContextLayout? Context => ContextLayout.For(Type);

    /// <summary>
    /// Whether a program with this expected attach type may be sleepable on Linux 6.18; 7.2 adds tracepoints of every kind and takes lsm_cgroup away.
    /// What it attaches to must allow it too: a kernel function or hook that may sleep, a uprobe.
    /// </summary>
    public bool MaySleep(AttachType? attachType) => Sleep switch
    {
        SleepRule.Always => true,
        SleepRule.Allowed => Type != ProgramType.Tracing || attachType is not TraceRawTp,
        _ => false,
    };
}

/// <summary>The program types: one row each, in the order of their numbers.</summary>
/// <remarks>
/// Source: kernel/bpf/syscall.c (<c>bpf_prog_load_check_attach</c>, <c>attach_type_to_prog_type</c>, the capabilities) and <c>can_be_sleepable</c> of
/// kernel/bpf/verifier.c, Linux 6.18.
/// </remarks>
public static class ProgramTypeTable
{
    private static readonly ProgramTypeFacts[] s_rows =
    [
        Row(ProgramType.SocketFilter, 3, 19, AttachTypeRule.AtAttach, []),
        Row(ProgramType.Kprobe, 4, 1, AttachTypeRule.AtAttach, [AttachType.PerfEvent, TraceKprobeMulti, TraceKprobeSession, TraceUprobeMulti, TraceUprobeSession],
            ProgramNeeds.Perfmon, SleepRule.Allowed),
        Row(ProgramType.SchedCls, 4, 1, AttachTypeRule.AtAttach, [TcxIngress, TcxEgress, NetkitPrimary, NetkitPeer], ProgramNeeds.NetAdmin),
        Row(ProgramType.SchedAct, 4, 1, AttachTypeRule.AtAttach, [], ProgramNeeds.NetAdmin),
        Row(ProgramType.Tracepoint, 4, 7, AttachTypeRule.AtAttach, [AttachType.PerfEvent], ProgramNeeds.Perfmon),
        Row(ProgramType.Xdp, 4, 8, AttachTypeRule.AtAttach, [AttachType.Xdp, XdpDevmap, XdpCpumap], ProgramNeeds.NetAdmin),
        Row(ProgramType.PerfEvent, 4, 9, AttachTypeRule.AtAttach, [AttachType.PerfEvent], ProgramNeeds.Perfmon),
        Row(ProgramType.CgroupSkb, 4, 10, AttachTypeRule.AtLoad, [CgroupInetIngress, CgroupInetEgress]),
        Row(ProgramType.CgroupSock, 4, 10, AttachTypeRule.AtLoad, [CgroupInetSockCreate, CgroupInetSockRelease, CgroupInet4PostBind, CgroupInet6PostBind], ProgramNeeds.NetAdmin),
        Row(ProgramType.LwtIn, 4, 10, AttachTypeRule.AtAttach, [], ProgramNeeds.NetAdmin),
        Row(ProgramType.LwtOut, 4, 10, AttachTypeRule.AtAttach, [], ProgramNeeds.NetAdmin),
        Row(ProgramType.LwtXmit, 4, 10, AttachTypeRule.AtAttach, [], ProgramNeeds.NetAdmin),
        Row(ProgramType.SockOps, 4, 13, AttachTypeRule.AtAttach, [CgroupSockOps], ProgramNeeds.NetAdmin),
        Row(ProgramType.SkSkb, 4, 14, AttachTypeRule.AtAttach, [SkSkbStreamParser, SkSkbStreamVerdict, SkSkbVerdict], ProgramNeeds.NetAdmin),
        Row(ProgramType.CgroupDevice, 4, 15, AttachTypeRule.AtAttach, [AttachType.CgroupDevice], ProgramNeeds.NetAdmin),
        Row(ProgramType.SkMsg, 4, 17, AttachTypeRule.AtAttach, [SkMsgVerdict], ProgramNeeds.NetAdmin),
        Row(ProgramType.RawTracepoint, 4, 17, AttachTypeRule.AtAttach, [], ProgramNeeds.Perfmon),
        Row(ProgramType.CgroupSockAddr, 4, 17, AttachTypeRule.AtLoad,
        [
            CgroupInet4Bind, CgroupInet6Bind, CgroupInet4Connect, CgroupInet6Connect, CgroupUnixConnect, CgroupUdp4Sendmsg, CgroupUdp6Sendmsg, CgroupUnixSendmsg,
            CgroupUdp4Recvmsg, CgroupUdp6Recvmsg, CgroupUnixRecvmsg, CgroupInet4Getpeername, CgroupInet6Getpeername, CgroupUnixGetpeername,
            CgroupInet4Getsockname, CgroupInet6Getsockname, CgroupUnixGetsockname,
        ], ProgramNeeds.NetAdmin),
        Row(ProgramType.LwtSeg6local, 4, 18, AttachTypeRule.AtAttach, [], ProgramNeeds.NetAdmin),
        Row(ProgramType.LircMode2, 4, 18, AttachTypeRule.AtAttach, [AttachType.LircMode2]),
        Row(ProgramType.SkReuseport, 4, 19, AttachTypeRule.AtLoad, [SkReuseportSelect, SkReuseportSelectOrMigrate]),
        Row(ProgramType.FlowDissector, 4, 20, AttachTypeRule.AtAttach, [AttachType.FlowDissector], ProgramNeeds.NetAdmin),
        Row(ProgramType.CgroupSysctl, 5, 2, AttachTypeRule.AtAttach, [AttachType.CgroupSysctl], ProgramNeeds.NetAdmin),
        Row(ProgramType.RawTracepointWritable, 5, 2, AttachTypeRule.AtAttach, [], ProgramNeeds.Perfmon),
        Row(ProgramType.CgroupSockopt, 5, 3, AttachTypeRule.AtLoad, [CgroupGetsockopt, CgroupSetsockopt], ProgramNeeds.NetAdmin),
        Row(ProgramType.Tracing, 5, 5, AttachTypeRule.AtLoad,
            [TraceRawTp, TraceFentry, TraceFexit, ModifyReturn, TraceIter, TraceFsession, TraceFentryMulti, TraceFexitMulti, TraceFsessionMulti], ProgramNeeds.Perfmon, SleepRule.Allowed),
        Row(ProgramType.StructOps, 5, 6, AttachTypeRule.MemberIndex, [AttachType.StructOps], ProgramNeeds.Perfmon, SleepRule.Allowed, gpl: true),
        Row(ProgramType.Ext, 5, 6, AttachTypeRule.MustBeZero, [], ProgramNeeds.NetAdmin | ProgramNeeds.Perfmon),
        Row(ProgramType.Lsm, 5, 7, AttachTypeRule.AtLoad, [LsmMac, LsmCgroup], ProgramNeeds.Perfmon, SleepRule.Allowed, gpl: true),
        Row(ProgramType.SkLookup, 5, 9, AttachTypeRule.AtLoad, [AttachType.SkLookup]),
        Row(ProgramType.Syscall, 5, 14, AttachTypeRule.MustBeZero, [], ProgramNeeds.None, SleepRule.Always),
        Row(ProgramType.Netfilter, 6, 4, AttachTypeRule.AtLoad, [AttachType.Netfilter], ProgramNeeds.NetAdmin),
    ];

    /// <summary>Every program type but <see cref="ProgramType.Unspec"/>.</summary>
    public static IReadOnlyList<ProgramTypeFacts> All => s_rows;

    /// <summary>Null for <see cref="ProgramType.Unspec"/> and for types newer than this table.</summary>
    public static ProgramTypeFacts? Find(ProgramType type) => type > ProgramType.Unspec && (int)type <= s_rows.Length ? s_rows[(int)type - 1] : null;

    private static ProgramTypeFacts Row(ProgramType type, int major, int minor, AttachTypeRule rule, AttachType[] attachTypes, ProgramNeeds needs = ProgramNeeds.None,
        SleepRule sleep = SleepRule.Never, bool gpl = false) => new(type, new KernelVersion(major, minor), rule, attachTypes, sleep, needs, gpl);
}
