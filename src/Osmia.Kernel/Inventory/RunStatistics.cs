using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Inventory;

/// <summary>
/// The kernel counts runs and run time of every program while somebody holds this (BPF_ENABLE_STATS, Linux 5.8); it costs each run two readings of the
/// clock. Disposing it, or the end of the process, turns it off again unless others hold it too.
/// </summary>
public sealed class RunStatistics : IDisposable
{
    private const int RunTime = 0;

    private readonly BpfHandle _handle;

    private RunStatistics(BpfHandle handle) => _handle = handle;

    /// <exception cref="Objects.Diagnostics.KernelException">OSM5073: the kernel does not count for this process.</exception>
    public static RunStatistics Enable()
    {
        var attributes = new SingleAttribute { Value = RunTime };
        int fd = BpfSyscall.Call(BpfCommand.EnableStatistics, ref attributes);
        return fd >= 0 ? new RunStatistics(new BpfHandle(fd))
            : throw Refusal.Of("OSM5073", "the kernel does not count the runs of programs", "bpf(BPF_ENABLE_STATS)", fd,
                why: -fd == Errno.EINVAL ? "it is older than 5.8" : null, remedy: -fd == Errno.EINVAL ? "sysctl kernel.bpf_stats_enabled=1" : null, needed: [Capability.SysAdmin]);
    }

    public void Dispose() => _handle.Dispose();
}
