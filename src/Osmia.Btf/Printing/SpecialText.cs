using System.Buffers.Binary;

namespace Osmia.Btf.Printing;

/// <summary>Addresses, durations and text as people read them.</summary>
public static class SpecialText
{
    private const int Ip6Groups = 8;

    public static void AppendIp4(Utf8Buffer text, ReadOnlySpan<byte> address)
    {
        for (int i = 0; i < 4; i++)
        {
            _ = i == 0 ? text : text.Append((byte)'.');
            text.Append((ulong)address[i]);
        }
    }

    /// <summary>RFC 5952: lower case, the longest run of two or more zero groups as <c>::</c>, mapped IPv4 with dots.</summary>
    public static void AppendIp6(Utf8Buffer text, ReadOnlySpan<byte> address)
    {
        ReadOnlySpan<byte> mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
        if (address.StartsWith(mapped))
        {
            text.Append("::ffff:"u8);
            AppendIp4(text, address[12..]);
            return;
        }

        (int runStart, int runLength) = LongestZeroRun(address);
        for (int group = 0; group < Ip6Groups; group++)
        {
            if (group == runStart)
            {
                text.Append("::"u8);
                group += runLength - 1;
                continue;
            }

            if (group > 0 && group != runStart + runLength)
            {
                text.Append((byte)':');
            }

            text.Append(BinaryPrimitives.ReadUInt16BigEndian(address[(group * 2)..]), "x");
        }
    }

    private static (int Start, int Length) LongestZeroRun(ReadOnlySpan<byte> address)
    {
        (int Start, int Length) best = (-1, 1);
        int length = 0;
        for (int group = 0; group < Ip6Groups; group++)
        {
            length = address[group * 2] == 0 && address[group * 2 + 1] == 0 ? length + 1 : 0;
            if (length > best.Length)
            {
                best = (group - length + 1, length);
            }
        }

        return best.Start < 0 ? (-1, 0) : best;
    }

    public static void AppendMac(Utf8Buffer text, ReadOnlySpan<byte> address)
    {
        for (int i = 0; i < 6; i++)
        {
            _ = i == 0 ? text : text.Append((byte)':');
            text.AppendHexByte(address[i]);
        }
    }

    /// <summary>Three decimals of the largest unit that leaves a whole part: <c>1.204 ms</c>; whole nanoseconds as they are.</summary>
    public static void AppendDuration(Utf8Buffer text, FieldFormat format, long value)
    {
        ReadOnlySpan<byte> units = "nsusms s"u8;
        int unit = format switch { FieldFormat.Nanoseconds => 0, FieldFormat.Microseconds => 1, _ => 2 };
        double scaled = value;
        int first = unit;
        while (unit < 3 && Math.Abs(scaled) >= 1000)
        {
            scaled /= 1000;
            unit++;
        }

        _ = unit == first ? text.Append(value) : text.Append(scaled, "F3");
        text.Append((byte)' ').Append(units.Slice(unit * 2, 2).TrimStart((byte)' '));
    }

    /// <summary>Bytes up to the first NUL; control bytes and bytes that are no UTF-8 as <c>\n</c>, <c>\x1b</c>.</summary>
    /// <param name="quote">Put the text in quotation marks.</param>
    public static void AppendEscaped(Utf8Buffer text, ReadOnlySpan<byte> bytes, bool quote = false)
    {
        int end = bytes.IndexOf((byte)0);
        bytes = end < 0 ? bytes : bytes[..end];
        _ = quote ? text.Append((byte)'"') : text;
        while (!bytes.IsEmpty)
        {
            bool isValid = System.Text.Rune.DecodeFromUtf8(bytes, out System.Text.Rune rune, out int length) == System.Buffers.OperationStatus.Done;
            if (isValid && !System.Text.Rune.IsControl(rune))
            {
                bool isSpecial = rune.Value == '\\' || (quote && rune.Value == '"');
                _ = isSpecial ? text.Append((byte)'\\') : text;
                text.Append(bytes[..length]);
            }
            else
            {
                foreach (byte value in bytes[..length])
                {
                    AppendEscape(text, value);
                }
            }

            bytes = bytes[length..];
        }

        _ = quote ? text.Append((byte)'"') : text;
    }

    private static void AppendEscape(Utf8Buffer text, byte value) => _ = value switch
    {
        (byte)'\n' => text.Append(@"\n"u8),
        (byte)'\t' => text.Append(@"\t"u8),
        (byte)'\r' => text.Append(@"\r"u8),
        _ => text.Append(@"\x"u8).AppendHexByte(value),
    };

    /// <summary>Bytes as <c>de ad be ef</c>.</summary>
    public static void AppendBytes(Utf8Buffer text, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            _ = i == 0 ? text : text.Append((byte)' ');
            text.AppendHexByte(bytes[i]);
        }
    }
}
