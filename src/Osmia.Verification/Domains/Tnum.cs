using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Osmia.Verification.Domains;

/// <summary>
/// A tristate number: of each bit it is known that it is 0, that it is 1, or nothing. Bits set in <see cref="Mask"/> are unknown, the
/// others have the value they have in <see cref="Value"/>; a bit is never set in both.
/// </summary>
/// <remarks>The domain of the kernel's verifier (Documentation/bpf/verifier.rst; "Sound, Precise, and Fast Abstract Interpretation with Tristate Numbers", CGO 2022).</remarks>
public readonly record struct Tnum(ulong Value, ulong Mask)
{
    public static Tnum Unknown => new(0, ulong.MaxValue);

    public bool IsConstant => Mask == 0;

    public bool IsUnknown => Mask == ulong.MaxValue;

    /// <summary>The largest member, unsigned.</summary>
    public ulong Maximum => Value | Mask;

    public static Tnum Constant(ulong value) => new(value, 0);

    /// <summary>The common leading bits of <paramref name="minimum"/> and <paramref name="maximum"/>; below them nothing is known.</summary>
    public static Tnum Range(ulong minimum, ulong maximum)
    {
        int differing = 64 - BitOperations.LeadingZeroCount(minimum ^ maximum);
        ulong below = differing == 64 ? ulong.MaxValue : (1UL << differing) - 1;
        return new(minimum & ~below, below);
    }

    /// <summary>The smallest member above a number; the largest one where none is above it.</summary>
    public ulong Next(ulong number)
    {
        if (number >= Maximum || number < Value)
        {
            return number >= Maximum ? Maximum : Value;
        }

        ulong wrong = (number ^ Value) & ~Mask;
        if (wrong == 0)
        {
            // Known bits are set, so that the carry of the addition runs through them.
            return (((number | ~Mask) + 1) & Mask) | Value;
        }

        int highest = 63 - BitOperations.LeadingZeroCount(wrong);
        ulong fromThere = ulong.MaxValue >> (63 - highest);
        return (Value >> highest & 1) != 0
            ? (number & Mask & ~fromThere) | Value
            : (((number | ~Mask | fromThere) + 1) & Mask & ~fromThere) | Value;
    }

    public bool Contains(ulong number) => ((number ^ Value) & ~Mask) == 0;

    /// <summary>Every member of <paramref name="other"/> is a member.</summary>
    public bool Contains(Tnum other) => (other.Mask & ~Mask) == 0 && Contains(other.Value);

    /// <summary>Some number is a member of both.</summary>
    public bool Overlaps(Tnum other) => ((Value ^ other.Value) & ~Mask & ~other.Mask) == 0;

    public static Tnum operator +(Tnum left, Tnum right)
    {
        ulong least = left.Value + right.Value;
        ulong most = least + left.Mask + right.Mask;
        // Where the least and the most sum differ a carry from below may arrive.
        ulong unknown = (most ^ least) | left.Mask | right.Mask;
        return new(least & ~unknown, unknown);
    }

    public static Tnum operator -(Tnum left, Tnum right)
    {
        ulong difference = left.Value - right.Value;
        ulong unknown = ((difference + left.Mask) ^ (difference - right.Mask)) | left.Mask | right.Mask;
        return new(difference & ~unknown, unknown);
    }

    public static Tnum operator -(Tnum value) => Constant(0) - value;

    public static Tnum operator ~(Tnum value) => new(~value.Value & ~value.Mask, value.Mask);

    public static Tnum operator &(Tnum left, Tnum right)
    {
        ulong ones = left.Value & right.Value;
        return new(ones, left.Maximum & right.Maximum & ~ones);
    }

    public static Tnum operator |(Tnum left, Tnum right)
    {
        ulong ones = left.Value | right.Value;
        return new(ones, (left.Mask | right.Mask) & ~ones);
    }

    public static Tnum operator ^(Tnum left, Tnum right)
    {
        ulong unknown = left.Mask | right.Mask;
        return new((left.Value ^ right.Value) & ~unknown, unknown);
    }

    /// <summary>Long multiplication: a one of the left adds the shifted right, an unknown bit adds it or not.</summary>
    public static Tnum operator *(Tnum left, Tnum right)
    {
        Tnum sum = Constant(0);
        while (left.Maximum != 0)
        {
            if ((left.Value & 1) != 0)
            {
                sum += right;
            }
            else if ((left.Mask & 1) != 0)
            {
                sum = sum.Union(sum + right);
            }

            left >>>= 1;
            right <<= 1;
        }

        return sum;
    }

    public static Tnum operator <<(Tnum value, int count) => new(value.Value << count, value.Mask << count);

    public static Tnum operator >>>(Tnum value, int count) => new(value.Value >>> count, value.Mask >>> count);

    /// <summary>Arithmetic shift: the sign, known or not, comes in from above.</summary>
    public static Tnum operator >>(Tnum value, int count) => new((ulong)((long)value.Value >> count), (ulong)((long)value.Mask >> count));

    /// <summary>What holds of a number that is in both. When none is, the answer means nothing; see <see cref="Overlaps"/>.</summary>
    public Tnum Intersect(Tnum other)
    {
        ulong unknown = Mask & other.Mask;
        return new((Value | other.Value) & ~unknown, unknown);
    }

    /// <summary>The smallest one that holds all members of both.</summary>
    public Tnum Union(Tnum other)
    {
        ulong unknown = (Value ^ other.Value) | Mask | other.Mask;
        return new(Value & other.Value & ~unknown, unknown);
    }

    /// <summary>The low 32 bits, zero-extended.</summary>
    public Tnum Low => new((uint)Value, (uint)Mask);

    /// <summary>The low 32 bits replaced.</summary>
    public Tnum WithLow(Tnum low) => new((Value & 0xffff_ffff_0000_0000) | (uint)low.Value, (Mask & 0xffff_ffff_0000_0000) | (uint)low.Mask);

    /// <summary>The low bytes, zero-extended.</summary>
    /// <param name="bytes">1, 2, 4 or 8.</param>
    public Tnum ZeroExtend(int bytes)
    {
        ulong kept = ulong.MaxValue >> (64 - bytes * 8);
        return new(Value & kept, Mask & kept);
    }

    /// <summary>The low bytes, sign-extended.</summary>
    /// <param name="bytes">1, 2, 4 or 8.</param>
    public Tnum SignExtend(int bytes)
    {
        int above = 64 - bytes * 8;
        return (this << above) >> above;
    }

    /// <summary>The low bytes in reverse order, the others zero.</summary>
    /// <param name="bytes">2, 4 or 8.</param>
    public Tnum SwapBytes(int bytes) => new(BinaryPrimitives.ReverseEndianness(Value) >> (64 - bytes * 8), BinaryPrimitives.ReverseEndianness(Mask) >> (64 - bytes * 8));

    /// <summary>Every member is a multiple of <paramref name="size"/>, a power of two.</summary>
    public bool IsAligned(uint size) => size == 0 || (Maximum & (size - 1)) == 0;

    /// <summary>As the kernel's log prints it: a constant as a number, else <c>(value; mask)</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"(0x{Value:x}; 0x{Mask:x})");
}
