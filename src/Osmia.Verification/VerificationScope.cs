using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.KernelTypes;
using Osmia.Verification.Shape;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

/// <summary>What the walk of a program looks things up in: maps, and what programs of its type may do.</summary>
internal sealed partial class VerificationScope
{
    private static readonly MapType[] s_mapTypesOfSleepers =
    [
        MapType.Hash, MapType.LruHash, MapType.Array, MapType.PercpuHash, MapType.PercpuArray, MapType.LruPercpuHash, MapType.ArrayOfMaps, MapType.HashOfMaps, MapType.Ringbuf,
        MapType.UserRingbuf, MapType.InodeStorage, MapType.SkStorage, MapType.TaskStorage, MapType.CgrpStorage, MapType.Queue, MapType.Stack, MapType.Arena,
        MapType.InsnArray, MapType.ProgArray,
    ];

    private readonly LinkedProgram _program;
    private readonly int _mapCount;
    private RegisterKind[]? _kinds;
    private readonly BtfTypes? _types;
    private readonly Lazy<TypedContext> _typed;
    private readonly Dictionary<LinkedMap, SpecialFields> _special = [];
    private readonly Lazy<MemberTrust> _trust;
    private readonly Dictionary<LinkedFunction, FunctionContract> _contracts = [];
    private readonly Dictionary<int, bool> _changing = [];
    private readonly Dictionary<int, bool> _sleeping = [];

    public VerificationScope(LinkedObject source, LinkedProgram program, Target? target)
    {
        Target = target;
        _typed = new Lazy<TypedContext>(() => new TypedContext(program, TypesOf(source, program, target)));
        Kfuncs = new Kfuncs.KfuncSet(program.Type, target?.Types);
        _trust = new Lazy<MemberTrust>(() => new MemberTrust(TypedContext.Types));
        Maps = [.. source.Maps];
        _mapCount = Maps.Count;
        _types = source.Types;
        _program = program;
        Type = program.Type;
        IsSleepable = program.Section.IsSleepable;
        AttachType = program.AttachType;
        IsGplCompatible = source.IsGplCompatible;
        _own = target?.ProgramTypeOf(program.Section.Name);
        Context = _own?.Context ?? ContextLayout.For(Type);
        ContextUsers = _own is null ? ContextLayout.UsersOf(Type, AttachType) : ContextUsers.Owner;
        Returns = Type is ProgramType.Lsm or ProgramType.StructOps ? TypedContext.Returns
            : (_own is null ? ReturnRange.Of(Type, AttachType) : _own.Returns) is { } range ? ReturnRule.Within(range) : ReturnRule.Anything;
    }

    /// <summary>What the program is judged for; null when nothing is known of it.</summary>
    public Target? Target { get; }

    /// <summary>The object's maps by index; behind them those that maps of maps hold.</summary>
    public List<LinkedMap> Maps { get; }

    public ProgramType Type { get; }

    public AttachType? AttachType { get; }

    public bool IsGplCompatible { get; }

    /// <summary>The program runs where it may sleep.</summary>
    public bool IsSleepable { get; }

    /// <summary>
    /// Functions of these programs that use much stack get memory of their own for it on x86-64 (Linux 6.13), so that chains of calls
    /// may need more than one stack has.
    /// </summary>
    public bool HasPrivateStacks => Type is ProgramType.Kprobe or ProgramType.Tracepoint or ProgramType.PerfEvent or ProgramType.RawTracepoint
        || (Type == ProgramType.Tracing && AttachType != Bytecode.AttachType.TraceIter);

    /// <summary>Null when the context is typed by BTF.</summary>
    public ContextLayout? Context { get; }

    /// <summary>Of all walks of the program.</summary>
    public WalkProgress Progress { get; } = new();

    /// <summary>Of all functions, whichever walk comes by them.</summary>
    public StackUse Stack { get; } = new();

    /// <summary>Arguments and objects by the target's BTF.</summary>
    public TypedContext TypedContext => _typed.Value;

    /// <summary>Kernel functions by the target's BTF.</summary>
    public Kfuncs.KfuncSet Kfuncs { get; }

    /// <summary>The object's own types; null without BTF.</summary>
    public BtfTypes? ObjectTypes => _types;

    public ContextUsers ContextUsers { get; }

    public ReturnRule Returns { get; }

    /// <summary>The target's types: those of the module that the program is attached to, which continue the kernel's, or the kernel's own.</summary>
    public BtfTypes TargetTypes => TypedContext.Types;

    /// <summary>Of what a typed pointer points to: a type of the target's, or of the object's own.</summary>
    public string TypeName(in RegisterState pointer) =>
        (pointer.Traits & (PointerTraits.Allocated | PointerTraits.Local)) != 0 ? _types?[new TypeId(pointer.Type)].Name ?? "" : TargetTypes[new TypeId(pointer.Type)].Name;

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

    /// <summary>What each load and store was seen to go through, on any path of any function.</summary>
    public RegisterKind[] KindsAt(int length) => _kinds ??= new RegisterKind[length];

    public int CheckMap(int index) => (uint)index < (uint)_mapCount
        ? index
        : throw Stop.Reject(CheckFamily.Encoding, $"there is no map {index}");

    /// <summary>Maps that programs of this kind cannot use, whatever they do with them, wherever the program names them.</summary>
    public void RequireUsableMaps(ProgramShape shape, ref int at)
    {
        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        var storages = new Dictionary<MapType, LinkedMap>();
        LinkedMap? arena = null;
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (!code[slot].IsWide)
            {
                continue;
            }

            at = slot;
            if (code[slot].SourceKind is PseudoLoad.MapIndex or PseudoLoad.MapIndexValue)
            {
                LinkedMap map = Maps[CheckMap(code[slot].Immediate)];
                RequireUsable(map);
                arena ??= map.Type == MapType.Arena ? map : null;
                if (map.Type == MapType.Arena && map != arena)
                {
                    throw Stop.Reject(CheckFamily.Allowance, $"a program has one arena at most: '{arena!.Name}' and '{map.Name}' are two");
                }

                if (map.Type is MapType.CgroupStorage or MapType.PercpuCgroupStorage && !storages.TryAdd(map.Type, map) && storages[map.Type] != map)
                {
                    throw Stop.Reject(CheckFamily.Allowance, $"a program has one map of type {map.Type.ToKernelName()} at most: '{storages[map.Type].Name}' and '{map.Name}' are two");
                }
            }

            slot++;
        }

        at = 0;
    }

    private void RequireUsable(LinkedMap map)
    {
        SpecialFields fields = FieldsOf(map);
        bool isTracing = Type is ProgramType.Kprobe or ProgramType.Tracepoint or ProgramType.PerfEvent or ProgramType.RawTracepoint or ProgramType.RawTracepointWritable;
        SpecialField? refused = isTracing ? fields.All.FirstOrDefault(field => field.IsLock || field.Kind is SpecialKind.Timer or SpecialKind.WorkQueue or SpecialKind.ListHead or SpecialKind.RbRoot)
            : Type == ProgramType.SocketFilter ? fields.Lock
            : null;
        if (refused is not null)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{Type.ToKernelName()} programs cannot use map '{map.Name}', whose values have a field of the kind {refused.Kind}");
        }

        if (IsSleepable && !s_mapTypesOfSleepers.Contains(map.Type))
        {
            throw Stop.Reject(CheckFamily.Allowance, $"sleepable programs cannot use maps of type {map.Type.ToKernelName()} ('{map.Name}')");
        }
    }

    /// <summary>What in a map's values only the kernel may touch.</summary>
    public SpecialFields FieldsOf(LinkedMap map)
    {
        if (_types is null || map.ValueType.IsVoid || map.Type == MapType.StructOps)
        {
            return SpecialFields.None;
        }

        if (!_special.TryGetValue(map, out SpecialFields? known))
        {
            _special[map] = known = SpecialFields.Of(_types, map.ValueType);
        }

        return known;
    }

    /// <summary>By the linkage in BTF, as the kernel sees it: without BTF every function is walked with its caller.</summary>
    public bool IsGlobal(LinkedFunction function) => _types?[function.BtfId] is { Kind: BtfKind.Function, Linkage: BtfLinkage.Global };

    public FunctionContract ContractOf(LinkedFunction function)
    {
        if (!_contracts.TryGetValue(function, out FunctionContract? known))
        {
            _contracts[function] = known = FunctionContract.Of(_types, function, Context, _program, name => TargetTypes.Find(BtfKind.Struct, name));
        }

        return known;
    }

    /// <summary>Whether a function, or one it calls, has a call that may change the packet: pointers into it end with such a function.</summary>
    public bool ChangesPacket(ProgramShape shape, int function) => HasCall(shape, function, HelperTraits.ChangesPacket, KfuncTraits.ChangesPacket, _changing);

    /// <summary>Whether a function of the program's own catches what it throws, told by a tag of its first function.</summary>
    public bool CatchesExceptions()
    {
        for (int id = _types?.FirstId ?? 0; id < (_types?.Count ?? 0); id++)
        {
            BtfType tag = _types![id];
            if (tag.Kind == BtfKind.DeclarationTag && tag.ReferencedId == _program.FunctionAt(0).BtfId && tag.Name.StartsWith("exception_callback:", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a function, or one it calls, has a call that may sleep.</summary>
    public bool MaySleep(ProgramShape shape, int function) => HasCall(shape, function, HelperTraits.MaySleep, KfuncTraits.Sleeps, _sleeping);

    private bool HasCall(ProgramShape shape, int function, HelperTraits trait, KfuncTraits ofKernel, Dictionary<int, bool> knownOnes)
    {
        if (knownOnes.TryGetValue(function, out bool known))
        {
            return known;
        }

        knownOnes[function] = false; // What calls itself adds nothing.
        bool found = false;
        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        for (int slot = function; slot < code.Length && shape.FunctionAt(slot) == function && !found; slot++)
        {
            found = (code[slot].IsHelperCall && HelperTable.Find(code[slot].Immediate)?.SignatureFor(Type, AttachType) is { } signature && (signature.Traits & trait) != 0)
                || (code[slot].IsKfuncCall && Kfuncs.FactsOf(code[slot])?.Has(ofKernel) == true)
                || ((code[slot].IsLocalCall || code[slot].IsFunctionAddress) && HasCall(shape, slot + 1 + code[slot].Immediate, trait, ofKernel, knownOnes));
            slot += code[slot].IsWide ? 1 : 0;
        }

        return knownOnes[function] = found;
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
