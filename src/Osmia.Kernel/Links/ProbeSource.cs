using System.Globalization;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>The kernel's dynamic event sources <c>kprobe</c> and <c>uprobe</c>: numbers that only the running kernel knows. Linux 4.17.</summary>
internal static class ProbeSource
{
    private const string Folder = "/sys/bus/event_source/devices/";

    /// <param name="name">"kprobe" or "uprobe".</param>
    /// <param name="config1">Address of the function's name or of the path.</param>
    /// <param name="config2">The offset.</param>
    /// <param name="semaphore">Of a USDT probe, the place in the file that counts its readers; 0 for none.</param>
    public static PerfEventAttributes Describe(KernelProgram program, AttachTarget target, string name, bool isReturn, ulong config1, ulong config2, ulong semaphore = 0)
    {
        if (!File.Exists($"{Folder}{name}/type"))
        {
            throw KernelLink.Refused(program, target, "open", -Errno.ENOENT,
                $"{Folder}{name} does not exist: the kernel has no {name}s (CONFIG_{name.ToUpperInvariant()}_EVENTS) or sysfs is not mounted",
                name == "kprobe" ? "use a tracepoint, raw tracepoint or tp_btf program, or a kernel with kprobes" : "use a kernel with uprobes, or mount sysfs on /sys", "OSM5031");
        }

        return new PerfEventAttributes
        {
            Type = uint.Parse(File.ReadAllText($"{Folder}{name}/type"), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture),
            Config = (isReturn ? 1ul << FirstBit($"{Folder}{name}/format/retprobe") : 0) | (semaphore != 0 ? semaphore << FirstBit($"{Folder}{name}/format/ref_ctr_offset") : 0),
            Config1 = config1,
            Config2 = config2,
        };
    }

    // The files read "config:0" and "config:32-63".
    private static int FirstBit(string path)
    {
        string format = File.ReadAllText(path).Trim();
        string bits = format[(format.IndexOf(':', StringComparison.Ordinal) + 1)..];
        int dash = bits.IndexOf('-', StringComparison.Ordinal);
        return int.Parse(dash < 0 ? bits : bits[..dash], NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
