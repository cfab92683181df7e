using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Programs that were verified for one function: fentry, fexit, fmod_ret (Linux 5.5), LSM hooks (5.7), freplace (5.6). The kernel knows the place.</summary>
internal static class FunctionLink
{
    public static KernelLink Attach(KernelProgram program, FunctionTarget target)
    {
        int fd = BpfSyscall.RawTracepointOpen(program.Handle.Descriptor, null);
        if (fd >= 0)
        {
            return new KernelLink(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EBUSY => ($"{target.Function} carries as many programs as it can, or something else has changed its first instructions", (string?)null),
            Errno.EINVAL => ("the program was verified for another kind of attach", null),
            Errno.ENOTSUPP => ($"this architecture or kernel builds no trampolines, which {target.Kind} needs", "use a kprobe or a tracepoint"),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_RAW_TRACEPOINT_OPEN)", fd, why, remedy, needed: [Capability.Bpf, Capability.PerfMon]);
    }
}
