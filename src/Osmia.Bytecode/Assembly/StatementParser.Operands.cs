namespace Osmia.Bytecode.Assembly;

internal sealed partial class StatementParser
{
    private const int RegisterCount = 11;

    public static bool IsRegister(ReadOnlySpan<char> word) =>
        word.Length is 2 or 3 && word[0] is 'r' or 'R' or 'w' or 'W' && word[1..].IndexOfAnyExceptInRange('0', '9') < 0;

    /// <summary>A register, 64-bit (<c>r1</c>) or the lower half of one (<c>w1</c>).</summary>
    private bool AnyRegister(out int number, out bool is32)
    {
        ReadOnlySpan<char> word = source.PeekWord();
        (number, is32) = (0, false);
        if (!IsRegister(word))
        {
            return Fail(AssemblyErrors.Expected("a register", FoundHere()));
        }

        is32 = word[0] is 'w' or 'W';
        number = word.Length == 2 ? word[1] - '0' : ((word[1] - '0') * 10) + word[2] - '0';
        if (number >= RegisterCount || (word.Length == 3 && word[1] == '0'))
        {
            return Fail(AssemblyErrors.NoSuchInstruction($"there is no register '{word}'", "registers are r0 to r10, their lower halves w0 to w10"));
        }

        source.Position += word.Length;
        return true;
    }

    private bool Register64(out int number)
    {
        int start = source.Position;
        return AnyRegister(out number, out bool is32)
            && (!is32 || Fail(AssemblyErrors.NoSuchInstruction($"'w{number}' stands where a whole register is used", "addresses and this operation take 64 bits", $"write r{number}"), start));
    }

    /// <summary>A register of the width of the other operand.</summary>
    private bool RegisterOfWidth(bool is32, out int number)
    {
        source.SkipSpace();
        int start = source.Position;
        return AnyRegister(out number, out bool isHalf) && (isHalf == is32 || Fail(MixedWidths(), start));
    }

    private static AssemblyDiagnostic MixedWidths() => AssemblyErrors.NoSuchInstruction(
        "the operands have different widths", "an operation works on whole registers (r) or on their lower halves (w)");

    /// <summary>Whether a number begins here, with or without sign.</summary>
    public bool IsNumber()
    {
        source.SkipSpace();
        return char.IsAsciiDigit(source.Current) || source.Current == '\''
            || (source.Current is '-' or '+' && (char.IsAsciiDigit(source.After(1)) || (source.After(1) == ' ' && char.IsAsciiDigit(source.After(2)))));
    }

    /// <summary>A number with an optional sign, in the range given.</summary>
    public bool Number(long minimum, long maximum, string what, out long value)
    {
        value = 0;
        source.SkipSpace();
        int start = source.Position;
        if (!Magnitude(what, out ulong magnitude, out bool isNegative))
        {
            return false;
        }

        bool fits = isNegative ? magnitude <= 0UL - (ulong)minimum && minimum < 0 : magnitude <= (ulong)maximum;
        if (!fits && !(isNegative && magnitude == 0))
        {
            return Fail(AssemblyErrors.Number($"{(isNegative ? "-" : "")}{magnitude} is out of range", $"{what} is from {minimum} to {maximum}"), start);
        }

        value = isNegative ? (long)(0UL - magnitude) : (long)magnitude;
        return true;
    }

    /// <summary>32 bits, signed or unsigned: the dumps print comparisons unsigned and everything else signed.</summary>
    private bool Immediate32(out int value)
    {
        bool isRead = Number(int.MinValue, uint.MaxValue, "an immediate of 32 bits", out long number);
        value = unchecked((int)number);
        return isRead;
    }

    /// <summary>64 bits, signed or unsigned.</summary>
    public bool Immediate64(out ulong value, out bool fitsIn32)
    {
        (value, fitsIn32) = (0, false);
        source.SkipSpace();
        int start = source.Position;
        if (!Magnitude("a number", out ulong magnitude, out bool isNegative))
        {
            return false;
        }

        value = isNegative ? 0UL - magnitude : magnitude;
        fitsIn32 = magnitude <= (isNegative ? 1UL << 31 : uint.MaxValue);
        return !isNegative || magnitude <= 1UL << 63 || Fail(AssemblyErrors.Number($"-{magnitude} is out of range", "an immediate has 64 bits"), start);
    }

    private bool Magnitude(string what, out ulong magnitude, out bool isNegative)
    {
        magnitude = 0;
        source.SkipSpace();
        isNegative = source.Current == '-';
        if (isNegative || source.Current == '+')
        {
            source.Position++;
            source.SkipSpace();
        }

        if (source.Current == '\'')
        {
            return Character(out magnitude);
        }

        int start = source.Position;
        (int radix, int prefix) = (source.Current, char.ToLowerInvariant(source.After(1))) switch
        {
            ('0', 'x') => (16, 2),
            ('0', 'b') => (2, 2),
            _ => (10, 0),
        };
        source.Position += prefix;
        int digits = 0;
        for (; char.IsAsciiHexDigit(source.Current) && Digit(source.Current) < radix; source.Position++, digits++)
        {
            UInt128 next = ((UInt128)magnitude * (uint)radix) + (uint)Digit(source.Current);
            if (next > ulong.MaxValue)
            {
                return Fail(AssemblyErrors.Number("the number has more than 64 bits", $"{what} is expected here"), start);
            }

            magnitude = (ulong)next;
        }

        if (digits == 0)
        {
            source.Position = start;
            return Fail(AssemblyErrors.Expected(what, FoundHere()));
        }

        if (char.IsAsciiLetterOrDigit(source.Current) || source.Current == '_')
        {
            return Fail(AssemblyErrors.Syntax($"'{source.Current}' is no digit of this number"));
        }

        return (radix, digits, source.After(-digits)) is not (10, > 1, '0')
            || Fail(AssemblyErrors.Number("a number begins with 0", "C and clang's assembler read it as octal, dumps mean decimal") with { Try = "leave the 0 out, or write 0x for hexadecimal" }, start);
    }

    private static int Digit(char c) => char.IsAsciiDigit(c) ? c - '0' : char.ToLowerInvariant(c) - 'a' + 10;

    private bool Character(out ulong value)
    {
        value = source.After(1);
        if (source.After(2) != '\'' || value is '\'' or '\\' or > 127)
        {
            return Fail(AssemblyErrors.Expected("an ASCII character in quotes", FoundHere()));
        }

        source.Position += 3;
        return true;
    }

    public bool Expect(string text) => source.Take(text) || Fail(AssemblyErrors.Expected($"'{text}'", FoundHere()));

    /// <summary><c>(u32 *)</c>.</summary>
    private bool PointerType(out Size size, out bool isSigned)
    {
        (size, isSigned) = (Size.Dw, false);
        if (!Expect("("))
        {
            return false;
        }

        ReadOnlySpan<char> word = source.PeekWord();
        Size? found = word is "u8" or "s8" ? Size.B : word is "u16" or "s16" ? Size.H : word is "u32" or "s32" ? Size.W : word is "u64" or "s64" ? Size.Dw : null;
        if (found is null)
        {
            return Fail(AssemblyErrors.Expected("a type of memory (u8, u16, u32, u64, s8, s16, s32)", FoundHere()));
        }

        size = found.Value;
        isSigned = word[0] == 's';
        source.Position += word.Length;
        return Expect("*") && Expect(")");
    }

    /// <summary><c>r1 + 8</c>, <c>r1 -8</c>, <c>r1</c>.</summary>
    private bool Place(out int register, out short offset)
    {
        offset = 0;
        if (!Register64(out register))
        {
            return false;
        }

        source.SkipSpace();
        if (source.Current is not ('+' or '-'))
        {
            return true;
        }

        bool isRead = Number(short.MinValue, short.MaxValue, "an offset of 16 bits", out long value);
        offset = (short)value;
        return isRead;
    }

    /// <summary><c>(r1 + 8)</c>.</summary>
    private bool PlaceInParentheses(out int register, out short offset)
    {
        (register, offset) = (0, 0);
        return Expect("(") && Place(out register, out offset) && Expect(")");
    }

    /// <summary><c>(u32 *)(r1 + 8)</c>, unsigned.</summary>
    private bool Pointer(out Size size, out int register, out short offset)
    {
        (register, offset) = (0, 0);
        source.SkipSpace();
        int start = source.Position;
        return PointerType(out size, out bool isSigned)
            && (!isSigned || Fail(AssemblyErrors.NoSuchInstruction("a signed type stands where nothing is extended", "only plain loads extend a sign", $"write u{8 * size.InBytes()}"), start))
            && PlaceInParentheses(out register, out offset);
    }

    /// <summary>A name, and what is added to it: <c>values + 8</c>.</summary>
    private bool Symbol(out string name, out long offset)
    {
        offset = 0;
        ReadOnlySpan<char> word = source.PeekWord();
        name = word.ToString();
        if (word.IsEmpty)
        {
            return Fail(AssemblyErrors.Expected("a name", FoundHere()));
        }

        source.Position += word.Length;
        source.SkipSpace();
        return source.Current is not ('+' or '-') || Number(int.MinValue, int.MaxValue, "an offset", out offset);
    }
}
