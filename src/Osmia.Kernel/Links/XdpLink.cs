using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>XDP as a bpf_link: one program a device and mode; nobody else can replace it while the link lives.</summary>
internal static class XdpLink
{
    private const uint GenericFlag = 1 << 1;
    private const uint NativeFlag = 1 << 2;

    public static KernelLink Attach(KernelProgram program, XdpTarget target)
    {
        int device = NetworkDevice.Index(program, target, target.Device);
        uint flags = target.Mode switch
        {
            XdpMode.Generic => GenericFlag,
            XdpMode.Native => NativeFlag,
            _ => 0,
        };
        int fd = BpfSyscall.LinkCreate(program.Handle.Descriptor, device, (uint)AttachType.Xdp, flags);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EBUSY or Errno.EEXIST => ($"the device has an XDP program already{Present(device)}", "detach that one first: a device takes one XDP program"),
            Errno.EOPNOTSUPP => ($"the driver of {target.Device} has no native XDP, or not for this kind of program", "attach in generic mode"),
            Errno.EINVAL => ("the kernel is older than 5.9, the program was loaded for a device or devmap, or the device's MTU is too large for native mode", "attach in generic mode, or lower the MTU"),
            _ => ((string?)null, (string?)null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }

    // Device numbers repeat between network namespaces, so this is a hint.
    private static string Present(int device)
    {
        LinkInfo? link = KernelInventory.Links().FirstOrDefault(candidate => candidate.Type == LinkType.Xdp && candidate.DeviceIndex == device);
        return link is null ? "" : $", probably program {link.ProgramId} by link {link.Id}";
    }
}
