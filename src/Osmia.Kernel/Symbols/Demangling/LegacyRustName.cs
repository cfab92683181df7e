using System.Globalization;
using System.Text;

namespace Osmia.Kernel.Symbols.Demangling;

/// <summary>Names of Rust before its own scheme: nested names of C++ whose last part is a hash, with words for signs. The hash is left out.</summary>
internal static class LegacyRustName
{
    private const int HashLength = 17;

    private static readonly (string Word, string Text)[] s_signs =
    [
        ("SP", "@"), ("BP", "*"), ("RF", "&"), ("LT", "<"), ("GT", ">"), ("LP", "("), ("RP", ")"), ("C", ","),
    ];

    public static string? Read(string name)
    {
        if (!name.StartsWith("_ZN", StringComparison.Ordinal))
        {
            return null;
        }

        var parts = new List<string>();
        int at = 3;
        while (at < name.Length && char.IsAsciiDigit(name[at]))
        {
            int length = 0;
            while (at < name.Length && char.IsAsciiDigit(name[at]) && length < name.Length)
            {
                length = (length * 10) + (name[at++] - '0');
            }

            if (length == 0 || length > name.Length - at)
            {
                return null;
            }

            parts.Add(name.Substring(at, length));
            at += length;
        }

        // What follows the end is a suffix of the compiler: ".llvm.1234".
        bool isWhole = at < name.Length && name[at] == 'E' && (at + 1 == name.Length || name[at + 1] == '.');
        return isWhole && parts.Count >= 2 && IsHash(parts[^1]) && parts[..^1].ConvertAll(Part) is var texts && !texts.Contains(null) ? string.Join("::", texts) : null;
    }

    private static bool IsHash(string part) => part.Length == HashLength && part[0] == 'h' && part.Skip(1).All(char.IsAsciiHexDigitLower);

    private static string? Part(string part)
    {
        var text = new StringBuilder();
        int at = part.StartsWith("_$", StringComparison.Ordinal) ? 1 : 0;
        while (at < part.Length)
        {
            if (part.AsSpan(at).StartsWith(".."))
            {
                text.Append("::");
                at += 2;
            }
            else if (part[at] == '$')
            {
                int end = part.IndexOf('$', at + 1);
                if (end < 0 || Sign(part[(at + 1)..end]) is not { } sign)
                {
                    return null;
                }

                text.Append(sign);
                at = end + 1;
            }
            else
            {
                text.Append(part[at++]);
            }
        }

        return text.ToString();
    }

    private static string? Sign(string word)
    {
        if (word.Length > 1 && word[0] == 'u' && uint.TryParse(word.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) && Rune.TryCreate(code, out Rune rune))
        {
            return Rune.IsControl(rune) ? null : rune.ToString();
        }

        return Array.Find(s_signs, sign => sign.Word == word).Text;
    }
}
