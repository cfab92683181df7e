using System.Globalization;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Software perf events at a frequency: one event for each online CPU, or one for each thread of a process (threads started later inherit it).</summary>
internal static class SamplingLink
{
    public static KernelLink Attach(KernelProgram program, PerfEventTarget target)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(target.Frequency);
        var handles = new List<BpfHandle>();
        try
        {
            if (target.Pid > 0)
            {
                foreach (int thread in Threads(program, target))
                {
                    handles.AddRange(OpenThread(program, target, thread));
                }
            }
            else
            {
                foreach (int cpu in PossibleCpus.Online())
                {
                    PerfEventAttributes attributes = Describe(target, PerfEventFlags.None);
                    handles.AddRange(PerfLinks.Open(program, target, ref attributes, pid: -1, cpu, RateLimit(target)));
                }
            }

            return handles.Count > 0 ? new KernelLink(program, target, [.. handles]) : throw Gone(program, target);
        }
        catch
        {
            handles.ForEach(handle => handle.Dispose());
            throw;
        }
    }

    private static BpfHandle[] OpenThread(KernelProgram program, PerfEventTarget target, int thread)
    {
        PerfEventAttributes attributes = Describe(target, PerfEventFlags.Inherit | PerfEventFlags.InheritThread);
        int probe = PerfEvent.Open(ref attributes, thread, cpu: -1);
        if (probe >= 0)
        {
            new BpfHandle(probe).Dispose();
        }
        else if (-probe == Errno.ESRCH)
        {
            // The thread ended since it was listed.
            return [];
        }
        else if (-probe == Errno.EINVAL)
        {
            // Before Linux 5.13 inheritance cannot be limited to threads; child processes would be sampled too.
            attributes = Describe(target, PerfEventFlags.None);
        }

        return PerfLinks.Open(program, target, ref attributes, thread, cpu: -1, RateLimit(target));
    }

    private static PerfEventAttributes Describe(PerfEventTarget target, PerfEventFlags flags) => new()
    {
        Type = PerfEvent.TypeSoftware,
        Config = (ulong)target.Event,
        SamplePeriodOrFrequency = (ulong)target.Frequency,
        Flags = flags | PerfEventFlags.Frequency,
    };

    private static int[] Threads(KernelProgram program, PerfEventTarget target)
    {
        string directory = $"/proc/{target.Pid}/task";
        if (!Directory.Exists(directory))
        {
            throw Gone(program, target);
        }

        return Directory.EnumerateDirectories(directory).Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture)).ToArray();
    }

    private static KernelException Gone(KernelProgram program, PerfEventTarget target) =>
        KernelLink.Refused(program, target, "perf_event_open", -Errno.ESRCH, $"there is no process {target.Pid}", "give the number of a running process", "OSM5031");

    private static string RateLimit(PerfEventTarget target)
    {
        const string Limit = "/proc/sys/kernel/perf_event_max_sample_rate";
        return $"{target.Frequency} samples a second may be more than the kernel allows ({(File.Exists(Limit) ? File.ReadAllText(Limit).Trim() : "unknown")}, kernel.perf_event_max_sample_rate)";
    }
}
