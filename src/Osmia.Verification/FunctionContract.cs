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
}

/// <summary>What a global function may rely on in one argument.</summary>
internal sealed record ContractArgument(ContractKind Kind, int Size, bool IsNullable);

/// <summary>
/// A global function is verified by itself, once, with nothing known of its caller but the types of its parameters; a caller is held
/// against them and learns nothing of what the function does.
/// </summary>
/// <remarks>The rules of <c>btf_prepare_func_args</c> in kernel/bpf/btf.c, Linux 6.18.</remarks>
internal sealed record FunctionContract(string Name, IReadOnlyList<ContractArgument> Arguments, bool ReturnsNumber)
{
    private const int MaximumArguments = 5;

    public static FunctionContract Of(BtfTypes? types, LinkedFunction function, ContextLayout? context)
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
            arguments[i] = Argument(types!, prototype.Parameter(i).Type, tags.GetValueOrDefault(i) ?? [], context, function.Name, i);
        }

        BtfType result = types!.Resolve(prototype.ReferencedId);
        return result.IsVoid || result.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64
            ? new FunctionContract(function.Name, arguments, !result.IsVoid)
            : throw Stop.Reject(CheckFamily.Encoding, $"global function '{function.Name}' returns no number; only those can be returned");
    }

    /// <summary>The registers the function starts with.</summary>
    public RegisterState[] Start(Func<int> newId)
    {
        var registers = new RegisterState[MaximumArguments + 1];
        for (int i = 0; i < Arguments.Count; i++)
        {
            ContractArgument argument = Arguments[i];
            registers[i + 1] = argument.Kind switch
            {
                ContractKind.Number => RegisterState.Unknown,
                ContractKind.Context => RegisterState.Pointer(RegisterKind.Context),
                _ => RegisterState.Pointer(RegisterKind.Memory, argument.IsNullable ? PointerTraits.Nullable : PointerTraits.None) with
                {
                    MemorySize = argument.Size,
                    Id = argument.IsNullable ? newId() : 0,
                },
            };
        }

        return registers;
    }

    private static ContractArgument Argument(BtfTypes types, TypeId id, List<string> tags, ContextLayout? context, string function, int index)
    {
        BtfType type = types.Resolve(id);
        if (type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64 && tags.Count == 0)
        {
            return new ContractArgument(ContractKind.Number, 0, false);
        }

        if (type.Kind != BtfKind.Pointer || tags.Exists(tag => tag is not ("arg:ctx" or "arg:nonnull")))
        {
            throw Stop.NotModelled($"parameter {index} of global function '{function}'");
        }

        BtfType pointee = types.Resolve(type.ReferencedId);
        if (tags.Contains("arg:ctx") || IsContext(types, type, pointee, context))
        {
            return new ContractArgument(ContractKind.Context, 0, false);
        }

        if (pointee.Name == "bpf_dynptr")
        {
            throw Stop.NotModelled($"dynptrs (parameter {index} of global function '{function}')");
        }

        long size = types.SizeOf(type.ReferencedId);
        return size > 0
            ? new ContractArgument(ContractKind.Memory, (int)size, !tags.Contains("arg:nonnull"))
            : throw Stop.Reject(CheckFamily.Encoding, $"parameter {index} of global function '{function}' points to something without a size");
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
}
