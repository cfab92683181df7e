using Osmia.Bytecode;

namespace Osmia.Kernel.Features;

/// <summary>The options of the kernel's build that something stands or falls with.</summary>
internal static class FeatureOptions
{
    private static readonly (AttachType Attach, string Option)[] s_attach =
    [
        (AttachType.NetkitPrimary, "CONFIG_NETKIT"),
        (AttachType.NetkitPeer, "CONFIG_NETKIT"),
        (AttachType.TraceKprobeMulti, "CONFIG_FPROBE"),
        (AttachType.TraceKprobeSession, "CONFIG_FPROBE"),
        (AttachType.TraceUprobeMulti, "CONFIG_UPROBE_EVENTS"),
        (AttachType.TraceUprobeSession, "CONFIG_UPROBE_EVENTS"),
        (AttachType.TraceFentry, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
        (AttachType.TraceFexit, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
        (AttachType.ModifyReturn, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"),
        (AttachType.LsmMac, "CONFIG_BPF_LSM"),
        (AttachType.LsmCgroup, "CONFIG_BPF_LSM"),
        (AttachType.LircMode2, "CONFIG_BPF_LIRC_MODE2"),
        (AttachType.TcxIngress, "CONFIG_NET_XGRESS"),
        (AttachType.TcxEgress, "CONFIG_NET_XGRESS"),
        (AttachType.Netfilter, "CONFIG_NETFILTER_BPF_LINK"),
        (AttachType.PerfEvent, "CONFIG_PERF_EVENTS"),
    ];

    private static readonly (ProgramType Type, string Option)[] s_types =
    [
        (ProgramType.LircMode2, "CONFIG_BPF_LIRC_MODE2"),
        (ProgramType.LwtIn, "CONFIG_LWTUNNEL_BPF"),
        (ProgramType.LwtOut, "CONFIG_LWTUNNEL_BPF"),
        (ProgramType.LwtXmit, "CONFIG_LWTUNNEL_BPF"),
        (ProgramType.LwtSeg6local, "CONFIG_IPV6_SEG6_BPF"),
        (ProgramType.Lsm, "CONFIG_BPF_LSM"),
        (ProgramType.Kprobe, "CONFIG_BPF_EVENTS"),
        (ProgramType.Tracepoint, "CONFIG_BPF_EVENTS"),
        (ProgramType.PerfEvent, "CONFIG_BPF_EVENTS"),
        (ProgramType.RawTracepoint, "CONFIG_BPF_EVENTS"),
        (ProgramType.Tracing, "CONFIG_BPF_EVENTS"),
        (ProgramType.CgroupSkb, "CONFIG_CGROUP_BPF"),
        (ProgramType.CgroupSock, "CONFIG_CGROUP_BPF"),
        (ProgramType.CgroupSockAddr, "CONFIG_CGROUP_BPF"),
        (ProgramType.CgroupSockopt, "CONFIG_CGROUP_BPF"),
        (ProgramType.CgroupSysctl, "CONFIG_CGROUP_BPF"),
        (ProgramType.CgroupDevice, "CONFIG_CGROUP_BPF"),
        (ProgramType.Netfilter, "CONFIG_NETFILTER_BPF_LINK"),
        (ProgramType.Ext, "CONFIG_BPF_JIT"),
        (ProgramType.StructOps, "CONFIG_BPF_JIT"),
    ];

    /// <summary>"CONFIG_NETKIT is not set": what the build lacks of what is needed; empty when nothing, or not known.</summary>
    public static string Missing(ProgramType type, AttachType? attach, Func<string, string?> configuration)
    {
        foreach ((AttachType known, string option) in s_attach)
        {
            if (known == attach && IsUnset(option, configuration))
            {
                return $"; {option} is not set";
            }
        }

        foreach ((ProgramType known, string option) in s_types)
        {
            if (known == type && IsUnset(option, configuration))
            {
                return $"; {option} is not set";
            }
        }

        return "";
    }

    // Without a readable configuration nothing is known of any option.
    private static bool IsUnset(string option, Func<string, string?> configuration) => configuration("CONFIG_BPF_SYSCALL") is not null && configuration(option) is null;
}
