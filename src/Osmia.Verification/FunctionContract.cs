using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

internal enum ContractKind
{
    Number,
    Context,

    /// <summary>Memory of <see cref="ContractArgument.Size"/> bytes.</summary>
    Memory,

    /// <summary>An object of the kernel, of the target's type <see cref="ContractArgument.Type"/> (arg:trusted).</summary>
    Object,

    /// <summary>Anything, read as an object with faults caught (arg:untrusted).</summary>
    UntrustedObject,

    /// <summary>Anything, read as bytes with faults caught (arg:untrusted).</summary>
    UntrustedMemory,

    /// <summary>An initialised dynptr, to look at.</summary>
    Dynptr,

    /// <summary>An address in the program's arena.</summary>
    Arena,
}

/// <summary>What a global function may rely on in one argument.</summary>
/// <param name="TypeName">Of an object: the name of its structure.</param>
internal sealed record ContractArgument(ContractKind Kind, int Size = 0, bool IsNullable = false, TypeId Type = default, string TypeName = "");

/// <summary>
/// A global function is verified by itself, once, with nothing known of its caller but the types of its parameters; a caller is held
/// against them and learns nothing of what the function does.
/// </summary>
/// <remarks>The rules of <c>btf_prepare_func_args</c> in kernel/bpf/btf.c, Linux 6.18.</remarks>
internal sealed record FunctionContract(string Name, IReadOnlyList<ContractArgument> Arguments)
{
    private const int MaximumArguments = 5;
    private const string TagPrefix = "arg:";

    private static readonly string[] s_tags = ["arg:ctx", "arg:nonnull", "arg:nullable", "arg:trusted", "arg:untrusted", "arg:arena"];

    /// <param name="targetType">Finds a structure of the target by its name.</param>
    public static FunctionContract Of(BtfTypes? types, LinkedFunction function, ContextLayout? context, LinkedProgram program, Func<string, TypeId> targetType)
    {
        BtfType type = types is null ? default : types[function.BtfId];
        BtfType prototype = type.Kind == BtfKind.Function ? type.Referenced : default;
        if (prototype.Kind != BtfKind.FunctionPrototype)
        {
            throw Stop.NotModelled($"global function '{function.Name}' without BTF");
        }

        if (prototype.Count > MaximumArguments)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"global function '{function.Name}' has {prototype.Count} parameters, {MaximumArguments} are allowed");
        }

        Dictionary<int, List<string>> tags = TagsOf(types!, type.Id);
        var arguments = new ContractArgument[prototype.Count];
        for (int i = 0; i < arguments.Length; i++)
        {
            arguments[i] = Argument(types!, prototype.Parameter(i).Type, tags.GetValueOrDefault(i) ?? [], new Caller(context, program, targetType), function.Name, i);
        }

        BtfType result = types!.Resolve(prototype.ReferencedId);
        return result.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64
            ? new FunctionContract(function.Name, arguments)
            : throw Stop.Reject(CheckFamily.Encoding, $"global function '{function.Name}' returns no number; only those can be returned");
    }

    /// <summary>The registers the function starts with.</summary>
    public RegisterState[] Start(Func<int> newId)
    {
        var registers = new RegisterState[MaximumArguments + 1];
        for (int i = 0; i < Arguments.Count; i++)
        {
            ContractArgument argument = Arguments[i];
            RegisterState state = argument.Kind switch
            {
                ContractKind.Number => RegisterState.Unknown,
                ContractKind.Context => RegisterState.Pointer(RegisterKind.Context),
                ContractKind.Object => RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Trusted) with { Type = argument.Type.Value },
                ContractKind.UntrustedObject => RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Untrusted) with { Type = argument.Type.Value },
                ContractKind.UntrustedMemory => RegisterState.Pointer(RegisterKind.Memory, PointerTraits.ReadOnly | PointerTraits.Untrusted),
                ContractKind.Dynptr => RegisterState.Dynptr(DynptrKind.Local, newId(), 0, isFirst: true),
                ContractKind.Arena => RegisterState.Pointer(RegisterKind.Arena),
                _ => RegisterState.Pointer(RegisterKind.Memory) with { MemorySize = argument.Size },
            };
            registers[i + 1] = argument.IsNullable ? state with { Traits = state.Traits | PointerTraits.Nullable, Id = newId() } : state;
        }

        return registers;
    }

    private static ContractArgument Argument(BtfTypes types, TypeId id, List<string> tags, Caller caller, string function, int index)
    {
        string name = $"parameter {index} of global function '{function}'";
        if (tags.Find(tag => tag.StartsWith(TagPrefix, StringComparison.Ordinal) && Array.IndexOf(s_tags, tag) < 0) is { } unknown)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"{name} has the tag '{unknown}', which there is not");
        }

        tags.RemoveAll(tag => !tag.StartsWith(TagPrefix, StringComparison.Ordinal));
        BtfType type = types.Resolve(id);
        if (type.Kind != BtfKind.Pointer)
        {
            return tags.Count > 0 ? throw Stop.Reject(CheckFamily.Encoding, $"{name} has a tag for pointers and is none")
                : type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 ? new ContractArgument(ContractKind.Number)
                : throw Stop.Reject(CheckFamily.Encoding, $"{name} is neither a number nor a pointer");
        }

        BtfType pointee = types.Resolve(type.ReferencedId);
        if (tags.Contains("arg:ctx") || IsContext(types, type, pointee, caller.Context))
        {
            RequireTags(tags, name, "arg:ctx");
            return !tags.Contains("arg:ctx") || MayBeContext(types, type, pointee, caller)
                ? new ContractArgument(ContractKind.Context)
                : throw Stop.Reject(CheckFamily.Encoding, $"{name} is tagged as the context and has the type of another one");
        }

        if (pointee.Name == "bpf_dynptr")
        {
            RequireTags(tags, name);
            return new ContractArgument(ContractKind.Dynptr);
        }

        if (tags.Contains("arg:trusted"))
        {
            RequireTags(tags, name, "arg:trusted", "arg:nullable");
            return Object(ContractKind.Object, pointee, caller, name) with { IsNullable = tags.Contains("arg:nullable") };
        }

        if (tags.Contains("arg:untrusted"))
        {
            RequireTags(tags, name, "arg:untrusted");
            return pointee.IsVoid || pointee.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Float
                ? new ContractArgument(ContractKind.UntrustedMemory)
                : Object(ContractKind.UntrustedObject, pointee, caller, name);
        }

        if (tags.Contains("arg:arena"))
        {
            RequireTags(tags, name, "arg:arena");
            return new ContractArgument(ContractKind.Arena);
        }

        RequireTags(tags, name, "arg:nonnull");
        long size = types.SizeOf(type.ReferencedId);
        return size > 0
            ? new ContractArgument(ContractKind.Memory, (int)size, !tags.Contains("arg:nonnull"))
            : throw Stop.Reject(CheckFamily.Encoding, $"{name} points to something without a size");
    }

    private static void RequireTags(List<string> tags, string name, params ReadOnlySpan<string> allowed)
    {
        foreach (string tag in tags)
        {
            if (!allowed.Contains(tag))
            {
                throw Stop.Reject(CheckFamily.Encoding, $"{name} has tags that do not go together: {string.Join(", ", tags)}");
            }
        }
    }

    private static ContractArgument Object(ContractKind kind, BtfType pointee, Caller caller, string name)
    {
        int flavour = pointee.Name.IndexOf("___", StringComparison.Ordinal);
        string structure = flavour > 0 ? pointee.Name[..flavour] : pointee.Name;
        TypeId type = pointee.Kind is BtfKind.Struct or BtfKind.Union ? caller.TargetType(structure) : default;
        return !type.IsVoid
            ? new ContractArgument(kind, Type: type, TypeName: structure)
            : throw Stop.Reject(CheckFamily.Encoding, $"{name} points to '{pointee.Name}', which is no structure of the target");
    }

    /// <summary>What may be written for the context where the tag says that it is one.</summary>
    private static bool MayBeContext(BtfTypes types, BtfType pointer, BtfType pointee, Caller caller)
    {
        bool isNumber = pointee is { Kind: BtfKind.Int, Size: sizeof(ulong) };
        bool fits = caller.Program.Type switch
        {
            ProgramType.Tracepoint or ProgramType.Syscall or ProgramType.Ext => true,
            ProgramType.Kprobe or ProgramType.PerfEvent when pointee.Name == "pt_regs" => true,
            ProgramType.RawTracepoint or ProgramType.RawTracepointWritable or ProgramType.Lsm or ProgramType.StructOps => isNumber,
            ProgramType.Tracing => caller.Program.AttachType == AttachType.TraceIter ? pointee.Name.StartsWith("bpf_iter__", StringComparison.Ordinal) : isNumber,
            _ => false,
        };
        return fits || pointee.IsVoid || IsContext(types, pointer, pointee, caller.Context);
    }

    private static bool IsContext(BtfTypes types, BtfType pointer, BtfType pointee, ContextLayout? context)
    {
        const string registers = "bpf_user_pt_regs_t";
        if (context is null)
        {
            return false;
        }

        // The kernel tells the register context by the name of its typedef, others by that of the structure.
        for (BtfType type = types[pointer.ReferencedId]; type.Kind.IsModifier(); type = type.Referenced)
        {
            if (type.Kind == BtfKind.Typedef && type.Name == registers)
            {
                return context == ContextLayout.Registers;
            }
        }

        return pointee.Kind == BtfKind.Struct && pointee.Name == context.Name;
    }

    private static Dictionary<int, List<string>> TagsOf(BtfTypes types, TypeId function)
    {
        var tags = new Dictionary<int, List<string>>();
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType tag = types[id];
            if (tag.Kind == BtfKind.DeclarationTag && tag.ReferencedId == function && tag.ComponentIndex >= 0)
            {
                if (!tags.TryGetValue(tag.ComponentIndex, out List<string>? list))
                {
                    tags[tag.ComponentIndex] = list = [];
                }

                list.Add(tag.Name);
            }
        }

        return tags;
    }

    /// <summary>The program that calls.</summary>
    private sealed record Caller(ContextLayout? Context, LinkedProgram Program, Func<string, TypeId> TargetType);
}
