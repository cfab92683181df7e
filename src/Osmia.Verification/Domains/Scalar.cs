using Interval32 = Osmia.Verification.Domains.Interval<uint, int>;
using Interval64 = Osmia.Verification.Domains.Interval<ulong, long>;

namespace Osmia.Verification.Domains;

/// <summary>
/// What is known of a register that holds a number: its bits, its range as 64 bits and the range of its low 32 bits, each signed and
/// unsigned. A number is a member when all of them hold.
/// </summary>
/// <param name="Bits">Known bits of all 64.</param>
/// <param name="Wide">Range of the 64 bits.</param>
/// <param name="Low">Range of the low 32 bits.</param>
public readonly record struct Scalar(Tnum Bits, Interval64 Wide, Interval32 Low)
{
    private const ulong HighHalf = 0xffff_ffff_0000_0000;

    // The kernel goes round three times; what three rounds do not find is left unfound.
    private const int DeductionRounds = 3;

    public static Scalar Unknown => new(Tnum.Unknown, Interval64.Unbounded, Interval32.Unbounded);

    public bool IsConstant => Bits.IsConstant;

    public bool IsUnknown => this == Unknown;

    /// <summary>No number is left: the path that led here cannot be taken. Not every contradiction shows so.</summary>
    public bool IsEmpty => Wide.IsEmpty || Low.IsEmpty;

    /// <summary>Bits are known that the ranges do not allow, or the other way round.</summary>
    private bool IsContradictory => IsEmpty
        || (Bits.IsConstant && Wide != Interval64.Constant(Bits.Value))
        || (Bits.Low.IsConstant && Low != Interval32.Constant((uint)Bits.Value));

    /// <summary>The number itself; only of a constant.</summary>
    public ulong Value => Bits.Value;

    public static Scalar Constant(ulong value) => new(Tnum.Constant(value), Interval64.Constant(value), Interval32.Constant((uint)value));

    /// <summary>Everything that follows from known bits.</summary>
    public static Scalar OfBits(Tnum bits) => new Scalar(bits, Interval64.Unbounded, Interval32.Unbounded).Synchronize();

    public static Scalar OfUnsigned(ulong minimum, ulong maximum) => new Scalar(Tnum.Unknown, Interval64.OfUnsigned(minimum, maximum), Interval32.Unbounded).Synchronize();

    public static Scalar OfSigned(long minimum, long maximum) => new Scalar(Tnum.Unknown, Interval64.OfSigned(minimum, maximum), Interval32.Unbounded).Synchronize();

    public bool Contains(ulong number) => Bits.Contains(number) && Wide.Contains(number) && Low.Contains((uint)number);

    /// <summary>Every member of <paramref name="other"/> is a member, as far as bounds and bits show.</summary>
    public bool Contains(Scalar other) => Bits.Contains(other.Bits) && Wide.Contains(other.Wide) && Low.Contains(other.Low);

    /// <summary>
    /// Lets bits, the wide range and the low range tighten each other. The order and the number of rounds are the kernel's, so that
    /// what it finds is found, and what it does not find is not.
    /// </summary>
    public Scalar Synchronize()
    {
        Scalar result = FromBits();
        for (int round = 0; round < DeductionRounds; round++)
        {
            result = result.DeduceLow().DeduceWide().DeduceFromLow();
        }

        return result.TightenBits().FromBits();
    }

    /// <summary>Where bits and ranges contradict each other Linux 6.18 keeps the bits, forgets the ranges, and walks on.</summary>
    public Scalar Settle() => IsContradictory ? Unknown with { Bits = Bits } : this;

    /// <summary>The low 32 bits, zero-extended: what a 32-bit operation leaves.</summary>
    public Scalar ZeroExtendLow()
    {
        // The low half says all there is; as a 64-bit number it is never negative.
        var wide = new Interval64(Low.UMin, Low.UMax, Low.UMin, Low.UMax);
        return new Scalar(Bits.Low, wide, Low).Synchronize();
    }

    /// <summary>The low 32 bits are known now.</summary>
    public Scalar WithLow(uint low) => this with { Bits = Bits.WithLow(Tnum.Constant(low)), Low = Interval32.Constant(low) };

    /// <summary>What is known of a number that is in both.</summary>
    public Scalar Intersect(Scalar other) => new Scalar(Bits.Intersect(other.Bits), Wide.Intersect(other.Wide), Low.Intersect(other.Low));

    /// <summary>The smallest one that holds the members of both.</summary>
    public Scalar Union(Scalar other) => new(Bits.Union(other.Bits), Wide.Union(other.Wide), Low.Union(other.Low));

    private Scalar FromBits()
    {
        Tnum low = Bits.Low;
        Interval64 wide = Wide.Intersect(new Interval64(
            Bits.Value,
            Bits.Maximum,
            (long)(Bits.Value | (Bits.Mask & 0x8000_0000_0000_0000)),
            (long)(Bits.Value | (Bits.Mask & 0x7fff_ffff_ffff_ffff))));
        return OnlyMember(Bits, wide.UMin, wide.UMax) is { } number
            ? Constant(number)
            : new Scalar(Bits, wide, Low.Intersect(new Interval32(
                (uint)low.Value,
                (uint)low.Maximum,
                (int)((uint)low.Value | ((uint)low.Mask & 0x8000_0000)),
                (int)((uint)low.Value | ((uint)low.Mask & 0x7fff_ffff)))));
    }

    /// <summary>The number that is left when a range holds one member only. What a range holds that ends before the last member, the kernel does not ask of that one.</summary>
    private static ulong? OnlyMember(Tnum bits, ulong minimum, ulong maximum)
    {
        ulong next = bits.Next(minimum);
        return bits.Contains(minimum)
            ? next > maximum ? minimum : null
            : next == bits.Maximum || (next <= maximum && bits.Next(next) > maximum) ? next : null;
    }

    /// <summary>The low range from the wide one, where the high half does not change or changes once, then from itself.</summary>
    private Scalar DeduceLow()
    {
        (uint umin, uint umax, int smin, int smax) = Low;
        if (Wide.UMin >> 32 == Wide.UMax >> 32)
        {
            umin = Math.Max(umin, (uint)Wide.UMin);
            umax = Math.Min(umax, (uint)Wide.UMax);
            if ((int)Wide.UMin <= (int)Wide.UMax)
            {
                smin = Math.Max(smin, (int)Wide.UMin);
                smax = Math.Min(smax, (int)Wide.UMax);
            }
        }

        if (Wide.SMin >> 32 == Wide.SMax >> 32)
        {
            if ((uint)Wide.SMin <= (uint)Wide.SMax)
            {
                umin = Math.Max(umin, (uint)Wide.SMin);
                umax = Math.Min(umax, (uint)Wide.SMax);
            }

            if ((int)Wide.SMin <= (int)Wide.SMax)
            {
                smin = Math.Max(smin, (int)Wide.SMin);
                smax = Math.Min(smax, (int)Wide.SMax);
            }
        }

        // From ...ffffffff on to 00000000: signed low halves go on through zero.
        if ((uint)(Wide.UMin >> 32) + 1 == (uint)(Wide.UMax >> 32) && (int)Wide.UMin < 0 && (int)Wide.UMax >= 0)
        {
            smin = Math.Max(smin, (int)Wide.UMin);
            smax = Math.Min(smax, (int)Wide.UMax);
        }

        if ((uint)(Wide.SMin >> 32) + 1 == (uint)(Wide.SMax >> 32) && (int)Wide.SMin < 0 && (int)Wide.SMax >= 0)
        {
            smin = Math.Max(smin, (int)Wide.SMin);
            smax = Math.Min(smax, (int)Wide.SMax);
        }

        return this with { Low = new Interval32(umin, umax, smin, smax).Deduce() };
    }

    private Scalar DeduceWide() => this with { Wide = Wide.Deduce() };

    /// <summary>The wide range from the low one: its ends move to where the low half allows them.</summary>
    private Scalar DeduceFromLow()
    {
        Interval64 wide = Wide.Intersect(new Interval64(
            (Wide.UMin & HighHalf) | Low.UMin,
            (Wide.UMax & HighHalf) | Low.UMax,
            (long)(((ulong)Wide.SMin & HighHalf) | Low.UMin),
            (long)(((ulong)Wide.SMax & HighHalf) | Low.UMax)));

        if (Low.SMin < 0 || wide.SMin < int.MinValue || wide.SMax > int.MaxValue)
        {
            return this with { Wide = wide };
        }

        // A number that fits 32 signed bits, with a low half that is not negative, is its low half. Linux takes those ends, even where its own were nearer.
        var whole = new Interval64((ulong)Low.SMin, (ulong)Low.SMax, Low.SMin, Low.SMax);
        return this with { Wide = whole, Bits = Bits.Intersect(Tnum.Range(whole.UMin, whole.UMax)) };
    }

    private Scalar TightenBits()
    {
        Tnum bits = Bits.Intersect(Tnum.Range(Wide.UMin, Wide.UMax));
        Tnum low = bits.Low.Intersect(Tnum.Range(Low.UMin, Low.UMax));
        return this with { Bits = bits.WithLow(low) };
    }
}
