using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Programs over the sockets of a sockmap or sockhash: a bpf_link from Linux 6.10 on, before that BPF_PROG_ATTACH, undone when the link goes.</summary>
internal static class SockmapLink
{
    public static KernelLink Attach(KernelProgram program, SockmapTarget target)
    {
        KernelMap map = target.Map as KernelMap ?? throw new ArgumentException($"map '{target.Map.Name}' was not made by the kernel engine", nameof(target));
        AttachType hook = program.Definition.AttachType ?? (program.Type == ProgramType.SkMsg ? AttachType.SkMsgVerdict : AttachType.SkSkbStreamVerdict);
        int fd = BpfSyscall.LinkCreate(program.Handle.Descriptor, map.Handle.Descriptor, (uint)hook, 0);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        int result = -fd == Errno.EINVAL ? BpfSyscall.ProgramAttach(BpfCommand.ProgramAttach, program.Handle.Descriptor, map.Handle.Descriptor, (uint)hook) : fd;
        if (result >= 0)
        {
            return new DetachedLink(program, target, () => _ = BpfSyscall.ProgramAttach(BpfCommand.ProgramDetach, program.Handle.Descriptor, map.Handle.Descriptor, (uint)hook));
        }

        (string? why, string? remedy) = -result switch
        {
            Errno.EBUSY => ("the map has a program for this hook already, or one for streams where this is one for packets", "detach that one first"),
            Errno.EINVAL or Errno.EOPNOTSUPP => (map.Type is MapType.Sockmap or MapType.Sockhash ? $"a {map.Type.ToKernelName()} has no hook {hook.ToKernelName()}"
                : $"map '{map.Name}' ({map.Type.ToKernelName()}) is neither a sockmap nor a sockhash", (string?)null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_PROG_ATTACH)", result, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }
}
