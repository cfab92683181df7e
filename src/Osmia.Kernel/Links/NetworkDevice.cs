using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Network devices by name, in the network namespace of the calling thread.</summary>
internal static class NetworkDevice
{
    public static int Index(KernelProgram program, AttachTarget target, string name)
    {
        uint index = Libc.InterfaceIndex(name);
        return index != 0 ? (int)index : throw KernelLink.Refused(program, target, "if_nametoindex", -Errno.ENODEV,
            $"this network namespace has no device '{name}'", $"its devices are: {string.Join(", ", Names())}", "OSM5032");
    }

    private static string[] Names()
    {
        const string List = "/proc/thread-self/net/dev";
        return File.Exists(List)
            ? File.ReadLines(List).Skip(2).Select(line => line[..Math.Max(line.IndexOf(':', StringComparison.Ordinal), 0)].Trim()).ToArray()
            : [];
    }
}
