namespace Osmia.Bytecode;

/// <summary>Link types, with the kernel's numbers (<c>enum bpf_link_type</c>, include/uapi/linux/bpf.h, as of Linux 7.2; up to 14 in 6.18).</summary>
public enum LinkType
{
    Unspec = 0,
    RawTracepoint = 1,
    Tracing = 2,
    Cgroup = 3,
    Iter = 4,
    Netns = 5,
    Xdp = 6,
    PerfEvent = 7,
    KprobeMulti = 8,
    StructOps = 9,
    Netfilter = 10,
    Tcx = 11,
    UprobeMulti = 12,
    Netkit = 13,
    Sockmap = 14,

    /// <summary>Linux 7.2.</summary>
    TracingMulti = 15,
}

/// <summary>Kernel text of <see cref="LinkType"/>: the words bpftool and libbpf print.</summary>
public static class LinkTypeNames
{
    private static readonly string[] s_names =
    [
        "unspec",
        "raw_tracepoint",
        "tracing",
        "cgroup",
        "iter",
        "netns",
        "xdp",
        "perf_event",
        "kprobe_multi",
        "struct_ops",
        "netfilter",
        "tcx",
        "uprobe_multi",
        "netkit",
        "sockmap",
        "tracing_multi",
    ];

    // Types up to netns were numbered when links could first be listed.
    private static readonly KernelVersion[] s_since =
    [
        new(5, 8), new(5, 8), new(5, 8), new(5, 8), new(5, 8), new(5, 8), new(5, 9), new(5, 15),
        new(5, 18), new(6, 4), new(6, 4), new(6, 6), new(6, 6), new(6, 7), new(6, 10), new(7, 2),
    ];

    /// <summary>Number of members known to this table; larger values are newer than it.</summary>
    public static int Count => s_names.Length;

    /// <summary>The first kernel whose programs can be attached by such a link; null for a type newer than this table.</summary>
    public static KernelVersion? Since(this LinkType value) => (uint)value < (uint)s_since.Length ? s_since[(int)value] : null;

    /// <summary>The kernel's short word, or <c>type N</c> for a value newer than this table.</summary>
    public static string ToKernelName(this LinkType value) =>
        (uint)value < (uint)s_names.Length ? s_names[(int)value] : $"type {(int)value}";

    /// <summary>Finds the value whose kernel word is <paramref name="name"/>.</summary>
    public static bool TryParse(string name, out LinkType value)
    {
        int index = Array.IndexOf(s_names, name);
        value = (LinkType)Math.Max(index, 0);
        return index >= 0;
    }
}
