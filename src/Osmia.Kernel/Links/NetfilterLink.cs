using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>A hook of netfilter in the namespace of the calling thread. Linux 6.4.</summary>
internal static class NetfilterLink
{
    private const uint FamilyIPv4 = 2;
    private const uint FamilyIPv6 = 10;
    private const uint Defragment = 1;

    public static KernelLink Attach(KernelProgram program, NetfilterTarget target)
    {
        var attributes = new LinkCreateAttributes
        {
            ProgramFd = program.Handle.Descriptor,
            AttachType = (uint)AttachType.Netfilter,
            NetfilterFamily = target.IsIPv6 ? FamilyIPv6 : FamilyIPv4,
            NetfilterHook = (uint)target.Hook,
            NetfilterPriority = target.Priority,
            NetfilterFlags = target.Defragment ? Defragment : 0,
        };
        int fd = BpfSyscall.Call(BpfCommand.LinkCreate, ref attributes);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EBUSY or Errno.EEXIST => ($"another program stands at priority {target.Priority} of this hook", "choose another priority"),
            Errno.ERANGE => ("the kernel keeps the first and the last priority for itself", "choose one between them"),
            Errno.EINVAL when target.Defragment => ("whole packets are there only behind priority -400, and from Linux 6.6 on", "choose a priority above -400"),
            Errno.EINVAL => ("the kernel is older than 6.4, or was built without CONFIG_NETFILTER_BPF_LINK", (string?)null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }
}
