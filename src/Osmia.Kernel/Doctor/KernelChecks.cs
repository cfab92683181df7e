using Osmia.Kernel.Diagnostics;

namespace Osmia.Kernel.Doctor;

/// <summary>Version, types and symbols of the running kernel.</summary>
internal static class KernelChecks
{
    private const string Area = "kernel";
    private const string Types = "/sys/kernel/btf/vmlinux";

    public static IEnumerable<Finding> Look()
    {
        string release = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        yield return KernelEngine.IsAtLeast(5, 8) ? new Finding(Area, "release", FindingState.Good, release)
            : new Finding(Area, "release", FindingState.Limited, release, "ring buffers, iterators and CAP_BPF came with Linux 5.8", "use a kernel of 5.15 or newer");
        yield return TypesOfKernel();
        yield return Modules();
        yield return Symbols();
        yield return MemoryLimit();
    }

    private static Finding TypesOfKernel()
    {
        const string Subject = "types (BTF)";
        if (KernelEngine.RunningTarget().Types is { } types)
        {
            return new Finding(Area, Subject, FindingState.Good, $"{types.Count} types in {Types}");
        }

        bool exists = File.Exists(Types);
        return new Finding(Area, Subject, FindingState.Missing, exists ? $"{Types} cannot be read" : $"{Types} does not exist", "CO-RE relocations, tp_btf, fentry, LSM, iterators, struct_ops and kfuncs need them",
            exists ? "mount sysfs so that this process may read it" : "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, or link against a file of types (--target RELEASE,FILE)");
    }

    private static Finding Modules()
    {
        const string Folder = "/sys/kernel/btf";
        int count = Directory.Exists(Folder) ? Directory.EnumerateFiles(Folder).Count() - (File.Exists(Types) ? 1 : 0) : 0;
        bool any = File.Exists("/proc/modules") && Privileges.ReadLines("/proc/modules").Length > 0;
        return count > 0 || !any ? new Finding(Area, "types of modules", FindingState.Good, any ? $"of {count} modules" : "no module is loaded")
            : new Finding(Area, "types of modules", FindingState.Limited, "of no module", "relocations against types of modules and fentry on their functions fail", "use a kernel built with CONFIG_DEBUG_INFO_BTF_MODULES=y");
    }

    private static Finding Symbols()
    {
        const string Subject = "symbols";
        string? first = null;
        try
        {
            first = File.ReadLines("/proc/kallsyms").FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding(Area, Subject, FindingState.Limited, $"/proc/kallsyms cannot be read: {e.Message}", "kernel addresses stay without names", "use a kernel built with CONFIG_KALLSYMS=y");
        }

        return first is null || first.StartsWith("0000000000000000", StringComparison.Ordinal)
            ? new Finding(Area, Subject, FindingState.Limited, "/proc/kallsyms shows no addresses", "kernel addresses stay without names, ksym variables by address fail",
                "run with CAP_SYSLOG, or sysctl kernel.kptr_restrict=0 with kernel.perf_event_paranoid at most 1")
            : new Finding(Area, Subject, FindingState.Good, "/proc/kallsyms shows addresses");
    }

    private static Finding MemoryLimit()
    {
        const string Subject = "locked memory";
        return KernelEngine.IsAtLeast(5, 11) ? new Finding(Area, Subject, FindingState.Good, "maps are counted by memory cgroups, not by RLIMIT_MEMLOCK")
            : new Finding(Area, Subject, FindingState.Limited, "maps count against RLIMIT_MEMLOCK (before Linux 5.11)", "large maps are refused with EPERM", "raise the limit: ulimit -l unlimited");
    }
}
