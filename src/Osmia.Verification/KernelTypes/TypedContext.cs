using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Domains;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification.KernelTypes;

/// <summary>The context of programs that are called in place of or beside a function of the kernel: its arguments, by the target's BTF.</summary>
/// <remarks>The rules of <c>btf_ctx_access</c> in kernel/bpf/btf.c, Linux 6.18.</remarks>
internal sealed class TypedContext
{
    private const int ArgumentSize = 8;
    private const int MaximumArguments = 12;

    private readonly LinkedProgram _program;
    private readonly BtfTypes? _types;
    private readonly BtfType _prototype;
    private readonly int _skipped;
    private readonly string _hook;

    public TypedContext(LinkedProgram program, BtfTypes? types)
    {
        _program = program;
        _types = types;
        _hook = program.Section.Target;
        if (types is null || program.AttachBtfId.IsVoid)
        {
            return;
        }

        BtfType attached = types[program.AttachBtfId];
        if (program.Type == ProgramType.StructOps)
        {
            Callbacks = attached.Name;
            bool isMember = attached.Kind == BtfKind.Struct && (uint)program.StructMember < (uint)attached.Count;
            _hook = isMember ? attached.MemberName(program.StructMember) : "";
            attached = isMember ? types.Resolve(attached.Member(program.StructMember).Type) : default;
        }

        // A tracepoint is a typedef of a pointer to its function, whose first parameter is the kernel's own.
        _skipped = attached.Kind == BtfKind.Typedef ? 1 : 0;
        BtfType pointer = attached.Kind == BtfKind.Typedef ? types.Resolve(attached.ReferencedId) : attached;
        _prototype = pointer.Owner is null ? default : types.Resolve(pointer.ReferencedId);
    }

    /// <summary>The structure of callbacks of a struct_ops program, else empty.</summary>
    public string Callbacks { get; } = "";

    public BtfTypes Types => _types ?? throw Stop.NotModelled("typed contexts without the target's BTF");

    /// <summary>What the program may leave in r0.</summary>
    public ReturnRule Returns
    {
        get
        {
            if (_prototype.Kind != BtfKind.FunctionPrototype)
            {
                return ReturnRule.Anything;
            }

            BtfType result = Types.Resolve(_prototype.ReferencedId);
            return _program.Type switch
            {
                ProgramType.StructOps => result.IsVoid ? ReturnRule.Nothing : result.Kind == BtfKind.Pointer ? ReturnRule.Object(Types.Resolve(result.ReferencedId).Id) : ReturnRule.Anything,
                ProgramType.Lsm when _program.AttachType == AttachType.LsmCgroup => result.IsVoid ? ReturnRule.Within(new ReturnRange(1, 1)) : ReturnRule.Within(new ReturnRange(0, 1)),
                ProgramType.Lsm => result.IsVoid ? ReturnRule.Nothing : ReturnRule.Within(HookRange) with { IsLowHalf = true },
                _ => ReturnRule.Anything,
            };
        }
    }

    private ReturnRange HookRange => LsmHooks.IsYesOrNo(_hook) ? new ReturnRange(0, 1) : new ReturnRange(-4095, 0);

    /// <summary>What must hold of a program whatever it does.</summary>
    public void RequireAttachable()
    {
        if (_prototype.Kind != BtfKind.FunctionPrototype && _program.Type is ProgramType.Lsm or ProgramType.StructOps)
        {
            throw Stop.NotModelled(_types is null ? "typed contexts without the target's BTF" : $"{_program.Type.ToKernelName()} programs of which nobody says what they stand for ({_program.Section.Name})");
        }

        if (_program.Type == ProgramType.Lsm && LsmHooks.IsClosed(_hook))
        {
            throw Stop.Reject(CheckFamily.Allowance, $"programs cannot be attached to LSM hook '{_hook}'");
        }

        if (_program.AttachType == AttachType.ModifyReturn && _prototype.Kind == BtfKind.FunctionPrototype)
        {
            BtfType result = Types.Resolve(_prototype.ReferencedId);
            if (result.Kind is not (BtfKind.Int or BtfKind.Enum or BtfKind.Enum64))
            {
                throw Stop.Reject(CheckFamily.Allowance, $"'{_hook}' does not return a number, so there is no result to modify");
            }

            if (!_hook.StartsWith("security_", StringComparison.Ordinal))
            {
                // A list inside the kernel says so, which its types do not show.
                throw Stop.NotModelled($"whether the result of '{_hook}' may be modified");
            }
        }
    }

    /// <summary>What a load of an argument yields.</summary>
    public RegisterState Argument(int offset, int size)
    {
        BtfTypes types = Types;
        RequireKnown();
        if (offset < 0 || offset >= ArgumentSize * MaximumArguments || offset % size != 0 || offset % ArgumentSize != 0)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"{size} bytes at offset {offset} of the context are no argument: each stands in {ArgumentSize} bytes");
        }

        int index = IndexAt(types, offset);
        int count = _prototype.Count - _skipped;
        if (index < count)
        {
            BtfParameter parameter = _prototype.Parameter(index + _skipped);
            return OfArgument(types, parameter.Type, types.String(parameter.NameOffset), index, offset, size);
        }

        if (index > count || !SeesResult)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"'{_hook}' has {count} arguments, argument {index} is read");
        }

        RegisterState result = OfArgument(types, _prototype.ReferencedId, "", index, offset, size);
        return _program is { Type: ProgramType.Lsm, AttachType: AttachType.LsmMac } && result.IsNumber
            ? RegisterState.Of(new Scalar(Tnum.Unknown, Interval<ulong, long>.OfSigned(HookRange.Minimum, HookRange.Maximum), Interval<uint, int>.OfSigned(HookRange.Minimum, HookRange.Maximum)).Synchronize())
            : result;
    }

    /// <summary>Whether the result stands behind the arguments.</summary>
    private bool SeesResult => _program.Type == ProgramType.Lsm || _program.AttachType is AttachType.TraceFexit or AttachType.ModifyReturn or AttachType.TraceFsession;

    private bool AreTrusted => _program.Type switch
    {
        ProgramType.Tracing => _program.AttachType is AttachType.TraceRawTp or AttachType.TraceIter,
        ProgramType.Lsm => LsmHooks.AreArgumentsTrusted(_hook),
        _ => _program.Type == ProgramType.StructOps,
    };

    private void RequireKnown()
    {
        bool isKnown = _program.Type switch
        {
            ProgramType.Tracing => _program.AttachType != AttachType.TraceIter || IteratorArguments.IsKnown(_hook),
            ProgramType.Lsm or ProgramType.StructOps => true,
            _ => false,
        };
        if (!isKnown)
        {
            throw Stop.NotModelled($"the typed context of {_program.Type.ToKernelName()} programs ({_program.Section.Name})");
        }

        if (_prototype.Kind != BtfKind.FunctionPrototype)
        {
            throw Stop.NotModelled($"'{_program.Section.Name}', whose type is no function");
        }
    }

    /// <summary>Structures by value take as many places as they need.</summary>
    private int IndexAt(BtfTypes types, int offset)
    {
        int end = 0;
        for (int i = 0; i < _prototype.Count; i++)
        {
            end += Places(types, _prototype.Parameter(i).Type);
            if (offset < end)
            {
                return i;
            }
        }

        return offset < end + Places(types, _prototype.ReferencedId) ? _prototype.Count : _prototype.Count + 1;
    }

    private static int Places(BtfTypes types, TypeId type) => (int)((Math.Max(types.SizeOf(type), 0) + ArgumentSize - 1) / ArgumentSize * ArgumentSize);

    private RegisterState OfArgument(BtfTypes types, TypeId id, string name, int index, int offset, int size)
    {
        BtfType type = types.Resolve(id);
        if (type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Struct or BtfKind.Union)
        {
            return RegisterState.Bytes(size);
        }

        if (type.Kind != BtfKind.Pointer)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"argument {index} of '{_hook}' is neither a number nor a pointer");
        }

        if (size != ArgumentSize)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"{size} bytes of argument {index} of '{_hook}' are read, a pointer of {ArgumentSize}");
        }

        IteratorArgument? listed = _program.AttachType == AttachType.TraceIter ? IteratorArguments.Of(_hook, offset / ArgumentSize) : null;
        if (listed is { Kind: RegisterKind.Buffer } buffer)
        {
            return RegisterState.Pointer(RegisterKind.Buffer, buffer.Traits);
        }

        BtfType pointee = types.Resolve(type.ReferencedId);
        if (pointee.IsVoid || pointee.Kind == BtfKind.Int)
        {
            return RegisterState.Unknown;
        }

        if (pointee.Kind is not (BtfKind.Struct or BtfKind.Union))
        {
            throw Stop.Reject(CheckFamily.ContextAccess, $"argument {index} of '{_hook}' points to no structure");
        }

        PointerTraits traits = listed?.Traits
            ?? ((AreTrusted ? PointerTraits.Trusted : PointerTraits.None) | (StructWalk.TagsOf(types, type) & ~PointerTraits.Rcu) | (MayBeNull(types, name, index) ? PointerTraits.Nullable : PointerTraits.None));
        return RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = Promoted(types, pointee).Id.Value };
    }

    private bool MayBeNull(BtfTypes types, string name, int index) =>
        name.EndsWith("__nullable", StringComparison.Ordinal)
        || (_program.AttachType == AttachType.TraceRawTp && TracepointNulls.MayBeNull(_hook, index))
        || StubSays(types, index, "__nullable");

    /// <summary>Callbacks have stand-ins in the kernel, whose names of parameters say more than the type of the member does.</summary>
    private bool StubSays(BtfTypes types, int index, string suffix)
    {
        if (Callbacks.Length == 0)
        {
            return false;
        }

        BtfType stub = types[types.Find(BtfKind.Function, $"{Callbacks}__{_hook}")];
        BtfType prototype = stub.Kind == BtfKind.Function ? stub.Referenced : default;
        if (prototype.Owner is null || prototype.Kind != BtfKind.FunctionPrototype || index >= prototype.Count)
        {
            return false;
        }

        string name = types.String(prototype.Parameter(index).NameOffset);
        return name.EndsWith("__ref", StringComparison.Ordinal)
            ? throw Stop.NotModelled($"arguments that hand over a reference (argument {index} of '{_hook}')")
            : name.EndsWith(suffix, StringComparison.Ordinal);
    }

    /// <summary>Congestion control is handed TCP sockets, although its functions take plain ones.</summary>
    private BtfType Promoted(BtfTypes types, BtfType pointee) =>
        Callbacks == "tcp_congestion_ops" && pointee is { Kind: BtfKind.Struct, Name: "sock" } && types.Find(BtfKind.Struct, "tcp_sock") is { IsVoid: false } tcp ? types[tcp] : pointee;
}
