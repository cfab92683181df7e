using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Osmia.Btf;

namespace Osmia.Objects;

/// <summary>
/// Writes values given as text, by their BTF type: numbers (decimal, 0x, negative), <c>true/false</c>, enumerators by
/// name, text into char arrays, comma-separated lists into arrays, <c>field=value,...</c> into structs (in the brackets
/// <c>[]</c> and <c>{}</c> of printed values or without), addresses and
/// ports into network-order typedefs, <c>address/length</c> into the keys of prefix tries.
/// </summary>
public static class ValueText
{
    private const string PrefixLength = "prefixlen";

    /// <exception cref="FormatException">The text does not fit the type; the message says what would.</exception>
    public static void Set(BtfTypes? types, BpfVariable variable, string text)
    {
        byte[] value = new byte[variable.Size];
        Write(types, variable.Type, value, text);
        value.CopyTo(variable.InitialValue);
    }

    /// <summary>Fills <paramref name="target"/>, which is all zero and as long as the type; without a type it is one little-endian number.</summary>
    /// <exception cref="FormatException">The text does not fit the type; the message says what would.</exception>
    public static void Write(BtfTypes? types, TypeId id, Span<byte> target, string text)
    {
        if (types is null || id.IsVoid)
        {
            WriteInteger(target, text, isSigned: text.StartsWith('-'), $"{target.Length}-byte number");
        }
        else if (types.SizeOf(id) != target.Length)
        {
            throw new FormatException($"the value has {target.Length} bytes, its type {types.SizeOf(id)}; the object's types do not describe it");
        }
        else
        {
            Write(types, id, target, text, depth: 0);
        }
    }

    private static void Write(BtfTypes types, TypeId id, Span<byte> target, string text, int depth)
    {
        BtfType type = types.Resolve(id);
        if (IsNetworkOrder(types, id))
        {
            WriteNetworkOrder(target, text);
            return;
        }

        switch (type.Kind)
        {
            case BtfKind.Struct when depth < BtfTypes.MaximumDepth:
                WriteStruct(types, type, target, text, depth);
                break;
            case BtfKind.Int when (type.IsBool && type.Size > 0) || (type.Size == 1 && type.Name == "_Bool"):
                target[0] = text.ToLowerInvariant() switch
                {
                    "true" or "1" or "yes" or "on" => 1,
                    "false" or "0" or "no" or "off" => 0,
                    _ => throw new FormatException($"'{text}' is no bool; use true or false"),
                };
                break;
            case BtfKind.Int:
                WriteInteger(target, text, type.IsSigned, type.Name);
                break;
            case BtfKind.Enum or BtfKind.Enum64:
                WriteEnumerator(types, type, target, text);
                break;
            case BtfKind.Float when type.Size == 4:
                BinaryPrimitives.WriteSingleLittleEndian(target, float.Parse(text, CultureInfo.InvariantCulture));
                break;
            case BtfKind.Float when type.Size == 8:
                BinaryPrimitives.WriteDoubleLittleEndian(target, double.Parse(text, CultureInfo.InvariantCulture));
                break;
            case BtfKind.Pointer:
                WriteInteger(target, text, isSigned: false, "pointer");
                break;
            case BtfKind.Array when depth < BtfTypes.MaximumDepth:
                WriteArray(types, type, target, text, depth);
                break;
            default:
                throw new FormatException($"a value of kind {type.Kind.ToKernelName()} cannot be given as text");
        }
    }

    private static bool IsNetworkOrder(BtfTypes types, TypeId id)
    {
        BtfType type = types[id];
        for (int depth = 0; depth < BtfTypes.MaximumDepth && type.Kind.IsModifier(); depth++, type = type.Referenced)
        {
            if (type.Kind == BtfKind.Typedef && type.NameBytes.StartsWith("__be"u8))
            {
                return true;
            }
        }

        return false;
    }

    private static void WriteNetworkOrder(Span<byte> target, string text)
    {
        if (target.Length == 4 && text.Contains('.', StringComparison.Ordinal) && IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetwork)
        {
            address.GetAddressBytes().CopyTo(target);
            return;
        }

        WriteInteger(target, text, isSigned: false, "number in network byte order");
        target.Reverse();
    }

    private static void WriteStruct(BtfTypes types, BtfType type, Span<byte> target, string text, int depth)
    {
        if (type.Count == 2 && type.MemberName(0) == PrefixLength && text.Split('/') is [var prefix, var length])
        {
            WritePrefix(target, text, prefix, length);
            return;
        }

        if (type.Count == 1)
        {
            BtfMember only = type.Member(0);
            Write(types, only.Type, MemberBytes(types, only, target), text, depth + 1);
            return;
        }

        if (type.Count > 0 && type.Name == "in6_addr" && IPAddress.TryParse(text, out IPAddress? address) && address.GetAddressBytes() is { Length: 16 } bytes && target.Length == bytes.Length)
        {
            bytes.CopyTo(target);
            return;
        }

        foreach (string part in Split(Inner(text, '{', '}')))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            int index = equals < 0 ? -1 : Enumerable.Range(0, type.Count).FirstOrDefault(i => type.MemberName(i) == part[..equals].Trim(), -1);
            if (index < 0)
            {
                throw new FormatException($"'{part}' is not FIELD=VALUE of struct {type.Name}; its fields are {string.Join(", ", Enumerable.Range(0, type.Count).Select(type.MemberName))}");
            }

            BtfMember member = type.Member(index);
            Write(types, member.Type, MemberBytes(types, member, target), part[(equals + 1)..].Trim(), depth + 1);
        }
    }

    private static Span<byte> MemberBytes(BtfTypes types, BtfMember member, Span<byte> composite)
    {
        long size = types.SizeOf(member.Type);
        return member.BitfieldSize == 0 && size >= 0 && member.ByteOffset + size <= composite.Length
            ? composite.Slice(member.ByteOffset, (int)size)
            : throw new FormatException($"field '{types.String(member.NameOffset)}' is a bit-field or has no size and cannot be given as text");
    }

    /// <summary>The key of a prefix trie: a 32-bit length in bits, then the address, first byte first.</summary>
    private static void WritePrefix(Span<byte> target, string text, string prefix, string length)
    {
        int addressSize = target.Length - 4;
        // IPAddress also takes the old short forms such as 10.1, which nobody means here.
        bool isWhole = prefix.Contains(':', StringComparison.Ordinal) || prefix.Count(c => c == '.') == 3;
        if (!isWhole || !IPAddress.TryParse(prefix, out IPAddress? address) || address.GetAddressBytes() is not { } bytes || bytes.Length != addressSize
            || !int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out int bits) || bits > addressSize * 8)
        {
            throw new FormatException($"'{text}' is no prefix of an address of {addressSize} bytes; write ADDRESS/BITS");
        }

        BinaryPrimitives.WriteInt32LittleEndian(target, bits);
        bytes.CopyTo(target[4..]);
    }

    private static void WriteArray(BtfTypes types, BtfType array, Span<byte> target, string text, int depth)
    {
        BtfType element = types.Resolve(array.ElementId);
        if (element is { Kind: BtfKind.Int, Size: 1, IsBool: false } && !IsNumberList(text))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            if (bytes.Length > target.Length)
            {
                throw new FormatException($"'{text}' has {bytes.Length} bytes; the array holds {target.Length}");
            }

            bytes.CopyTo(target);
            return;
        }

        string[] parts = Split(Inner(text, '[', ']'));
        if (parts.Length > array.ElementCount)
        {
            throw new FormatException($"'{text}' has {parts.Length} elements; the array holds {array.ElementCount}");
        }

        int size = (int)Math.Max(types.SizeOf(array.ElementId), 0);
        for (int i = 0; i < parts.Length; i++)
        {
            Write(types, array.ElementId, target.Slice(i * size, size), parts[i].Trim(), depth + 1);
        }
    }

    private static bool IsNumberList(string text)
    {
        string inner = Inner(text, '[', ']');
        return (inner.Contains(',', StringComparison.Ordinal) || inner.Length != text.Length) && Split(inner).All(part => TryParse(part.Trim(), out _));
    }

    /// <summary>Without the brackets in which values are printed.</summary>
    private static string Inner(string text, char open, char close) => text is [var first, .., var last] && first == open && last == close ? text[1..^1].Trim() : text;

    /// <summary>At the commas that stand in no brackets.</summary>
    private static string[] Split(string text)
    {
        var parts = new List<string>();
        int depth = 0;
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '[' or '{' => 1, ']' or '}' => -1, _ => 0 };
            if (text[i] == ',' && depth == 0)
            {
                parts.Add(text[start..i]);
                start = i + 1;
            }
        }

        return text.Length == 0 ? [] : [.. parts, text[start..]];
    }

    private static void WriteEnumerator(BtfTypes types, BtfType type, Span<byte> target, string text)
    {
        for (int i = 0; i < type.Count; i++)
        {
            BtfEnumerator enumerator = type.Enumerator(i);
            if (types.String(enumerator.NameOffset).Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                WriteBytes(target, enumerator.Value);
                return;
            }
        }

        if (!TryParse(text, out Int128 number))
        {
            IEnumerable<string> names = Enumerable.Range(0, Math.Min(type.Count, 12)).Select(i => types.String(type.Enumerator(i).NameOffset));
            throw new FormatException($"'{text}' is no enumerator of enum {type.Name}; there are {string.Join(", ", names)}");
        }

        WriteBytes(target, (long)number);
    }

    private static void WriteInteger(Span<byte> target, string text, bool isSigned, string typeName)
    {
        int bits = target.Length * 8;
        if (!TryParse(text, out Int128 number))
        {
            throw new FormatException($"'{text}' is no number ({typeName})");
        }

        // An unsigned variable takes -1 as all ones, as C does.
        Int128 highest = (Int128.One << bits) - 1;
        Int128 lowest = -(Int128.One << (bits - 1));
        if (target.Length > 8 || number > (isSigned ? highest >> 1 : highest) || number < lowest)
        {
            throw new FormatException($"{text} does not fit {typeName} ({bits} bits)");
        }

        WriteBytes(target, (long)(ulong)(number & ulong.MaxValue));
    }

    private static void WriteBytes(Span<byte> target, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (target.Length > bytes.Length)
        {
            throw new FormatException($"a number of {target.Length} bytes cannot be given as text");
        }

        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        bytes[..target.Length].CopyTo(target);
    }

    private static bool TryParse(string text, out Int128 number)
    {
        bool negative = text.StartsWith('-');
        string digits = negative ? text[1..] : text;
        bool parsed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? Int128.TryParse("0" + digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : Int128.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        number = negative ? -number : number;
        return parsed;
    }
}
