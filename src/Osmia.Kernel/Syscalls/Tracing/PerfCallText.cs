using System.Globalization;

namespace Osmia.Kernel.Syscalls.Tracing;

/// <summary>perf_event_open(2) and its ioctls as text.</summary>
internal static class PerfCallText
{
    private static readonly string[] s_types = ["HARDWARE", "SOFTWARE", "TRACEPOINT", "HW_CACHE", "RAW", "BREAKPOINT"];

    private static readonly string[] s_software =
    [
        "CPU_CLOCK", "TASK_CLOCK", "PAGE_FAULTS", "CONTEXT_SWITCHES", "CPU_MIGRATIONS", "PAGE_FAULTS_MIN", "PAGE_FAULTS_MAJ", "ALIGNMENT_FAULTS", "EMULATION_FAULTS", "DUMMY", "BPF_OUTPUT", "CGROUP_SWITCHES",
    ];

    public static string Of(in PerfEventAttributes attributes, int pid, int cpu)
    {
        string type = attributes.Type < s_types.Length ? "PERF_TYPE_" + s_types[attributes.Type]
            : string.Create(CultureInfo.InvariantCulture, $"{attributes.Type} /* {SourceName(attributes.Type)} */");
        string config = attributes.Type == PerfEvent.TypeSoftware && attributes.Config < (ulong)s_software.Length ? "PERF_COUNT_SW_" + s_software[attributes.Config]
            : attributes.Type == PerfEvent.TypeTracepoint ? attributes.Config.ToString(CultureInfo.InvariantCulture) : $"0x{attributes.Config:x}";
        string rate = attributes.Flags.HasFlag(PerfEventFlags.Frequency) ? "sample_freq" : "sample_period";
        string rest = (attributes.SampleType != 0 ? $", sample_type=0x{attributes.SampleType:x}" : "")
            + (attributes.WakeupEvents != 0 ? $", wakeup_events={attributes.WakeupEvents}" : "")
            + (attributes.BreakpointType != 0 ? $", bp_type={attributes.BreakpointType}" : "")
            + (attributes.Config1 != 0 ? $", config1=0x{attributes.Config1:x}" : "")
            + (attributes.Config2 != 0 ? $", config2=0x{attributes.Config2:x}" : "")
            + (attributes.Flags.HasFlag(PerfEventFlags.Inherit) ? ", inherit=1" : "");
        return string.Create(CultureInfo.InvariantCulture,
            $"perf_event_open({{type={type}, size={attributes.Size}, config={config}, {rate}={attributes.SamplePeriodOrFrequency}{rest}}}, {pid}, {cpu}, -1, PERF_FLAG_FD_CLOEXEC)");
    }

    public static string OfControl(int fd, nuint request, nint argument) => request switch
    {
        PerfEvent.Enable => $"ioctl({fd}, PERF_EVENT_IOC_ENABLE, {argument})",
        PerfEvent.SetBpf => $"ioctl({fd}, PERF_EVENT_IOC_SET_BPF, {argument})",
        PerfEvent.PauseOutput => $"ioctl({fd}, PERF_EVENT_IOC_PAUSE_OUTPUT, {argument})",
        _ => $"ioctl({fd}, 0x{request:x}, {argument})",
    };

    // Dynamic event sources have numbers of the running kernel.
    private static string SourceName(uint type)
    {
        const string Folder = "/sys/bus/event_source/devices";
        foreach (string name in (string[])["kprobe", "uprobe", "cpu"])
        {
            if (File.Exists($"{Folder}/{name}/type") && File.ReadAllText($"{Folder}/{name}/type").Trim() == type.ToString(CultureInfo.InvariantCulture))
            {
                return name;
            }
        }

        return "PERF_TYPE_???";
    }
}
