namespace Osmia.Bytecode;

/// <summary>What attach types belong to, and since when they are there.</summary>
/// <remarks>Source: <c>bpf_prog_attach_check_attach_type</c> of kernel/bpf/syscall.c; the program types are those of <see cref="ProgramTypeTable"/>.</remarks>
public static class AttachTypeTable
{
    // By number.
    private static readonly KernelVersion[] s_since =
    [
        new(4, 10), // CgroupInetIngress
        new(4, 10), // CgroupInetEgress
        new(4, 10), // CgroupInetSockCreate
        new(4, 13), // CgroupSockOps
        new(4, 14), // SkSkbStreamParser
        new(4, 14), // SkSkbStreamVerdict
        new(4, 15), // CgroupDevice
        new(4, 17), // SkMsgVerdict
        new(4, 17), // CgroupInet4Bind
        new(4, 17), // CgroupInet6Bind
        new(4, 17), // CgroupInet4Connect
        new(4, 17), // CgroupInet6Connect
        new(4, 17), // CgroupInet4PostBind
        new(4, 17), // CgroupInet6PostBind
        new(4, 18), // CgroupUdp4Sendmsg
        new(4, 18), // CgroupUdp6Sendmsg
        new(4, 18), // LircMode2
        new(4, 20), // FlowDissector
        new(5, 2), // CgroupSysctl
        new(5, 2), // CgroupUdp4Recvmsg
        new(5, 2), // CgroupUdp6Recvmsg
        new(5, 3), // CgroupGetsockopt
        new(5, 3), // CgroupSetsockopt
        new(5, 5), // TraceRawTp
        new(5, 5), // TraceFentry
        new(5, 5), // TraceFexit
        new(5, 7), // ModifyReturn
        new(5, 7), // LsmMac
        new(5, 8), // TraceIter
        new(5, 8), // CgroupInet4Getpeername
        new(5, 8), // CgroupInet6Getpeername
        new(5, 8), // CgroupInet4Getsockname
        new(5, 8), // CgroupInet6Getsockname
        new(5, 8), // XdpDevmap
        new(5, 9), // CgroupInetSockRelease
        new(5, 9), // XdpCpumap
        new(5, 9), // SkLookup
        new(5, 9), // Xdp
        new(5, 13), // SkSkbVerdict
        new(5, 14), // SkReuseportSelect
        new(5, 14), // SkReuseportSelectOrMigrate
        new(5, 15), // PerfEvent
        new(5, 18), // TraceKprobeMulti
        new(6, 0), // LsmCgroup
        new(6, 4), // StructOps
        new(6, 4), // Netfilter
        new(6, 6), // TcxIngress
        new(6, 6), // TcxEgress
        new(6, 6), // TraceUprobeMulti
        new(6, 7), // CgroupUnixConnect
        new(6, 7), // CgroupUnixSendmsg
        new(6, 7), // CgroupUnixRecvmsg
        new(6, 7), // CgroupUnixGetpeername
        new(6, 7), // CgroupUnixGetsockname
        new(6, 7), // NetkitPrimary
        new(6, 7), // NetkitPeer
        new(6, 10), // TraceKprobeSession
        new(6, 13), // TraceUprobeSession
        new(7, 0), // TraceFsession
        new(7, 2), // TraceFentryMulti
        new(7, 2), // TraceFexitMulti
        new(7, 2), // TraceFsessionMulti
    ];

    /// <summary>The first kernel that has an attach type; null for one newer than this table.</summary>
    public static KernelVersion? Since(AttachType type) => (uint)type < (uint)s_since.Length ? s_since[(int)type] : null;

    /// <summary>The program types whose programs take that attach type: one, or for <see cref="AttachType.PerfEvent"/> three.</summary>
    public static IEnumerable<ProgramType> ProgramTypesOf(AttachType type) =>
        ProgramTypeTable.All.Where(row => row.AttachTypes.Contains(type)).Select(row => row.Type);
}
