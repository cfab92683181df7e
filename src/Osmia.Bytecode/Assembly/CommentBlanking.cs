namespace Osmia.Bytecode.Assembly;

/// <summary>
/// Turns comments into spaces: from <c>;</c>, <c>//</c> or a <c>#</c> that follows space to the end of the line, and <c>/* */</c> over
/// lines. A <c>#</c> within a word stays (<c>call bpf_map_lookup_elem#1</c>), and so does whatever stands in quotes.
/// </summary>
internal static class CommentBlanking
{
    /// <returns>Index of a <c>/*</c> that is not closed, else -1.</returns>
    public static int Blank(Span<char> text)
    {
        int quotelessUntil = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char next = i + 1 < text.Length ? text[i + 1] : '\0';
            switch (text[i])
            {
                case '"' or '\'' when i >= quotelessUntil:
                    // A quote without its partner on the same line is none, nor is what follows on that line.
                    int close = EndOfQuoted(text, i, out int searched);
                    quotelessUntil = close < 0 ? searched : quotelessUntil;
                    i = Math.Max(i, close);
                    break;
                case '/' when next == '*':
                    int length = text[(i + 2)..].IndexOf("*/");
                    int end = length < 0 ? text.Length : i + length + 4;
                    BlankKeepingLines(text[i..end]);
                    if (length < 0)
                    {
                        return i;
                    }

                    i = end - 1;
                    break;
                case ';':
                case '/' when next == '/':
                case '#' when i == 0 || char.IsWhiteSpace(text[i - 1]):
                    int rest = text[i..].IndexOf('\n');
                    rest = rest < 0 ? text.Length - i : rest;
                    text.Slice(i, rest).Fill(' ');
                    i += rest - 1;
                    break;
            }
        }

        return -1;
    }

    private static int EndOfQuoted(ReadOnlySpan<char> text, int start, out int searched)
    {
        for (searched = start + 1; searched < text.Length && text[searched] != '\n'; searched++)
        {
            if (text[searched] == text[start])
            {
                return searched;
            }

            searched += text[searched] == '\\' && searched + 1 < text.Length && text[searched + 1] != '\n' ? 1 : 0;
        }

        return -1;
    }

    private static void BlankKeepingLines(Span<char> comment)
    {
        foreach (ref char c in comment)
        {
            c = c == '\n' ? c : ' ';
        }
    }
}
