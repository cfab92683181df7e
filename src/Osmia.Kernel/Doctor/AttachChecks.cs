using Osmia.Bytecode;
using Osmia.Kernel.Features;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Doctor;

/// <summary>What programs can be attached to here, each kind tried with the smallest program.</summary>
internal static class AttachChecks
{
    private const string Area = "attaching";
    private const string Sources = "/sys/bus/event_source/devices";

    private static readonly (string Subject, ProgramType Type, AttachType Attach, string Instead)[] s_kinds =
    [
        ("tp_btf", ProgramType.Tracing, AttachType.TraceRawTp, "use raw tracepoints"),
        ("fentry, fexit", ProgramType.Tracing, AttachType.TraceFexit, "use tp_btf, tracepoints or kprobes"),
        ("fmod_ret", ProgramType.Tracing, AttachType.ModifyReturn, "use a cgroup or network hook to refuse something"),
        ("LSM", ProgramType.Lsm, AttachType.LsmMac, "use a cgroup hook to refuse something, a tracepoint to see it"),
        ("iterators", ProgramType.Tracing, AttachType.TraceIter, "read the files of /proc"),
        ("kprobe.multi", ProgramType.Kprobe, AttachType.TraceKprobeMulti, "use one kprobe a function"),
        ("uprobe.multi", ProgramType.Kprobe, AttachType.TraceUprobeMulti, "use one uprobe a function"),
        ("perf links", ProgramType.Tracepoint, AttachType.PerfEvent, "the engine ties programs by ioctl by itself; cookies are missing"),
        ("TCX", ProgramType.SchedCls, AttachType.TcxIngress, "the engine makes a filter of clsact by itself"),
        ("netkit", ProgramType.SchedCls, AttachType.NetkitPrimary, "use veth devices and TCX"),
        ("netfilter", ProgramType.Netfilter, AttachType.Netfilter, "use TC or XDP"),
        ("cgroup", ProgramType.CgroupSkb, AttachType.CgroupInetIngress, ""),
    ];

    public static IEnumerable<Finding> Look()
    {
        KernelFeatures features = KernelFeatures.Probe();
        foreach ((string source, string effect, string instead) in ((string, string, string)[])
            [("kprobe", "kprobe, kretprobe and ksyscall cannot be attached", "use tracepoints, raw tracepoints or tp_btf, or a kernel with CONFIG_KPROBE_EVENTS"),
             ("uprobe", "uprobe, uretprobe and USDT cannot be attached", "use a kernel with CONFIG_UPROBE_EVENTS"),
             ("cpu", "hardware events (cycles, cache misses) cannot be counted or sampled", "virtual machines often have no counters; sample by cpu-clock, or give the machine a virtual PMU")])
        {
            yield return Directory.Exists($"{Sources}/{source}")
                ? new Finding(Area, source == "cpu" ? "hardware events" : source, FindingState.Good, $"{Sources}/{source}")
                : new Finding(Area, source == "cpu" ? "hardware events" : source, FindingState.Limited, $"{Sources}/{source} does not exist", effect, instead);
        }

        yield return PerfEvents();
        foreach ((string subject, ProgramType type, AttachType attach, string instead) in s_kinds)
        {
            FeatureAnswer answer = features.Attach(type, attach);
            yield return answer.IsAvailable ? new Finding(Area, subject, FindingState.Good, "a trial was accepted")
                : new Finding(Area, subject, FindingState.Limited, answer.Reason, $"{subject} cannot be used", instead);
        }
    }

    private static Finding PerfEvents()
    {
        var attributes = new PerfEventAttributes { Type = PerfEvent.TypeSoftware, SamplePeriodOrFrequency = 1_000_000 };
        int fd = PerfEvent.Open(ref attributes, pid: -1, cpu: 0);
        if (fd >= 0)
        {
            new BpfHandle(fd).Dispose();
            return new Finding(Area, "perf events", FindingState.Good, "one was opened and dropped");
        }

        return new Finding(Area, "perf events", FindingState.Missing, $"perf_event_open: {Errno.Describe(-fd)}", "tracepoints, probes, sampling and perf buffers cannot be opened",
            "run with CAP_PERFMON, or sysctl kernel.perf_event_paranoid=-1; in a container let its seccomp profile pass perf_event_open");
    }
}
