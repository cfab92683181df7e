namespace Osmia.Cli.Commands;

/// <summary>Bytes on the command line: hex digits in pairs, blanks and a leading 0x allowed, or <c>@FILE</c>.</summary>
internal static class HexBytes
{
    /// <param name="what">Names the words in a complaint.</param>
    public static byte[] Parse(string text, string what)
    {
        if (text.StartsWith('@'))
        {
            return ReadFile(text[1..], what);
        }

        return TryParse(text) ?? throw new UsageException($"{what} '{text}' is neither bytes in hex, such as '0a 00 ff', nor @FILE");
    }

    /// <summary>Null when it is not hex.</summary>
    public static byte[]? TryParse(string text)
    {
        string digits = string.Concat(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        digits = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? digits[2..] : digits;
        return digits.Length % 2 == 0 && digits.All(char.IsAsciiHexDigit) ? Convert.FromHexString(digits) : null;
    }

    /// <summary>Pairs of digits with blanks between them.</summary>
    public static string Spaced(ReadOnlySpan<byte> bytes) => string.Join(' ', Convert.ToHexStringLower(bytes).Chunk(2).Select(pair => new string(pair)));

    public static byte[] ReadFile(string path, string what)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{what}: {e.Message}");
        }
    }
}
