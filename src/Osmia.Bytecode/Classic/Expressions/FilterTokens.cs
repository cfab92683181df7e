namespace Osmia.Bytecode.Classic.Expressions;

/// <param name="Position">The character it begins at.</param>
internal readonly record struct FilterToken(string Text, int Position)
{
    public bool IsEnd => Text.Length == 0;

    public bool IsWord => Text.Length > 0 && (char.IsAsciiLetterOrDigit(Text[0]) || Text[0] is '\\' or ':');
}

/// <summary>Words and signs of a filter expression. Outside of brackets a colon belongs to an address, inside it stands between offset and size.</summary>
internal static class FilterTokens
{
    private static readonly string[] s_signs = ["&&", "||", "<<", ">>", "<=", ">=", "!=", "==", "(", ")", "[", "]", "!", "<", ">", "=", "+", "-", "*", "/", "%", "&", "|", "^", ":"];

    /// <returns>Null when a character belongs to nothing; <paramref name="bad"/> is its place.</returns>
    public static List<FilterToken>? Read(string text, out int bad)
    {
        var tokens = new List<FilterToken>();
        int brackets = 0;
        for (int at = 0; at < text.Length;)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                at++;
                continue;
            }

            int end = at;
            while (end < text.Length && IsOfWord(text, end, at, brackets > 0))
            {
                end++;
            }

            if (end > at)
            {
                tokens.Add(new(text[at..end], at));
                at = end;
                continue;
            }

            string? sign = Array.Find(s_signs, candidate => string.CompareOrdinal(text, at, candidate, 0, candidate.Length) == 0);
            if (sign is null)
            {
                bad = at;
                return null;
            }

            brackets += sign == "[" ? 1 : sign == "]" ? -1 : 0;
            tokens.Add(new(sign, at));
            at += sign.Length;
        }

        tokens.Add(new("", text.Length));
        bad = -1;
        return tokens;
    }

    private static bool IsOfWord(string text, int at, int start, bool isInBrackets)
    {
        char c = text[at];
        if (char.IsAsciiLetterOrDigit(c) || (c == '\\' && at == start))
        {
            return true;
        }

        // An address may begin with two colons.
        bool isColon = c == ':' && !isInBrackets && (at > start || (at + 1 < text.Length && text[at + 1] == ':'));
        bool isInside = at > start && at + 1 < text.Length && char.IsAsciiLetterOrDigit(text[at + 1]);
        return isColon || (isInside && c is '-' or '_' or '.' && (c != '-' || !isInBrackets || char.IsAsciiLetter(text[start])))
            || (at > start && c == '/' && !isInBrackets && text.AsSpan(start, at - start).ContainsAny('.', ':') && isInside);
    }
}
