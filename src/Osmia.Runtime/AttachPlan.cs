using System.Globalization;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Runtime;

/// <summary>What a section name leaves open: devices, directories, processes.</summary>
public sealed record AttachOptions
{
    public string? Device { get; init; }

    /// <summary>A cgroup v2 directory.</summary>
    public string? Cgroup { get; init; }

    /// <summary>A process for perf events and uprobes; -1 for all.</summary>
    public int Pid { get; init; } = -1;

    /// <summary>The binary of a uprobe whose section names none.</summary>
    public string? BinaryPath { get; init; }

    /// <summary>Samples a second of a perf event.</summary>
    public int Frequency { get; init; } = 99;

    public XdpMode XdpMode { get; init; }
}

/// <summary>From section names to attach targets.</summary>
public static class AttachPlan
{
    /// <summary>
    /// The programs that attach on their own: all but those that stand in a prog array (they are reached by tail calls)
    /// and those whose section names no place. Of the programs of a struct of callbacks, one stands for all.
    /// </summary>
    public static IEnumerable<LinkedProgram> Attachable(LinkedObject linked)
    {
        var tailCalled = linked.Maps.Where(map => map.Type == Bytecode.MapType.ProgArray).SelectMany(map => map.Slots).Select(slot => slot.Name).ToHashSet(StringComparer.Ordinal);
        IEnumerable<string> firstOfStruct = linked.Maps.Where(map => map.Functions.Length > 0).Select(map => map.Functions[0].Program);
        return linked.Programs.Where(program => program.Section.Kind != AttachKind.None && !tailCalled.Contains(program.Name)
            && (program.Section.Kind != AttachKind.StructOps || firstOfStruct.Contains(program.Name)));
    }

    /// <summary>Every attachment the object asks for: its programs, then its structs of callbacks, each once.</summary>
    public static IEnumerable<(LinkedProgram Program, AttachTarget Target)> Of(LinkedObject linked, AttachOptions options)
    {
        foreach (LinkedProgram program in Attachable(linked))
        {
            if (program.Section.Kind != AttachKind.StructOps)
            {
                yield return (program, OnlySockmap(linked, program) is { } sockmap ? new SockmapNameTarget(sockmap) : TargetOf(program, options));
            }
        }

        foreach (LinkedMap map in linked.Maps.Where(map => map.Functions.Length > 0))
        {
            yield return (linked.Programs.First(program => program.Name == map.Functions[0].Program), new StructOpsTarget(map.Name));
        }
    }

    /// <summary>Programs of sockmaps name no map: where the object has one, it is meant.</summary>
    private static string? OnlySockmap(LinkedObject linked, LinkedProgram program)
    {
        LinkedMap[] maps = program.Type is Bytecode.ProgramType.SkSkb or Bytecode.ProgramType.SkMsg
            ? [.. linked.Maps.Where(map => map.Type is Bytecode.MapType.Sockmap or Bytecode.MapType.Sockhash)]
            : [];
        return maps is [var only] ? only.Name : null;
    }

    /// <summary>The target a program's section and the options name.</summary>
    /// <exception cref="UnsupportedFeatureException">The kind cannot be attached yet, or something is missing from the options.</exception>
    public static AttachTarget TargetOf(LinkedProgram program, AttachOptions options)
    {
        SectionMatch section = program.Section;
        return section.Kind switch
        {
            _ when section.AttachType is Bytecode.AttachType.TraceFsession => throw NotBuilt(program),
            _ when section.AttachType is Bytecode.AttachType.NetkitPrimary or Bytecode.AttachType.NetkitPeer => new NetkitTarget(
                options.Device ?? throw Missing(program, "--dev", "a netkit program attaches to a netkit device"), section.AttachType == Bytecode.AttachType.NetkitPeer),
            AttachKind.Tracepoint when section.Target.Split('/') is [var category, var name] => new TracepointTarget(category, name),
            AttachKind.Tracepoint => throw Incomplete(program, "a tracepoint is named CATEGORY/EVENT", $"write SEC(\"tp/sched/sched_switch\")"),
            AttachKind.RawTracepoint when section.Target.Length > 0 => new RawTracepointTarget(section.Target),
            AttachKind.BtfTracepoint when section.Target.Length > 0 => new BtfTracepointTarget(section.Target),
            AttachKind.RawTracepoint or AttachKind.BtfTracepoint => throw Incomplete(program, "the section names no event", "write SEC(\"raw_tp/sys_enter\")"),
            AttachKind.PerfEvent => new PerfEventTarget(SoftwareEvent.CpuClock, options.Frequency, options.Pid),
            AttachKind.Uprobe when IsMulti(section) => MultiUprobe(program, options),
            AttachKind.Uprobe => Uprobe(program, options),
            AttachKind.Usdt => Usdt(program, options),
            AttachKind.Kprobe => Kprobe(program),
            AttachKind.Tracing or AttachKind.Lsm when section.Target.Length == 0 => throw Incomplete(program, "the section names no function", $"write SEC(\"{section.Pattern.TrimEnd('+')}/FUNCTION\")"),
            AttachKind.Lsm when section.AttachType == Bytecode.AttachType.LsmCgroup => new CgroupTarget(options.Cgroup ?? throw Missing(program, "--cgroup", "the program attaches to a cgroup v2 directory")),
            AttachKind.Tracing or AttachKind.Lsm or AttachKind.Extension => new FunctionTarget(section.Pattern.TrimEnd('+'), section.Target),
            AttachKind.Iterator when section.Target.Length == 0 => throw Incomplete(program, "the section does not say what is walked", "write SEC(\"iter/task\")"),
            AttachKind.Iterator => new IteratorTarget(section.Target) { Pid = Math.Max(options.Pid, 0), Cgroup = options.Cgroup },
            AttachKind.NetworkNamespace => new NetworkNamespaceTarget(),
            AttachKind.Netfilter => new NetfilterTarget(NetfilterHook.LocalIn),
            AttachKind.Xdp => new XdpTarget(options.Device ?? throw Missing(program, "--dev", "an XDP program attaches to a network device"), options.XdpMode),
            AttachKind.TrafficControl => new TrafficControlTarget(
                options.Device ?? throw Missing(program, "--dev", "a TC program attaches to a network device"),
                program.AttachType == Bytecode.AttachType.TcxEgress),
            AttachKind.Cgroup => new CgroupTarget(options.Cgroup ?? throw Missing(program, "--cgroup", "the program attaches to a cgroup v2 directory")),
            AttachKind.SocketFilter => new SocketFilterTarget(options.Device ?? throw Missing(program, "--dev", "a socket filter sees the packets of a network device")),
            _ => throw NotBuilt(program),
        };
    }

    /// <summary><c>uprobe/BINARY:SYMBOL+OFFSET</c>, where the binary may come from the options.</summary>
    private static UprobeTarget Uprobe(LinkedProgram program, AttachOptions options)
    {
        string text = program.Section.Target;
        int colon = text.LastIndexOf(':');
        string path = options.BinaryPath ?? (colon > 0 ? text[..colon] : throw Missing(program, "--path", "the section names no binary"));
        string symbol = colon >= 0 ? text[(colon + 1)..] : text;
        ulong offset = 0;
        int plus = symbol.LastIndexOf('+');
        if (plus >= 0 || symbol.StartsWith("0x", StringComparison.Ordinal))
        {
            offset = OffsetOf(program, symbol[(plus + 1)..]);
            symbol = plus > 0 ? symbol[..plus] : "";
        }

        if (symbol.Length == 0 && offset == 0)
        {
            throw Incomplete(program, "the section names no function", "write SEC(\"uprobe/PATH:SYMBOL\")");
        }

        return new UprobeTarget(path, symbol.Length == 0 ? null : symbol, offset, program.Section.IsReturn, options.Pid);
    }

    private static bool IsMulti(SectionMatch section) => section.AttachType is
        Bytecode.AttachType.TraceUprobeMulti or Bytecode.AttachType.TraceUprobeSession or Bytecode.AttachType.TraceKprobeMulti or Bytecode.AttachType.TraceKprobeSession;

    private static bool IsSession(SectionMatch section) => section.AttachType is Bytecode.AttachType.TraceUprobeSession or Bytecode.AttachType.TraceKprobeSession;

    /// <summary><c>uprobe.multi/BINARY:PATTERN</c>.</summary>
    private static MultiProbeTarget MultiUprobe(LinkedProgram program, AttachOptions options)
    {
        string text = program.Section.Target;
        int colon = text.LastIndexOf(':');
        string path = options.BinaryPath ?? (colon > 0 ? text[..colon] : throw Missing(program, "--path", "the section names no binary"));
        return new MultiProbeTarget(text[(colon + 1)..], path, program.Section.IsReturn, IsSession(program.Section), options.Pid);
    }

    /// <summary><c>usdt/BINARY:PROVIDER:PROBE</c>, where the binary may come from the options.</summary>
    private static UsdtTarget Usdt(LinkedProgram program, AttachOptions options)
    {
        string[] parts = program.Section.Target.Split(':');
        return parts switch
        {
            [var path, var provider, var probe] => new UsdtTarget(options.BinaryPath ?? path, provider, probe, options.Pid),
            [var provider, var probe] => new UsdtTarget(options.BinaryPath ?? throw Missing(program, "--path", "the section names no binary"), provider, probe, options.Pid),
            _ => throw Incomplete(program, "a USDT probe is named BINARY:PROVIDER:PROBE", "write SEC(\"usdt/libc.so.6:libc:setjmp\")"),
        };
    }

    /// <summary><c>kprobe/FUNCTION+OFFSET</c>, <c>ksyscall/CALL</c>, <c>kprobe.multi/PATTERN</c>.</summary>
    private static AttachTarget Kprobe(LinkedProgram program)
    {
        SectionMatch section = program.Section;
        if (section.Target.Length == 0)
        {
            throw Incomplete(program, "the section names no function", $"write SEC(\"{section.Pattern.TrimEnd('+')}/FUNCTION\")");
        }

        if (IsMulti(section))
        {
            return new MultiProbeTarget(section.Target, null, section.IsReturn, IsSession(section));
        }

        int plus = section.Target.LastIndexOf('+');
        ulong offset = plus < 0 ? 0 : OffsetOf(program, section.Target[(plus + 1)..]);
        return new KprobeTarget(plus < 0 ? section.Target : section.Target[..plus], offset, section.IsReturn, section.Pattern is "ksyscall+" or "kretsyscall+");
    }

    private static ulong OffsetOf(LinkedProgram program, string digits)
    {
        bool hex = digits.StartsWith("0x", StringComparison.Ordinal);
        return ulong.TryParse(hex ? digits[2..] : digits, hex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out ulong offset) ? offset
            : throw Incomplete(program, $"'{digits}' is no offset", $"write SEC(\"{program.Section.Pattern.TrimEnd('+')}/FUNCTION+0x10\")");
    }

    private static UnsupportedFeatureException NotBuilt(LinkedProgram program) => new UnsupportedFeatureException(
        new Diagnostic("OSM5301", $"programs of section \"{program.Section.Name}\" cannot be attached by their name")
        {
            Where = $"program '{program.Name}'",
            Why = program.Section.Kind == AttachKind.Socket ? "the section does not say which socket or which map of sockets" : $"attach kind {program.Section.Kind} is not built",
            Try = program.Section.Kind == AttachKind.Socket ? "attach it from an application, with a SocketTarget or a SockmapTarget" : "leave the program out, or rewrite it for a tracepoint, raw tracepoint or tp_btf",
        },
        program.Section.Kind.ToString(),
        "kernel");

    private static UnsupportedFeatureException Missing(LinkedProgram program, string option, string why) => new(
        new Diagnostic("OSM5302", $"option {option} is needed to attach program '{program.Name}'")
        {
            Where = $"section \"{program.Section.Name}\"",
            Why = why,
            Try = $"add {option} {(option == "--dev" ? "INTERFACE" : "PATH")}",
        },
        option,
        "kernel");

    private static UnsupportedFeatureException Incomplete(LinkedProgram program, string why, string remedy) => new(
        new Diagnostic("OSM5303", $"section \"{program.Section.Name}\" does not say where program '{program.Name}' attaches")
        {
            Why = why,
            Try = remedy,
        },
        program.Section.Name,
        "kernel");
}
