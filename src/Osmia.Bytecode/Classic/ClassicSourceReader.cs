using System.Globalization;

namespace Osmia.Bytecode.Classic;

/// <summary>
/// Arrays of <c>struct sock_filter</c> in C: initialisers in braces and the macros of <c>linux/filter.h</c>, whose arguments may be sums of numbers
/// and of the constants of <c>linux/bpf_common.h</c>, <c>linux/filter.h</c>, <c>linux/seccomp.h</c> and <c>linux/audit.h</c>.
/// </summary>
internal sealed class ClassicSourceReader
{
    private static readonly Dictionary<string, uint> s_names = new(StringComparer.Ordinal)
    {
        ["BPF_LD"] = 0, ["BPF_LDX"] = 1, ["BPF_ST"] = 2, ["BPF_STX"] = 3, ["BPF_ALU"] = 4, ["BPF_JMP"] = 5, ["BPF_RET"] = 6, ["BPF_MISC"] = 7,
        ["BPF_W"] = 0, ["BPF_H"] = 8, ["BPF_B"] = 0x10,
        ["BPF_IMM"] = 0, ["BPF_ABS"] = 0x20, ["BPF_IND"] = 0x40, ["BPF_MEM"] = 0x60, ["BPF_LEN"] = 0x80, ["BPF_MSH"] = 0xa0,
        ["BPF_ADD"] = 0, ["BPF_SUB"] = 0x10, ["BPF_MUL"] = 0x20, ["BPF_DIV"] = 0x30, ["BPF_OR"] = 0x40, ["BPF_AND"] = 0x50, ["BPF_LSH"] = 0x60,
        ["BPF_RSH"] = 0x70, ["BPF_NEG"] = 0x80, ["BPF_MOD"] = 0x90, ["BPF_XOR"] = 0xa0,
        ["BPF_JA"] = 0, ["BPF_JEQ"] = 0x10, ["BPF_JGT"] = 0x20, ["BPF_JGE"] = 0x30, ["BPF_JSET"] = 0x40,
        ["BPF_K"] = 0, ["BPF_X"] = 8, ["BPF_A"] = 0x10, ["BPF_TAX"] = 0, ["BPF_TXA"] = 0x80,
        ["SKF_AD_OFF"] = ClassicAncillaryTable.Base, ["SKF_NET_OFF"] = 0xfff00000, ["SKF_LL_OFF"] = 0xffe00000,
        ["SKF_AD_PROTOCOL"] = 0, ["SKF_AD_PKTTYPE"] = 4, ["SKF_AD_IFINDEX"] = 8, ["SKF_AD_NLATTR"] = 12, ["SKF_AD_NLATTR_NEST"] = 16, ["SKF_AD_MARK"] = 20,
        ["SKF_AD_QUEUE"] = 24, ["SKF_AD_HATYPE"] = 28, ["SKF_AD_RXHASH"] = 32, ["SKF_AD_CPU"] = 36, ["SKF_AD_ALU_XOR_X"] = 40, ["SKF_AD_VLAN_TAG"] = 44,
        ["SKF_AD_VLAN_TAG_PRESENT"] = 48, ["SKF_AD_PAY_OFFSET"] = 52, ["SKF_AD_RANDOM"] = 56, ["SKF_AD_VLAN_TPID"] = 60,
        ["SECCOMP_RET_KILL_PROCESS"] = 0x80000000, ["SECCOMP_RET_KILL_THREAD"] = 0, ["SECCOMP_RET_KILL"] = 0, ["SECCOMP_RET_TRAP"] = 0x00030000,
        ["SECCOMP_RET_ERRNO"] = 0x00050000, ["SECCOMP_RET_USER_NOTIF"] = 0x7fc00000, ["SECCOMP_RET_TRACE"] = 0x7ff00000, ["SECCOMP_RET_LOG"] = 0x7ffc0000,
        ["SECCOMP_RET_ALLOW"] = 0x7fff0000, ["SECCOMP_RET_DATA"] = 0x0000ffff,
        ["AUDIT_ARCH_X86_64"] = 0xc000003e, ["AUDIT_ARCH_I386"] = 0x40000003, ["AUDIT_ARCH_AARCH64"] = 0xc00000b7, ["AUDIT_ARCH_RISCV64"] = 0xc00000f3,
    };

    private readonly string _text;
    private int _at;

    private ClassicSourceReader(string text) => _text = text;

    public static ClassicProgram? Read(string text, out ClassicTextProblem? problem)
    {
        var code = new List<ClassicInstruction>();
        var reader = new ClassicSourceReader(text);
        while (reader.FindNext(out string form))
        {
            if (!reader.TryReadOne(form, out ClassicInstruction one, out string what))
            {
                return ClassicText.Fail(new(reader.Line, what, "an instruction is { code, jt, jf, k }, BPF_STMT(code, k) or BPF_JUMP(code, k, jt, jf)"), out problem);
            }

            code.Add(one);
        }

        if (code.Count == 0)
        {
            return ClassicText.Fail(new(1, $"'{ClassicText.Shortened(text.Trim().Split('\n')[0])}' is no classic BPF",
                "none of the forms begins so: numbers of tcpdump -ddd, struct sock_filter in C, or a listing of tcpdump -d"), out problem);
        }

        problem = null;
        return new ClassicProgram([.. code]);
    }

    private int Line => _text.AsSpan(0, Math.Min(_at, _text.Length)).Count('\n') + 1;

    // Whatever stands between instructions (a declaration, the outer brace, commas) is passed over.
    private bool FindNext(out string form)
    {
        for (; _at < _text.Length; _at++)
        {
            foreach (string begin in (ReadOnlySpan<string>)["BPF_STMT", "BPF_JUMP", "{"])
            {
                if (string.CompareOrdinal(_text, _at, begin, 0, begin.Length) == 0 && (begin != "{" || HoldsNumbers(_at + 1)))
                {
                    _at += begin.Length;
                    form = begin;
                    return true;
                }
            }
        }

        form = "";
        return false;
    }

    private bool HoldsNumbers(int from)
    {
        int end = _text.AsSpan(from).IndexOfAny('{', '}');
        return end >= 0 && _text[from + end] == '}' && !_text.AsSpan(from, end).Contains('(');
    }

    private bool TryReadOne(string form, out ClassicInstruction one, out string what)
    {
        one = default;
        (int open, char close) = form == "{" ? (_at, '}') : (_text.IndexOf('(', _at) + 1, ')');
        int end = open > 0 ? _text.IndexOf(close, open) : -1;
        if (end < 0)
        {
            what = $"a {form} without its end";
            return false;
        }

        string[] words = _text[open..end].Split(',', StringSplitOptions.TrimEntries);
        words = words is [.., ""] ? words[..^1] : words;
        what = $"'{ClassicText.Shortened(_text[open..end].Trim())}' is no instruction";
        int expected = form == "BPF_STMT" ? 2 : 4;
        uint[] values = new uint[4];
        if (words.Length != expected)
        {
            return false;
        }

        for (int i = 0; i < words.Length; i++)
        {
            if (!TrySum(words[i], out values[i]))
            {
                what = $"'{ClassicText.Shortened(words[i])}' is no number and no known constant";
                return false;
            }
        }

        (uint code, uint yes, uint no, uint k) = form switch
        {
            "BPF_STMT" => (values[0], 0u, 0u, values[1]),
            "BPF_JUMP" => (values[0], values[2], values[3], values[1]),
            _ => (values[0], values[1], values[2], values[3]),
        };
        if (code > ushort.MaxValue || yes > byte.MaxValue || no > byte.MaxValue)
        {
            what = string.Create(CultureInfo.InvariantCulture, $"code 0x{code:x} with distances {yes} and {no}: the code has 16 bits, a distance 8");
            return false;
        }

        _at = end + 1;
        one = new((ushort)code, (byte)yes, (byte)no, k);
        return true;
    }

    private static bool TrySum(string text, out uint sum)
    {
        sum = 0;
        foreach (string part in text.Split('|', '+'))
        {
            string word = part.Trim().Trim('(', ')').Trim();
            if (word.StartsWith('.'))
            {
                // .code = 0x28
                word = word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim();
            }

            if (!s_names.TryGetValue(word, out uint value) && !ClassicText.TryNumber(word, uint.MaxValue, out value))
            {
                return false;
            }

            sum += value;
        }

        return true;
    }
}
