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

public enum TrafficControlMode
{
    /// <summary>TCX (Linux 6.6); on older kernels a filter of clsact.</summary>
    Default,
    Tcx,

    /// <summary>A filter of the queueing discipline clsact, which no descriptor holds: it stays when the process is killed.</summary>
    Classifier,
}

public sealed record TrafficControlTarget(string Device, bool IsEgress, TrafficControlMode Mode = TrafficControlMode.Default) : AttachTarget
{
    public override string Describe() => $"{(Mode == TrafficControlMode.Classifier ? "clsact" : "tcx")} {Device} {(IsEgress ? "egress" : "ingress")}";
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

/// <summary>An iterator over objects of the kernel (<c>task</c>, <c>bpf_map</c>, <c>tcp</c>, ...): attached once, read as often as wanted.</summary>
/// <param name="Kind">What is walked, as in <c>SEC("iter/KIND")</c>.</param>
public sealed record IteratorTarget(string Kind) : AttachTarget
{
    /// <summary>The map whose elements are walked: needed by <c>bpf_map_elem</c>, <c>bpf_sk_storage_map</c> and <c>sockmap</c>.</summary>
    public Map? Map { get; init; }

    /// <summary>Task iterators: the threads of this process only; 0 for all tasks. Linux 6.1.</summary>
    public int Pid { get; init; }

    /// <summary>Cgroup iterators: the directory to start from; null for the root. Linux 6.1.</summary>
    public string? Cgroup { get; init; }

    /// <summary>Cgroup iterators: which cgroups, in which order.</summary>
    public CgroupOrder Order { get; init; } = CgroupOrder.DescendantsPreOrder;

    public override string Describe() => $"iterator {Kind}{(Map is null ? "" : $" of map {Map.Name}")}{(Pid > 0 ? $" of process {Pid}" : "")}{(Cgroup is null ? "" : $" of {Cgroup}")}";
}

/// <summary><c>enum bpf_cgroup_iter_order</c>.</summary>
public enum CgroupOrder
{
    SelfOnly = 1,
    DescendantsPreOrder = 2,
    DescendantsPostOrder = 3,
    AncestorsUp = 4,
}

/// <summary>A hook of a network namespace (sk_lookup, flow_dissector); the program's attach type says which.</summary>
/// <param name="Path">As <c>/run/netns/NAME</c> or <c>/proc/PID/ns/net</c>; null for the namespace of the calling thread.</param>
public sealed record NetworkNamespaceTarget(string? Path = null) : AttachTarget
{
    public override string Describe() => $"network namespace {Path ?? "of this thread"}";
}

/// <summary>Hooks of netfilter, with the kernel's numbers (<c>NF_INET_*</c>).</summary>
public enum NetfilterHook
{
    PreRouting = 0,
    LocalIn = 1,
    Forward = 2,
    LocalOut = 3,
    PostRouting = 4,
}

/// <summary>A hook of netfilter in the namespace of the calling thread. Linux 6.4.</summary>
/// <param name="Priority">Lower ones run first; every one of a hook is used once. The kernel keeps its first and last for itself.</param>
/// <param name="IsIPv6">IPv6 (<c>NFPROTO_IPV6</c>) instead of IPv4.</param>
/// <param name="Defragment">The program sees whole packets: <c>BPF_F_NETFILTER_IP_DEFRAG</c>, Linux 6.6; needs a priority above -400.</param>
public sealed record NetfilterTarget(NetfilterHook Hook, int Priority = 0, bool IsIPv6 = false, bool Defragment = false) : AttachTarget
{
    public override string Describe() => $"netfilter {(IsIPv6 ? "ip6" : "ip")} {Hook} priority {Priority}";
}

/// <summary>A sockmap or sockhash of the same engine: sk_skb and sk_msg programs see the data of the sockets in it.</summary>
public sealed record SockmapTarget(Map Map) : AttachTarget
{
    public override string Describe() => $"sockmap {Map.Name}";
}

/// <summary>An open socket of this process: a socket filter, or the chooser of its SO_REUSEPORT group (sk_reuseport). Detached with the link, or with the socket.</summary>
public sealed record SocketTarget(System.Runtime.InteropServices.SafeHandle Socket) : AttachTarget
{
    public override string Describe() => $"socket {Socket.DangerousGetHandle()}";
}

/// <summary>A function of the kernel (<c>kprobe</c>, <c>kretprobe</c>), by name and offset in bytes.</summary>
/// <param name="IsSyscall">The name is that of a system call: the kernel's function for it on this architecture is meant (<c>ksyscall</c>).</param>
public sealed record KprobeTarget(string Function, ulong Offset = 0, bool IsReturn = false, bool IsSyscall = false) : AttachTarget
{
    public override string Describe() => $"{(IsSyscall ? IsReturn ? "kretsyscall" : "ksyscall" : IsReturn ? "kretprobe" : "kprobe")} {Function}{(Offset != 0 ? $"+0x{Offset:x}" : "")}";
}

/// <summary>Many functions at one stroke by a pattern with <c>*</c> and <c>?</c>: of the kernel, or of a binary when there is a <paramref name="Path"/>.</summary>
/// <param name="IsReturn">At their returns; with <paramref name="IsSession"/> at both ends whatever this says.</param>
/// <param name="Pid">Of a binary: one process, -1 for all.</param>
public sealed record MultiProbeTarget(string Pattern, string? Path = null, bool IsReturn = false, bool IsSession = false, int Pid = -1) : AttachTarget
{
    public override string Describe() => $"{(Path is null ? "k" : "u")}{(IsReturn ? "ret" : "")}probe.{(IsSession ? "session" : "multi")} {(Path is null ? "" : Path + ":")}{Pattern}";
}

/// <summary>A statically defined probe of a binary (USDT): every place where it stands.</summary>
/// <param name="Pid">One process, -1 for all.</param>
/// <param name="Cookie">What bpf_usdt_cookie gives the program.</param>
public sealed record UsdtTarget(string Path, string Provider, string Probe, int Pid = -1, ulong Cookie = 0) : AttachTarget
{
    public override string Describe() => $"usdt {Path}:{Provider}:{Probe}";
}

/// <summary>The function a <c>tracing</c>, <c>lsm</c> or <c>ext</c> program was verified for: fentry, fexit, fmod_ret, a hook of LSM, freplace.</summary>
public sealed record FunctionTarget(string Kind, string Function) : AttachTarget
{
    public override string Describe() => $"{Kind} {Function}";
}

/// <summary>Counters of the processor's performance unit, with the kernel's numbers (<c>PERF_COUNT_HW_*</c>).</summary>
public enum HardwareEvent
{
    CpuCycles = 0,
    Instructions = 1,
    CacheReferences = 2,
    CacheMisses = 3,
    BranchInstructions = 4,
    BranchMisses = 5,
    BusCycles = 6,
    StalledCyclesFrontend = 7,
    StalledCyclesBackend = 8,
    ReferenceCpuCycles = 9,
}

/// <summary>A sample every <paramref name="Period"/> events of the processor, of one process or of all.</summary>
public sealed record HardwareEventTarget(HardwareEvent Event, ulong Period, int Pid = -1) : AttachTarget
{
    public override string Describe() => $"perf_event {Event} every {Period}";
}

/// <summary>What a breakpoint stops at (<c>HW_BREAKPOINT_*</c>).</summary>
[Flags]
public enum BreakpointAccess
{
    Read = 1,
    Write = 2,
    Execute = 4,
}

/// <summary>Every access to an address of a process, by the processor's debug registers.</summary>
/// <param name="Length">Bytes watched: 1, 2, 4 or 8.</param>
public sealed record BreakpointTarget(ulong Address, BreakpointAccess Access, int Length, int Pid) : AttachTarget
{
    public override string Describe() => $"breakpoint {Access} 0x{Address:x}, {Length} bytes of process {Pid}";
}
