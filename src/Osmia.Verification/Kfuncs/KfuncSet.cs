using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.Shape;
using Osmia.Verification.Walk;

namespace Osmia.Verification.Kfuncs;

/// <summary>The kernel functions a program calls, and the kernel's types that stand for its context.</summary>
internal sealed class KfuncSet(ProgramType program, BtfTypes? types)
{
    // Programs of the kernel's table name their context in this structure, a member for what they see and one for what it is.
    private const string Contexts = "bpf_ctx_convert";

    private readonly Dictionary<int, KfuncPrototype> _known = [];
    private readonly Dictionary<string, TypeId> _named = new(StringComparer.Ordinal);
    private (TypeId Seen, TypeId Kernel)? _context;

    public BtfTypes Types => types ?? throw Stop.NotModelled("kernel functions without the target's BTF");

    /// <summary>The context as programs see it (<c>__sk_buff</c>) and as the kernel has it (<c>sk_buff</c>); void when the target does not say.</summary>
    public (TypeId Seen, TypeId Kernel) Context => _context ??= FindContext();

    /// <summary>What holds of calls that no path comes by, too: the license, and that what is called is a function. Marks where iterators go on.</summary>
    public void Check(ProgramShape shape, bool isGplCompatible, ref int at)
    {
        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (code[slot].IsKfuncCall && code[slot].Immediate != 0)
            {
                at = slot;
                if (!isGplCompatible)
                {
                    throw Stop.Reject(CheckFamily.Allowance, "kernel functions are for programs with a GPL-compatible license only");
                }

                if (code[slot].Offset == 0 && types is not null && types[code[slot].Immediate] is not { Kind: BtfKind.Function, Referenced.Kind: BtfKind.FunctionPrototype })
                {
                    throw Stop.Reject(CheckFamily.Encoding, $"the target's type {code[slot].Immediate} is no function");
                }

                Kfunc? facts = code[slot].Offset == 0 && types is not null ? KfuncTable.Find(types[code[slot].Immediate].Name) : null;
                if (facts?.Has(KfuncTraits.IteratorNext) == true)
                {
                    shape.MarkIterator(slot);
                }
                else if (facts is not null && SpecialKfuncs.Of(facts.Name) == SpecialKfunc.TreeAdd)
                {
                    shape.MarkCallback(slot);
                }
            }

            slot += code[slot].IsWide ? 1 : 0;
        }
    }

    /// <summary>What is known of a function of the kernel that is called; null of those the table has not.</summary>
    public Kfunc? FactsOf(Instruction call) => call.Offset == 0 && call.Immediate != 0 && types is not null ? KfuncTable.Find(types[call.Immediate].Name) : null;

    public KfuncPrototype Of(Instruction call)
    {
        if (call.Offset != 0)
        {
            throw Stop.NotModelled("kernel functions of modules");
        }

        if (!_known.TryGetValue(call.Immediate, out KfuncPrototype? known))
        {
            _known[call.Immediate] = known = KfuncPrototype.Of(Types, call.Immediate);
        }

        return known;
    }

    /// <summary>A structure of the target by its name; void when it has none.</summary>
    public TypeId Structure(string name)
    {
        if (!_named.TryGetValue(name, out TypeId known))
        {
            _named[name] = known = Types.Find(BtfKind.Struct, name);
        }

        return known;
    }

    /// <summary>Whether a parameter takes the context: by the name of what programs see, or of what it stands for.</summary>
    public bool IsContext(BtfType pointee)
    {
        if (pointee.Kind != BtfKind.Struct || Context.Seen.IsVoid)
        {
            return false;
        }

        BtfType seen = Types.Resolve(Context.Seen);
        return seen.Kind == BtfKind.Struct && (seen.Name == pointee.Name || IsProjection(seen.Name, pointee.Name));
    }

    /// <summary>What programs see in place of a structure of the kernel.</summary>
    public static bool IsProjection(string seen, string kernel) => (seen, kernel) is ("__sk_buff", "sk_buff") or ("xdp_md", "xdp_buff");

    private (TypeId Seen, TypeId Kernel) FindContext()
    {
        BtfType contexts = Types[Types.Find(BtfKind.Struct, Contexts)];
        string name = "BPF_PROG_TYPE_" + program.ToKernelName().ToUpperInvariant();
        TypeId seen = default;
        TypeId kernel = default;
        for (int i = 0; i < contexts.Count; i++)
        {
            string member = contexts.MemberName(i);
            if (member == name + "_prog")
            {
                seen = contexts.Member(i).Type;
            }
            else if (member == name + "_kern")
            {
                kernel = contexts.Member(i).Type;
            }
        }

        return (seen, kernel);
    }
}
