using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>TCX: traffic control programs in order behind one another, without a clsact queueing discipline (Linux 6.6); on older kernels a filter of clsact.</summary>
internal static class TrafficControlLink
{
    public static KernelLink Attach(KernelProgram program, TrafficControlTarget target)
    {
        if (target.Mode == TrafficControlMode.Classifier)
        {
            return ClassifierLink.Attach(program, target);
        }

        int device = NetworkDevice.Index(program, target, target.Device);
        AttachType hook = target.IsEgress ? AttachType.TcxEgress : AttachType.TcxIngress;
        int fd = BpfSyscall.LinkCreate(program.Handle.Descriptor, device, (uint)hook, 0);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        // Kernels without TCX do not know the attach type.
        if (-fd == Errno.EINVAL && target.Mode == TrafficControlMode.Default && !KernelEngine.IsAtLeast(6, 6))
        {
            return ClassifierLink.Attach(program, target);
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EINVAL => ("the kernel is older than 6.6, which brought TCX, or the program was loaded for the other direction", "use a newer kernel, or the direction the section name says"),
            Errno.ERANGE => ("the device has 64 TCX programs already", "detach some"),
            _ => ((string?)null, (string?)null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }
}
