using System.Globalization;
using Osmia.Kernel.Diagnostics;

namespace Osmia.Kernel.Doctor;

/// <summary>Settings of <c>/proc/sys</c>.</summary>
internal static class SettingChecks
{
    private const string Area = "settings";

    public static IEnumerable<Finding> Look()
    {
        yield return Of("kernel.unprivileged_bpf_disabled", value => value == 0
            ? (FindingState.Limited, "any user may load socket filters and cgroup_skb programs", "sysctl kernel.unprivileged_bpf_disabled=2, unless that is wanted")
            : (FindingState.Good, "", ""));
        yield return Of("net.core.bpf_jit_enable", value => value switch
        {
            0 => (FindingState.Limited, "programs are interpreted: slow, and without fentry and struct_ops", "sysctl net.core.bpf_jit_enable=1"),
            2 => (FindingState.Limited, "the kernel prints every program's machine code to its log", "sysctl net.core.bpf_jit_enable=1"),
            _ => (FindingState.Good, "", ""),
        });
        yield return Of("net.core.bpf_jit_harden", value => value == 2
            ? (FindingState.Limited, "constants of privileged programs are blinded too: slower code, no machine code to be dumped", "sysctl net.core.bpf_jit_harden=0 (or 1: unprivileged programs only)")
            : (FindingState.Good, "", ""));
        yield return Of("net.core.bpf_jit_kallsyms", value => value == 0
            ? (FindingState.Limited, "stacks show no names for programs", "sysctl net.core.bpf_jit_kallsyms=1")
            : (FindingState.Good, "", ""));
        yield return Of("kernel.kptr_restrict", value => value > 0 && Privileges.IsMissing(Capability.SysAdmin)
            ? (FindingState.Limited, "kernel addresses are hidden from this process", "run with CAP_SYSLOG, or sysctl kernel.kptr_restrict=0")
            : (FindingState.Good, "", ""));
        yield return Of("kernel.perf_event_paranoid", value => value > 1 && Privileges.IsMissing(Capability.PerfMon)
            ? (FindingState.Missing, "perf events, and programs on them, are refused to this process", "run with CAP_PERFMON, or sysctl kernel.perf_event_paranoid=1")
            : (FindingState.Good, "", ""));
        yield return Of("kernel.perf_event_max_stack", value => value < 127
            ? (FindingState.Limited, $"stacks end after {value} frames", "sysctl kernel.perf_event_max_stack=127")
            : (FindingState.Good, "", ""));
        yield return Of("kernel.bpf_stats_enabled", value => value == 0
            ? (FindingState.Good, "", "")
            : (FindingState.Limited, "every run of every program is timed, which costs about 30 ns each", "sysctl kernel.bpf_stats_enabled=0"));
    }

    private static Finding Of(string name, Func<long, (FindingState State, string Effect, string Remedy)> judge)
    {
        string path = "/proc/sys/" + name.Replace('.', '/');
        if (Privileges.ReadSetting(path) is not { } text || !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            return new Finding(Area, name, FindingState.Unknown, File.Exists(path) ? "cannot be read by this process" : "the kernel has no such setting");
        }

        (FindingState state, string effect, string remedy) = judge(value);
        return new Finding(Area, name, state, text, effect, remedy);
    }
}
