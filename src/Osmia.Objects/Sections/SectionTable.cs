using System.Globalization;
using Osmia.Bytecode;
using static Osmia.Bytecode.ProgramType;
using A = Osmia.Bytecode.AttachType;
using K = Osmia.Objects.Sections.AttachKind;

namespace Osmia.Objects.Sections;

/// <summary>
/// Section names and what they mean: libbpf's conventions as one table. A pattern ending in <c>+</c> matches exactly or
/// with <c>/target</c>, one ending in <c>/</c> needs a target, any other matches exactly. The first row that matches wins.
/// </summary>
/// <remarks>Source: libbpf's documentation of program types and ELF sections (docs.kernel.org/bpf/libbpf/program_types.html).</remarks>
public static class SectionTable
{
    [Flags]
    private enum Trait
    {
        None = 0,
        Sleepable = 1,
        Frags = 2,
        Return = 4,
    }

    private readonly record struct Row(string Pattern, ProgramType Type, A? Attach, K Kind, Trait Traits = Trait.None);

    /// <summary>The names that stand for a kind, without targets; for suggestions and completion.</summary>
    public static IEnumerable<string> Names => s_rows.Select(row => row.Pattern.TrimEnd('+', '/'));

    private static readonly Row[] s_rows =
    [
        new("socket", ProgramType.SocketFilter, null, K.SocketFilter),
        new("sk_reuseport/migrate", SkReuseport, A.SkReuseportSelectOrMigrate, K.Socket),
        new("sk_reuseport", SkReuseport, A.SkReuseportSelect, K.Socket),
        new("kprobe+", ProgramType.Kprobe, null, K.Kprobe),
        new("uprobe+", ProgramType.Kprobe, null, K.Uprobe),
        new("uprobe.s+", ProgramType.Kprobe, null, K.Uprobe, Trait.Sleepable),
        new("kretprobe+", ProgramType.Kprobe, null, K.Kprobe, Trait.Return),
        new("uretprobe+", ProgramType.Kprobe, null, K.Uprobe, Trait.Return),
        new("uretprobe.s+", ProgramType.Kprobe, null, K.Uprobe, Trait.Return | Trait.Sleepable),
        new("kprobe.multi+", ProgramType.Kprobe, A.TraceKprobeMulti, K.Kprobe),
        new("kretprobe.multi+", ProgramType.Kprobe, A.TraceKprobeMulti, K.Kprobe, Trait.Return),
        new("kprobe.session+", ProgramType.Kprobe, A.TraceKprobeSession, K.Kprobe),
        new("uprobe.multi+", ProgramType.Kprobe, A.TraceUprobeMulti, K.Uprobe),
        new("uretprobe.multi+", ProgramType.Kprobe, A.TraceUprobeMulti, K.Uprobe, Trait.Return),
        new("uprobe.session+", ProgramType.Kprobe, A.TraceUprobeSession, K.Uprobe),
        new("uprobe.multi.s+", ProgramType.Kprobe, A.TraceUprobeMulti, K.Uprobe, Trait.Sleepable),
        new("uretprobe.multi.s+", ProgramType.Kprobe, A.TraceUprobeMulti, K.Uprobe, Trait.Return | Trait.Sleepable),
        new("uprobe.session.s+", ProgramType.Kprobe, A.TraceUprobeSession, K.Uprobe, Trait.Sleepable),
        new("ksyscall+", ProgramType.Kprobe, null, K.Kprobe),
        new("kretsyscall+", ProgramType.Kprobe, null, K.Kprobe, Trait.Return),
        new("usdt+", ProgramType.Kprobe, null, K.Usdt),
        new("usdt.s+", ProgramType.Kprobe, null, K.Usdt, Trait.Sleepable),
        new("tc/ingress", SchedCls, A.TcxIngress, K.TrafficControl),
        new("tc/egress", SchedCls, A.TcxEgress, K.TrafficControl),
        new("tcx/ingress", SchedCls, A.TcxIngress, K.TrafficControl),
        new("tcx/egress", SchedCls, A.TcxEgress, K.TrafficControl),
        new("tc", SchedCls, null, K.TrafficControl),
        new("classifier", SchedCls, null, K.TrafficControl),
        new("action", SchedAct, null, K.TrafficControl),
        new("netkit/primary", SchedCls, A.NetkitPrimary, K.TrafficControl),
        new("netkit/peer", SchedCls, A.NetkitPeer, K.TrafficControl),
        new("tracepoint+", ProgramType.Tracepoint, null, K.Tracepoint),
        new("tp+", ProgramType.Tracepoint, null, K.Tracepoint),
        new("tracepoint.s+", ProgramType.Tracepoint, null, K.Tracepoint, Trait.Sleepable),
        new("tp.s+", ProgramType.Tracepoint, null, K.Tracepoint, Trait.Sleepable),
        new("raw_tracepoint+", ProgramType.RawTracepoint, null, K.RawTracepoint),
        new("raw_tp+", ProgramType.RawTracepoint, null, K.RawTracepoint),
        new("raw_tracepoint.s+", ProgramType.RawTracepoint, null, K.RawTracepoint, Trait.Sleepable),
        new("raw_tp.s+", ProgramType.RawTracepoint, null, K.RawTracepoint, Trait.Sleepable),
        new("raw_tracepoint.w+", RawTracepointWritable, null, K.RawTracepoint),
        new("raw_tp.w+", RawTracepointWritable, null, K.RawTracepoint),
        new("tp_btf+", ProgramType.Tracing, A.TraceRawTp, K.BtfTracepoint),
        new("tp_btf.s+", ProgramType.Tracing, A.TraceRawTp, K.BtfTracepoint, Trait.Sleepable),
        new("fentry+", ProgramType.Tracing, A.TraceFentry, K.Tracing),
        new("fmod_ret+", ProgramType.Tracing, A.ModifyReturn, K.Tracing),
        new("fexit+", ProgramType.Tracing, A.TraceFexit, K.Tracing, Trait.Return),
        new("fentry.s+", ProgramType.Tracing, A.TraceFentry, K.Tracing, Trait.Sleepable),
        new("fmod_ret.s+", ProgramType.Tracing, A.ModifyReturn, K.Tracing, Trait.Sleepable),
        new("fexit.s+", ProgramType.Tracing, A.TraceFexit, K.Tracing, Trait.Return | Trait.Sleepable),
        new("fsession+", ProgramType.Tracing, A.TraceFsession, K.Tracing),
        new("fsession.s+", ProgramType.Tracing, A.TraceFsession, K.Tracing, Trait.Sleepable),
        new("fentry.multi+", ProgramType.Tracing, A.TraceFentryMulti, K.None),
        new("fexit.multi+", ProgramType.Tracing, A.TraceFexitMulti, K.None, Trait.Return),
        new("fsession.multi+", ProgramType.Tracing, A.TraceFsessionMulti, K.None),
        new("fentry.multi.s+", ProgramType.Tracing, A.TraceFentryMulti, K.None, Trait.Sleepable),
        new("fexit.multi.s+", ProgramType.Tracing, A.TraceFexitMulti, K.None, Trait.Return | Trait.Sleepable),
        new("fsession.multi.s+", ProgramType.Tracing, A.TraceFsessionMulti, K.None, Trait.Sleepable),
        new("freplace+", Ext, null, K.Extension),
        new("lsm+", ProgramType.Lsm, A.LsmMac, K.Lsm),
        new("lsm.s+", ProgramType.Lsm, A.LsmMac, K.Lsm, Trait.Sleepable),
        new("lsm_cgroup+", ProgramType.Lsm, A.LsmCgroup, K.Lsm),
        new("iter+", ProgramType.Tracing, A.TraceIter, K.Iterator),
        new("iter.s+", ProgramType.Tracing, A.TraceIter, K.Iterator, Trait.Sleepable),
        new("syscall", Syscall, null, K.None, Trait.Sleepable),
        new("xdp.frags/devmap", ProgramType.Xdp, A.XdpDevmap, K.None, Trait.Frags),
        new("xdp/devmap", ProgramType.Xdp, A.XdpDevmap, K.None),
        new("xdp.frags/cpumap", ProgramType.Xdp, A.XdpCpumap, K.None, Trait.Frags),
        new("xdp/cpumap", ProgramType.Xdp, A.XdpCpumap, K.None),
        new("xdp.frags", ProgramType.Xdp, A.Xdp, K.Xdp, Trait.Frags),
        new("xdp", ProgramType.Xdp, A.Xdp, K.Xdp),
        new("perf_event", ProgramType.PerfEvent, null, K.PerfEvent),
        new("lwt_in", LwtIn, null, K.None),
        new("lwt_out", LwtOut, null, K.None),
        new("lwt_xmit", LwtXmit, null, K.None),
        new("lwt_seg6local", LwtSeg6local, null, K.None),
        new("sockops", SockOps, A.CgroupSockOps, K.Cgroup),
        new("sk_skb/stream_parser", SkSkb, A.SkSkbStreamParser, K.Socket),
        new("sk_skb/stream_verdict", SkSkb, A.SkSkbStreamVerdict, K.Socket),
        new("sk_skb/verdict", SkSkb, A.SkSkbVerdict, K.Socket),
        new("sk_skb", SkSkb, null, K.Socket),
        new("sk_msg", SkMsg, A.SkMsgVerdict, K.Socket),
        new("lirc_mode2", LircMode2, A.LircMode2, K.None),
        new("flow_dissector", ProgramType.FlowDissector, A.FlowDissector, K.NetworkNamespace),
        new("cgroup_skb/ingress", ProgramType.CgroupSkb, A.CgroupInetIngress, K.Cgroup),
        new("cgroup_skb/egress", ProgramType.CgroupSkb, A.CgroupInetEgress, K.Cgroup),
        new("cgroup/skb", ProgramType.CgroupSkb, null, K.Cgroup),
        new("cgroup/sock_create", CgroupSock, A.CgroupInetSockCreate, K.Cgroup),
        new("cgroup/sock_release", CgroupSock, A.CgroupInetSockRelease, K.Cgroup),
        new("cgroup/sock", CgroupSock, A.CgroupInetSockCreate, K.Cgroup),
        new("cgroup/post_bind4", CgroupSock, A.CgroupInet4PostBind, K.Cgroup),
        new("cgroup/post_bind6", CgroupSock, A.CgroupInet6PostBind, K.Cgroup),
        new("cgroup/bind4", CgroupSockAddr, A.CgroupInet4Bind, K.Cgroup),
        new("cgroup/bind6", CgroupSockAddr, A.CgroupInet6Bind, K.Cgroup),
        new("cgroup/connect4", CgroupSockAddr, A.CgroupInet4Connect, K.Cgroup),
        new("cgroup/connect6", CgroupSockAddr, A.CgroupInet6Connect, K.Cgroup),
        new("cgroup/connect_unix", CgroupSockAddr, A.CgroupUnixConnect, K.Cgroup),
        new("cgroup/sendmsg4", CgroupSockAddr, A.CgroupUdp4Sendmsg, K.Cgroup),
        new("cgroup/sendmsg6", CgroupSockAddr, A.CgroupUdp6Sendmsg, K.Cgroup),
        new("cgroup/sendmsg_unix", CgroupSockAddr, A.CgroupUnixSendmsg, K.Cgroup),
        new("cgroup/recvmsg4", CgroupSockAddr, A.CgroupUdp4Recvmsg, K.Cgroup),
        new("cgroup/recvmsg6", CgroupSockAddr, A.CgroupUdp6Recvmsg, K.Cgroup),
        new("cgroup/recvmsg_unix", CgroupSockAddr, A.CgroupUnixRecvmsg, K.Cgroup),
        new("cgroup/getpeername4", CgroupSockAddr, A.CgroupInet4Getpeername, K.Cgroup),
        new("cgroup/getpeername6", CgroupSockAddr, A.CgroupInet6Getpeername, K.Cgroup),
        new("cgroup/getpeername_unix", CgroupSockAddr, A.CgroupUnixGetpeername, K.Cgroup),
        new("cgroup/getsockname4", CgroupSockAddr, A.CgroupInet4Getsockname, K.Cgroup),
        new("cgroup/getsockname6", CgroupSockAddr, A.CgroupInet6Getsockname, K.Cgroup),
        new("cgroup/getsockname_unix", CgroupSockAddr, A.CgroupUnixGetsockname, K.Cgroup),
        new("cgroup/sysctl", ProgramType.CgroupSysctl, A.CgroupSysctl, K.Cgroup),
        new("cgroup/getsockopt", CgroupSockopt, A.CgroupGetsockopt, K.Cgroup),
        new("cgroup/setsockopt", CgroupSockopt, A.CgroupSetsockopt, K.Cgroup),
        new("cgroup/dev", ProgramType.CgroupDevice, A.CgroupDevice, K.Cgroup),
        // The expected attach type of a struct_ops program is the number of its member, known when the map is.
        new("struct_ops+", ProgramType.StructOps, null, K.StructOps),
        new("struct_ops.s+", ProgramType.StructOps, null, K.StructOps, Trait.Sleepable),
        new("sk_lookup", ProgramType.SkLookup, A.SkLookup, K.NetworkNamespace),
        new("netfilter", ProgramType.Netfilter, A.Netfilter, K.Netfilter),
        // iproute2's name of an XDP program. Its tail calls, "ID/INDEX", are no pattern but two numbers.
        new("prog", ProgramType.Xdp, A.Xdp, K.Xdp),
    ];

    private const string TailCallPattern = "ID/INDEX";

    /// <summary>Every pattern of the table, for help and suggestions.</summary>
    public static IEnumerable<string> Patterns => s_rows.Select(row => row.Pattern);

    /// <summary>Reads a section name; an unknown one gives <see cref="ProgramType.Unspec"/> and an empty pattern.</summary>
    public static SectionMatch Match(string section)
    {
        bool optional = section.StartsWith('?');
        string name = optional ? section[1..] : section;
        foreach (Row row in s_rows)
        {
            if (TryMatch(row.Pattern, name, out string target))
            {
                return new SectionMatch(section, row.Pattern, target, row.Type, row.Attach, row.Kind)
                {
                    IsSleepable = row.Traits.HasFlag(Trait.Sleepable),
                    HasFrags = row.Traits.HasFlag(Trait.Frags),
                    IsReturn = row.Traits.HasFlag(Trait.Return),
                    IsOptional = optional,
                };
            }
        }

        if (TailCallOf(name) is { } place)
        {
            return new SectionMatch(section, TailCallPattern, "", SchedCls, null, K.None) { TailCall = place };
        }

        return new SectionMatch(section, "", "", Unspec, null, K.None) { IsOptional = optional };
    }

    /// <summary>Two numbers, in decimal or with <c>0x</c>.</summary>
    private static (uint Map, uint Index)? TailCallOf(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && TryNumber(name[..slash], out uint map) && TryNumber(name[(slash + 1)..], out uint index) ? (map, index) : null;

        static bool TryNumber(string text, out uint number) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    private static bool TryMatch(string pattern, string name, out string target)
    {
        target = "";
        if (pattern[^1] is not ('+' or '/'))
        {
            return name == pattern;
        }

        string stem = pattern[..^1];
        if (!name.StartsWith(stem, StringComparison.Ordinal))
        {
            return false;
        }

        if (name.Length == stem.Length)
        {
            return pattern[^1] == '+';
        }

        target = name[(stem.Length + 1)..];
        return name[stem.Length] == '/' && target.Length > 0;
    }
}
