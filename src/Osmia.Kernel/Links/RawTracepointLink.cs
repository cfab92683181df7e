using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Raw tracepoints by name, and typed ones, whose event the program was verified for.</summary>
internal static class RawTracepointLink
{
    public static KernelLink Attach(KernelProgram program, RawTracepointTarget target) => Open(program, target, target.Event, target.Event);

    public static KernelLink AttachTyped(KernelProgram program, BtfTracepointTarget target) => Open(program, target, null, target.Event);

    private static KernelLink Open(KernelProgram program, AttachTarget target, string? name, string eventName)
    {
        int fd = BpfSyscall.RawTracepointOpen(program.Handle.Descriptor, name);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        if (-fd == Errno.ENOENT)
        {
            throw KernelLink.Refused(program, target, "bpf(BPF_RAW_TRACEPOINT_OPEN)", fd, $"this kernel has no raw tracepoint {eventName}",
                NearestNames.Suggest(eventName, Tracefs.Events().Select(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..])), "OSM5031");
        }

        throw KernelLink.Refused(program, target, "bpf(BPF_RAW_TRACEPOINT_OPEN)", fd,
            -fd == Errno.EINVAL ? "the program reads more arguments than the tracepoint has, or it was verified for another kind of attach" : null, needed: [Capability.Bpf, Capability.PerfMon]);
    }
}
