using System.Runtime.InteropServices;

namespace Osmia.Kernel.Doctor;

/// <summary>Options the kernel was built with.</summary>
internal static class BuildChecks
{
    private const string Area = "kernel build";

    private static readonly (string Option, bool IsEssential, string Effect)[] s_options =
    [
        ("CONFIG_BPF_SYSCALL", true, "bpf(2) itself"),
        ("CONFIG_BPF_JIT", true, "machine code for programs; without it they are interpreted, and fentry, struct_ops and freplace are gone"),
        ("CONFIG_DEBUG_INFO_BTF", true, "the kernel's types"),
        ("CONFIG_BPF_EVENTS", true, "tracing programs"),
        ("CONFIG_KPROBE_EVENTS", false, "kprobe, kretprobe, ksyscall"),
        ("CONFIG_UPROBE_EVENTS", false, "uprobe, uretprobe, USDT"),
        ("CONFIG_FPROBE", false, "kprobe.multi, kprobe.session"),
        ("CONFIG_FTRACE_SYSCALLS", false, "tracepoints of system calls by name"),
        ("CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", false, "fentry, fexit, fmod_ret, LSM programs"),
        ("CONFIG_BPF_LSM", false, "LSM programs"),
        ("CONFIG_BPF_KPROBE_OVERRIDE", false, "bpf_override_return"),
        ("CONFIG_CGROUP_BPF", false, "programs of cgroups"),
        ("CONFIG_NET_CLS_BPF", false, "classifiers of clsact (tc)"),
        ("CONFIG_NET_SCH_INGRESS", false, "clsact itself"),
        ("CONFIG_NET_ACT_BPF", false, "actions of tc (sched_act)"),
        ("CONFIG_NET_XGRESS", false, "TCX"),
        ("CONFIG_NETKIT", false, "netkit devices"),
        ("CONFIG_NETFILTER_BPF_LINK", false, "netfilter programs"),
        ("CONFIG_LWTUNNEL_BPF", false, "programs of routes (lwt)"),
        ("CONFIG_IPV6_SEG6_BPF", false, "seg6local programs"),
        ("CONFIG_XDP_SOCKETS", false, "AF_XDP"),
        ("CONFIG_BPF_STREAM_PARSER", false, "sockmap programs"),
        ("CONFIG_BPF_LIRC_MODE2", false, "programs of infrared receivers"),
        ("CONFIG_SCHED_CLASS_EXT", false, "schedulers (sched_ext)"),
        ("CONFIG_KALLSYMS_ALL", false, "variables of the kernel by name (ksym)"),
    ];

    public static IEnumerable<Finding> Look()
    {
        if (KernelEngine.Configuration("CONFIG_NET") is null && KernelEngine.Configuration("CONFIG_BPF") is null)
        {
            yield return new Finding(Area, "configuration", FindingState.Unknown, "neither /proc/config.gz nor /boot/config-RELEASE can be read",
                "externs of .kconfig get no values; the options below are not known", "use a kernel with CONFIG_IKCONFIG_PROC=y, or install its /boot/config file");
            yield break;
        }

        foreach ((string option, bool isEssential, string effect) in s_options)
        {
            if (option == "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" && RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
            {
                continue;
            }

            yield return KernelEngine.Configuration(option) is { } value ? new Finding(Area, option, FindingState.Good, value)
                : new Finding(Area, option, isEssential ? FindingState.Missing : FindingState.Limited, "not set", $"missing: {effect}", $"use a kernel built with {option}");
        }
    }
}
