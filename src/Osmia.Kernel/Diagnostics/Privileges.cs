using System.Globalization;
using Osmia.Bytecode;

namespace Osmia.Kernel.Diagnostics;

/// <summary>Linux capabilities that eBPF asks for, with the kernel's bit numbers (include/uapi/linux/capability.h).</summary>
internal enum Capability
{
    DacReadSearch = 2,
    NetAdmin = 12,
    NetRaw = 13,
    SysPtrace = 19,
    SysAdmin = 21,
    PerfMon = 38,
    Bpf = 39,
}

/// <summary>What this process (the calling thread: capabilities are its own) may do, read only when something was refused, to say why.</summary>
internal static class Privileges
{
    /// <summary>The likely reason of EPERM or EACCES, most telling first.</summary>
    public static string Explain(params ReadOnlySpan<Capability> needed)
    {
        ulong? effective = EffectiveCapabilities();
        var missing = new List<string>();
        foreach (Capability capability in needed)
        {
            if (effective is { } bits && !Gives(bits, capability))
            {
                missing.Add(Name(capability));
            }
        }

        if (missing.Count > 0)
        {
            string sysctl = ReadSetting("/proc/sys/kernel/unprivileged_bpf_disabled") is { } value ? $" (kernel.unprivileged_bpf_disabled = {value})" : "";
            return $"this process runs as {Environment.UserName} without {string.Join(" and ", missing)}{sysctl}";
        }

        string lockdown = Lockdown.Mode() is { } mode ? $" (kernel lockdown: {mode})" : "";
        return $"the process has the capabilities, so a security policy of the kernel refused it: lockdown, an LSM, a seccomp filter or the user namespace{lockdown}";
    }

    /// <summary>The remedy that goes with <see cref="Explain"/>: what is missing, or all that is needed when nothing is.</summary>
    public static string Remedy(params ReadOnlySpan<Capability> needed)
    {
        var names = new List<string>();
        var missing = new List<string>();
        foreach (Capability capability in needed)
        {
            names.Add(Name(capability));
            if (IsMissing(capability))
            {
                missing.Add(Name(capability));
            }
        }

        string wanted = string.Join(" and ", missing.Count > 0 ? missing : names);
        string start = Environment.IsPrivilegedProcess && missing.Count > 0 ? $"start it with {wanted}, which was taken from this root" : $"run as root, or give the process {wanted}";
        string option = string.Concat((missing.Count > 0 ? missing : names).Select(name => $" --cap-add {name["CAP_".Length..]}"));
        return $"{start}; a container gets it by{option}; or use the VM engine, which needs none";
    }

    /// <summary>What loading a program of the type takes, besides what its helpers ask for.</summary>
    public static Capability[] NeededBy(ProgramType type) => (ProgramTypeTable.Find(type)?.Needs ?? ProgramNeeds.None) switch
    {
        ProgramNeeds.NetAdmin => [Capability.Bpf, Capability.NetAdmin],
        ProgramNeeds.Perfmon => [Capability.Bpf, Capability.PerfMon],
        ProgramNeeds.NetAdmin | ProgramNeeds.Perfmon => [Capability.Bpf, Capability.PerfMon, Capability.NetAdmin],
        _ => [Capability.Bpf],
    };

    public static bool IsMissing(Capability capability) =>
        EffectiveCapabilities() is { } bits && !Gives(bits, capability);

    // bpf(2) and perf_event_open(2) take CAP_SYS_ADMIN for each of the three that were split off it, or that they ask for beside it.
    private static bool Gives(ulong bits, Capability capability) =>
        (bits & (1ul << (int)capability)) != 0
        || (capability is Capability.Bpf or Capability.PerfMon or Capability.NetAdmin && (bits & (1ul << (int)Capability.SysAdmin)) != 0);

    internal static string Name(Capability capability) => capability switch
    {
        Capability.NetAdmin => "CAP_NET_ADMIN",
        Capability.NetRaw => "CAP_NET_RAW",
        Capability.SysAdmin => "CAP_SYS_ADMIN",
        Capability.PerfMon => "CAP_PERFMON",
        Capability.SysPtrace => "CAP_SYS_PTRACE",
        Capability.DacReadSearch => "CAP_DAC_READ_SEARCH",
        _ => "CAP_BPF",
    };

    /// <summary>Whether the calling thread has the capability itself.</summary>
    public static bool Has(Capability capability) => EffectiveCapabilities() is { } bits && (bits & (1ul << (int)capability)) != 0;

    /// <summary>Whether CAP_SYS_ADMIN, which the calling thread has, gives what the capability was split off for.</summary>
    public static bool IsCovered(Capability capability) => capability is Capability.Bpf or Capability.PerfMon && Has(Capability.SysAdmin);

    /// <summary>0 without a filter; null when the kernel does not say.</summary>
    public static int? SeccompMode() =>
        ReadLines("/proc/thread-self/status").FirstOrDefault(line => line.StartsWith("Seccomp:", StringComparison.Ordinal)) is { } line
        && int.TryParse(line["Seccomp:".Length..].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int mode) ? mode : null;

    /// <summary>The first user namespace maps every number to itself.</summary>
    public static bool IsInInitialUserNamespace() =>
        ReadLines("/proc/self/uid_map") is not [var line, ..] || line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"];

    private static ulong? EffectiveCapabilities()
    {
        const string Label = "CapEff:";
        foreach (string line in ReadLines("/proc/thread-self/status"))
        {
            if (line.StartsWith(Label, StringComparison.Ordinal)
                && ulong.TryParse(line.AsSpan(Label.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong bits))
            {
                return bits;
            }
        }

        return null;
    }

    internal static string? ReadSetting(string path) => File.Exists(path) && ReadLines(path) is [string first, ..] ? first.Trim() : null;

    // A file that may not be read explains nothing: the caller then says what it knows.
    internal static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
