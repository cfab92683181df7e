namespace Osmia.Bytecode.Assembly;

internal sealed partial class StatementParser
{
    // Longer operators before those they begin with.
    private static readonly (string Text, ArithmeticOperation Operation, short Offset)[] s_assignments =
    [
        ("s>>=", ArithmeticOperation.Arsh, 0),
        ("s/=", ArithmeticOperation.Div, 1),
        ("s%=", ArithmeticOperation.Mod, 1),
        ("<<=", ArithmeticOperation.Lsh, 0),
        (">>=", ArithmeticOperation.Rsh, 0),
        ("+=", ArithmeticOperation.Add, 0),
        ("-=", ArithmeticOperation.Sub, 0),
        ("*=", ArithmeticOperation.Mul, 0),
        ("/=", ArithmeticOperation.Div, 0),
        ("%=", ArithmeticOperation.Mod, 0),
        ("|=", ArithmeticOperation.Or, 0),
        ("&=", ArithmeticOperation.And, 0),
        ("^=", ArithmeticOperation.Xor, 0),
    ];

    /// <summary>Everything that begins with a register.</summary>
    private bool Assignment()
    {
        if (!AnyRegister(out int destination, out bool is32))
        {
            return false;
        }

        foreach ((string text, ArithmeticOperation operation, short offset) in s_assignments)
        {
            if (source.Take(text))
            {
                return Operand(operation, destination, is32, offset);
            }
        }

        source.SkipSpace();
        return source.Take("=") ? Move(destination, is32) : Fail(AssemblyErrors.Expected("an operator such as '=' or '+='", FoundHere()));
    }

    /// <summary>The right side of an operation: a register or an immediate.</summary>
    private bool Operand(ArithmeticOperation operation, int destination, bool is32, short offset)
    {
        byte opcode = Arithmetic(operation, is32);
        if (!IsNumber())
        {
            return RegisterOfWidth(is32, out int operand) && Add((byte)(opcode | UsesRegister), destination, operand, offset);
        }

        return Immediate32(out int value) && Add(opcode, destination, 0, offset, value);
    }

    private const byte UsesRegister = 0x08;

    private static byte Arithmetic(ArithmeticOperation operation, bool is32) =>
        (byte)((byte)operation | (byte)(is32 ? InstructionClass.Alu : InstructionClass.Alu64));

    /// <summary>What follows <c>r1 =</c>.</summary>
    private bool Move(int destination, bool is32)
    {
        if (IsNumber())
        {
            return MoveNumber(destination, is32);
        }

        switch (source.Current)
        {
            case '-':
                return Negate(destination, is32);
            case '(':
                return MoveExtended(destination, is32);
            case '*':
                return Load(destination, is32);
            case '&':
                return PerCpuAddress(destination, is32);
        }

        ReadOnlySpan<char> word = source.PeekWord();
        if (IsRegister(word))
        {
            return Operand(ArithmeticOperation.Mov, destination, is32, 0);
        }

        if (word.IsEmpty)
        {
            return Fail(AssemblyErrors.Expected("a value", FoundHere()));
        }

        switch (word)
        {
            case "le16" or "le32" or "le64" or "be16" or "be32" or "be64" or "bswap16" or "bswap32" or "bswap64":
                return Swap(destination, is32, word);
            case "addr_space_cast":
                return Casted(destination, is32);
            case "load_acquire":
                return LoadAcquire(destination, is32);
        }

        if (FindAtomic(word, out AtomicForm form))
        {
            source.Position += word.Length;
            return Atomic(destination, is32, form);
        }

        return is32
            ? Fail(AssemblyErrors.NoSuchInstruction($"'{word}' cannot be loaded into half a register", "names and wide immediates have 64 bits", $"write r{destination}"))
            : LoadSymbol(destination);
    }

    private bool MoveNumber(int destination, bool is32)
    {
        source.SkipSpace();
        int start = source.Position;
        if (!Immediate64(out ulong value, out bool fits))
        {
            return false;
        }

        // A number that needs more than 32 bits can only be wide; a dump marks the others by their opcode.
        bool isWide = source.TakeWord("ll") || (!is32 && (!fits || _opcodeHint == Opcodes.LoadImmediate64));
        if (isWide && !is32)
        {
            return AddWide(destination, PseudoLoad.Immediate, unchecked((int)value), unchecked((int)(value >> 32)));
        }

        return fits && !isWide
            ? Add(Arithmetic(ArithmeticOperation.Mov, is32), destination, immediate: unchecked((int)value))
            : Fail(AssemblyErrors.Number($"{unchecked((long)value)} does not fit half a register", "it has 32 bits") with { Try = $"write r{destination} = ... ll" }, start);
    }

    private bool Negate(int destination, bool is32)
    {
        source.Take("-");
        source.SkipSpace();
        int start = source.Position;
        return RegisterOfWidth(is32, out int operand)
            && (operand == destination || Fail(AssemblyErrors.NoSuchInstruction("a negation has one register", "it works in place"), start))
            && Add(Arithmetic(ArithmeticOperation.Neg, is32), destination);
    }

    /// <summary><c>(s8)r2</c>.</summary>
    private bool MoveExtended(int destination, bool is32)
    {
        source.Take("(");
        ReadOnlySpan<char> word = source.PeekWord();
        short bits = word switch { "s8" => 8, "s16" => 16, "s32" => 32, _ => 0 };
        if (bits == 0 || (bits == 32 && is32))
        {
            return Fail(AssemblyErrors.Expected(is32 ? "s8 or s16" : "s8, s16 or s32", FoundHere()));
        }

        source.Position += word.Length;
        return Expect(")") && RegisterOfWidth(is32, out int operand)
            && Add((byte)(Arithmetic(ArithmeticOperation.Mov, is32) | UsesRegister), destination, operand, bits);
    }

    private bool Swap(int destination, bool is32, ReadOnlySpan<char> word)
    {
        InstructionClass @class = word[0] == 'b' && word[1] == 's' ? InstructionClass.Alu64 : InstructionClass.Alu;
        int toBigEndian = word.StartsWith("be", StringComparison.Ordinal) ? UsesRegister : 0;
        int bits = word[^2..] switch { "16" => 16, "32" => 32, _ => 64 };
        source.Position += word.Length;
        source.SkipSpace();
        int start = source.Position;
        return RegisterOfWidth(is32, out int operand)
            && (!is32 || Fail(AssemblyErrors.NoSuchInstruction("a byte swap takes a whole register", "the width is in its name", $"write r{destination}"), start))
            && (operand == destination || Fail(AssemblyErrors.NoSuchInstruction("a byte swap has one register", "it works in place"), start))
            && Add((byte)((int)ArithmeticOperation.End | toBigEndian | (int)@class), destination, immediate: bits);
    }

    /// <summary><c>addr_space_cast(r2, 0, 1)</c>.</summary>
    private bool Casted(int destination, bool is32)
    {
        source.TakeWord("addr_space_cast");
        if (is32)
        {
            return Fail(MixedWidths());
        }

        return Expect("(") && Register64(out int operand) && Expect(",")
            && Number(0, ushort.MaxValue, "an address space", out long to) && Expect(",")
            && Number(0, ushort.MaxValue, "an address space", out long from) && Expect(")")
            && Add(Opcodes.Mov64Register, destination, operand, 1, unchecked((int)((to << 16) | from)));
    }

    /// <summary><c>&amp;(void __percpu *)(r2)</c>.</summary>
    private bool PerCpuAddress(int destination, bool is32) =>
        (!is32 || Fail(MixedWidths())) && Expect("&") && Expect("(") && Expect("void") && Expect("__percpu") && Expect("*") && Expect(")") && Expect("(")
        && Register64(out int operand) && Expect(")") && Add(Opcodes.Mov64Register, destination, operand, -1);
}
