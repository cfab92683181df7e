using System.Globalization;
using System.Text;

namespace Osmia.Kernel.Programs;

/// <summary>
/// The verifier's text. Its shape differs between kernels, so everything read from it is optional: an instruction line is
/// <c>12: (61) r1 = ...</c>, a source line <c>; text @ file.c:40</c> (without the place before Linux 6.9), statistics start with known words.
/// </summary>
internal sealed class VerifierLog(string text)
{
    private const int LongestMessage = 3;

    private static readonly string[] s_statistics =
    [
        "processed ", "verification time", "stack depth", "mark_precise:", "max_states_per_insn", "peak_states", "func#", "Validating ", "from ", "last_idx ", "regs=", "parent ",
        "old ", "returning from callee", "caller:", "to caller at", "callee:", "frame", "falling back to",
    ];

    public string Text { get; } = text;

    public bool IsEmpty => Text.Length == 0;

    /// <summary>Text up to the first zero byte.</summary>
    public static VerifierLog FromBuffer(ReadOnlySpan<byte> buffer)
    {
        int end = buffer.IndexOf((byte)0);
        return new(Encoding.UTF8.GetString(end < 0 ? buffer : buffer[..end]).TrimEnd());
    }

    /// <summary>What the verifier said last: the lines after the last instruction, source line or state, without statistics.</summary>
    public string? Message
    {
        get
        {
            var lines = new List<string>();
            string? fallback = null;
            foreach (string line in LinesFromEnd())
            {
                if (IsStatistics(line))
                {
                    continue;
                }

                fallback ??= line;
                bool isMessage = !TryReadSlot(line, out _) && !IsSource(line);
                if (isMessage && lines.Count < LongestMessage)
                {
                    lines.Insert(0, line);
                }
                else if (lines.Count > 0)
                {
                    break;
                }
            }

            return lines.Count > 0 ? string.Join("; ", lines) : fallback;
        }
    }

    /// <summary>Slot of the last instruction the verifier printed, or of the one its message names (<c>at insn 7</c>, <c>insn 7</c>).</summary>
    public int? LastSlot
    {
        get
        {
            if (Message is { } message && NamedSlot(message) is { } named)
            {
                return named;
            }

            foreach (string line in LinesFromEnd())
            {
                if (!IsStatistics(line) && TryReadSlot(line, out int slot))
                {
                    return slot;
                }
            }

            return null;
        }
    }

    /// <summary><c>file.c:40</c> of the last source comment that names a place.</summary>
    public string? LastPlace
    {
        get
        {
            foreach (string line in LinesFromEnd())
            {
                int at = IsSource(line) ? line.LastIndexOf(" @ ", StringComparison.Ordinal) : -1;
                if (at >= 0)
                {
                    return line[(at + 3)..].Trim();
                }
            }

            return null;
        }
    }

    /// <summary>Instructions the verifier walked, of its line <c>processed N insns</c>.</summary>
    public long? ProcessedInstructions
    {
        get
        {
            const string Label = "processed ";
            int start = Text.LastIndexOf(Label, StringComparison.Ordinal);
            if (start < 0)
            {
                return null;
            }

            int end = start + Label.Length;
            while (end < Text.Length && char.IsAsciiDigit(Text[end]))
            {
                end++;
            }

            return long.TryParse(Text.AsSpan(start + Label.Length, end - start - Label.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long count) ? count : null;
        }
    }

    private IEnumerable<string> LinesFromEnd()
    {
        int end = Text.Length;
        while (end > 0)
        {
            int start = Text.LastIndexOf('\n', end - 1);
            string line = Text[(start + 1)..end].Trim();
            if (line.Length > 0)
            {
                yield return line;
            }

            end = Math.Max(start, 0);
        }
    }

    private static bool IsSource(string line) => line[0] == ';';

    private static bool IsStatistics(string line) => Array.Exists(s_statistics, word => line.StartsWith(word, StringComparison.Ordinal));

    /// <summary>An instruction (<c>12: (61) ...</c>) or the state before it (<c>12: R1=ctx()</c>).</summary>
    private static bool TryReadSlot(string line, out int slot)
    {
        int colon = line.IndexOf(':', StringComparison.Ordinal);
        slot = 0;
        return colon > 0 && int.TryParse(line.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out slot);
    }

    private static int? NamedSlot(string message)
    {
        int at = message.LastIndexOf("insn ", StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        ReadOnlySpan<char> rest = message.AsSpan(at + "insn ".Length);
        int length = rest.IndexOfAnyExceptInRange('0', '9');
        return int.TryParse(length < 0 ? rest : rest[..length], NumberStyles.None, CultureInfo.InvariantCulture, out int slot) ? slot : null;
    }
}
