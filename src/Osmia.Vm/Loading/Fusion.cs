namespace Osmia.Vm.Loading;

/// <summary>
/// Instructions that often follow each other, done in one turn of the interpreter. The form stands in the first one's place with the operands
/// of all: each keeps its own place and its own form, so that a jump may land on any of them, and places count instructions as before.
/// </summary>
internal static unsafe class Fusion
{
    /// <summary>Those that clang writes often, in the order of <see cref="Op"/>; the longest that fits is taken.</summary>
    public static IReadOnlyList<FusedForm> Forms { get; } =
    [
        // A value copied and changed, or changed twice: what is between is never stored.
        new(Op.MovAdd64K, 2, Op.Mov64X, Op.Add64K),
        new(Op.MovAdd64X, 2, Op.Mov64X, Op.Add64X),
        new(Op.MovSub64X, 2, Op.Mov64X, Op.Sub64X),
        new(Op.MovAnd64K, 2, Op.Mov64X, Op.And64K),
        new(Op.MovLsh64K, 2, Op.Mov64X, Op.Lsh64K),
        new(Op.MovRsh64K, 2, Op.Mov64X, Op.Rsh64K),
        new(Op.MovAdd32K, 2, Op.Mov32X, Op.Add32K),
        new(Op.MovAdd32X, 2, Op.Mov32X, Op.Add32X),
        new(Op.MovAnd32K, 2, Op.Mov32X, Op.And32K),
        new(Op.MovLsh32K, 2, Op.Mov32X, Op.Lsh32K),
        new(Op.MovRsh32K, 2, Op.Mov32X, Op.Rsh32K),
        new(Op.MovLshXor64, 3, Op.Mov64X, Op.Lsh64K, Op.Xor64X),
        new(Op.MovLshOr64, 3, Op.Mov64X, Op.Lsh64K, Op.Or64X),
        new(Op.MovRshXor64, 3, Op.Mov64X, Op.Rsh64K, Op.Xor64X),
        new(Op.MovRshOr64, 3, Op.Mov64X, Op.Rsh64K, Op.Or64X),
        new(Op.XorMul64X, 2, Op.Xor64X, Op.Mul64X),
        new(Op.Lsh64KRsh64K, 2, Op.Lsh64K, Op.Rsh64K),
        new(Op.Lsh64KArsh64K, 2, Op.Lsh64K, Op.Arsh64K),
        new(Op.MovLshRsh64K, 3, Op.Mov64X, Op.Lsh64K, Op.Rsh64K),
        new(Op.MovLshArsh64K, 3, Op.Mov64X, Op.Lsh64K, Op.Arsh64K),

        // Two that often stand side by side.
        new(Op.Mov64XMov64X, 1, Op.Mov64X, Op.Mov64X),
        new(Op.Mov64XMov64K, 1, Op.Mov64X, Op.Mov64K),
        new(Op.Mov64XMov32K, 1, Op.Mov64X, Op.Mov32K),
        new(Op.Add64KAdd64K, 1, Op.Add64K, Op.Add64K),
        new(Op.Add32XAdd64K, 1, Op.Add32X, Op.Add64K),

        // A step or a mask, and the jump that asks for it; a jump over a jump.
        new(Op.Add64KJeq64K, 1, Op.Add64K, Op.Jeq64K),
        new(Op.Add64KJne64K, 1, Op.Add64K, Op.Jne64K),
        new(Op.Add64KJlt64X, 1, Op.Add64K, Op.Jlt64X),
        new(Op.Add64KJlt64K, 1, Op.Add64K, Op.Jlt64K),
        new(Op.Add32KJeq32K, 1, Op.Add32K, Op.Jeq32K),
        new(Op.Add32KJne32K, 1, Op.Add32K, Op.Jne32K),
        new(Op.Add32KJlt32X, 1, Op.Add32K, Op.Jlt32X),
        new(Op.And64KJeq64K, 1, Op.And64K, Op.Jeq64K),
        new(Op.And64KJne64K, 1, Op.And64K, Op.Jne64K),
        new(Op.And32KJeq32K, 1, Op.And32K, Op.Jeq32K),
        new(Op.And32KJne32K, 1, Op.And32K, Op.Jne32K),
        new(Op.Jeq64KJa64K, 1, Op.Jeq64K, Op.Ja64K),
        new(Op.Jeq32KJa64K, 1, Op.Jeq32K, Op.Ja64K),
        new(Op.Add64KJeq64KJa64K, 1, Op.Add64K, Op.Jeq64K, Op.Ja64K),
        new(Op.Add32KJeq32KJa64K, 1, Op.Add32K, Op.Jeq32K, Op.Ja64K),
        new(Op.Add64KAdd64KJne64K, 1, Op.Add64K, Op.Add64K, Op.Jne64K),
        new(Op.Add64KAdd64KJlt64X, 1, Op.Add64K, Op.Add64K, Op.Jlt64X),

        // A result or an argument, and the exit or call it is for; a lookup's key and map.
        new(Op.Mov32KExit, 1, Op.Mov32K, Op.Exit),
        new(Op.Mov32KCallHelper, 1, Op.Mov32K, Op.CallHelper),
        new(Op.Mov64KExit, 1, Op.Mov64K, Op.Exit),
        new(Op.Mov64KCallHelper, 1, Op.Mov64K, Op.CallHelper),
        new(Op.Mov64XCallHelper, 1, Op.Mov64X, Op.CallHelper),
        new(Op.LoadImmediateCallHelper, 1, Op.LoadImmediate, Op.CallHelper),
        new(Op.MovAddLoadImmediateCallHelper, 2, Op.Mov64X, Op.Add64K, Op.LoadImmediate, Op.CallHelper),

        // A place computed, and read.
        new(Op.Add64XLoadB, 1, Op.Add64X, Op.LoadB),
        new(Op.Add64XLoadH, 1, Op.Add64X, Op.LoadH),
        new(Op.Add64XLoadW, 1, Op.Add64X, Op.LoadW),
        new(Op.Add64XLoadDw, 1, Op.Add64X, Op.LoadDw),
        new(Op.Add64XBareLoadB, 1, Op.Add64X, Op.BareLoadB),
        new(Op.Add64XBareLoadH, 1, Op.Add64X, Op.BareLoadH),
        new(Op.Add64XBareLoadW, 1, Op.Add64X, Op.BareLoadW),
        new(Op.Add64XBareLoadDw, 1, Op.Add64X, Op.BareLoadDw),
        new(Op.MovAddLoadB, 2, Op.Mov64X, Op.Add64X, Op.LoadB),
        new(Op.MovAddLoadH, 2, Op.Mov64X, Op.Add64X, Op.LoadH),
        new(Op.MovAddLoadW, 2, Op.Mov64X, Op.Add64X, Op.LoadW),
        new(Op.MovAddLoadDw, 2, Op.Mov64X, Op.Add64X, Op.LoadDw),
        new(Op.MovAddBareLoadB, 2, Op.Mov64X, Op.Add64X, Op.BareLoadB),
        new(Op.MovAddBareLoadH, 2, Op.Mov64X, Op.Add64X, Op.BareLoadH),
        new(Op.MovAddBareLoadW, 2, Op.Mov64X, Op.Add64X, Op.BareLoadW),
        new(Op.MovAddBareLoadDw, 2, Op.Mov64X, Op.Add64X, Op.BareLoadDw),

        // A load, and what is done with it.
        new(Op.LoadBJeq32K, 1, Op.LoadB, Op.Jeq32K),
        new(Op.LoadBJne32K, 1, Op.LoadB, Op.Jne32K),
        new(Op.LoadBXor64X, 1, Op.LoadB, Op.Xor64X),
        new(Op.LoadBStoreB, 1, Op.LoadB, Op.StoreB),
        new(Op.BareLoadBJeq32K, 1, Op.BareLoadB, Op.Jeq32K),
        new(Op.BareLoadBJne32K, 1, Op.BareLoadB, Op.Jne32K),
        new(Op.BareLoadBXor64X, 1, Op.BareLoadB, Op.Xor64X),
        new(Op.BareLoadBStoreB, 1, Op.BareLoadB, Op.BareStoreB),
        new(Op.LoadHJeq32K, 1, Op.LoadH, Op.Jeq32K),
        new(Op.LoadHJne32K, 1, Op.LoadH, Op.Jne32K),
        new(Op.LoadHAdd32X, 1, Op.LoadH, Op.Add32X),
        new(Op.BareLoadHJeq32K, 1, Op.BareLoadH, Op.Jeq32K),
        new(Op.BareLoadHJne32K, 1, Op.BareLoadH, Op.Jne32K),
        new(Op.BareLoadHAdd32X, 1, Op.BareLoadH, Op.Add32X),
        new(Op.LoadWJeq32K, 1, Op.LoadW, Op.Jeq32K),
        new(Op.LoadWJne32K, 1, Op.LoadW, Op.Jne32K),
        new(Op.LoadWStoreW, 1, Op.LoadW, Op.StoreW),
        new(Op.BareLoadWJeq32K, 1, Op.BareLoadW, Op.Jeq32K),
        new(Op.BareLoadWJne32K, 1, Op.BareLoadW, Op.Jne32K),
        new(Op.BareLoadWStoreW, 1, Op.BareLoadW, Op.BareStoreW),
        new(Op.LoadBJeq64K, 1, Op.LoadB, Op.Jeq64K),
        new(Op.LoadBJne64K, 1, Op.LoadB, Op.Jne64K),
        new(Op.BareLoadBJeq64K, 1, Op.BareLoadB, Op.Jeq64K),
        new(Op.BareLoadBJne64K, 1, Op.BareLoadB, Op.Jne64K),
        new(Op.LoadHJeq64K, 1, Op.LoadH, Op.Jeq64K),
        new(Op.LoadHJne64K, 1, Op.LoadH, Op.Jne64K),
        new(Op.LoadHSwap16, 1, Op.LoadH, Op.Swap16),
        new(Op.BareLoadHJeq64K, 1, Op.BareLoadH, Op.Jeq64K),
        new(Op.BareLoadHJne64K, 1, Op.BareLoadH, Op.Jne64K),
        new(Op.BareLoadHSwap16, 1, Op.BareLoadH, Op.Swap16),
        new(Op.LoadWJeq64K, 1, Op.LoadW, Op.Jeq64K),
        new(Op.LoadWJne64K, 1, Op.LoadW, Op.Jne64K),
        new(Op.BareLoadWJeq64K, 1, Op.BareLoadW, Op.Jeq64K),
        new(Op.BareLoadWJne64K, 1, Op.BareLoadW, Op.Jne64K),

        // A constant stored, or two registers in a row.
        new(Op.Mov32KStoreW, 1, Op.Mov32K, Op.StoreW),
        new(Op.Mov64KStoreDw, 1, Op.Mov64K, Op.StoreDw),
        new(Op.Mov32KBareStoreW, 1, Op.Mov32K, Op.BareStoreW),
        new(Op.Mov64KBareStoreDw, 1, Op.Mov64K, Op.BareStoreDw),
        new(Op.StoreWStoreW, 1, Op.StoreW, Op.StoreW),
        new(Op.StoreDwStoreDw, 1, Op.StoreDw, Op.StoreDw),
        new(Op.BareStoreWStoreW, 1, Op.BareStoreW, Op.BareStoreW),
        new(Op.BareStoreDwStoreDw, 1, Op.BareStoreDw, Op.BareStoreDw),
    ];

    private static readonly Op[] s_plain = PlainForms();
    private static readonly FusedForm[][] s_byFirst = ByFirst();

    /// <summary>What an instruction is by itself.</summary>
    public static Op Plain(Op op) => s_plain[(int)op];

    /// <summary>Fuses what can be, from first to last.</summary>
    public static void Fuse(DecodedInstruction* code, int length)
    {
        for (int slot = 0; slot < length; slot++)
        {
            foreach (FusedForm form in s_byFirst[(int)code[slot].Form])
            {
                if (form.Matches(&code[slot], length - slot))
                {
                    code[slot].Form = form.Op;
                    break;
                }
            }
        }
    }

    private static FusedForm[][] ByFirst()
    {
        var lists = new List<FusedForm>?[s_plain.Length];
        foreach (FusedForm form in Forms)
        {
            (lists[(int)form.Parts[0]] ??= []).Add(form);
        }

        var forms = new FusedForm[lists.Length][];
        for (int op = 0; op < forms.Length; op++)
        {
            forms[op] = lists[op]?.ToArray() ?? [];
            Array.Sort(forms[op], (one, other) => other.Parts.Length.CompareTo(one.Parts.Length));
        }

        return forms;
    }

    private static Op[] PlainForms()
    {
        var plain = new Op[(int)Forms[^1].Op + 1];
        for (int op = 0; op < plain.Length; op++)
        {
            plain[op] = (Op)op;
        }

        for (Op bare = Op.BareLoadB; bare <= Op.BareStoreDw; bare++)
        {
            plain[(int)bare] = Op.LoadB + (bare - Op.BareLoadB);
        }

        for (Op pointer = Op.BareLoadData; pointer <= Op.BareLoadDataMeta; pointer++)
        {
            plain[(int)pointer] = Op.LoadW;
        }

        foreach (FusedForm form in Forms)
        {
            plain[(int)form.Op] = plain[(int)form.Parts[0]];
        }

        return plain;
    }
}
