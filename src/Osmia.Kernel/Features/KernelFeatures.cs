using System.Collections.Concurrent;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Features;

/// <summary>
/// What the running kernel offers this process: asked of the kernel's types first and tried second, each question once. Programs are judged by attach
/// type, for a type as a whole says little: a hardened kernel may refuse fentry and take tp_btf, both of type tracing.
/// </summary>
/// <remarks>An answer holds for the rights the asking thread had. Safe for concurrent use.</remarks>
public sealed class KernelFeatures
{
    // What the verifier says when a program cannot have a helper at all; any other refusal is about the arguments, which a trial has not.
    private static readonly string[] s_helperRefusals =
    [
        "program of this type cannot use helper", "cannot use helper", "invalid func ", "unknown func ", "helper call is not allowed in probe", "not supported for program type",
        "supported only for fentry/fexit/fmod_ret programs",
    ];

    private readonly Target _target;
    private readonly KernelEnumeration _programTypes;
    private readonly KernelEnumeration _attachTypes;
    private readonly KernelEnumeration _mapTypes;
    private readonly KernelEnumeration _helpers;
    private readonly KernelEnumeration _commands;
    private readonly ConcurrentDictionary<(ProgramType, AttachType?), FeatureAnswer> _attach = [];
    private readonly ConcurrentDictionary<MapType, FeatureAnswer> _maps = [];
    private readonly ConcurrentDictionary<(HelperId, ProgramType), FeatureAnswer> _calls = [];

    /// <param name="target">Of the running kernel: <see cref="KernelEngine.Target"/>.</param>
    internal KernelFeatures(Target target)
    {
        _target = target;
        _programTypes = KernelEnumeration.Read(target.Types, "bpf_prog_type");
        _attachTypes = KernelEnumeration.Read(target.Types, "bpf_attach_type");
        _mapTypes = KernelEnumeration.Read(target.Types, "bpf_map_type");
        _helpers = KernelEnumeration.Read(target.Types, "bpf_func_id");
        _commands = KernelEnumeration.Read(target.Types, "bpf_cmd");
    }

    /// <summary>Asks anew of the kernel, whatever the process's rights are: without any, the answers say which is missing.</summary>
    public static KernelFeatures Probe() => new(KernelEngine.RunningTarget());

    /// <summary>Whether programs of a type load, with any of its attach types.</summary>
    public FeatureAnswer Program(ProgramType type)
    {
        FeatureAnswer last = default;
        foreach (AttachType? attach in AttachTypesOf(type))
        {
            last = Load(type, attach);
            if (last.IsAvailable)
            {
                return last;
            }
        }

        return last;
    }

    /// <summary>Whether programs of a type load for this attach type and can be attached there.</summary>
    public FeatureAnswer Attach(ProgramType type, AttachType attach) => _attach.GetOrAdd((type, attach), static (key, self) => self.TryAttach(key.Item1, key.Item2!.Value), this);

    public FeatureAnswer Map(MapType type) => _maps.GetOrAdd(type, static (type, self) => self.TryMap(type), this);

    /// <summary>Whether programs of a type may call a helper, with one of their attach types.</summary>
    public FeatureAnswer Helper(HelperId helper, ProgramType type) => _calls.GetOrAdd((helper, type), static (key, self) => self.TryHelper(key.Item1, key.Item2), this);

    /// <summary>A command of bpf(2), by the kernel's types alone.</summary>
    internal bool MayHave(BpfCommand command) => _commands.MayHave((int)command);

    /// <summary>The attach types a program of the type may be loaded for; a null one where there is none to say.</summary>
    public static IReadOnlyList<AttachType?> AttachTypesOf(ProgramType type) => ProgramTypeTable.Find(type) switch
    {
        null or { AttachTypes.Count: 0 } or { AttachRule: AttachTypeRule.MemberIndex } => [null],
        var row => [.. row.AttachTypes.Select(attach => (AttachType?)attach)],
    };

    private FeatureAnswer TryAttach(ProgramType type, AttachType attach)
    {
        if (!_attachTypes.MayHave((int)attach))
        {
            return FeatureAnswer.NotListed(_attachTypes.Name, AttachTypeTable.Since(attach)?.ToString());
        }

        if (!_programTypes.MayHave((int)type))
        {
            return FeatureAnswer.NotListed(_programTypes.Name, ProgramTypeTable.Find(type)?.Since.ToString());
        }

        AttachType? loadedFor = type == ProgramType.StructOps ? null : attach;
        int program = Open(type, loadedFor, ProgramTrial.Empty, out string log);
        if (program < 0)
        {
            return Refused(type, attach, "load", program, log);
        }

        using var handle = new BpfHandle(program);
        int result = AttachTrial.Try(program, attach);
        return result < 0 ? Refused(type, attach, "attach", result, "")
            : attach is AttachType.LsmMac or AttachType.LsmCgroup && Lockdown.ActiveModules() is { } modules && !modules.Contains("bpf")
                ? FeatureAnswer.No($"programs would load and never run: 'bpf' is not among the active security modules ({string.Join(',', modules)})")
            : FeatureAnswer.Yes;
    }

    private FeatureAnswer Load(ProgramType type, AttachType? attach)
    {
        if (!_programTypes.MayHave((int)type))
        {
            return FeatureAnswer.NotListed(_programTypes.Name, ProgramTypeTable.Find(type)?.Since.ToString());
        }

        int program = Open(type, attach, ProgramTrial.Empty, out string log);
        if (program < 0)
        {
            return Refused(type, attach, "load", program, log);
        }

        new BpfHandle(program).Dispose();
        return FeatureAnswer.Yes;
    }

    private FeatureAnswer TryMap(MapType type)
    {
        if (!_mapTypes.MayHave((int)type))
        {
            return FeatureAnswer.NotListed(_mapTypes.Name, MapTypeTable.Since(type)?.ToString());
        }

        if (MapTypeTable.Find(type) is not { } row)
        {
            return FeatureAnswer.No("it is newer than what is known of maps here, so it was not tried");
        }

        int result = MapTrial.Create(row);
        return result >= 0 ? FeatureAnswer.Yes : FeatureAnswer.No(Reason("BPF_MAP_CREATE", result, [Capability.Bpf]));
    }

    private FeatureAnswer TryHelper(HelperId helper, ProgramType type)
    {
        if (!_helpers.MayHave((int)helper))
        {
            return FeatureAnswer.NotListed(_helpers.Name, HelperTable.Find(helper).Since.ToString());
        }

        FeatureAnswer last = default;
        foreach (AttachType? attach in PlacesToCallFrom(helper, type))
        {
            if (Load(type, attach) is { IsAvailable: false } refused)
            {
                last = refused;
                continue;
            }

            int program = Open(type, attach, [new Instruction(new Opcode(Opcodes.Call), 0, 0, 0, (int)helper), .. ProgramTrial.Empty], out string log);
            if (program >= 0)
            {
                new BpfHandle(program).Dispose();
                return FeatureAnswer.Yes;
            }

            if (!Array.Exists(s_helperRefusals, words => log.Contains(words, StringComparison.Ordinal)) && log.Length > 0)
            {
                return FeatureAnswer.Yes;
            }

            return FeatureAnswer.No(new VerifierLog(log).Message is { } message ? $"the verifier: {message}" : Reason("BPF_PROG_LOAD", program, Needed(type)));
        }

        return last;
    }

    /// <summary>The attach types that the helper table names, else all: of those the first that loads is asked.</summary>
    private static IReadOnlyList<AttachType?> PlacesToCallFrom(HelperId helper, ProgramType type)
    {
        foreach (HelperSignature signature in HelperTable.Find(helper).Signatures)
        {
            foreach (HelperCaller caller in signature.Callers)
            {
                if (caller.Type == type && caller.AttachTypes.Count > 0)
                {
                    return [.. caller.AttachTypes.Select(attach => (AttachType?)attach)];
                }
            }
        }

        return AttachTypesOf(type);
    }

    private int Open(ProgramType type, AttachType? attach, ReadOnlySpan<Instruction> code, out string log) =>
        new ProgramTrial(_target.KernelVersion).Load(new TrialPlace(type, attach, AttachPoint(type, attach)), code, out log);

    // Something every kernel with types has of the kind.
    private TypeId AttachPoint(ProgramType type, AttachType? attach) => (type, attach) switch
    {
        (ProgramType.Tracing, AttachType.TraceRawTp) => Find(BtfKind.Typedef, "btf_trace_sched_process_exec"),
        (ProgramType.Tracing, AttachType.TraceIter) => Find(BtfKind.Function, "bpf_iter_bpf_map"),
        (ProgramType.Tracing, AttachType.ModifyReturn) => Find(BtfKind.Function, "security_file_open"),
        (ProgramType.Tracing, _) => Find(BtfKind.Function, "bpf_fentry_test1"),
        (ProgramType.Lsm, AttachType.LsmCgroup) => Find(BtfKind.Function, "bpf_lsm_socket_post_create"),
        (ProgramType.Lsm, _) => Find(BtfKind.Function, "bpf_lsm_file_open"),
        (ProgramType.StructOps, _) => Find(BtfKind.Struct, "tcp_congestion_ops"),
        _ => TypeId.Void,
    };

    private TypeId Find(BtfKind kind, string name) => _target.Types?.Find(kind, name) ?? TypeId.Void;

    private FeatureAnswer Refused(ProgramType type, AttachType? attach, string step, int result, string log)
    {
        // A program that attaches to another one is refused for lack of it, after the type was taken.
        if (type == ProgramType.Ext && -result == Errno.EINVAL)
        {
            return FeatureAnswer.Yes;
        }

        string words = new VerifierLog(log).Message is { } message && !message.StartsWith("processed ", StringComparison.Ordinal) ? $" ({message})" : "";
        return FeatureAnswer.No(Reason(step == "load" ? "BPF_PROG_LOAD" : "BPF_LINK_CREATE", result, Needed(type)) + words + FeatureOptions.Missing(type, attach, name => _target.Configuration?.Invoke(name)));
    }

    private static string Reason(string command, int result, Capability[] needed) => -result switch
    {
        Errno.EPERM or Errno.EACCES => $"{command}: {Errno.Describe(-result)}; {Privileges.Explain(needed)}",
        _ => $"{command}: {Errno.Describe(-result)}",
    };

    private static Capability[] Needed(ProgramType type) => Privileges.NeededBy(type);
}
