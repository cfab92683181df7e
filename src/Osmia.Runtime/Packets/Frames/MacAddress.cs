using System.Globalization;

namespace Osmia.Runtime.Packets.Frames;

/// <summary>A 48-bit link address, the first byte on the wire in bits 40 to 47.</summary>
public readonly record struct MacAddress(ulong Value)
{
    public static MacAddress Broadcast => new(0xFFFF_FFFF_FFFF);

    /// <summary>Six hexadecimal bytes with colons.</summary>
    public static MacAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split(':');
        var value = 0UL;
        foreach (var part in parts)
        {
            value = value << 8 | byte.Parse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        return parts.Length == 6 ? new MacAddress(value) : throw new FormatException($"'{text}' is not a link address of six bytes.");
    }

    public void CopyTo(Span<byte> target)
    {
        for (var i = 0; i < 6; i++)
        {
            target[i] = (byte)(Value >> (40 - 8 * i));
        }
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[6];
        CopyTo(bytes);
        return $"{bytes[0]:x2}:{bytes[1]:x2}:{bytes[2]:x2}:{bytes[3]:x2}:{bytes[4]:x2}:{bytes[5]:x2}";
    }
}
