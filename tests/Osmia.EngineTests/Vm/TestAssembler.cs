using System.Globalization;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;

namespace Osmia.Tests.Vm;

/// <summary>
/// The assembler, with shorthands of these tests: statements separated by semicolons, <c>map[0]</c> for a map's index and <c>map[0][8]</c> for a
/// place in its value, <c>func f ll</c>, <c>hex</c> for what has no text.
/// </summary>
internal static partial class TestAssembler
{
    public static Instruction[] Assemble(string text)
    {
        string lines = text.Replace(';', '\n');
        lines = Hex().Replace(lines, match => $".byte {string.Join(", ", Convert.FromHexString(match.Groups[1].Value.Replace(" ", "", StringComparison.Ordinal)))}");
        lines = MapAddress().Replace(lines, match => $"map[idx:{match.Groups[1]}]{(match.Groups[2].Success ? $"+{match.Groups[2]}" : "")}");
        lines = FunctionAddress().Replace(lines, "$1 ll");
        return Assembler.Assemble(Exchange32().Replace(lines, "xchg32_32("));
    }

    public static long Number(string text)
    {
        bool isNegative = text.StartsWith('-');
        string digits = isNegative ? text[1..] : text;
        ulong value = digits.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.Parse(digits[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : ulong.Parse(digits, CultureInfo.InvariantCulture);
        return isNegative ? -(long)value : (long)value;
    }

    [GeneratedRegex("^\\s*hex ([0-9a-fA-F ]+)", RegexOptions.Multiline)]
    private static partial Regex Hex();

    [GeneratedRegex(@"\bmap\[(-?\w+)\](?:\[(-?\w+)\])?")]
    private static partial Regex MapAddress();

    [GeneratedRegex(@"\bfunc (\w+) ll")]
    private static partial Regex FunctionAddress();

    [GeneratedRegex(@"xchg_32\(")]
    private static partial Regex Exchange32();
}
