using System.Globalization;
using System.Runtime.InteropServices;

namespace Osmia.Kernel.Symbols;

/// <summary>Where an argument of a USDT probe is found.</summary>
internal enum UsdtArgumentKind
{
    Constant = 0,
    Register = 1,

    /// <summary>In memory, at a register and a distance.</summary>
    Memory = 2,

    /// <summary>In memory, at a register, a scaled index and a distance.</summary>
    Indexed = 3,
}

/// <summary>One argument of a USDT probe, as the compiler described it to the assembler.</summary>
/// <param name="Value">The constant, or the distance from the register.</param>
/// <param name="Register">Bytes into <c>struct pt_regs</c>.</param>
/// <param name="Size">1, 2, 4 or 8 bytes.</param>
internal readonly record struct UsdtArgument(UsdtArgumentKind Kind, long Value, int Register, int Size, bool IsSigned, int Index = 0, int Scale = 1)
{
    // Places in struct pt_regs of x86-64 (arch/x86/include/uapi/asm/ptrace.h), with the names of all widths.
    private static readonly (int Offset, string[] Names)[] s_x64 =
    [
        (0, ["r15", "r15d", "r15w", "r15b"]), (8, ["r14", "r14d", "r14w", "r14b"]), (16, ["r13", "r13d", "r13w", "r13b"]), (24, ["r12", "r12d", "r12w", "r12b"]),
        (32, ["rbp", "ebp", "bp", "bpl"]), (40, ["rbx", "ebx", "bx", "bl"]), (48, ["r11", "r11d", "r11w", "r11b"]), (56, ["r10", "r10d", "r10w", "r10b"]),
        (64, ["r9", "r9d", "r9w", "r9b"]), (72, ["r8", "r8d", "r8w", "r8b"]), (80, ["rax", "eax", "ax", "al"]), (88, ["rcx", "ecx", "cx", "cl"]),
        (96, ["rdx", "edx", "dx", "dl"]), (104, ["rsi", "esi", "si", "sil"]), (112, ["rdi", "edi", "di", "dil"]), (128, ["rip", "eip", "ip"]), (152, ["rsp", "esp", "sp", "spl"]),
    ];

    /// <summary>Reads the arguments of a probe; null when one is written in a way that is not known.</summary>
    public static UsdtArgument[]? ParseAll(string text, Architecture architecture)
    {
        var arguments = new List<UsdtArgument>();
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        while (!rest.IsEmpty)
        {
            // On AArch64 brackets hold blanks: "4@[sp, 60]".
            int bracket = rest.IndexOf('[');
            int end = rest.IndexOf(' ');
            if (bracket >= 0 && bracket < end)
            {
                int close = rest.IndexOf(']');
                end = close < 0 ? -1 : close + 1 == rest.Length ? -1 : close + 1;
            }

            ReadOnlySpan<char> one = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[end..].TrimStart();
            if (Parse(one, architecture) is not { } argument)
            {
                return null;
            }

            arguments.Add(argument);
        }

        return [.. arguments];
    }

    /// <summary><c>SIZE@WHERE</c>, a negative size for signed values.</summary>
    private static UsdtArgument? Parse(ReadOnlySpan<char> text, Architecture architecture)
    {
        int at = text.IndexOf('@');
        if (at < 1 || !int.TryParse(text[..at], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int size) || Math.Abs(size) is not (1 or 2 or 4 or 8))
        {
            return null;
        }

        ReadOnlySpan<char> where = text[(at + 1)..];
        if (where.IsEmpty)
        {
            return null;
        }

        UsdtArgument? place = architecture switch
        {
            Architecture.X64 => PlaceOnX64(where),
            Architecture.Arm64 => PlaceOnArm64(where),
            _ => null,
        };
        return place is { } found ? found with { Size = Math.Abs(size), IsSigned = size < 0 } : null;
    }

    /// <summary><c>$5</c>, <c>%rax</c>, <c>-8(%rbp)</c>, <c>16(%rax,%rbx,4)</c>.</summary>
    private static UsdtArgument? PlaceOnX64(ReadOnlySpan<char> text)
    {
        if (text.StartsWith("$"))
        {
            return Number(text[1..]) is { } constant ? new UsdtArgument(UsdtArgumentKind.Constant, constant, 0, 0, false) : null;
        }

        if (text.StartsWith("%"))
        {
            return RegisterOnX64(text) is { } register ? new UsdtArgument(UsdtArgumentKind.Register, 0, register, 0, false) : null;
        }

        int open = text.IndexOf('(');
        if (open < 0 || text[^1] != ')' || (open == 0 ? 0 : Number(text[..open])) is not { } distance)
        {
            return null;
        }

        string[] parts = text[(open + 1)..^1].ToString().Split(',', StringSplitOptions.TrimEntries);
        if (RegisterOnX64(parts[0]) is not { } first)
        {
            return null;
        }

        if (parts.Length == 1)
        {
            return new UsdtArgument(UsdtArgumentKind.Memory, distance, first, 0, false);
        }

        long? scale = parts.Length == 3 ? Number(parts[2]) : 1;
        return RegisterOnX64(parts[1]) is { } index && scale is 1 or 2 or 4 or 8 && parts.Length <= 3
            ? new UsdtArgument(UsdtArgumentKind.Indexed, distance, first, 0, false, index, (int)scale.Value)
            : null;
    }

    /// <summary><c>5</c>, <c>#5</c>, <c>xzr</c>, <c>x0</c>, <c>[sp]</c>, <c>[x29, 16]</c>, <c>[x1, x2]</c>, <c>[x1, x2, lsl 3]</c>.</summary>
    private static UsdtArgument? PlaceOnArm64(ReadOnlySpan<char> text)
    {
        if (text is "xzr" or "wzr")
        {
            return new UsdtArgument(UsdtArgumentKind.Constant, 0, 0, 0, false);
        }

        if (Number(text.TrimStart('#')) is { } constant)
        {
            return new UsdtArgument(UsdtArgumentKind.Constant, constant, 0, 0, false);
        }

        if (!text.StartsWith("["))
        {
            return RegisterOnArm64(text) is { } register ? new UsdtArgument(UsdtArgumentKind.Register, 0, register, 0, false) : null;
        }

        if (text[^1] != ']')
        {
            return null;
        }

        string[] parts = text[1..^1].ToString().Split(',', StringSplitOptions.TrimEntries);
        if (RegisterOnArm64(parts[0]) is not { } first || parts.Length > 3)
        {
            return null;
        }

        // A register of 32 bits would have to be widened first, which no record can say.
        if (parts.Length >= 2 && !parts[1].StartsWith('w') && RegisterOnArm64(parts[1]) is { } index)
        {
            int? shift = parts.Length == 2 ? 0 : parts[2].StartsWith("lsl ", StringComparison.Ordinal) && Number(parts[2].AsSpan(4).Trim().TrimStart('#')) is >= 0 and <= 3 and { } by ? (int)by : null;
            return shift is { } bits ? new UsdtArgument(UsdtArgumentKind.Indexed, 0, first, 0, false, index, 1 << bits) : null;
        }

        long? distance = parts.Length == 1 ? 0 : parts.Length == 2 ? Number(parts[1].AsSpan().TrimStart('#')) : null;
        return distance is { } found ? new UsdtArgument(UsdtArgumentKind.Memory, found, first, 0, false) : null;
    }

    private static int? RegisterOnX64(ReadOnlySpan<char> text)
    {
        if (!text.StartsWith("%"))
        {
            return null;
        }

        string name = text[1..].ToString();
        foreach ((int offset, string[] names) in s_x64)
        {
            if (Array.IndexOf(names, name) >= 0)
            {
                return offset;
            }
        }

        // The second bytes of four registers have names too.
        return name switch { "ah" => 81, "ch" => 89, "dh" => 97, "bh" => 41, _ => null };
    }

    /// <summary><c>struct user_pt_regs</c>: 31 registers, then the stack pointer.</summary>
    private static int? RegisterOnArm64(ReadOnlySpan<char> text) =>
        text is "sp" ? 31 * sizeof(ulong)
        : text.Length > 1 && text[0] is 'x' or 'w' && int.TryParse(text[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < 31 ? number * sizeof(ulong)
        : null;

    private static long? Number(ReadOnlySpan<char> text)
    {
        bool isNegative = text.StartsWith("-");
        ReadOnlySpan<char> digits = isNegative ? text[1..] : text;
        bool isHex = digits.StartsWith("0x");
        return ulong.TryParse(isHex ? digits[2..] : digits, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out ulong value)
            ? isNegative ? -(long)value : (long)value
            : null;
    }
}
