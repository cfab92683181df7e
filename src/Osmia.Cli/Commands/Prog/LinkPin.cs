using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Links;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Cli.Commands.Prog;

/// <summary>Which of a link's descriptors a file of the BPF file system can stand for.</summary>
[SupportedOSPlatform("linux")]
internal static class LinkPin
{
    /// <exception cref="RunException">OSM7016: it is held by something that cannot be pinned, or by several at once.</exception>
    public static BpfHandle HandleOf(Link link) => TryHandleOf(link) ?? throw RunErrors.NoLinkToPin(link.Target.Describe(), LinksOf(link).Length);

    /// <returns>Null when there is none, or more than one.</returns>
    public static BpfHandle? TryHandleOf(Link link) => LinksOf(link) is [var only] ? only : null;

    private static BpfHandle[] LinksOf(Link link) => link is KernelLink kernel ? [.. kernel.Handles.Where(handle => KernelInventory.KindOf(handle) == ObjectKind.Link)] : [];
}
