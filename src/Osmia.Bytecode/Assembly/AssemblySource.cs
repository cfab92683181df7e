namespace Osmia.Bytecode.Assembly;

/// <summary>
/// The text, line by line, with a position in the line and the problems found so far. Comments are blanked at the start, so that
/// columns stay those of the text.
/// </summary>
internal sealed class AssemblySource
{
    private const int MaximumProblems = 100;
    private const int MaximumShownLength = 120;

    private readonly string _original;
    private readonly char[] _text;
    private readonly List<AssemblyDiagnostic> _problems = [];
    private int _start;
    private int _end = -1;

    public AssemblySource(string text)
    {
        _original = text;
        _text = text.ToCharArray();
        Position = 0;
        if (CommentBlanking.Blank(_text) is >= 0 and var unclosed)
        {
            int line = 1 + text.AsSpan(0, unclosed).Count('\n');
            int lineStart = text.AsSpan(0, unclosed).LastIndexOf('\n') + 1;
            _problems.Add(AssemblyErrors.Syntax("this comment does not end") with { Line = line, Column = unclosed - lineStart + 1, Text = Shown(lineStart), Try = "close it with */" });
        }
    }

    /// <summary>Counts from 1.</summary>
    public int Line { get; private set; }

    /// <summary>Where reading goes on, an index into the text.</summary>
    public int Position { get; set; }

    public int Column => Position - _start + 1;

    public IReadOnlyList<AssemblyDiagnostic> Problems => _problems;

    public bool HasTooManyProblems => _problems.Count >= MaximumProblems;

    /// <summary>What is left of the line.</summary>
    public ReadOnlySpan<char> Rest => _text.AsSpan(Position, _end - Position);

    public char Current => Position < _end ? _text[Position] : '\0';

    public char After(int count) => Position + count < _end ? _text[Position + count] : '\0';

    public bool NextLine()
    {
        if (_end >= _text.Length || HasTooManyProblems)
        {
            return false;
        }

        _start = _end + 1;
        int length = _text.AsSpan(_start).IndexOf('\n');
        _end = length < 0 ? _text.Length : _start + length;
        Position = _start;
        Line++;
        return true;
    }

    public void Report(AssemblyDiagnostic problem, int position) => Report(problem, Line, position - _start + 1, _start);

    /// <summary>Of a line that may have been read before.</summary>
    public void Report(AssemblyDiagnostic problem, int line, int column, int lineStart)
    {
        if (!HasTooManyProblems)
        {
            _problems.Add(problem with { Line = line, Column = column, Text = Shown(lineStart) });
        }
    }

    /// <summary>Index of the line's first character, for reports that come later.</summary>
    public int LineStart => _start;

    public void SkipSpace()
    {
        while (Position < _end && char.IsWhiteSpace(_text[Position]))
        {
            Position++;
        }
    }

    public bool IsAtEnd()
    {
        SkipSpace();
        return Position == _end;
    }

    /// <summary>Takes these characters, after spaces, or nothing.</summary>
    public bool Take(string expected)
    {
        SkipSpace();
        if (!Rest.StartsWith(expected, StringComparison.Ordinal))
        {
            return false;
        }

        Position += expected.Length;
        return true;
    }

    /// <summary>The name that begins here, after spaces; empty when none does.</summary>
    public ReadOnlySpan<char> PeekWord()
    {
        SkipSpace();
        ReadOnlySpan<char> rest = Rest;
        int length = 0;
        while (length < rest.Length && (IsWordStart(rest[length]) || (length > 0 && char.IsAsciiDigit(rest[length]))))
        {
            length++;
        }

        return rest[..length];
    }

    /// <summary>Whether a text can stand as the name of a symbol.</summary>
    public static bool IsName(string text) => text.Length > 0 && !char.IsAsciiDigit(text[0]) && text.All(c => IsWordStart(c) || char.IsAsciiDigit(c));

    public bool TakeWord(string expected)
    {
        if (!PeekWord().SequenceEqual(expected))
        {
            return false;
        }

        Position += expected.Length;
        return true;
    }

    // Symbols may hold letters of any script; clang writes their bytes.
    private static bool IsWordStart(char c) => char.IsAsciiLetter(c) || c is '_' or '.' or '$' or '@' || (c > 127 && char.IsLetterOrDigit(c));

    private string Shown(int start)
    {
        ReadOnlySpan<char> line = _original.AsSpan(start);
        int length = line.IndexOf('\n');
        line = (length < 0 ? line : line[..length]).Trim();
        return line.Length > MaximumShownLength ? $"{line[..MaximumShownLength]}..." : line.ToString();
    }
}
