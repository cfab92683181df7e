namespace Osmia.Bytecode;

/// <summary>The words that stand for several program types or attach types in the callers of <see cref="HelperTable"/>.</summary>
/// <remarks>
/// The kernel's own groups: <c>bpf_base_func_proto</c> serves every program type but lirc_mode2; a freplace program (ext) has what the program has that it
/// replaces a function of, so it stands nowhere. struct_ops programs have the base helpers whatever they implement.
/// </remarks>
public static class HelperCallerGroups
{
    private static readonly ProgramType[] s_trafficControl = [ProgramType.SchedCls, ProgramType.SchedAct];
    private static readonly ProgramType[] s_socketBuffers = [.. s_trafficControl, ProgramType.SocketFilter, ProgramType.CgroupSkb];
    private static readonly ProgramType[] s_tunnels = [ProgramType.LwtIn, ProgramType.LwtOut, ProgramType.LwtXmit, ProgramType.LwtSeg6local];

    // The programs that may be given typed kernel pointers.
    private static readonly ProgramType[] s_typed = [ProgramType.Tracing, ProgramType.Lsm, ProgramType.Syscall];

    private static readonly ProgramType[] s_tracing =
        [.. s_typed, ProgramType.Kprobe, ProgramType.Tracepoint, ProgramType.PerfEvent, ProgramType.RawTracepoint, ProgramType.RawTracepointWritable];

    private static readonly ProgramType[] s_all =
        [.. Enum.GetValues<ProgramType>().Where(type => type is not (ProgramType.Unspec or ProgramType.Ext))];

    private static readonly ProgramType[] s_base = [.. s_all.Where(type => type != ProgramType.LircMode2)];

    // Attach points through a BPF trampoline.
    private static readonly AttachType[] s_trampoline = [AttachType.TraceFentry, AttachType.TraceFexit, AttachType.ModifyReturn, AttachType.TraceFsession];

    // Where the program decides whether a system call goes on.
    private static readonly AttachType[] s_addressDecisions =
    [
        AttachType.CgroupInet4Bind, AttachType.CgroupInet6Bind, AttachType.CgroupInet4Connect, AttachType.CgroupInet6Connect, AttachType.CgroupUnixConnect,
        AttachType.CgroupUdp4Sendmsg, AttachType.CgroupUdp6Sendmsg, AttachType.CgroupUnixSendmsg,
    ];

    internal static ReadOnlySpan<ProgramType> Programs(ReadOnlySpan<char> word) => word switch
    {
        "@all" => s_all,
        "@base" => s_base,
        "@tc" => s_trafficControl,
        "@skb" => s_socketBuffers,
        "@lwt" => s_tunnels,
        "@btf" => s_typed,
        "@trace" => s_tracing,
        _ => throw HelperTable.BadRow(word),
    };

    internal static ReadOnlySpan<AttachType> AttachTypes(ReadOnlySpan<char> word) => word switch
    {
        "@trampoline" => s_trampoline,
        "@sock_addr_change" => s_addressDecisions,
        _ => throw HelperTable.BadRow(word),
    };
}
