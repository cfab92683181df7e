using System.Numerics;
using Osmia.Bytecode;
using Interval32 = Osmia.Verification.Domains.Interval<uint, int>;
using Interval64 = Osmia.Verification.Domains.Interval<ulong, long>;

namespace Osmia.Verification.Domains;

/// <summary>
/// What conditional jumps tell (RFC 9669 section 4.3): whether the comparison is decided by what is known, and what is known of both
/// operands on either way. 32-bit jumps compare the low halves.
/// </summary>
public static class ScalarComparison
{
    /// <summary>True when the jump is always taken, false when never, null when the operands do not say.</summary>
    public static bool? Decide(JumpOperation operation, Scalar left, Scalar right, bool is32)
    {
        Tnum leftBits = is32 ? left.Bits.Low : left.Bits;
        Tnum rightBits = is32 ? right.Bits.Low : right.Bits;
        // 32-bit ranges are compared by widening them; that keeps both orders.
        Interval64 a = is32 ? Widen(left.Low) : left.Wide;
        Interval64 b = is32 ? Widen(right.Low) : right.Wide;
        return operation switch
        {
            JumpOperation.Jeq => DecideEqual(leftBits, rightBits, a, b, left.Low, right.Low),
            JumpOperation.Jne => !DecideEqual(leftBits, rightBits, a, b, left.Low, right.Low),
            JumpOperation.Jset => DecideSet(leftBits, rightBits),
            JumpOperation.Jgt => Order(a.UMin > b.UMax, a.UMax <= b.UMin),
            JumpOperation.Jge => Order(a.UMin >= b.UMax, a.UMax < b.UMin),
            JumpOperation.Jlt => Order(a.UMax < b.UMin, a.UMin >= b.UMax),
            JumpOperation.Jle => Order(a.UMax <= b.UMin, a.UMin > b.UMax),
            JumpOperation.Jsgt => Order(a.SMin > b.SMax, a.SMax <= b.SMin),
            JumpOperation.Jsge => Order(a.SMin >= b.SMax, a.SMax < b.SMin),
            JumpOperation.Jslt => Order(a.SMax < b.SMin, a.SMin >= b.SMax),
            JumpOperation.Jsle => Order(a.SMax <= b.SMin, a.SMin > b.SMax),
            _ => null,
        };
    }

    /// <summary>What is known of the operands where the comparison holds (<paramref name="holds"/>), or where it does not.</summary>
    /// <remarks>
    /// Where it cannot be so and <see cref="Decide"/> does not see it, no number is left. Linux 6.18 walks such a way with what
    /// <see cref="Scalar.Settle"/> leaves.
    /// </remarks>
    public static (Scalar Left, Scalar Right) Refine(JumpOperation operation, Scalar left, Scalar right, bool is32, bool holds)
    {
        if (operation == JumpOperation.Jset)
        {
            (left, right) = right.IsConstantIn(is32) ? (RefineSet(left, right, is32, holds), right)
                : left.IsConstantIn(is32) ? (left, RefineSet(right, left, is32, holds))
                : (left, right);
        }
        else
        {
            (left, right) = RefineOrder(holds ? operation : Opposite(operation), left, right, is32);
        }

        return (left.Synchronize().Settle(), right.Synchronize().Settle());
    }

    /// <summary>The same for a number compared with itself: what Linux 6.18 learns of the two sides it learns of the one number.</summary>
    public static Scalar RefineSelf(JumpOperation operation, Scalar value, bool is32, bool holds)
    {
        if (operation != JumpOperation.Jset)
        {
            (Scalar left, Scalar right) = RefineOrder(holds ? operation : Opposite(operation), value, value, is32);
            value = left.Intersect(right);
        }

        // Once for each side.
        return value.Synchronize().Synchronize().Settle();
    }

    private static (Scalar Left, Scalar Right) RefineOrder(JumpOperation operation, Scalar left, Scalar right, bool is32)
    {
        switch (operation)
        {
            case JumpOperation.Jeq:
                {
                    Scalar both = is32
                        ? left with { Bits = left.Bits.Low.Intersect(right.Bits.Low), Low = left.Low.Intersect(right.Low) }
                        : left.Intersect(right);
                    return is32
                        ? (left with { Bits = left.Bits.WithLow(both.Bits), Low = both.Low }, right with { Bits = right.Bits.WithLow(both.Bits), Low = both.Low })
                        : (left with { Bits = both.Bits, Wide = both.Wide }, right with { Bits = both.Bits, Wide = both.Wide });
                }

            case JumpOperation.Jne:
                return right.IsConstantIn(is32) ? (Without(left, right, is32), right)
                    : left.IsConstantIn(is32) ? (left, Without(right, left, is32))
                    : (left, right);
            case JumpOperation.Jgt or JumpOperation.Jge or JumpOperation.Jsgt or JumpOperation.Jsge:
                (right, left) = RefineOrder(Mirror(operation), right, left, is32);
                return (left, right);
        }

        bool isSigned = operation is JumpOperation.Jslt or JumpOperation.Jsle;
        uint strict = operation is JumpOperation.Jlt or JumpOperation.Jslt ? 1u : 0;
        if (is32)
        {
            Interval32 a = left.Low;
            Interval32 b = right.Low;
            return isSigned
                ? (left with { Low = a with { SMax = Math.Min(a.SMax, b.SMax - (int)strict) } }, right with { Low = b with { SMin = Math.Max(a.SMin + (int)strict, b.SMin) } })
                : (left with { Low = a with { UMax = Math.Min(a.UMax, b.UMax - strict) } }, right with { Low = b with { UMin = Math.Max(a.UMin + strict, b.UMin) } });
        }

        Interval64 c = left.Wide;
        Interval64 d = right.Wide;
        return isSigned
            ? (left with { Wide = c with { SMax = Math.Min(c.SMax, d.SMax - strict) } }, right with { Wide = d with { SMin = Math.Max(c.SMin + strict, d.SMin) } })
            : (left with { Wide = c with { UMax = Math.Min(c.UMax, d.UMax - strict) } }, right with { Wide = d with { UMin = Math.Max(c.UMin + strict, d.UMin) } });
    }

    /// <summary>A number that differs from a constant at the edge of its range has a range without that edge.</summary>
    private static Scalar Without(Scalar value, Scalar constant, bool is32)
    {
        if (is32)
        {
            uint low = (uint)constant.Bits.Value;
            Interval32 r = value.Low;
            return value with
            {
                Low = new(
                    r.UMin == low ? r.UMin + 1 : r.UMin,
                    r.UMax == low ? r.UMax - 1 : r.UMax,
                    r.SMin == (int)low ? r.SMin + 1 : r.SMin,
                    r.SMax == (int)low ? r.SMax - 1 : r.SMax),
            };
        }

        ulong number = constant.Bits.Value;
        Interval64 w = value.Wide;
        return value with
        {
            Wide = new(
                w.UMin == number ? w.UMin + 1 : w.UMin,
                w.UMax == number ? w.UMax - 1 : w.UMax,
                w.SMin == (long)number ? w.SMin + 1 : w.SMin,
                w.SMax == (long)number ? w.SMax - 1 : w.SMax),
        };
    }

    /// <summary>A set bit is known when the mask has only that one; all bits of the mask are known to be clear otherwise.</summary>
    private static Scalar RefineSet(Scalar value, Scalar mask, bool is32, bool holds)
    {
        ulong bits = is32 ? (uint)mask.Bits.Value : mask.Bits.Value;
        Tnum known = is32 ? value.Bits.Low : value.Bits;
        if (holds && !BitOperations.IsPow2(bits))
        {
            return value;
        }

        if (holds)
        {
            known |= Tnum.Constant(bits);
            return value with { Bits = is32 ? value.Bits.WithLow(known) : known };
        }

        // Where bits are told to be clear, Linux 6.18 forgets the ranges: on a branch that is never taken they would contradict the bits.
        known &= Tnum.Constant(~bits);
        return Scalar.Unknown with { Bits = is32 ? value.Bits.WithLow(known) : known };
    }

    private static bool? DecideEqual(Tnum leftBits, Tnum rightBits, Interval64 a, Interval64 b, Interval32 lowLeft, Interval32 lowRight)
    {
        if (leftBits.IsConstant && rightBits.IsConstant)
        {
            return leftBits.Value == rightBits.Value;
        }

        // Low halves that cannot be equal tell for the whole numbers too.
        return !leftBits.Overlaps(rightBits)
            || a.UMin > b.UMax || a.UMax < b.UMin || a.SMin > b.SMax || a.SMax < b.SMin
            || lowLeft.UMin > lowRight.UMax || lowLeft.UMax < lowRight.UMin || lowLeft.SMin > lowRight.SMax || lowLeft.SMax < lowRight.SMin
            ? false
            : null;
    }

    private static bool? DecideSet(Tnum left, Tnum right)
    {
        (Tnum value, Tnum mask) = right.IsConstant ? (left, right) : (right, left);
        return !mask.IsConstant ? null
            : (value.Value & mask.Value) != 0 ? true
            : (value.Maximum & mask.Value) == 0 ? false
            : null;
    }

    private static bool? Order(bool always, bool never) => always ? true : never ? false : null;

    private static Interval64 Widen(Interval32 range) => new(range.UMin, range.UMax, range.SMin, range.SMax);

    private static bool IsConstantIn(this Scalar value, bool is32) => is32 ? value.Bits.Low.IsConstant : value.Bits.IsConstant;

    private static JumpOperation Opposite(JumpOperation operation) => operation switch
    {
        JumpOperation.Jeq => JumpOperation.Jne,
        JumpOperation.Jne => JumpOperation.Jeq,
        JumpOperation.Jgt => JumpOperation.Jle,
        JumpOperation.Jge => JumpOperation.Jlt,
        JumpOperation.Jlt => JumpOperation.Jge,
        JumpOperation.Jle => JumpOperation.Jgt,
        JumpOperation.Jsgt => JumpOperation.Jsle,
        JumpOperation.Jsge => JumpOperation.Jslt,
        JumpOperation.Jslt => JumpOperation.Jsge,
        _ => JumpOperation.Jsgt,
    };

    /// <summary>The comparison with its sides changed: <c>a &gt; b</c> is <c>b &lt; a</c>.</summary>
    private static JumpOperation Mirror(JumpOperation operation) => operation switch
    {
        JumpOperation.Jgt => JumpOperation.Jlt,
        JumpOperation.Jge => JumpOperation.Jle,
        JumpOperation.Jsgt => JumpOperation.Jslt,
        _ => JumpOperation.Jsle,
    };
}
