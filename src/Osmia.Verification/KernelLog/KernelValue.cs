using System.Globalization;
using Osmia.Verification.Domains;
using Osmia.Verification.Explain;
using Osmia.Verification.Facts;

namespace Osmia.Verification.KernelLog;

/// <summary>
/// A register as the kernel's log prints it, from Linux 5.x (<c>inv(id=0,umax_value=255,var_off=(0x0; 0xff))</c>) to 6.18
/// (<c>scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))</c>).
/// </summary>
internal static class KernelValue
{
    private static readonly (string Name, ValueKind Kind)[] s_kinds =
    [
        ("ctx", ValueKind.Context),
        ("map_ptr", ValueKind.Map),
        ("map_value", ValueKind.MapValue),
        ("map_key", ValueKind.MapKey),
        ("pkt_end", ValueKind.PacketEnd),
        ("pkt_meta", ValueKind.PacketMeta),
        ("pkt", ValueKind.Packet),
        ("ringbuf_mem", ValueKind.Memory),
        ("alloc_mem", ValueKind.Memory),
        ("mem", ValueKind.Memory),
        ("rdonly_mem", ValueKind.Memory),
        ("buf", ValueKind.Memory),
        ("flow_keys", ValueKind.FlowKeys),
        ("func", ValueKind.Function),
        ("sock_common", ValueKind.Socket),
        ("sock", ValueKind.Socket),
        ("tcp_sock", ValueKind.Socket),
        ("xdp_sock", ValueKind.Socket),
    ];

    /// <summary>Null for what the log says of no register: bytes of stack, nothing.</summary>
    public static TracedValue? Read(string text)
    {
        text = text.StartsWith('P') ? text[1..] : text;
        if (text.Length == 0)
        {
            return null;
        }

        if (text.StartsWith("inv", StringComparison.Ordinal) && text.Length > 3 && (char.IsAsciiDigit(text[3]) || text[3] is 'P' or '-'))
        {
            text = text[3..].TrimStart('P');
        }

        if (TryNumber(text, out ulong constant))
        {
            return Number(Scalar.Constant(constant), 0);
        }

        int open = text.IndexOf('(', StringComparison.Ordinal);
        string head = open < 0 ? text : text[..open];
        Dictionary<string, string> fields = open < 0 ? [] : Fields(text[(open + 1)..].TrimEnd(')') + (text.EndsWith("))", StringComparison.Ordinal) ? ")" : ""));
        if (head is "scalar" or "inv" or "unknown")
        {
            return Number(Range(fields), Int(fields, "id"));
        }

        if (head.StartsWith("fp", StringComparison.Ordinal))
        {
            return Stack(head, fields);
        }

        bool nullable = head.Contains("_or_null", StringComparison.Ordinal);
        string plain = head.Replace("_or_null", "", StringComparison.Ordinal);
        return Pointer(plain, nullable, fields);
    }

    /// <summary>Whether a word stands for a register or a spilled one, and not for bytes such as <c>mmmm????</c>.</summary>
    public static bool IsBytes(string text) => text.Length == 8 && text.All(c => c is 'm' or '?' or '0' or 'r' or 'd' or 'i' or 'f' or 'P');

    private static TracedValue Number(in Scalar number, int id) => new(ValueKind.Number, false, number, 0, -1, id, 0, "");

    private static TracedValue Pointer(string head, bool nullable, Dictionary<string, string> fields)
    {
        string typed = head;
        foreach (string prefix in new[] { "trusted_", "rcu_", "untrusted_", "percpu_", "user_", "rdonly_", "non_own_ref_" })
        {
            typed = typed.StartsWith(prefix, StringComparison.Ordinal) ? typed[prefix.Length..] : typed;
        }

        ValueKind kind = typed.StartsWith("ptr_", StringComparison.Ordinal) ? ValueKind.Typed : ValueKind.OtherPointer;
        foreach ((string name, ValueKind known) in s_kinds)
        {
            if (typed == name)
            {
                kind = known;
                break;
            }
        }

        // Up to 6.7 the type's name had no prefix of its own, only the modifiers.
        kind = kind == ValueKind.OtherPointer && typed != head ? ValueKind.Typed : kind;
        int size = kind switch
        {
            ValueKind.MapValue => Int(fields, "vs", -1),
            ValueKind.MapKey => Int(fields, "ks", -1),
            ValueKind.Packet or ValueKind.PacketMeta => Int(fields, "r", 0),
            ValueKind.Memory => Int(fields, "sz", Int(fields, "mem_size", -1)),
            _ => -1,
        };
        string name_ = kind == ValueKind.Typed ? (typed.StartsWith("ptr_", StringComparison.Ordinal) ? typed[4..] : typed) : fields.GetValueOrDefault("map", "");
        Scalar moved = fields.ContainsKey("var_off") || fields.Keys.Any(key => key.StartsWith("umax", StringComparison.Ordinal) || key.StartsWith("smax", StringComparison.Ordinal))
            ? Range(fields)
            : Scalar.Constant((ulong)Int(fields, "imm", 0));
        return new TracedValue(kind, nullable, moved, Int(fields, "off"), size, Int(fields, "id"), Int(fields, "ref_obj_id", Int(fields, "ref_id")), name_);
    }

    private static TracedValue Stack(string head, Dictionary<string, string> fields)
    {
        int frame = -1;
        string rest = head[2..];
        if (rest.StartsWith('['))
        {
            int close = rest.IndexOf(']', StringComparison.Ordinal);
            frame = close > 0 && int.TryParse(rest.AsSpan(1, close - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
            rest = rest[(close + 1)..];
        }

        int offset = int.TryParse(rest, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value : Int(fields, "off");
        Scalar moved = fields.ContainsKey("var_off") || fields.ContainsKey("umax") ? Range(fields) : Scalar.Constant(0);
        return new TracedValue(ValueKind.Stack, false, moved, offset, -1, 0, 0, "") { Frame = frame };
    }

    private static Scalar Range(Dictionary<string, string> fields)
    {
        Tnum bits = Tnum.Unknown;
        if (fields.TryGetValue("var_off", out string? known))
        {
            string[] parts = known.Trim('(', ')').Split(';');
            if (parts.Length == 2 && TryNumber(parts[0].Trim(), out ulong value) && TryNumber(parts[1].Trim(), out ulong mask))
            {
                bits = new Tnum(value, mask);
            }
        }

        var wide = new Interval<ulong, long>(
            Unsigned(fields, "umin", 0), Unsigned(fields, "umax", ulong.MaxValue), (long)Unsigned(fields, "smin", unchecked((ulong)long.MinValue)), (long)Unsigned(fields, "smax", long.MaxValue));
        var low = new Interval<uint, int>(
            (uint)Unsigned(fields, "umin32", 0), (uint)Unsigned(fields, "umax32", uint.MaxValue), (int)(uint)Unsigned(fields, "smin32", 0x8000_0000), (int)(uint)Unsigned(fields, "smax32", int.MaxValue));
        return new Scalar(bits, wide, low).Synchronize();
    }

    private static ulong Unsigned(Dictionary<string, string> fields, string name, ulong otherwise)
    {
        // Up to 6.4 the names were umax_value, u32_max_value.
        string old = name.EndsWith("32", StringComparison.Ordinal) ? $"{name[0]}32_{name[1..4]}_value" : $"{name}_value";
        return (fields.TryGetValue(name, out string? text) || fields.TryGetValue(old, out text)) && TryNumber(text, out ulong value) ? value : otherwise;
    }

    private static int Int(Dictionary<string, string> fields, string name, int otherwise = 0) =>
        fields.TryGetValue(name, out string? text) && TryNumber(text, out ulong value) ? (int)value : otherwise;

    private static bool TryNumber(string text, out ulong value)
    {
        bool negative = text.StartsWith('-');
        ReadOnlySpan<char> digits = negative ? text.AsSpan(1) : text;
        bool read = digits.StartsWith("0x")
            ? ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        value = negative ? unchecked(0 - value) : value;
        return read;
    }

    /// <summary><c>smin=smin32=0,smax=255,var_off=(0x0; 0xff)</c>: names may share a value.</summary>
    private static Dictionary<string, string> Fields(string text)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        int start = 0;
        int depth = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            char c = i < text.Length ? text[i] : ',';
            depth += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (c != ',' || (depth > 0 && i < text.Length))
            {
                continue;
            }

            string[] parts = text[start..i].Split('=');
            for (int name = 0; name < parts.Length - 1; name++)
            {
                fields[parts[name].Trim()] = parts[^1].Trim();
            }

            start = i + 1;
        }

        return fields;
    }
}
