using System.Runtime.Versioning;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Inventory;

/// <summary>Processes and pins that keep an object, as one cell: <c>osmia(1234), /sys/fs/bpf/x</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class HeldBy
{
    public static string Of(IReadOnlyList<Holder> holders, IReadOnlyList<string> pins) =>
        string.Join(", ", holders.Select(holder => $"{holder.Command}({holder.Pid})").Concat(pins));
}
