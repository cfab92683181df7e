using Osmia.Kernel.Diagnostics;

namespace Osmia.Kernel.Doctor;

/// <summary>What may refuse although the capabilities are there.</summary>
internal static class SecurityChecks
{
    private const string Area = "security";

    public static IEnumerable<Finding> Look()
    {
        yield return Lockdown.Mode() switch
        {
            null => new Finding(Area, "lockdown", FindingState.Unknown, $"{Lockdown.Folder}/lockdown cannot be read", "", "mount securityfs to see it"),
            "none" => new Finding(Area, "lockdown", FindingState.Good, "none"),
            "integrity" => new Finding(Area, "lockdown", FindingState.Limited, "integrity", "bpf_probe_write_user is refused", "boot without lockdown= and Secure Boot, or do without that helper"),
            var mode => new Finding(Area, "lockdown", FindingState.Missing, mode, "programs may not read kernel memory: kprobes, bpf_probe_read_kernel and kernel stacks are refused", "boot with lockdown=integrity or none"),
        };
        yield return Lockdown.ActiveModules() is not { } modules ? new Finding(Area, "security modules", FindingState.Unknown, $"{Lockdown.Folder}/lsm cannot be read", "", "mount securityfs to see them")
            : modules.Contains("bpf") ? new Finding(Area, "security modules", FindingState.Good, string.Join(',', modules))
            : new Finding(Area, "security modules", FindingState.Limited, string.Join(',', modules), "LSM programs load and never run: 'bpf' is not among them", $"boot with lsm={string.Join(',', modules)},bpf");
        yield return Privileges.SeccompMode() switch
        {
            null => new Finding(Area, "seccomp", FindingState.Unknown, "/proc/thread-self/status does not say"),
            0 => new Finding(Area, "seccomp", FindingState.Good, "no filter"),
            _ => new Finding(Area, "seccomp", FindingState.Limited, "a filter is on this process", "it may refuse bpf and perf_event_open with EPERM or ENOSYS", "in a container: let its seccomp profile pass bpf, perf_event_open and setns"),
        };
    }
}
