using System.Globalization;

namespace Osmia.Bytecode.Classic;

/// <summary>
/// Reads filters from the forms in which tools write them: <c>tcpdump -ddd</c> (a count, then lines of four numbers), the same in one line with commas
/// (bpf_asm, tc, xt_bpf), <c>tcpdump -dd</c> and C source (<c>{ 0x28, 0, 0, 12 }</c>, <c>BPF_STMT</c>, <c>BPF_JUMP</c>), and the listing of
/// <c>tcpdump -d</c>.
/// </summary>
public static class ClassicText
{
    /// <returns>Null when the text is none of these; <paramref name="problem"/> says where it stops being one.</returns>
    public static ClassicProgram? Read(string text, out ClassicTextProblem? problem)
    {
        string code = WithoutComments(text);
        string first = code.TrimStart();
        return first.Length == 0 ? Fail(new(1, "nothing to read", "the text is empty"), out problem)
            : first[0] == '(' || first.StartsWith("BPF_", StringComparison.Ordinal) == false && ClassicListingReader.BeginsLikeOne(first) ? ClassicListingReader.Read(code, out problem)
            : char.IsAsciiDigit(first[0]) ? ReadNumbers(code, out problem)
            : ClassicSourceReader.Read(code, out problem);
    }

    private static ClassicProgram? ReadNumbers(string text, out ClassicTextProblem? problem)
    {
        var rows = new List<(int Line, string Text)>();
        int line = 1;
        foreach (string row in text.Split('\n'))
        {
            rows.AddRange(row.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part => (line, part)));
            line++;
        }

        if (!uint.TryParse(rows[0].Text, NumberStyles.None, CultureInfo.InvariantCulture, out uint count))
        {
            return Fail(new(rows[0].Line, $"'{Shortened(rows[0].Text)}' is no number of instructions", "the first word of this form counts the instructions"), out problem);
        }

        if (rows.Count - 1 != count)
        {
            return Fail(new(rows[^1].Line, $"{rows.Count - 1} instructions where {count} were announced", "the text is cut off, or has lines that do not belong to it"), out problem);
        }

        var code = new ClassicInstruction[count];
        for (int i = 0; i < code.Length; i++)
        {
            string[] words = rows[i + 1].Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length != 4 || !TryNumber(words[0], ushort.MaxValue, out uint operation) || !TryNumber(words[1], byte.MaxValue, out uint yes)
                || !TryNumber(words[2], byte.MaxValue, out uint no) || !TryNumber(words[3], uint.MaxValue, out uint k))
            {
                return Fail(new(rows[i + 1].Line, $"'{Shortened(rows[i + 1].Text)}' is no instruction", "an instruction is its code, two distances and a constant: four numbers"), out problem);
            }

            code[i] = new((ushort)operation, (byte)yes, (byte)no, k);
        }

        problem = null;
        return new ClassicProgram([.. code]);
    }

    /// <summary>Decimal or hexadecimal; a negative number is its two's complement where 32 bits fit.</summary>
    internal static bool TryNumber(string word, uint maximum, out uint value)
    {
        bool isNegative = word.StartsWith('-');
        string digits = isNegative ? word[1..] : word;
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        string trimmed = (isHex ? digits[2..] : digits).TrimEnd('u', 'U', 'l', 'L');
        if (!uint.TryParse(trimmed, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            return false;
        }

        if (isNegative)
        {
            value = (uint)-(int)value;
            return maximum == uint.MaxValue && value > int.MaxValue;
        }

        return value <= maximum;
    }

    internal static string Shortened(string text) => text.Length <= 60 ? text : text[..57] + "...";

    internal static ClassicProgram? Fail(ClassicTextProblem what, out ClassicTextProblem? problem)
    {
        problem = what;
        return null;
    }

    private static string WithoutComments(string text)
    {
        // Blanks in their place, so that lines keep their numbers.
        char[] code = text.ToCharArray();
        for (int i = 0; i < code.Length; i++)
        {
            bool isBlock = code[i] == '/' && i + 1 < code.Length && code[i + 1] == '*';
            bool isLine = (code[i] == '/' && i + 1 < code.Length && code[i + 1] == '/') || code[i] == ';';
            if (!isBlock && !isLine)
            {
                continue;
            }

            int end = isBlock ? text.IndexOf("*/", i + 2, StringComparison.Ordinal) : text.IndexOf('\n', i);
            end = end < 0 ? code.Length : isBlock ? end + 2 : end;
            for (; i < end; i++)
            {
                code[i] = code[i] is '\n' or '\r' ? code[i] : ' ';
            }

            i--;
        }

        return new string(code);
    }
}

/// <summary>Where a text stops being a filter.</summary>
/// <param name="Line">Counted from 1.</param>
public sealed record ClassicTextProblem(int Line, string What, string Why);
