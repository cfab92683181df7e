namespace Osmia.Bytecode.Assembly;

/// <summary>
/// Reads one line: labels, what dumps print before an instruction, and the instruction. The parts of the class are the forms:
/// arithmetic, memory, wide loads, jumps, operands, dumps. A method that fails has reported why and returns false.
/// </summary>
internal sealed partial class StatementParser(AssemblySource source, CodeAssembler code)
{
    // What a dump says of the instruction before its text; -1 where it says nothing.
    private int _opcodeHint;
    private int _registersHint;

    public void Parse()
    {
        _opcodeHint = _registersHint = -1;
        (int, int, int) mark = code.Mark();
        if (!TryParse())
        {
            code.Rollback(mark);
        }
    }

    /// <summary>Labels and dump headings at the start of the line; afterwards the line is at an instruction or at its end.</summary>
    public bool Labels()
    {
        if (IsPrototype(out int nameStart, out int nameLength))
        {
            source.Position = nameStart;
            code.AddLabel(source.Rest[..nameLength].ToString(), nameStart);
            source.Position += source.Rest.Length;
            return true;
        }

        if (ObjdumpHeading(out string? heading))
        {
            code.AddLabel(heading, source.Position);
            source.Position += source.Rest.Length;
            return true;
        }

        while (source.PeekWord() is { IsEmpty: false } word && source.After(word.Length) == ':')
        {
            if (IsRegister(word))
            {
                return Fail(AssemblyErrors.Syntax($"'{word}' is a register and cannot be a label"));
            }

            code.AddLabel(word.ToString(), source.Position);
            source.Position += word.Length + 1;
        }

        return true;
    }

    private bool TryParse()
    {
        if (IsObjdumpTitle())
        {
            return true;
        }

        if (!Labels())
        {
            return false;
        }

        if (IsBytesOnly() || source.IsAtEnd())
        {
            return true;
        }

        SlotNumber();
        SkipBytes();
        int start = source.Position;
        return OpcodePrefix() && (source.IsAtEnd() ? Fail(AssemblyErrors.Syntax("there is no instruction behind the number")) : Instruction(start));
    }

    private bool Instruction(int start)
    {
        int first = code.Count;
        if (!Statement())
        {
            return false;
        }

        // Without a space a # is no comment to the blanking, but behind an instruction it is.
        if (!source.IsAtEnd() && source.Current != '#')
        {
            return Fail(AssemblyErrors.Expected("the end of the line", FoundHere()));
        }

        if (_opcodeHint >= 0 && code.Count > first && code[first].Opcode.Value != _opcodeHint)
        {
            source.Report(AssemblyErrors.OtherOpcode((byte)_opcodeHint, code[first].Opcode), start);
            return false;
        }

        return true;
    }

    private bool Statement()
    {
        ReadOnlySpan<char> word = source.PeekWord();
        if (word.IsEmpty)
        {
            return source.Current == '*' ? Store() : Fail(AssemblyErrors.Expected("an instruction", FoundHere()));
        }

        if (IsRegister(word))
        {
            return Assignment();
        }

        int start = source.Position;
        source.Position += word.Length;
        switch (word)
        {
            case "exit":
                return Add(Opcodes.Exit);
            case "nospec":
                return Add(Opcodes.NoSpeculation);
            case "call":
                return Call();
            case "callx":
                return Register64(out int callee) && Add(Opcodes.CallRegister, callee);
            case "goto":
                return Target(isLong: false, out int near) && Add(Opcodes.Jump, offset: (short)near);
            case "gotol":
                return Target(isLong: true, out int far) && Add(Opcodes.JumpLong, immediate: far);
            case "may_goto":
                return Target(isLong: false, out int maybe) && Add(Opcodes.MayGoto, offset: (short)maybe);
            case "gotox":
                return Register64(out int address) && Add(Opcodes.JumpIndirect, address);
            case "if":
                return Condition();
            case "lock":
                return LockedAssignment();
            case "store_release":
                return StoreRelease();
            case "ld_pseudo":
                return LoadPseudo();
            case ".byte":
                return Bytes();
        }

        source.Position = start;
        return word[0] == '.'
            ? Fail(AssemblyErrors.Syntax($"there is no directive '{word}' here", "a stream of instructions knows .byte; sections and maps belong in a file for 'osmia asm'"))
            : Fail(AssemblyErrors.Syntax($"'{word}' begins no instruction", NearestName.Find(word.ToString(), s_words) is { } nearest
                ? $"did you mean '{nearest}'?"
                : "instructions look like r1 = r2, r1 += 5, r1 = *(u64 *)(r2 + 8); docs/assembly.md has them all"));
    }

    private static readonly string[] s_words = ["exit", "call", "callx", "goto", "gotol", "gotox", "may_goto", "if", "lock", "store_release", "ld_pseudo", ".byte"];

    private bool Bytes()
    {
        Span<byte> slot = stackalloc byte[Bytecode.Instruction.SizeInBytes];
        int count = 0;
        do
        {
            if (!Number(sbyte.MinValue, byte.MaxValue, "a byte", out long value))
            {
                return false;
            }

            slot[count++ % slot.Length] = (byte)value;
            if (count % slot.Length == 0)
            {
                code.Add(Bytecode.Instruction.Decode(slot));
            }
        }
        while (source.Take(","));
        return count % slot.Length == 0 || Fail(AssemblyErrors.Syntax($"{count} bytes are no whole number of instructions", "give 8 for each slot"));
    }

    private bool Add(byte opcode, int destination = 0, int source = 0, short offset = 0, int immediate = 0)
    {
        code.Add(new Instruction(new Opcode(opcode), (Register)destination, (Register)source, offset, immediate));
        return true;
    }

    private bool AddWide(int destination, int kind, int low, int high)
    {
        code.Add(new Instruction(new Opcode(Opcodes.LoadImmediate64), (Register)destination, (Register)kind, 0, low));
        code.Add(new Instruction(default, 0, 0, high));
        return true;
    }

    public ReadOnlySpan<char> FoundHere()
    {
        ReadOnlySpan<char> word = source.PeekWord();
        ReadOnlySpan<char> rest = source.Rest.TrimEnd();
        return !word.IsEmpty || rest.IsEmpty ? word : rest[..Math.Min(rest.IndexOf(' ') is > 0 and var space ? space : rest.Length, 20)];
    }

    public bool Fail(AssemblyDiagnostic problem)
    {
        source.SkipSpace();
        return Fail(problem, source.Position);
    }

    public bool Fail(AssemblyDiagnostic problem, int position)
    {
        source.Report(problem, position);
        return false;
    }
}
