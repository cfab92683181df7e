using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Programs of netkit devices as bpf_links, in order behind one another (Linux 6.7).</summary>
internal static class NetkitLink
{
    public static KernelLink Attach(KernelProgram program, NetkitTarget target)
    {
        int device = NetworkDevice.Index(program, target, target.Device);
        AttachType hook = target.IsPeer ? AttachType.NetkitPeer : AttachType.NetkitPrimary;
        int fd = BpfSyscall.LinkCreate(program.Handle.Descriptor, device, (uint)hook, 0);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EINVAL => ("the kernel has no netkit (CONFIG_NETKIT, Linux 6.7), or the program was loaded for the other end", "use a veth pair and TCX (SEC(\"tcx/ingress\"))"),
            Errno.ENXIO => ($"{target.Device} is no netkit device", "make one: ip link add NAME type netkit"),
            Errno.EACCES => ($"{target.Device} is the peer's end, from which nothing is attached", "attach from the primary device"),
            Errno.ERANGE => ("the device has 64 programs already", "detach some"),
            _ => ((string?)null, (string?)null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }
}
