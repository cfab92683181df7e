using System.Globalization;

namespace Osmia.Kernel.Diagnostics;

/// <summary>Linux capabilities that eBPF asks for, with the kernel's bit numbers (include/uapi/linux/capability.h).</summary>
internal enum Capability
{
    NetAdmin = 12,
    NetRaw = 13,
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
            if (effective is { } bits && (bits & (1ul << (int)capability)) == 0 && (bits & (1ul << (int)Capability.SysAdmin)) == 0)
            {
                missing.Add(Name(capability));
            }
        }

        if (missing.Count > 0)
        {
            string sysctl = ReadSetting("/proc/sys/kernel/unprivileged_bpf_disabled") is { } value ? $" (kernel.unprivileged_bpf_disabled = {value})" : "";
            return $"this process runs as {Environment.UserName} without {string.Join(" and ", missing)}{sysctl}";
        }

        string lockdown = Lockdown() is { } mode ? $" (kernel lockdown: {mode})" : "";
        return $"the process has the capabilities, so a security policy of the kernel refused it: lockdown, an LSM, a seccomp filter or the user namespace{lockdown}";
    }

    /// <summary>The remedy that goes with <see cref="Explain"/>.</summary>
    public static string Remedy(params ReadOnlySpan<Capability> needed)
    {
        var names = new List<string>();
        foreach (Capability capability in needed)
        {
            names.Add(Name(capability));
        }

        return $"run as root, or give the process {string.Join(" and ", names)}; in a container start it with these capabilities, or use the VM engine, which needs none";
    }

    public static bool IsMissing(Capability capability) =>
        EffectiveCapabilities() is { } bits && (bits & ((1ul << (int)capability) | (1ul << (int)Capability.SysAdmin))) == 0;

    private static string Name(Capability capability) => capability switch
    {
        Capability.NetAdmin => "CAP_NET_ADMIN",
        Capability.NetRaw => "CAP_NET_RAW",
        Capability.SysAdmin => "CAP_SYS_ADMIN",
        Capability.PerfMon => "CAP_PERFMON",
        _ => "CAP_BPF",
    };

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

    private static string? Lockdown()
    {
        string? text = ReadSetting("/sys/kernel/security/lockdown");
        int start = text?.IndexOf('[', StringComparison.Ordinal) ?? -1;
        int end = text?.IndexOf(']', StringComparison.Ordinal) ?? -1;
        return start >= 0 && end > start ? text![(start + 1)..end] : null;
    }

    private static string? ReadSetting(string path) => File.Exists(path) && ReadLines(path) is [string first, ..] ? first.Trim() : null;

    // A file that may not be read explains nothing: the caller then says what it knows.
    private static string[] ReadLines(string path)
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
