using System.Numerics;
using System.Runtime.CompilerServices;

namespace Osmia.Vm.Helpers;

/// <summary>The Internet checksum's ones' complement sums, over bytes as the host's 16-bit words, as the kernel keeps them.</summary>
internal static class Checksum
{
    public static uint Partial(ReadOnlySpan<byte> bytes, uint seed)
    {
        ulong sum = seed;
        if (Vector.IsHardwareAccelerated && bytes.Length >= 2 * Vector<byte>.Count)
        {
            // Words of 32 bits add up in lanes of 64, which no memory of a program fills.
            Vector<ulong> lanes = Vector<ulong>.Zero;
            for (; bytes.Length >= Vector<byte>.Count; bytes = bytes[Vector<byte>.Count..])
            {
                Vector.Widen(Vector.AsVectorUInt32(new Vector<byte>(bytes)), out Vector<ulong> low, out Vector<ulong> high);
                lanes += low + high;
            }

            sum += Vector.Sum(lanes);
        }

        while (bytes.Length >= 4)
        {
            sum += Unsafe.ReadUnaligned<uint>(in bytes[0]);
            bytes = bytes[4..];
        }

        if (bytes.Length >= 2)
        {
            sum += Unsafe.ReadUnaligned<ushort>(in bytes[0]);
            bytes = bytes[2..];
        }

        if (bytes.Length == 1)
        {
            sum += bytes[0];
        }

        sum = (sum & uint.MaxValue) + (sum >> 32);
        return (uint)(sum + (sum >> 32));
    }

    public static uint Add(uint left, uint right)
    {
        uint sum = left + right;
        return sum < left ? sum + 1 : sum;
    }

    public static uint Subtract(uint left, uint right) => Add(left, ~right);

    /// <summary>16 bits with the carries added in, not complemented.</summary>
    public static ushort To16(uint sum)
    {
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)(sum + (sum >> 16));
    }

    /// <summary>The finished checksum: folded and complemented.</summary>
    public static ushort Fold(uint sum) => (ushort)~To16(sum);

    public static ushort Replace32(ushort checksum, uint from, uint to) => Fold(Add(Subtract(~(uint)checksum, from), to));

    public static ushort Replace16(ushort checksum, ushort from, ushort to) => (ushort)~Add16(Add16((ushort)~checksum, (ushort)~from), to);

    public static ushort ReplaceDifference(ushort checksum, uint difference) => Fold(Add(difference, ~(uint)checksum));

    private static ushort Add16(ushort left, ushort right)
    {
        ushort sum = (ushort)(left + right);
        return sum < left ? (ushort)(sum + 1) : sum;
    }
}
