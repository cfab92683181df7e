using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Events of the processor: samples by its counters, one event for each CPU or process, and breakpoints by its debug registers.</summary>
internal static class CounterLink
{
    public static KernelLink Attach(KernelProgram program, HardwareEventTarget target)
    {
        ArgumentOutOfRangeException.ThrowIfZero(target.Period);
        var handles = new List<BpfHandle>();
        try
        {
            foreach (int cpu in target.Pid > 0 ? [-1] : PossibleCpus.Online())
            {
                var attributes = new PerfEventAttributes { Type = PerfEvent.TypeHardware, Config = (ulong)target.Event, SamplePeriodOrFrequency = target.Period };
                handles.AddRange(PerfLinks.Open(program, target, ref attributes, target.Pid > 0 ? target.Pid : -1, cpu, "the processor does not count this event"));
            }

            return new KernelLink(program, target, [.. handles]);
        }
        catch
        {
            handles.ForEach(handle => handle.Dispose());
            throw;
        }
    }

    public static KernelLink AttachBreakpoint(KernelProgram program, BreakpointTarget target)
    {
        var attributes = new PerfEventAttributes
        {
            Type = PerfEvent.TypeBreakpoint,
            SamplePeriodOrFrequency = 1,
            BreakpointType = (uint)target.Access,
            Config1 = target.Address,
            Config2 = target.Access == BreakpointAccess.Execute ? sizeof(long) : (ulong)target.Length,
        };
        return new KernelLink(program, target, PerfLinks.Open(program, target, ref attributes, target.Pid, cpu: -1,
            $"the processor watches 1, 2, 4 or 8 bytes at a multiple of their number, not {target.Length} at 0x{target.Address:x}, or not for {target.Access}"));
    }
}
