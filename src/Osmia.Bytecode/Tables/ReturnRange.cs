namespace Osmia.Bytecode;

/// <summary>The numbers a program may return, both ends included.</summary>
/// <remarks>Source: <c>return_retval_range</c> of kernel/bpf/verifier.c; every range tried on Linux 6.18.</remarks>
public readonly record struct ReturnRange(int Minimum, int Maximum)
{
    private static readonly ReturnRange s_flag = new(0, 1);

    /// <summary>
    /// The range of a program's r0 at exit, or null when any number will do. Not by types alone: lsm_mac programs have the range of
    /// their hook, lsm_cgroup programs of a hook without a result must return 1, and struct_ops programs have the type of their member.
    /// </summary>
    /// <param name="attachType">The expected attach type; null is taken as 0.</param>
    public static ReturnRange? Of(ProgramType type, AttachType? attachType) => type switch
    {
        // Only where the kernel asks whether to go on, bits beyond the first have a meaning: congestion, and a bind without its capability.
        ProgramType.CgroupSkb => attachType == AttachType.CgroupInetEgress ? new ReturnRange(0, 3) : s_flag,
        ProgramType.CgroupSockAddr => OfAddress(attachType),
        ProgramType.CgroupSock or ProgramType.SockOps or ProgramType.CgroupDevice or ProgramType.CgroupSysctl or ProgramType.CgroupSockopt => s_flag,
        ProgramType.SkLookup or ProgramType.Netfilter => s_flag,
        ProgramType.Kprobe => attachType is AttachType.TraceKprobeSession or AttachType.TraceUprobeSession ? s_flag : null,
        ProgramType.Tracing => attachType switch
        {
            AttachType.TraceRawTp or AttachType.ModifyReturn => null,
            AttachType.TraceFentry or AttachType.TraceFexit or AttachType.TraceFsession or AttachType.TraceFentryMulti or AttachType.TraceFexitMulti
                or AttachType.TraceFsessionMulti => new ReturnRange(0, 0),
            _ => s_flag,
        },
        ProgramType.Lsm => attachType == AttachType.LsmCgroup ? s_flag : null,
        _ => null,
    };

    public bool Contains(int value) => value >= Minimum && value <= Maximum;

    public override string ToString() => Minimum == Maximum ? $"{Minimum}" : $"{Minimum} to {Maximum}";

    private static ReturnRange OfAddress(AttachType? attachType) => attachType switch
    {
        AttachType.CgroupInet4Bind or AttachType.CgroupInet6Bind => new ReturnRange(0, 3),
        AttachType.CgroupUdp4Recvmsg or AttachType.CgroupUdp6Recvmsg or AttachType.CgroupUnixRecvmsg or AttachType.CgroupInet4Getpeername
            or AttachType.CgroupInet6Getpeername or AttachType.CgroupUnixGetpeername or AttachType.CgroupInet4Getsockname or AttachType.CgroupInet6Getsockname
            or AttachType.CgroupUnixGetsockname => new ReturnRange(1, 1),
        _ => s_flag,
    };
}
