using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.KernelTypes;
using Osmia.Verification.Shape;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

/// <summary>What the walk of a program looks things up in: maps, and what programs of its type may do.</summary>
internal sealed class VerificationScope
{
    private readonly int _mapCount;
    private readonly BtfTypes? _types;
    private readonly Lazy<TypedContext> _typed;
    private readonly Lazy<MemberTrust> _trust;
    private readonly Dictionary<LinkedMap, bool> _special = [];
    private readonly Dictionary<LinkedFunction, FunctionContract> _contracts = [];
    private readonly Dictionary<int, bool> _changing = [];

    public VerificationScope(LinkedObject source, LinkedProgram program, Target? target)
    {
        Target = target;
        _typed = new Lazy<TypedContext>(() => new TypedContext(program, TypesOf(source, program, target)));
        _trust = new Lazy<MemberTrust>(() => new MemberTrust(TypedContext.Types));
        Maps = [.. source.Maps];
        _mapCount = Maps.Count;
        _types = source.Types;
        Type = program.Type;
        AttachType = program.AttachType;
        IsGplCompatible = source.IsGplCompatible;
        Context = ContextLayout.For(Type);
        ContextUsers = ContextLayout.UsersOf(Type, AttachType);
        Returns = Type is ProgramType.Lsm or ProgramType.StructOps ? TypedContext.Returns
            : ReturnRange.Of(Type, AttachType) is { } range ? ReturnRule.Within(range) : ReturnRule.Anything;
    }

    /// <summary>What the program is judged for; null when nothing is known of it.</summary>
    public Target? Target { get; }

    /// <summary>The object's maps by index; behind them those that maps of maps hold.</summary>
    public List<LinkedMap> Maps { get; }

    public ProgramType Type { get; }

    public AttachType? AttachType { get; }

    public bool IsGplCompatible { get; }

    /// <summary>Null when the context is typed by BTF.</summary>
    public ContextLayout? Context { get; }

    /// <summary>Of all functions, whichever walk comes by them.</summary>
    public StackUse Stack { get; } = new();

    /// <summary>Arguments and objects by the target's BTF.</summary>
    public TypedContext TypedContext => _typed.Value;

    public ContextUsers ContextUsers { get; }

    public ReturnRule Returns { get; }

    /// <summary>The target's types: those of the module that the program is attached to, which continue the kernel's, or the kernel's own.</summary>
    public BtfTypes TargetTypes => TypedContext.Types;

    /// <summary>How far pointers read from kernel objects may be trusted.</summary>
    public MemberTrust Trust => _trust.Value;

    /// <summary>What must hold whatever the program does.</summary>
    public void RequireAttachable()
    {
        if (Context is null)
        {
            TypedContext.RequireAttachable();
        }
    }

    private static BtfTypes? TypesOf(LinkedObject source, LinkedProgram program, Target? target)
    {
        if (program.AttachModule == 0 || target is null)
        {
            return target?.Types;
        }

        string name = source.Modules[program.AttachModule - 1];
        return target.Modules.FirstOrDefault(module => module.Name == name)?.Types;
    }

    /// <summary>Whether packet bytes may be read through pointers, and written.</summary>
    public static bool MayWritePacket(ProgramType type) => type is ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.Xdp or ProgramType.LwtXmit
        or ProgramType.SkSkb or ProgramType.SkMsg or ProgramType.CgroupSockopt;

    public int CheckMap(int index) => (uint)index < (uint)_mapCount
        ? index
        : throw Stop.Reject(CheckFamily.Encoding, $"there is no map {index}");

    /// <summary>Locks, timers and kernel pointers in a value have rules of their own.</summary>
    public void RequirePlain(LinkedMap map)
    {
        if (HasSpecialFields(map))
        {
            throw Stop.NotModelled($"locks, timers, kernel pointers and lists in the values of map '{map.Name}'");
        }
    }

    private bool HasSpecialFields(LinkedMap map)
    {
        if (_types is null || map.ValueType.IsVoid || map.IsDataSection)
        {
            return false;
        }

        if (!_special.TryGetValue(map, out bool known))
        {
            _special[map] = known = SpecialFields.Has(_types, map.ValueType);
        }

        return known;
    }

    /// <summary>By the linkage in BTF, as the kernel sees it: without BTF every function is walked with its caller.</summary>
    public bool IsGlobal(LinkedFunction function) => _types?[function.BtfId] is { Kind: BtfKind.Function, Linkage: BtfLinkage.Global };

    public FunctionContract ContractOf(LinkedFunction function)
    {
        if (!_contracts.TryGetValue(function, out FunctionContract? known))
        {
            _contracts[function] = known = FunctionContract.Of(_types, function, Context);
        }

        return known;
    }

    /// <summary>Whether a function, or one it calls, has a call that may change the packet: pointers into it end with such a function.</summary>
    public bool ChangesPacket(ProgramShape shape, int function)
    {
        if (_changing.TryGetValue(function, out bool known))
        {
            return known;
        }

        _changing[function] = false; // What calls itself adds nothing.
        bool changes = false;
        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        for (int slot = function; slot < code.Length && shape.FunctionAt(slot) == function && !changes; slot++)
        {
            changes = (code[slot].IsHelperCall && HelperTable.Find(code[slot].Immediate)?.SignatureFor(Type, AttachType) is { } signature && (signature.Traits & HelperTraits.ChangesPacket) != 0)
                || (code[slot].IsLocalCall && ChangesPacket(shape, slot + 1 + code[slot].Immediate));
            slot += code[slot].IsWide ? 1 : 0;
        }

        return _changing[function] = changes;
    }

    /// <summary>The index of what a map of maps holds.</summary>
    public int InnerMapOf(int map)
    {
        LinkedMap inner = Maps[map].InnerMap ?? throw Stop.NotModelled($"map '{Maps[map].Name}' without a definition of the maps it holds");
        int known = Maps.IndexOf(inner, _mapCount);
        if (known < 0)
        {
            known = Maps.Count;
            Maps.Add(inner);
        }

        return known;
    }
}
