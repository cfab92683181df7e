using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Links;

namespace Osmia.Kernel.Doctor;

/// <summary>The file systems that eBPF goes through, and what may be read there.</summary>
internal static class MountChecks
{
    private const string Area = "mounts";

    public static IEnumerable<Finding> Look()
    {
        yield return Mounted("bpf", "maps, programs and links cannot be pinned", "mount -t bpf bpf /sys/fs/bpf");
        yield return Tracing();
        yield return Functions();
        yield return Cgroups();
        yield return Mounted("securityfs", "lockdown and the active security modules cannot be seen", $"mount -t securityfs securityfs {Lockdown.Folder}");
        yield return Mounted("sysfs", "types, CPUs and event sources of the kernel cannot be seen", "mount -t sysfs sysfs /sys");
    }

    private static Finding Mounted(string type, string effect, string remedy) => PlaceOf(type) is { } place
        ? new Finding(Area, type, FindingState.Good, place)
        : new Finding(Area, type, FindingState.Limited, "not mounted", effect, remedy);

    private static Finding Tracing()
    {
        if (Tracefs.Root is not { } root)
        {
            return new Finding(Area, "tracefs", FindingState.Missing, "not mounted", "tracepoints cannot be found by name, bpf_trace_printk cannot be read", "mount -t tracefs nodev /sys/kernel/tracing");
        }

        string trial = $"{root}/events/sched/sched_switch/id";
        return CanRead(trial, out string why) ? new Finding(Area, "tracefs", FindingState.Good, root)
            : new Finding(Area, "tracefs", FindingState.Missing, $"{trial} cannot be read: {why}", "tracepoints cannot be found by name", "run as root, or remount with a group: mount -o remount,gid=GROUP,mode=750 " + root);
    }

    private static Finding Functions()
    {
        const string Subject = "traceable functions";
        if (Tracefs.Root is not { } root)
        {
            return new Finding(Area, Subject, FindingState.Unknown, "tracefs is not mounted");
        }

        string list = $"{root}/available_filter_functions";
        return CanRead(list, out string why) ? new Finding(Area, Subject, FindingState.Good, list)
            : new Finding(Area, Subject, FindingState.Limited, $"{list} cannot be read: {why}", "patterns of kprobe.multi cannot be resolved",
                File.Exists(list) ? "a policy of the kernel (lockdown=confidentiality, or how it was built) keeps it; name functions one by one" : "use a kernel built with CONFIG_FUNCTION_TRACER");
    }

    private static Finding Cgroups() => CgroupMount.Find() is { } place
        ? new Finding(Area, "cgroup2", FindingState.Good, place)
        : new Finding(Area, "cgroup2", FindingState.Missing, "not mounted", "programs of cgroups cannot be attached", "mount -t cgroup2 none /sys/fs/cgroup");

    private static bool CanRead(string path, out string why)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            _ = file.ReadByte();
            why = "";
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            why = e.Message;
            return false;
        }
    }

    private static string? PlaceOf(string type)
    {
        foreach (string line in Privileges.ReadLines("/proc/self/mounts"))
        {
            string[] words = line.Split(' ');
            if (words.Length > 2 && words[2] == type)
            {
                return words[1];
            }
        }

        return null;
    }
}
