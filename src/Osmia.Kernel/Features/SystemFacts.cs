using System.Globalization;
using Osmia.Kernel.Diagnostics;

namespace Osmia.Kernel.Features;

/// <summary>Settings and build options that <c>feature probe</c> shows, under the names bpftool gives them.</summary>
public static class SystemFacts
{
    private static readonly (string Key, string Path)[] s_settings =
    [
        ("unprivileged_bpf_disabled", "/proc/sys/kernel/unprivileged_bpf_disabled"),
        ("bpf_jit_enable", "/proc/sys/net/core/bpf_jit_enable"),
        ("bpf_jit_harden", "/proc/sys/net/core/bpf_jit_harden"),
        ("bpf_jit_kallsyms", "/proc/sys/net/core/bpf_jit_kallsyms"),
        ("bpf_jit_limit", "/proc/sys/net/core/bpf_jit_limit"),
    ];

    // bpftool's, then those it does not ask for and attach kinds stand or fall with.
    private static readonly string[] s_options =
    [
        "CONFIG_BPF", "CONFIG_BPF_SYSCALL", "CONFIG_HAVE_EBPF_JIT", "CONFIG_BPF_JIT", "CONFIG_BPF_JIT_ALWAYS_ON", "CONFIG_DEBUG_INFO_BTF", "CONFIG_DEBUG_INFO_BTF_MODULES",
        "CONFIG_CGROUPS", "CONFIG_CGROUP_BPF", "CONFIG_CGROUP_NET_CLASSID", "CONFIG_SOCK_CGROUP_DATA", "CONFIG_BPF_EVENTS", "CONFIG_KPROBE_EVENTS", "CONFIG_UPROBE_EVENTS",
        "CONFIG_TRACING", "CONFIG_FTRACE_SYSCALLS", "CONFIG_FUNCTION_ERROR_INJECTION", "CONFIG_BPF_KPROBE_OVERRIDE", "CONFIG_NET", "CONFIG_XDP_SOCKETS", "CONFIG_LWTUNNEL_BPF",
        "CONFIG_NET_ACT_BPF", "CONFIG_NET_CLS_BPF", "CONFIG_NET_CLS_ACT", "CONFIG_NET_SCH_INGRESS", "CONFIG_XFRM", "CONFIG_IP_ROUTE_CLASSID", "CONFIG_IPV6_SEG6_BPF",
        "CONFIG_BPF_LIRC_MODE2", "CONFIG_BPF_STREAM_PARSER", "CONFIG_NETFILTER_XT_MATCH_BPF", "CONFIG_BPFILTER", "CONFIG_BPFILTER_UMH", "CONFIG_TEST_BPF", "CONFIG_HZ",
        "CONFIG_BPF_LSM", "CONFIG_FPROBE", "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", "CONFIG_NETKIT", "CONFIG_NET_XGRESS", "CONFIG_NETFILTER_BPF_LINK", "CONFIG_SCHED_CLASS_EXT",
        "CONFIG_KALLSYMS_ALL",
    ];

    /// <summary>A null value cannot be read.</summary>
    public static IEnumerable<(string Name, long? Value)> Settings() =>
        s_settings.Select(row => (row.Key, long.TryParse(Privileges.ReadSetting(row.Path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : (long?)null));

    /// <summary>Whether anything says how the kernel was built.</summary>
    public static bool HasConfiguration => KernelEngine.Configuration("CONFIG_NET") is not null || KernelEngine.Configuration("CONFIG_BPF") is not null;

    /// <summary>A null value is an option that is not set, or not known.</summary>
    public static IEnumerable<(string Name, string? Value)> Options() => s_options.Select(option => (option, KernelEngine.Configuration(option)));

    /// <summary>Whether the kernel has bpf(2) at all, allowed or not.</summary>
    public static bool HasSystemCall()
    {
        int trial = Maps.MapCreation.Trial();
        if (trial >= 0)
        {
            new Syscalls.BpfHandle(trial).Dispose();
        }

        return trial != -Syscalls.Errno.ENOSYS;
    }
}
