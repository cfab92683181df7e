using System.Buffers.Binary;

namespace Osmia.Runtime.Packets.Frames;

/// <summary>The one's complement sum of RFC 1071.</summary>
public static class InternetChecksum
{
    /// <param name="start">An unfolded sum to continue, such as that of a pseudo header.</param>
    public static ushort Compute(ReadOnlySpan<byte> bytes, ulong start = 0)
    {
        var sum = start + Sum(bytes);
        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    public static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0UL;
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        return bytes.IsEmpty ? sum : sum + ((ulong)bytes[0] << 8);
    }
}
