using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>One attach kind of this engine.</summary>
/// <param name="Target">The record that describes a place of this kind.</param>
/// <param name="Fits">Program types that can be attached there.</param>
/// <param name="FirstKernel">First Linux version in which some way of attaching works.</param>
/// <param name="Fallback">The ways that are tried, the best first, where there is more than one.</param>
internal sealed record AttachRow(Type Target, string Name, ProgramType[] Fits, string FirstKernel, string Fallback, Func<KernelProgram, AttachTarget, KernelLink> Attach);

/// <summary>The attach kinds the kernel engine offers, one row each.</summary>
internal static class AttachTable
{
    private static readonly AttachRow[] s_rows =
    [
        Row<TracepointTarget>("tracepoint", "4.7", "bpf_link of the perf event (5.15), else the ioctl, which lives as long as the event", TracepointLink.Attach, ProgramType.Tracepoint),
        Row<RawTracepointTarget>("raw tracepoint", "4.17", "", RawTracepointLink.Attach, ProgramType.RawTracepoint, ProgramType.RawTracepointWritable),
        Row<BtfTracepointTarget>("typed raw tracepoint", "5.5", "", RawTracepointLink.AttachTyped, ProgramType.Tracing),
        Row<PerfEventTarget>("perf event", "4.9", "bpf_link (5.15), else the ioctl", SamplingLink.Attach, ProgramType.PerfEvent),
        Row<UprobeTarget>("uprobe", "4.17", "bpf_link (5.15), else the ioctl", UprobeLink.Attach, ProgramType.Kprobe),
        Row<XdpTarget>("XDP", "5.9", "", XdpLink.Attach, ProgramType.Xdp),
        Row<TrafficControlTarget>("TCX", "6.6", "a filter of clsact (4.5), which a killed process leaves behind", TrafficControlLink.Attach, ProgramType.SchedCls),
        Row<CgroupTarget>("cgroup", "5.7", "", CgroupLink.Attach, ProgramType.CgroupSkb, ProgramType.CgroupSock, ProgramType.CgroupSockAddr, ProgramType.CgroupSockopt,
            ProgramType.CgroupSysctl, ProgramType.CgroupDevice, ProgramType.SockOps, ProgramType.Lsm),
        Row<SocketFilterTarget>("socket filter", "4.1", "", SocketFilterLink.Attach, ProgramType.SocketFilter),
        Row<SocketTarget>("socket", "4.1", "", SocketLink.Attach, ProgramType.SocketFilter, ProgramType.SkReuseport),
        Row<IteratorTarget>("iterator", "5.8", "", IteratorLink.Attach, ProgramType.Tracing),
        Row<FunctionTarget>("function", "5.5", "", FunctionLink.Attach, ProgramType.Tracing, ProgramType.Lsm, ProgramType.Ext),
        Row<KprobeTarget>("kprobe", "4.17", "bpf_link (5.15), else the ioctl", KprobeLink.Attach, ProgramType.Kprobe),
        Row<MultiProbeTarget>("probe of many functions", "5.18", "", MultiProbeLink.Attach, ProgramType.Kprobe),
        Row<UsdtTarget>("USDT", "4.20", "bpf_link with a cookie (5.15) only: the program finds its place by it", UsdtLink.Attach, ProgramType.Kprobe),
        Row<HardwareEventTarget>("hardware event", "4.9", "bpf_link (5.15), else the ioctl", CounterLink.Attach, ProgramType.PerfEvent),
        Row<BreakpointTarget>("breakpoint", "4.9", "bpf_link (5.15), else the ioctl", CounterLink.AttachBreakpoint, ProgramType.PerfEvent),
        Row<NetworkNamespaceTarget>("network namespace", "5.8", "", NetworkNamespaceLink.Attach, ProgramType.SkLookup, ProgramType.FlowDissector),
        Row<NetfilterTarget>("netfilter", "6.4", "", NetfilterLink.Attach, ProgramType.Netfilter),
        Row<SockmapTarget>("sockmap", "4.14", "bpf_link (6.10), else BPF_PROG_ATTACH", SockmapLink.Attach, ProgramType.SkSkb, ProgramType.SkMsg),
        Row<StructOpsTarget>("struct_ops", "5.6", "bpf_link (6.4), else the registration by the map alone", StructOpsLink.Attach, ProgramType.StructOps),
        Row<NetkitTarget>("netkit", "6.7", "", NetkitLink.Attach, ProgramType.SchedCls),
        Row<RouteTarget>("route", "4.10", "", RouteLink.Attach, ProgramType.LwtIn, ProgramType.LwtOut, ProgramType.LwtXmit, ProgramType.LwtSeg6local),
        Row<DevmapTarget>("devmap element", "5.8", "", RedirectMapLink.AttachDevmap, ProgramType.Xdp),
        Row<CpumapTarget>("cpumap element", "5.9", "", RedirectMapLink.AttachCpumap, ProgramType.Xdp),
        Row<LircTarget>("infrared receiver", "4.18", "", LircLink.Attach, ProgramType.LircMode2),
    ];

    public static IReadOnlyList<AttachRow> Rows => s_rows;

    /// <exception cref="UnsupportedFeatureException">OSM5030: the engine has no such kind, or the program is of another.</exception>
    public static KernelLink Attach(KernelProgram program, AttachTarget target)
    {
        AttachRow? row = Array.Find(s_rows, candidate => candidate.Target == target.GetType());
        if (row is null)
        {
            throw Refusal.Unsupported("OSM5030", $"the kernel engine cannot attach to {target.Describe()}", target.GetType().Name,
                $"it attaches to: {string.Join(", ", s_rows.Select(known => known.Name))}", null, $"program '{program.Name}'");
        }

        if (!Array.Exists(row.Fits, fit => fit == program.Type))
        {
            throw Refusal.Unsupported("OSM5030", $"program '{program.Name}' ({program.Type.ToKernelName()}) does not fit {target.Describe()}", $"{row.Name} with {program.Type.ToKernelName()}",
                $"{row.Name} takes programs of type {string.Join(", ", row.Fits.Select(type => type.ToKernelName()))}",
                "attach it where its section name says, or change the section name", $"program '{program.Name}' (SEC(\"{program.Definition.Section.Name}\"))");
        }

        try
        {
            return row.Attach(program, target);
        }
        catch (KernelException e) when (e.Errno is Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP && KernelVersion.TryParse(row.FirstKernel, out KernelVersion first)
            && !KernelEngine.IsAtLeast((uint)first.Major, (uint)first.Minor))
        {
            throw new KernelException(e.Diagnostic with { Why = $"{e.Diagnostic.Why}; {row.Name} came with Linux {first}" }, e.Call, e.Errno);
        }
    }

    private static AttachRow Row<T>(string name, string firstKernel, string fallback, Func<KernelProgram, T, KernelLink> attach, params ProgramType[] fits)
        where T : AttachTarget =>
        new(typeof(T), name, fits, firstKernel, fallback, (program, target) => attach(program, (T)target));
}
