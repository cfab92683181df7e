using System.Globalization;

namespace Osmia.Cli.Words;

/// <summary>The words behind a verb, one after another, as bpftool takes them: keywords (which may be cut short) and what belongs to them.</summary>
internal sealed class WordReader(string verb, IReadOnlyList<string> words)
{
    private int _next;

    /// <summary>The noun and the verb, for complaints.</summary>
    public string Verb { get; } = verb;

    public bool IsAtEnd => _next >= words.Count;

    public int Remaining => words.Count - _next;

    /// <summary>The next word, or null at the end.</summary>
    public string? Peek(int ahead = 0) => _next + ahead < words.Count ? words[_next + ahead] : null;

    /// <summary>Whether the next word is a keyword, whole or its beginning.</summary>
    public bool IsNext(string keyword) => Peek() is { Length: > 0 } word && keyword.StartsWith(word, StringComparison.Ordinal);

    /// <summary>Takes a keyword if it comes next.</summary>
    public bool Take(string keyword)
    {
        bool isNext = IsNext(keyword);
        _next += isNext ? 1 : 0;
        return isNext;
    }

    /// <param name="what">Names what is missing at the end.</param>
    public string Next(string what) => IsAtEnd ? throw new UsageException($"{Verb}: {what} is missing") : words[_next++];

    /// <summary>The words up to the next one that is among the keywords (written in full), or the end.</summary>
    public List<string> Until(params ReadOnlySpan<string> keywords)
    {
        var taken = new List<string>();
        while (!IsAtEnd && !keywords.Contains(words[_next]))
        {
            taken.Add(words[_next++]);
        }

        return taken;
    }

    public uint Number(string what)
    {
        string text = Next(what);
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return uint.TryParse(isHex ? text.AsSpan(2) : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number
            : throw new UsageException($"{Verb}: {what} '{text}' is not a number");
    }

    /// <summary>A keyword that must come next.</summary>
    public void Expect(string keyword)
    {
        if (!Take(keyword))
        {
            throw new UsageException(IsAtEnd ? $"{Verb}: '{keyword}' is missing" : $"{Verb}: '{Peek()}' stands where '{keyword}' belongs");
        }
    }

    public void End()
    {
        if (!IsAtEnd)
        {
            throw new UsageException($"{Verb}: '{Peek()}' is one word too many");
        }
    }
}
