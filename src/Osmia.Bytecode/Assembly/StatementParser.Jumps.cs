namespace Osmia.Bytecode.Assembly;

internal sealed partial class StatementParser
{
    // Longer operators before those they begin with.
    private static readonly (string Text, JumpOperation Operation)[] s_comparisons =
    [
        ("s>=", JumpOperation.Jsge),
        ("s<=", JumpOperation.Jsle),
        ("s>", JumpOperation.Jsgt),
        ("s<", JumpOperation.Jslt),
        ("==", JumpOperation.Jeq),
        ("!=", JumpOperation.Jne),
        (">=", JumpOperation.Jge),
        ("<=", JumpOperation.Jle),
        (">", JumpOperation.Jgt),
        ("<", JumpOperation.Jlt),
        ("&", JumpOperation.Jset),
    ];

    /// <summary>Behind <c>if</c>: <c>r1 s&gt; 5 goto +3</c>.</summary>
    private bool Condition()
    {
        if (!AnyRegister(out int left, out bool is32))
        {
            return false;
        }

        int opcode = -1;
        foreach ((string text, JumpOperation operation) in s_comparisons)
        {
            if (source.Take(text))
            {
                opcode = (int)operation | (int)(is32 ? InstructionClass.Jmp32 : InstructionClass.Jmp);
                break;
            }
        }

        if (opcode < 0)
        {
            return Fail(AssemblyErrors.Expected("a comparison such as '==' or 's>'", FoundHere()));
        }

        int right = 0;
        int immediate = 0;
        bool isNumber = IsNumber();
        if (isNumber ? !Immediate32(out immediate) : !RegisterOfWidth(is32, out right))
        {
            return false;
        }

        opcode |= isNumber ? 0 : UsesRegister;
        return (source.TakeWord("goto") || Fail(AssemblyErrors.Expected("'goto'", FoundHere())))
            && Target(isLong: false, out int distance)
            && Add((byte)opcode, left, right, (short)distance, immediate);
    }

    /// <summary>A distance (<c>+3</c>, <c>pc-4</c>) or a label, and behind it the name that llvm-objdump adds.</summary>
    private bool Target(bool isLong, out int distance)
    {
        distance = 0;
        source.SkipSpace();
        if (source.PeekWord() is "pc" && source.After(2) is '+' or '-')
        {
            source.Position += 2;
        }

        if (source.Current is '+' or '-')
        {
            if (!Number(isLong ? int.MinValue : short.MinValue, isLong ? int.MaxValue : short.MaxValue, $"a distance of {(isLong ? 32 : 16)} bits", out long value))
            {
                return false;
            }

            distance = (int)value;
            SkipObjdumpName();
            return true;
        }

        ReadOnlySpan<char> label = source.PeekWord();
        if (label.IsEmpty)
        {
            return Fail(AssemblyErrors.Expected("a label or a distance such as +3", FoundHere()) with
            {
                Try = char.IsAsciiDigit(source.Current) ? "distances have a sign and count from the next slot" : null,
            });
        }

        code.JumpTo(label.ToString(), isLong, source.Position);
        source.Position += label.Length;
        return true;
    }

    /// <summary>Behind <c>call</c>: a helper's number or name, <c>name#number</c>, a distance (<c>pc+3</c>), a label, a kernel function.</summary>
    private bool Call()
    {
        source.SkipSpace();
        if (IsNumber())
        {
            int kind = _registersHint < 0 ? CallKind.Helper : _registersHint >> 4;
            if (!Immediate32(out int number))
            {
                return false;
            }

            SkipObjdumpName();
            return AddCall(kind, number);
        }

        if (source.PeekWord() is "pc" && source.After(2) is '+' or '-')
        {
            source.Position += 2;
            return Number(int.MinValue, int.MaxValue, "a distance of 32 bits", out long distance) && SkipCalleeName() && AddCall(CallKind.Local, (int)distance);
        }

        if (source.Take("kernel-function#"))
        {
            return Immediate32(out int id) && AddCall(CallKind.Kfunc, id);
        }

        int start = source.Position;
        string name = source.PeekWord().ToString();
        if (name.Length == 0)
        {
            return Fail(AssemblyErrors.Expected("a function", FoundHere()));
        }

        source.Position += name.Length;
        if (source.Current != '#')
        {
            code.Refer(AssemblyReferenceKind.Call, name, 0, start);
            return AddCall(CallKind.Helper, 0);
        }

        source.Position++;
        if (!Immediate32(out int value))
        {
            return false;
        }

        // "unknown" is what the dumps call a helper that is newer than they are.
        bool isHelper = HelperTable.TryFind(name, out HelperId helper);
        return isHelper && (int)helper != value
            ? Fail(AssemblyErrors.NoSuchInstruction($"helper {name} has number {(int)helper}, not {value}", "the name and the number must be of one helper", $"write call {name}"), start)
            : AddCall(isHelper || name == "unknown" ? CallKind.Helper : CallKind.Kfunc, value);
    }

    private bool AddCall(int kind, int immediate)
    {
        long index = 0;
        return (kind != CallKind.Kfunc || !source.Take("btf[") || (Number(short.MinValue, short.MaxValue, "an index of 16 bits", out index) && Expect("]")))
            && Add(Opcodes.Call, 0, kind, (short)index, immediate);
    }

    // llvm-objdump names what a distance leads to: goto +0x3 <LBB0_2>.
    private void SkipObjdumpName()
    {
        source.SkipSpace();
        int length = source.Current == '<' ? source.Rest.IndexOf('>') : -1;
        source.Position += length + 1;
    }

    /// <summary>The name behind <c>pc+3#</c>, which the distance makes superfluous.</summary>
    private bool SkipCalleeName()
    {
        if (source.Current == '#')
        {
            source.Position++;
            source.Position += source.PeekWord().Length;
        }

        return true;
    }
}
