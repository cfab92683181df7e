using Osmia.Bytecode;

namespace Osmia.Objects.Sections;

/// <summary>How a program of this kind finds where to attach.</summary>
public enum AttachKind
{
    /// <summary>No attach by section name; the program is run or referenced from elsewhere.</summary>
    None,
    Tracepoint,
    RawTracepoint,
    BtfTracepoint,
    PerfEvent,
    Kprobe,
    Uprobe,
    Usdt,
    Xdp,
    TrafficControl,
    Cgroup,
    SocketFilter,
    Tracing,
    Lsm,
    Iterator,
    StructOps,
    NetworkNamespace,
    Socket,
    Netfilter,
    Extension,
}

/// <summary>A section name read by the rules of <see cref="SectionTable"/>.</summary>
/// <param name="Name">The whole ELF section name.</param>
/// <param name="Pattern">The table's row that matched, such as <c>tp/</c>.</param>
/// <param name="Target">What follows the pattern: <c>sched/sched_switch</c>; empty when nothing does.</param>
public sealed record SectionMatch(string Name, string Pattern, string Target, ProgramType Type, AttachType? AttachType, AttachKind Kind)
{
    public bool IsSleepable { get; init; }

    /// <summary>XDP programs that accept multi-buffer packets (<c>BPF_F_XDP_HAS_FRAGS</c>).</summary>
    public bool HasFrags { get; init; }

    /// <summary>A return probe (<c>kretprobe</c>, <c>uretprobe</c>).</summary>
    public bool IsReturn { get; init; }

    /// <summary>The name began with <c>?</c>: not loaded unless asked for.</summary>
    public bool IsOptional { get; init; }

    /// <summary>iproute2's <c>ID/INDEX</c>: the program is an element of the prog array with that id.</summary>
    public (uint Map, uint Index)? TailCall { get; init; }
}
