#pragma warning disable CA1000 // The type argument is the width: Interval<ulong, long>.Unbounded is what a reader expects.

using System.Numerics;

namespace Osmia.Verification.Domains;

/// <summary>
/// What is known of a number of one width, read both ways: as an unsigned number it is in [<see cref="UMin"/>, <see cref="UMax"/>], as a
/// signed one in [<see cref="SMin"/>, <see cref="SMax"/>]. Results that may wrap around are unbounded.
/// </summary>
/// <typeparam name="TUnsigned">The width: <see cref="ulong"/> for registers, <see cref="uint"/> for their low halves, <see cref="byte"/> where a test enumerates.</typeparam>
/// <typeparam name="TSigned">The signed number of that width.</typeparam>
public readonly record struct Interval<TUnsigned, TSigned>(TUnsigned UMin, TUnsigned UMax, TSigned SMin, TSigned SMax)
    where TUnsigned : unmanaged, IBinaryInteger<TUnsigned>, IMinMaxValue<TUnsigned>, IUnsignedNumber<TUnsigned>
    where TSigned : unmanaged, IBinaryInteger<TSigned>, IMinMaxValue<TSigned>, ISignedNumber<TSigned>
{
    public static Interval<TUnsigned, TSigned> Unbounded => new(TUnsigned.MinValue, TUnsigned.MaxValue, TSigned.MinValue, TSigned.MaxValue);

    public static Interval<TUnsigned, TSigned> Constant(TUnsigned value) => new(value, value, Signed(value), Signed(value));

    /// <summary>Between two unsigned numbers; nothing is said of the sign.</summary>
    public static Interval<TUnsigned, TSigned> OfUnsigned(TUnsigned minimum, TUnsigned maximum) => new(minimum, maximum, TSigned.MinValue, TSigned.MaxValue);

    /// <summary>Between two signed numbers; nothing is said of it as an unsigned one.</summary>
    public static Interval<TUnsigned, TSigned> OfSigned(TSigned minimum, TSigned maximum) => new(TUnsigned.MinValue, TUnsigned.MaxValue, minimum, maximum);

    public bool IsConstant => UMin == UMax && SMin == SMax;

    /// <summary>No number is left: a path that cannot be taken.</summary>
    public bool IsEmpty => UMin > UMax || SMin > SMax;

    public bool Contains(TUnsigned number) => number >= UMin && number <= UMax && Signed(number) >= SMin && Signed(number) <= SMax;

    /// <summary>Every number of <paramref name="other"/> is in this one, by its four bounds.</summary>
    public bool Contains(Interval<TUnsigned, TSigned> other) => UMin <= other.UMin && UMax >= other.UMax && SMin <= other.SMin && SMax >= other.SMax;

    public Interval<TUnsigned, TSigned> Intersect(Interval<TUnsigned, TSigned> other) => new(
        TUnsigned.Max(UMin, other.UMin),
        TUnsigned.Min(UMax, other.UMax),
        TSigned.Max(SMin, other.SMin),
        TSigned.Min(SMax, other.SMax));

    /// <summary>The smallest one that holds the members of both.</summary>
    public Interval<TUnsigned, TSigned> Union(Interval<TUnsigned, TSigned> other) => new(
        TUnsigned.Min(UMin, other.UMin),
        TUnsigned.Max(UMax, other.UMax),
        TSigned.Min(SMin, other.SMin),
        TSigned.Max(SMax, other.SMax));

    /// <summary>Numbers of one sign have the same order read both ways, so that each pair of bounds tightens the other.</summary>
    public Interval<TUnsigned, TSigned> Deduce()
    {
        (TUnsigned umin, TUnsigned umax, TSigned smin, TSigned smax) = this;
        if (Signed(umin) <= Signed(umax))
        {
            smin = TSigned.Max(Signed(umin), smin);
            smax = TSigned.Min(Signed(umax), smax);
        }

        if (Unsigned(smin) <= Unsigned(smax))
        {
            umin = TUnsigned.Max(Unsigned(smin), umin);
            umax = TUnsigned.Min(Unsigned(smax), umax);
        }
        else if (umax < Unsigned(smin))
        {
            // The signed range crosses zero and stands at both ends of the unsigned numbers; only the lower end is possible.
            smin = Signed(umin);
            umax = TUnsigned.Min(umax, Unsigned(smax));
        }
        else if (Unsigned(smax) < umin)
        {
            smax = Signed(umax);
            umin = TUnsigned.Max(umin, Unsigned(smin));
        }

        return new(umin, umax, smin, smax);
    }

    public static Interval<TUnsigned, TSigned> operator +(Interval<TUnsigned, TSigned> left, Interval<TUnsigned, TSigned> right)
    {
        TUnsigned umin = left.UMin + right.UMin;
        TUnsigned umax = left.UMax + right.UMax;
        // When all sums wrap around, or none does, their order stays.
        bool minWraps = umin < left.UMin;
        bool maxWraps = umax < left.UMax;
        if (minWraps != maxWraps)
        {
            (umin, umax) = (TUnsigned.MinValue, TUnsigned.MaxValue);
        }

        return SumOverflows(left.SMin, right.SMin, out TSigned smin) | SumOverflows(left.SMax, right.SMax, out TSigned smax)
            ? OfUnsigned(umin, umax)
            : new(umin, umax, smin, smax);
    }

    public static Interval<TUnsigned, TSigned> operator -(Interval<TUnsigned, TSigned> left, Interval<TUnsigned, TSigned> right)
    {
        TUnsigned umin = left.UMin - right.UMax;
        TUnsigned umax = left.UMax - right.UMin;
        bool minWraps = left.UMin < right.UMax;
        bool maxWraps = left.UMax < right.UMin;
        if (minWraps != maxWraps)
        {
            (umin, umax) = (TUnsigned.MinValue, TUnsigned.MaxValue);
        }

        return DifferenceOverflows(left.SMin, right.SMax, out TSigned smin) | DifferenceOverflows(left.SMax, right.SMin, out TSigned smax)
            ? OfUnsigned(umin, umax)
            : new(umin, umax, smin, smax);
    }

    public static Interval<TUnsigned, TSigned> operator *(Interval<TUnsigned, TSigned> left, Interval<TUnsigned, TSigned> right)
    {
        (TUnsigned umin, TUnsigned umax) = ProductOverflows(left.UMax, right.UMax)
            ? (TUnsigned.MinValue, TUnsigned.MaxValue)
            : (left.UMin * right.UMin, left.UMax * right.UMax);
        if (ProductOverflows(left.SMin, right.SMin, out TSigned a) | ProductOverflows(left.SMin, right.SMax, out TSigned b)
            | ProductOverflows(left.SMax, right.SMin, out TSigned c) | ProductOverflows(left.SMax, right.SMax, out TSigned d))
        {
            return OfUnsigned(umin, umax);
        }

        return new(umin, umax, TSigned.Min(TSigned.Min(a, b), TSigned.Min(c, d)), TSigned.Max(TSigned.Max(a, b), TSigned.Max(c, d)));
    }

    /// <param name="ones">Bits that are 1 in every result.</param>
    public Interval<TUnsigned, TSigned> And(Interval<TUnsigned, TSigned> right, TUnsigned ones) => WithSigns(ones, TUnsigned.Min(UMax, right.UMax));

    /// <param name="possible">Bits that are 1 in some result.</param>
    public Interval<TUnsigned, TSigned> Or(Interval<TUnsigned, TSigned> right, TUnsigned possible) => WithSigns(TUnsigned.Max(UMin, right.UMin), possible);

    public static Interval<TUnsigned, TSigned> Xor(TUnsigned ones, TUnsigned possible) => WithSigns(ones, possible);

    /// <summary>Shifted left by a constant below the width. Bits that may be lost leave nothing known.</summary>
    public Interval<TUnsigned, TSigned> ShiftLeft(int count)
    {
        int width = Width;
        return UMax > TUnsigned.One << (width - 1 - count)
            ? Unbounded
            : OfUnsigned(UMin << count, UMax << count);
    }

    public Interval<TUnsigned, TSigned> ShiftRight(int count) => OfUnsigned(UMin >>> count, UMax >>> count);

    public Interval<TUnsigned, TSigned> ShiftRightSigned(int count) => OfSigned(SMin >> count, SMax >> count);

    public static TSigned Signed(TUnsigned number) => TSigned.CreateTruncating(number);

    public static TUnsigned Unsigned(TSigned number) => TUnsigned.CreateTruncating(number);

    private static int Width => int.CreateTruncating(TUnsigned.PopCount(TUnsigned.MaxValue));

    // A range of unsigned numbers of one sign is a range of signed ones.
    private static Interval<TUnsigned, TSigned> WithSigns(TUnsigned umin, TUnsigned umax) =>
        Signed(umin) <= Signed(umax) ? new(umin, umax, Signed(umin), Signed(umax)) : OfUnsigned(umin, umax);

    private static bool SumOverflows(TSigned left, TSigned right, out TSigned sum)
    {
        sum = left + right;
        return TSigned.IsNegative((left ^ sum) & (right ^ sum));
    }

    private static bool DifferenceOverflows(TSigned left, TSigned right, out TSigned difference)
    {
        difference = left - right;
        return TSigned.IsNegative((left ^ right) & (left ^ difference));
    }

    private static bool ProductOverflows(TUnsigned left, TUnsigned right) => right != TUnsigned.Zero && left > TUnsigned.MaxValue / right;

    private static bool ProductOverflows(TSigned left, TSigned right, out TSigned product)
    {
        product = left * right;
        if (left == TSigned.Zero || right == TSigned.Zero)
        {
            return false;
        }

        // The most negative number has no positive twin, which division would trip over.
        return (left == -TSigned.One && right == TSigned.MinValue) || (right == -TSigned.One && left == TSigned.MinValue)
            || (right != -TSigned.One && product / right != left);
    }
}
