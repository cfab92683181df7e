namespace Osmia.Runtime;

/// <summary>Where a program is to be attached: inert data that an engine's table of attach kinds understands.</summary>
public abstract record AttachTarget
{
    /// <summary>How people name it: <c>tracepoint sched:sched_switch</c>, <c>xdp veth0</c>.</summary>
    public abstract string Describe();
}

public sealed record TracepointTarget(string Category, string Event) : AttachTarget
{
    public override string Describe() => $"tracepoint {Category}:{Event}";
}

public sealed record RawTracepointTarget(string Event) : AttachTarget
{
    public override string Describe() => $"raw_tracepoint {Event}";
}

/// <summary>A raw tracepoint with typed arguments (<c>tp_btf</c>); the event was fixed when the program was loaded.</summary>
public sealed record BtfTracepointTarget(string Event) : AttachTarget
{
    public override string Describe() => $"tp_btf {Event}";
}

/// <summary>Software events of perf_event_open(2), with the kernel's numbers (<c>PERF_COUNT_SW_*</c>).</summary>
public enum SoftwareEvent
{
    CpuClock = 0,
    TaskClock = 1,
    PageFaults = 2,
    ContextSwitches = 3,
}

/// <summary>Sampling: <paramref name="Frequency"/> samples a second on each CPU, of one process (<paramref name="Pid"/> &gt; 0) or of all.</summary>
public sealed record PerfEventTarget(SoftwareEvent Event, int Frequency, int Pid = -1) : AttachTarget
{
    public override string Describe() => $"perf_event {Event} at {Frequency} Hz";
}

/// <summary>A user function by symbol or by file offset; <paramref name="Pid"/> -1 is every process.</summary>
public sealed record UprobeTarget(string Path, string? Symbol, ulong Offset = 0, bool IsReturn = false, int Pid = -1) : AttachTarget
{
    public override string Describe() => $"{(IsReturn ? "uretprobe" : "uprobe")} {Path}:{Symbol}{(Offset != 0 || Symbol is null ? $"+0x{Offset:x}" : "")}";
}

public enum XdpMode
{
    /// <summary>The driver's mode where it has one, else generic.</summary>
    Default,
    Generic,
    Native,
}

public sealed record XdpTarget(string Device, XdpMode Mode = XdpMode.Default) : AttachTarget
{
    public override string Describe() => $"xdp {Device}";
}

public sealed record TrafficControlTarget(string Device, bool IsEgress) : AttachTarget
{
    public override string Describe() => $"tcx {Device} {(IsEgress ? "egress" : "ingress")}";
}

/// <summary>A cgroup v2 directory; the hook is the program's attach type.</summary>
public sealed record CgroupTarget(string Path) : AttachTarget
{
    public override string Describe() => $"cgroup {Path}";
}

/// <summary>A packet socket bound to a device (empty: all devices of the namespace) that the program filters; the engine opens and owns it.</summary>
public sealed record SocketFilterTarget(string Device) : AttachTarget
{
    public override string Describe() => $"socket filter {(Device.Length == 0 ? "all devices" : Device)}";
}

/// <summary>A struct of the kernel's callbacks: a map of <c>.struct_ops</c> or <c>.struct_ops.link</c>, attached whole by any one of its programs.</summary>
public sealed record StructOpsTarget(string Map) : AttachTarget
{
    public override string Describe() => $"struct_ops {Map}";
}
