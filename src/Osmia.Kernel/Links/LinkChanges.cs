using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Links;

/// <summary>What can be done with a bpf_link while it lives.</summary>
public static class LinkChanges
{
    private const uint ReplaceFlag = 1 << 2;

    /// <summary>The link of the kernel behind an attachment; null for one by ioctl, socket option or netlink, and for links of many places.</summary>
    public static BpfHandle? LinkHandle(this KernelLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        return link.Handles.FirstOrDefault(handle => TryId(handle) is not null);
    }

    /// <summary>The kernel's number of the link, as <c>bpftool link</c> shows it; null when there is none.</summary>
    public static uint? Id(this KernelLink link) => link.LinkHandle() is { } handle ? TryId(handle) : null;

    /// <summary>
    /// Puts another program of the same type into the place of the one attached: no packet and no call runs between the two. Links of cgroups, XDP, TCX,
    /// netkit, network namespaces and netfilter (BPF_LINK_UPDATE, Linux 5.7 and later).
    /// </summary>
    /// <param name="expected">The program that must be there now, else nothing changes.</param>
    /// <exception cref="KernelException">OSM5038: the kernel refused.</exception>
    public static void Replace(this KernelLink link, KernelProgram program, KernelProgram? expected = null)
    {
        ArgumentNullException.ThrowIfNull(program);
        BpfHandle handle = link.LinkHandle() ?? throw Refusal.Unsupported("OSM5038", $"the program at {link.Target.Describe()} cannot be replaced", "BPF_LINK_UPDATE without a link",
            "it is not attached by a bpf_link", "attach the new program, then dispose the old link");
        var attributes = new LinkUpdateAttributes
        {
            LinkFd = handle.Descriptor, NewFd = program.Handle.Descriptor, Flags = expected is null ? 0 : ReplaceFlag, OldFd = expected?.Handle.Descriptor ?? 0,
        };
        int result = BpfSyscall.Call(BpfCommand.LinkUpdate, ref attributes);
        GC.KeepAlive(program);
        GC.KeepAlive(expected);
        if (result < 0)
        {
            throw Refusal.Of("OSM5038", $"the program at {link.Target.Describe()} cannot be replaced by '{program.Name}'", "bpf(BPF_LINK_UPDATE)", result, $"program '{program.Name}'", -result switch
            {
                Errno.EINVAL when expected is not null => "links of this kind take no replacement, or the program is of another type",
                Errno.EINVAL => "links of this kind take no replacement, or the program is of another type or for another attach type",
                Errno.EPERM when expected is not null => $"another program than '{expected.Name}' is attached now",
                67 => "the link was detached by force, or its device or cgroup is gone",
                _ => null,
            }, -result == Errno.EINVAL ? "attach the new program, then dispose the old link" : null);
        }
    }

    /// <summary>What the kernel knows of the link.</summary>
    /// <exception cref="InvalidOperationException">The attachment has no bpf_link.</exception>
    public static LinkInfo Describe(this KernelLink link)
    {
        ArgumentNullException.ThrowIfNull(link);
        uint id = link.Id() ?? throw new InvalidOperationException($"{link.Target.Describe()} is not attached by a bpf_link");
        return KernelInventory.Links(withDetails: true).First(info => info.Id == id);
    }

    private static uint? TryId(BpfHandle handle)
    {
        // The second name is of links that were opened again, by their pin or id.
        if (handle.IsClosed || new FileInfo($"/proc/self/fd/{handle.Descriptor}").LinkTarget is not ("anon_inode:bpf_link" or "anon_inode:bpf-link"))
        {
            return null;
        }

        var info = new LinkInfoData();
        return BpfSyscall.Info(handle.Descriptor, ref info) >= 0 ? info.Id : null;
    }
}
