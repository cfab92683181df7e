using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking.Core;

namespace Osmia.Objects.Linking;

/// <summary>
/// Symbols of the kernel. A kfunc and a variable with a type are found in the target's BTF and named by its id; a variable declared
/// <c>void</c> is found by its address. What is weak and missing is 0, a call of it is poisoned.
/// </summary>
/// <remarks>Source: libbpf's documentation of <c>__ksym</c> externs and Documentation/bpf/kfuncs.rst.</remarks>
internal sealed class ExternLinker(BpfObject source, Target target, ModuleTable modules)
{
    /// <summary>libbpf's number of a call that no kernel has, plus the symbol's place; kernel logs look alike.</summary>
    public const int PoisonedKfunc = 2_002_000_000;

    private const int CandidateCount = 3;

    private readonly Dictionary<BpfExtern, Answer> _answers = [];
    private readonly Dictionary<int, List<string>> _names = [];

    /// <summary>Writes the symbol into the instruction.</summary>
    /// <returns>Why a weak symbol is missing, or null when there is nothing to say.</returns>
    /// <exception cref="RelocationException">The symbol is missing or is something else than the object says.</exception>
    public Diagnostic? Resolve(Instruction[] instructions, int slot, BpfFunction function, SymbolReference reference)
    {
        if (reference.Extern is not { } symbol)
        {
            throw LinkErrors.Extern(reference.Name, Where(function, reference), "the symbol is not declared", []);
        }

        if (!_answers.TryGetValue(symbol, out Answer? answer))
        {
            _answers[symbol] = answer = Find(symbol, () => Where(function, reference));
        }

        Instruction instruction = instructions[slot];
        if (instruction.IsCall)
        {
            if (answer.Missing is not null)
            {
                int number = Math.Max(0, source.Externs.ToList().IndexOf(symbol));
                instructions[slot] = new Instruction(new Opcode(Opcodes.Call), 0, 0, PoisonedKfunc + number);
                return answer.Missing with { Where = Where(function, reference) };
            }

            if (answer.Module > short.MaxValue)
            {
                throw LinkErrors.Extern(symbol.Name, Where(function, reference), "the object uses functions of too many modules", []);
            }

            instructions[slot] = instruction.WithSourceKind(CallKind.Kfunc).WithImmediate(answer.Id.Value) with { Offset = (short)answer.Module };
            return null;
        }

        bool isTyped = answer.Missing is null && !answer.Id.IsVoid;
        instructions[slot] = (isTyped ? instruction.WithSourceKind(PseudoLoad.BtfId) : instruction).WithImmediate(isTyped ? answer.Id.Value : (int)(uint)answer.Address);
        instructions[slot + 1] = instructions[slot + 1].WithImmediate(isTyped ? answer.Module : (int)(answer.Address >> 32));
        return null;
    }

    private Answer Find(BpfExtern symbol, Func<string> where)
    {
        bool isFunction = symbol.Kind == ExternKind.KernelFunction;
        if (symbol.Kind != ExternKind.KernelVariable && !isFunction)
        {
            throw LinkErrors.OtherObject(symbol.Name, symbol.Kind, where());
        }

        // libbpf keeps the suffix of a variable's name: only functions have flavours.
        string name = isFunction ? BtfTypes.EssentialName(symbol.Name) : symbol.Name;
        BtfTypes local = source.Types!;
        BtfType declared = isFunction ? local[local[symbol.Declaration].ReferencedId] : local.Resolve(local[symbol.Declaration].ReferencedId);
        return declared.IsVoid
            ? FindAddress(symbol, where)
            : FindType(symbol, name, declared, isFunction ? BtfKind.Function : BtfKind.Variable, where);
    }

    private Answer FindType(BpfExtern symbol, string name, BtfType declared, BtfKind kind, Func<string> where)
    {
        string what = kind == BtfKind.Function ? "kernel function" : "kernel variable";
        if (kind == BtfKind.Function && target.FunctionNumber?.Invoke(name) is { } number)
        {
            return new Answer { Id = new TypeId(number) };
        }

        TargetType? found = target.Find(kind, name);
        if (found is null)
        {
            (string why, IReadOnlyList<string> nearest) = Absent(kind, name, what);
            return symbol.IsWeak
                ? new Answer { Missing = LinkErrors.WeakExtern(symbol.Name, what, target.Name, why) }
                : throw LinkErrors.Extern(symbol.Name, where(), why, nearest, isKnownElsewhere: target.FunctionNumber is not null && KfuncTable.Find(name) is not null);
        }

        TypeId actual = kind == BtfKind.Function ? found.Type.ReferencedId : found.Types.Resolve(found.Type.ReferencedId).Id;
        if (CoreTypeShape.IsCompatible(source.Types!, declared.Id, found.Types, actual))
        {
            return new Answer { Id = found.Id, Module = modules.IndexOf(found.Module) };
        }

        Diagnostic differs = LinkErrors.ExternType(symbol.Name, what, where(), target.Name,
            Describe(source.Types!, symbol.Name, declared), Describe(found.Types, name, found.Types[actual]));

        // A weak function of another shape counts as missing; a variable of another type is a mistake in any case.
        return symbol.IsWeak && kind == BtfKind.Function ? new Answer { Missing = differs } : throw new RelocationException(differs);
    }

    private Answer FindAddress(BpfExtern symbol, Func<string> where)
    {
        ulong[] addresses = [.. (target.SymbolAddresses?.Invoke(symbol.Name) ?? []).Distinct()];
        if (addresses.Length > 1)
        {
            throw LinkErrors.AmbiguousExtern(symbol.Name, where(), target.Name, addresses);
        }

        if (addresses.Length == 1)
        {
            return new Answer { Address = addresses[0] };
        }

        if (symbol.IsWeak)
        {
            return new Answer();
        }

        IReadOnlyList<string> nearest = target.SymbolNames is { } names ? Similarity.Nearest(symbol.Name, names(), CandidateCount) : [];
        string why = target.SymbolAddresses is null
            ? $"target '{target.Name}' has no kernel symbols"
            : $"target '{target.Name}' has no symbol of that name{Closest(nearest)}; addresses of data are listed only by kernels with CONFIG_KALLSYMS_ALL";
        throw LinkErrors.Extern(symbol.Name, where(), why, nearest);
    }

    private (string Why, IReadOnlyList<string> Nearest) Absent(BtfKind kind, string name, string what)
    {
        if (target.FunctionNumber is not null && kind == BtfKind.Function)
        {
            if (KfuncTable.Find(name) is not null)
            {
                return ($"the kernel has that function, and target '{target.Name}' has not", []);
            }

            IReadOnlyList<string> known = Similarity.Nearest(name, KfuncTable.All.Select(function => function.Name).Where(function => target.FunctionNumber(function) is not null), CandidateCount);
            return ($"target '{target.Name}' has no {what} of that name{Closest(known)}", known);
        }

        if (target.Types is not { } types)
        {
            return ($"target '{target.Name}' has no BTF to look in: {target.NoTypesReason ?? "it has no types"}", []);
        }

        if (!_names.TryGetValue((int)kind, out List<string>? names))
        {
            _names[(int)kind] = names = NamesOf(kind, types);
        }

        IReadOnlyList<string> nearest = Similarity.Nearest(name, names, CandidateCount);
        string modulesLooked = target.Modules.Count > 0 ? $" and its {target.Modules.Count} modules" : "";
        return ($"the types of target '{target.Name}'{modulesLooked} have no {what} of that name{Closest(nearest)}", nearest);
    }

    private List<string> NamesOf(BtfKind kind, BtfTypes types)
    {
        var names = new List<string>();
        foreach (BtfTypes owner in target.Modules.Select(module => module.Types).OfType<BtfTypes>().Prepend(types))
        {
            for (int i = owner.FirstId; i < owner.Count; i++)
            {
                if (owner[i].Kind == kind)
                {
                    names.Add(owner[i].Name);
                }
            }
        }

        return names;
    }

    private static string Closest(IReadOnlyList<string> nearest) => nearest.Count > 0 ? $"; the closest are {string.Join(", ", nearest)}" : "";

    /// <summary>A declaration in the words of C, short: names of types and of parameters' types.</summary>
    private static string Describe(BtfTypes types, string name, BtfType type) => type.Kind == BtfKind.FunctionPrototype
        ? $"{NameOf(types, type.ReferencedId)} {name}({string.Join(", ", Enumerable.Range(0, Math.Min(type.Count, 12)).Select(i => NameOf(types, type.Parameter(i).Type)))})"
        : $"{NameOf(types, type.Id)} {name}";

    private static string NameOf(BtfTypes types, TypeId id)
    {
        string suffix = "";
        for (int depth = 0; depth < BtfTypes.MaximumDepth; depth++)
        {
            BtfType type = types[id];
            switch (type.Kind)
            {
                case BtfKind.Void:
                    return "void" + suffix;
                case BtfKind.Pointer:
                    (suffix, id) = (" *" + suffix.TrimStart(), type.ReferencedId);
                    break;
                case BtfKind.Array:
                    (suffix, id) = ($"{suffix}[{type.ElementCount}]", type.ElementId);
                    break;
                case BtfKind.Const or BtfKind.Volatile or BtfKind.Restrict or BtfKind.TypeTag:
                    id = type.ReferencedId;
                    break;
                case BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.Forward:
                    string word = type.Kind == BtfKind.Union ? "union" : type.Kind.IsEnum() ? "enum" : "struct";
                    string form = type.Kind == BtfKind.Forward ? " (not defined)" : "";
                    return $"{word} {(type.NameBytes.IsEmpty ? "{...}" : type.Name)}{form}{suffix}";
                case BtfKind.FunctionPrototype:
                    return "function" + suffix;
                default:
                    return type.Name + suffix;
            }
        }

        return "?" + suffix;
    }

    private string Where(BpfFunction function, SymbolReference reference)
    {
        string line = source.Types is { } types && LineRecord.At(function.Lines, reference.Slot)?.Describe(types) is { } described ? $"{described}, " : "";
        return $"{line}function '{function.Name}', instruction {reference.Slot}";
    }

    private sealed record Answer
    {
        public TypeId Id { get; init; }

        public int Module { get; init; }

        public ulong Address { get; init; }

        public Diagnostic? Missing { get; init; }
    }
}
