using System.Globalization;
using Osmia.Bytecode;
using Osmia.Verification.Explain;

namespace Osmia.Verification.KernelLog;

/// <summary>
/// Reads the log of the kernel's verifier into the path that ends at its complaint. Its lines are <c>12: (61) r1 = ...  ; R1=...</c> for an
/// instruction (the state behind it since Linux 5.18), <c>12: R1=ctx() ...</c> for a state, <c>from 5 to 9: ...</c> where a way put aside is
/// taken up, <c>; text @ file.c:40</c> for source lines; the complaint stands behind the last of them.
/// </summary>
internal sealed class KernelLogReader
{
    private static readonly string[] s_noise =
    [
        "processed ", "verification time", "stack depth", "mark_precise", "max_states_per_insn", "func#", "Validating ", "Live regs", "last_idx ", "regs=", "parent ", "old ",
        "SCC ", "caller:", "callee:", "returning from callee", "to caller at", "propagating ", "falling back to", "cur state", "insns_processed", "(0) ", "(1) ", "(2) ", "peak_states",
        "Func#", "BPF program is too large. Processed",
    ];

    private readonly List<TraceStep> _steps = [new TraceStep(-1, 0)];
    private readonly List<string> _message = [];
    private readonly HashSet<int> _held = [];
    private int _frame;

    /// <summary>The path to the complaint; parts of it are missing when the kernel had no room for them.</summary>
    public PathTrace Trace => new(_steps, isWhole: true);

    /// <summary>What the kernel complained of, line by line.</summary>
    public IReadOnlyList<string> Message => _message;

    /// <summary>The last instruction it looked at; -1 when it looked at none.</summary>
    public int Slot => _steps.FindLast(step => step.Slot >= 0)?.Slot ?? -1;

    public static KernelLogReader Read(string log)
    {
        var reader = new KernelLogReader();
        foreach (string line in log.Split('\n'))
        {
            reader.ReadLine(line);
        }

        return reader;
    }

    private void ReadLine(string line)
    {
        string text = line.Trim();
        if (text.Length == 0 || text[0] == ';')
        {
            return;
        }

        if (text.StartsWith("from ", StringComparison.Ordinal) && TryReadResumption(text))
        {
            return;
        }

        if (TryReadSlot(text, out int slot, out string rest))
        {
            ReadSlot(slot, rest);
            return;
        }

        if (text.StartsWith("frame", StringComparison.Ordinal) || (line[0] == ' ' && text[0] is 'R' or 'f'))
        {
            if (ReadState(text))
            {
                return;
            }
        }

        if (text.StartsWith("BPF program is too large", StringComparison.Ordinal))
        {
            _message.Add(text);
            return;
        }

        if (!Array.Exists(s_noise, noise => text.StartsWith(noise, StringComparison.Ordinal)))
        {
            _message.Add(text);
        }
    }

    private void ReadSlot(int slot, string rest)
    {
        // What was said before belonged to another instruction, or to no complaint at all.
        _message.Clear();
        if (!rest.StartsWith('('))
        {
            ReadState(rest);
            return;
        }

        // The state behind an instruction names its frame; an instruction without one stays where the last state was.
        int comment = rest.IndexOf(" ; ", StringComparison.Ordinal);
        _steps.Add(new TraceStep(slot, _frame) { WasOpen = IsConditional(rest) });
        if (comment >= 0)
        {
            ReadState(rest[(comment + 3)..].Trim());
        }
    }

    private static bool IsConditional(string rest) => rest.Contains(") if ", StringComparison.Ordinal) || rest.Contains("may_goto", StringComparison.Ordinal);

    /// <summary><c>from 5 to 9: state</c>: the path goes back to where the branch at 5 was walked last.</summary>
    private bool TryReadResumption(string text)
    {
        string[] words = text.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 4 || words[2] != "to" || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int from)
            || !int.TryParse(words[3].TrimEnd(':'), NumberStyles.None, CultureInfo.InvariantCulture, out int _))
        {
            return false;
        }

        int at = _steps.FindLastIndex(step => step.Slot == from && step.WasOpen && !step.WasResumed);
        // A function's return is printed the same way, and goes on with the same path.
        if (at >= 0)
        {
            _steps.RemoveRange(at + 1, _steps.Count - at - 1);
            _steps[at].WasResumed = true;
            _steps[at].Changes.Clear();
        }

        int state = text.IndexOf(": ", StringComparison.Ordinal);
        if (state >= 0)
        {
            ReadState(text[(state + 2)..]);
        }

        return true;
    }

    private static bool TryReadSlot(string text, out int slot, out string rest)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        rest = "";
        slot = 0;
        if (colon <= 0 || !int.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out slot))
        {
            return false;
        }

        rest = text[(colon + 1)..].Trim();
        return true;
    }

    /// <summary><c>frame1: R0=3 R1_w=scalar(...) fp-8=mmmm???? refs=2</c>.</summary>
    private bool ReadState(string text)
    {
        int frame = 0;
        if (text.StartsWith("frame", StringComparison.Ordinal))
        {
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0 || !int.TryParse(text.AsSpan(5, colon - 5), NumberStyles.None, CultureInfo.InvariantCulture, out frame))
            {
                return false;
            }

            text = text[(colon + 1)..].Trim();
        }

        bool any = false;
        foreach (string word in Words(text))
        {
            int equal = word.IndexOf('=', StringComparison.Ordinal);
            if (equal < 0)
            {
                continue;
            }

            string name = word[..equal];
            string value = word[(equal + 1)..];
            if (name is "refs")
            {
                NoteReferences(value);
                any = true;
            }
            else if (TryPlace(name, frame, out Place place))
            {
                any = true;
                _steps[^1].Changes.Add((place, KernelValue.IsBytes(value) ? null : KernelValue.Read(value)));
            }
        }

        if (any)
        {
            _frame = frame;
        }

        return any;
    }

    private void NoteReferences(string value)
    {
        var held = new HashSet<int>();
        foreach (string id in value.Split(','))
        {
            if (int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int reference))
            {
                held.Add(reference);
            }
        }

        _steps[^1].References.AddRange(held.Except(_held));
        _steps[^1].References.AddRange(_held.Except(held).Select(reference => -reference));
        _held.Clear();
        _held.UnionWith(held);
    }

    /// <summary><c>R1</c>, <c>R1_w</c>, <c>fp-8</c>, <c>fp-16_rw</c>.</summary>
    private static bool TryPlace(string name, int frame, out Place place)
    {
        int mark = name.IndexOf('_', StringComparison.Ordinal);
        ReadOnlySpan<char> plain = mark < 0 ? name : name.AsSpan(0, mark);
        place = default;
        if (plain.StartsWith("R") && int.TryParse(plain[1..], NumberStyles.None, CultureInfo.InvariantCulture, out int register) && register <= 10)
        {
            place = new Place(frame, register);
            return true;
        }

        if (plain.StartsWith("fp-") && int.TryParse(plain[2..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int offset))
        {
            place = new Place(frame, offset);
            return true;
        }

        return false;
    }

    /// <summary>Words between spaces that stand in no parentheses.</summary>
    private static IEnumerable<string> Words(string text)
    {
        int depth = 0;
        int start = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            char c = i < text.Length ? text[i] : ' ';
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c == ' ' && (depth <= 0 || i == text.Length))
            {
                if (i > start)
                {
                    yield return text[start..i];
                }

                start = i + 1;
            }
        }
    }
}
