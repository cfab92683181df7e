using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Cgroup hooks as bpf_links on a directory of the cgroup v2 hierarchy; the program's attach type is the hook.</summary>
internal static class CgroupLink
{
    public static KernelLink Attach(KernelProgram program, CgroupTarget target)
    {
        AttachType hook = program.Definition.AttachType ?? OnlyHook(program.Type)
            ?? throw Refusal.Unsupported("OSM5030", $"program '{program.Name}' ({program.Type.ToKernelName()}) names no hook of {target.Describe()}",
                $"{program.Type.ToKernelName()} without attach type", $"section '{program.Definition.Section.Name}' leaves open which hook it is for",
                "name it in the section, as in SEC(\"cgroup_skb/ingress\")", $"program '{program.Name}'");
        using BpfHandle directory = Open(program, target);
        int fd = BpfSyscall.LinkCreate(program.Handle.Descriptor, directory.Descriptor, (uint)hook, 0);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EPERM when !Privileges.IsMissing(Capability.NetAdmin) =>
                ("a cgroup above has a program at this hook that lets no other run below it", "detach that one, or attach it with BPF_F_ALLOW_MULTI"),
            Errno.EINVAL => ($"this kernel does not know hook {hook.ToKernelName()}, or the program was loaded for another one", null),
            Errno.E2BIG => ("the cgroup has 64 programs at this hook already", "detach some"),
            Errno.EBADF => ("the directory is not a cgroup", (string?)null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }

    private static BpfHandle Open(KernelProgram program, CgroupTarget target)
    {
        int fd = Libc.Open(target.Path, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
        {
            int result = -Marshal.GetLastPInvokeError();
            throw KernelLink.Refused(program, target, "open", result, "it must be an existing directory of the cgroup v2 hierarchy", Where(), "OSM5033");
        }

        // cgroup v1 directories, and those of other file systems, have no such file.
        if (!File.Exists(Path.Combine(target.Path, "cgroup.controllers")))
        {
            new BpfHandle(fd).Dispose();
            throw KernelLink.Refused(program, target, "open", -Errno.EBADF, "the directory is not part of the cgroup v2 hierarchy", Where(), "OSM5033");
        }

        return new BpfHandle(fd);
    }

    private static string Where() => CgroupMount.Find() is { } mount
        ? $"the hierarchy is mounted at {mount}; make a child there: mkdir {mount}/name"
        : "no cgroup v2 hierarchy is mounted; mount -t cgroup2 none /sys/fs/cgroup";

    private static AttachType? OnlyHook(ProgramType type) => type switch
    {
        ProgramType.CgroupSock => AttachType.CgroupInetSockCreate,
        ProgramType.SockOps => AttachType.CgroupSockOps,
        ProgramType.CgroupDevice => AttachType.CgroupDevice,
        ProgramType.CgroupSysctl => AttachType.CgroupSysctl,
        _ => null,
    };
}
