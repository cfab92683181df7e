using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Ties a program to one perf event: a bpf_link from Linux 5.15 on, before that the ioctl, whose tie ends with the event.</summary>
internal static class PerfLinks
{
    /// <summary>Opens the event, ties the program to it and starts it.</summary>
    /// <param name="cookie">The value of bpf_get_attach_cookie; null when the program needs none, so that the ioctl does too.</param>
    public static BpfHandle[] Open(KernelProgram program, AttachTarget target, ref PerfEventAttributes attributes, int pid, int cpu, string? einval = null, ulong? cookie = null)
    {
        int fd = PerfEvent.Open(ref attributes, pid, cpu);
        if (fd < 0)
        {
            (string? why, string? remedy) = -fd switch
            {
                Errno.ESRCH => ($"there is no process {pid}", "give the number of a running process"),
                Errno.ENOENT => ("this machine has no such event source", (string?)null),
                Errno.EINVAL => (einval, null),
                _ => (null, null),
            };
            throw KernelLink.Refused(program, target, "perf_event_open", fd, why, remedy, needed: [Capability.PerfMon]);
        }

        return Tie(program, target, new BpfHandle(fd), cookie);
    }

    private static BpfHandle[] Tie(KernelProgram program, AttachTarget target, BpfHandle perfEvent, ulong? cookie)
    {
        BpfHandle? link = null;
        try
        {
            var attributes = new LinkCreateAttributes { ProgramFd = program.Handle.Descriptor, Target = perfEvent.Descriptor, AttachType = (uint)AttachType.PerfEvent, Cookie = cookie ?? 0 };
            int created = BpfSyscall.Call(BpfCommand.LinkCreate, ref attributes);
            if (created >= 0)
            {
                link = new BpfHandle(created);
            }
            else if (created == -Errno.EEXIST)
            {
                throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", created, "this program is attached to that event already, with the same cookie", "load it a second time, or attach another program");
            }
            else if (cookie is not null)
            {
                throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", created,
                    -created == Errno.EINVAL ? "the program finds its place by a cookie, which perf links have from Linux 5.15 on" : null, needed: [Capability.PerfMon]);
            }
            else if (PerfEvent.SetProgram(perfEvent.Descriptor, program.Handle.Descriptor) is < 0 and var refused)
            {
                throw KernelLink.Refused(program, target, "ioctl(PERF_EVENT_IOC_SET_BPF)", refused,
                    -refused == Errno.EEXIST ? "another program owns this event" : -refused == Errno.EACCES ? "the program reads more of the context than this event has" : null,
                    needed: [Capability.PerfMon]);
            }

            int started = PerfEvent.Start(perfEvent.Descriptor);
            if (started < 0)
            {
                throw KernelLink.Refused(program, target, "ioctl(PERF_EVENT_IOC_ENABLE)", started);
            }

            return link is null ? [perfEvent] : [link, perfEvent];
        }
        catch
        {
            link?.Dispose();
            perfEvent.Dispose();
            throw;
        }
    }
}
