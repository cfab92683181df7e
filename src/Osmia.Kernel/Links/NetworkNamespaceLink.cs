using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Hooks of a network namespace as bpf_links: flow_dissector (Linux 5.8), sk_lookup (5.9).</summary>
internal static class NetworkNamespaceLink
{
    private const string OwnNamespace = "/proc/thread-self/ns/net";

    public static KernelLink Attach(KernelProgram program, NetworkNamespaceTarget target)
    {
        int opened = Libc.Open(target.Path ?? OwnNamespace, Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        if (opened < 0)
        {
            throw KernelLink.Refused(program, target, "open", -Marshal.GetLastPInvokeError(), "it must be the file of a network namespace", "as /run/netns/NAME or /proc/PID/ns/net", "OSM5037");
        }

        using var space = new BpfHandle(opened);
        AttachType hook = program.Type == ProgramType.SkLookup ? AttachType.SkLookup : AttachType.FlowDissector;
        int fd = BpfSyscall.LinkCreate(program.Handle.Descriptor, space.Descriptor, (uint)hook, 0);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.E2BIG or Errno.EEXIST => (hook == AttachType.SkLookup ? "the namespace has 64 programs at this hook already" : "the namespace has a flow dissector already, or the first namespace has one", "detach that one first"),
            Errno.EINVAL => ("the file is not that of a network namespace, or the kernel is older than this hook", (string?)null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.NetAdmin]);
    }
}
