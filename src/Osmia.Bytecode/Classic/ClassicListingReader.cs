using System.Globalization;
using System.Text.RegularExpressions;

namespace Osmia.Bytecode.Classic;

/// <summary>Reads the listing of <c>tcpdump -d</c> back, as <see cref="ClassicListing"/> writes it; the numbers in front may be left out.</summary>
internal static partial class ClassicListingReader
{
    private static readonly Dictionary<string, ushort> s_arithmetic = new(StringComparer.Ordinal)
    {
        ["add"] = 0x04, ["sub"] = 0x14, ["mul"] = 0x24, ["div"] = 0x34, ["or"] = 0x44, ["and"] = 0x54, ["lsh"] = 0x64, ["rsh"] = 0x74, ["mod"] = 0x94, ["xor"] = 0xa4,
    };

    private static readonly Dictionary<string, ushort> s_jumps = new(StringComparer.Ordinal) { ["jeq"] = 0x15, ["jgt"] = 0x25, ["jge"] = 0x35, ["jset"] = 0x45 };

    private static readonly string[] s_others = ["ld", "ldh", "ldb", "ldx", "ldxb", "st", "stx", "ja", "ret", "tax", "txa", "neg"];

    public static bool BeginsLikeOne(string text)
    {
        string word = text.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries)[0];
        return s_others.Contains(word) || s_arithmetic.ContainsKey(word) || s_jumps.ContainsKey(word);
    }

    public static ClassicProgram? Read(string text, out ClassicTextProblem? problem)
    {
        var code = new List<ClassicInstruction>();
        int line = 0;
        foreach (string row in text.Split('\n'))
        {
            line++;
            string trimmed = row.Trim();
            if (trimmed.Length == 0)
            {
                continue;
            }

            Match match = Line().Match(trimmed);
            if (!match.Success || (match.Groups["number"].Success && int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) != code.Count))
            {
                return ClassicText.Fail(new(line, $"'{ClassicText.Shortened(trimmed)}' is no line of a listing", $"expected '({code.Count:000}) MNEMONIC OPERAND'"), out problem);
            }

            if (One(match.Groups["word"].Value, match.Groups["rest"].Value.Trim(), code.Count) is not { } one)
            {
                return ClassicText.Fail(new(line, $"'{ClassicText.Shortened(trimmed)}' is no instruction", "classic BPF has no such mnemonic with such an operand, or the jump goes too far"), out problem);
            }

            code.Add(one);
        }

        problem = null;
        return new ClassicProgram([.. code]);
    }

    private static ClassicInstruction? One(string word, string operand, int at)
    {
        if (s_jumps.TryGetValue(word, out ushort jump))
        {
            Match match = JumpOperand().Match(operand);
            if (!match.Success || !Distance(match, "jt", at, out byte yes) || !Distance(match, "jf", at, out byte no))
            {
                return null;
            }

            string value = match.Groups["value"].Value;
            return value == "x" ? new((ushort)(jump | 8), yes, no, 0) : Constant(value) is { } k ? new(jump, yes, no, k) : null;
        }

        if (s_arithmetic.TryGetValue(word, out ushort arithmetic))
        {
            return operand == "x" ? new((ushort)(arithmetic | 8), 0, 0, 0) : Constant(operand) is { } k ? new(arithmetic, 0, 0, k) : null;
        }

        return (word, operand) switch
        {
            ("ret", "") => new(0x16, 0, 0, 0),
            ("ret", "a" or "A") => new(0x16, 0, 0, 0),
            ("ret", _) => Constant(operand) is { } k ? new(0x06, 0, 0, k) : null,
            ("tax", "") => new(0x07, 0, 0, 0),
            ("txa", "") => new(0x87, 0, 0, 0),
            ("neg", "") => new(0x84, 0, 0, 0),
            ("ja", _) => ClassicText.TryNumber(operand, uint.MaxValue, out uint target) && target > at ? new(0x05, 0, 0, target - (uint)at - 1) : null,
            ("st", _) => Inside(operand, "M[", "]") is { } k ? new(0x02, 0, 0, k) : null,
            ("stx", _) => Inside(operand, "M[", "]") is { } k ? new(0x03, 0, 0, k) : null,
            ("ldxb", _) => Inside(operand, "4*([", "]&0xf)") is { } k ? new(0xb1, 0, 0, k) : null,
            ("ldx", _) => Load(operand, 0x01, isX: true),
            ("ld", _) => Load(operand, 0x00, isX: false),
            ("ldh", _) => Load(operand, 0x08, isX: false),
            ("ldb", _) => Load(operand, 0x10, isX: false),
            _ => null,
        };
    }

    private static ClassicInstruction? Load(string operand, ushort code, bool isX)
    {
        bool isWord = code <= 1;
        if (isWord && operand is "#pktlen" or "#len")
        {
            return isWord ? new((ushort)(code | 0x80), 0, 0, 0) : null;
        }

        if (isWord && Constant(operand) is { } constant)
        {
            return new(code, 0, 0, constant);
        }

        if (isWord && Inside(operand, "M[", "]") is { } scratch)
        {
            return new((ushort)(code | 0x60), 0, 0, scratch);
        }

        if (isX)
        {
            return null;
        }

        if (Inside(operand, "[x + ", "]") is { } distance)
        {
            return new((ushort)(code | 0x40), 0, 0, distance);
        }

        if (Inside(operand, "[", "]") is { } offset)
        {
            return new((ushort)(code | 0x20), 0, 0, offset);
        }

        string name = operand.TrimStart('[', '#').TrimEnd(']');
        return ClassicAncillaryTable.Rows.FirstOrDefault(row => row.Name == name) is { } known ? new((ushort)(code | 0x20), 0, 0, ClassicAncillaryTable.Base + (uint)known.Kind) : null;
    }

    private static bool Distance(Match match, string name, int at, out byte distance)
    {
        long value = long.Parse(match.Groups[name].Value, CultureInfo.InvariantCulture) - at - 1;
        distance = (byte)value;
        return value is >= 0 and <= byte.MaxValue;
    }

    private static uint? Constant(string operand) => operand.StartsWith('#') && ClassicText.TryNumber(operand[1..], uint.MaxValue, out uint value) ? value : null;

    private static uint? Inside(string operand, string before, string after) =>
        operand.StartsWith(before, StringComparison.Ordinal) && operand.EndsWith(after, StringComparison.Ordinal) && operand.Length > before.Length + after.Length
        && ClassicText.TryNumber(operand[before.Length..^after.Length], uint.MaxValue, out uint value) ? value : null;

    [GeneratedRegex(@"^(\((?<number>[0-9]{1,4})\)|(?<number>[0-9]{1,4}):)?\s*(?<word>[a-z]+)\s*(?<rest>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Line();

    [GeneratedRegex(@"^(?<value>\S+)\s+jt\s+(?<jt>[0-9]{1,4})\s+jf\s+(?<jf>[0-9]{1,4})$", RegexOptions.CultureInvariant)]
    private static partial Regex JumpOperand();
}
