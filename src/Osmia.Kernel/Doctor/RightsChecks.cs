using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Doctor;

/// <summary>bpf(2) itself, and the capabilities of the calling thread.</summary>
internal static class RightsChecks
{
    private const string Area = "rights";

    private static readonly (Capability Capability, string Purpose)[] s_needed =
    [
        (Capability.Bpf, "maps and programs of every kind"),
        (Capability.PerfMon, "tracing programs, perf events, reading of kernel memory"),
        (Capability.NetAdmin, "network programs, their attachment, netlink"),
        (Capability.SysAdmin, "lists of what others have loaded, statistics, mounts, tokens"),
        (Capability.NetRaw, "packet sockets of socket filters"),
        (Capability.SysPtrace, "probes in processes of other users, their maps and symbols"),
        (Capability.DacReadSearch, "tracefs, which root alone may read"),
    ];

    public static IEnumerable<Finding> Look()
    {
        yield return SystemCall();
        foreach ((Capability capability, string purpose) in s_needed)
        {
            yield return Privileges.Has(capability) ? new Finding(Area, Privileges.Name(capability), FindingState.Good, "held")
                : Privileges.IsCovered(capability) ? new Finding(Area, Privileges.Name(capability), FindingState.Good, "not held, but CAP_SYS_ADMIN stands in for it")
                : new Finding(Area, Privileges.Name(capability), FindingState.Missing, "not held", $"needed for: {purpose}", Privileges.Remedy(capability));
        }

        yield return Privileges.IsInInitialUserNamespace()
            ? new Finding(Area, "user namespace", FindingState.Good, "the first one")
            : new Finding(Area, "user namespace", FindingState.Limited, "not the first one", "capabilities of a user namespace do not count for bpf(2) unless a BPF token is handed in",
                "run outside of the container's user namespace, or mount a BPF file system with delegate_* options for it (Linux 6.9)");
        yield return OpenFiles();
    }

    private static Finding SystemCall()
    {
        int trial = MapCreation.Trial();
        if (trial >= 0)
        {
            new BpfHandle(trial).Dispose();
            return new Finding(Area, "bpf(2)", FindingState.Good, "a map was made and dropped");
        }

        return -trial == Errno.ENOSYS
            ? new Finding(Area, "bpf(2)", FindingState.Missing, Errno.Describe(-trial), "no program or map can be loaded",
                "use a kernel with CONFIG_BPF_SYSCALL, let the container's seccomp profile pass bpf, or use the VM engine (--engine vm)")
            : new Finding(Area, "bpf(2)", FindingState.Missing, $"{Errno.Describe(-trial)}; {Privileges.Explain(Capability.Bpf)}", "no program or map can be loaded", Privileges.Remedy(Capability.Bpf));
    }

    private static Finding OpenFiles()
    {
        const int Few = 1024;
        const string Subject = "open files";
        string? line = Privileges.ReadLines("/proc/self/limits").FirstOrDefault(text => text.StartsWith("Max open files", StringComparison.Ordinal));
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length < 4 ? new Finding(Area, Subject, FindingState.Unknown, "the limit cannot be read")
            : !long.TryParse(words[3], out long limit) || limit > Few ? new Finding(Area, Subject, FindingState.Good, $"at most {words[3]}")
            : new Finding(Area, Subject, FindingState.Limited, $"at most {limit}", "each program, map, link and CPU of a perf event takes one", "raise the limit: ulimit -n 65536");
    }
}
