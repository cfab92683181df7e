using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Tracepoints by their number in tracefs. The event is opened on CPU 0, and the program runs for hits on every CPU.</summary>
internal static class TracepointLink
{
    public static KernelLink Attach(KernelProgram program, TracepointTarget target)
    {
        int id = Tracefs.EventId(target.Category, target.Event,
            (why, remedy) => KernelLink.Refused(program, target, "open", -Errno.ENOENT, why, remedy, "OSM5031"));
        var attributes = new PerfEventAttributes { Type = PerfEvent.TypeTracepoint, Config = (ulong)id, SamplePeriodOrFrequency = 1 };
        BpfHandle[] handles = PerfLinks.Open(program, target, ref attributes, pid: -1, cpu: 0);
        if (handles is [_, var perfEvent])
        {
            // The link detaches the program. The event of it then counts for nobody, and the kernel waits long when it goes.
            perfEvent.MayLinger = true;
        }

        return new KernelLink(program, target, handles);
    }
}
