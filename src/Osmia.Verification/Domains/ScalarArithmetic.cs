using Osmia.Bytecode;
using Interval32 = Osmia.Verification.Domains.Interval<uint, int>;
using Interval64 = Osmia.Verification.Domains.Interval<ulong, long>;

namespace Osmia.Verification.Domains;

/// <summary>
/// What arithmetic instructions do to scalars (RFC 9669 section 4.1). A result holds every number the operation can give for members of
/// its operands; it is as precise as the kernel's verifier and not more.
/// </summary>
public static class ScalarArithmetic
{
    /// <summary>A 64-bit operation: <c>left op= right</c>. Operations whose range the kernel does not follow give an unknown number.</summary>
    public static Scalar Apply64(ArithmeticOperation operation, Scalar left, Scalar right)
    {
        switch (operation)
        {
            case ArithmeticOperation.Add:
                return new Scalar(left.Bits + right.Bits, left.Wide + right.Wide, left.Low + right.Low).Synchronize();
            case ArithmeticOperation.Sub:
                return new Scalar(left.Bits - right.Bits, left.Wide - right.Wide, left.Low - right.Low).Synchronize();
            case ArithmeticOperation.Neg:
                return Apply64(ArithmeticOperation.Sub, Scalar.Constant(0), left);
            case ArithmeticOperation.Mul:
                return new Scalar(left.Bits * right.Bits, left.Wide * right.Wide, left.Low * right.Low).Synchronize();
            case ArithmeticOperation.And:
                {
                    Tnum bits = left.Bits & right.Bits;
                    return new Scalar(bits, left.Wide.And(right.Wide, bits.Value), left.Low.And(right.Low, (uint)bits.Value)).Synchronize();
                }

            case ArithmeticOperation.Or:
                {
                    Tnum bits = left.Bits | right.Bits;
                    return new Scalar(bits, left.Wide.Or(right.Wide, bits.Maximum), left.Low.Or(right.Low, (uint)bits.Maximum)).Synchronize();
                }

            case ArithmeticOperation.Xor:
                {
                    Tnum bits = left.Bits ^ right.Bits;
                    return new Scalar(bits, Interval64.Xor(bits.Value, bits.Maximum), Interval32.Xor((uint)bits.Value, (uint)bits.Maximum)).Synchronize();
                }

            case ArithmeticOperation.Mov:
                return right;
            case ArithmeticOperation.Lsh when ShiftCount(right, 64) is { } count:
                return ShiftLeft64(left, count);
            case ArithmeticOperation.Rsh when ShiftCount(right, 64) is { } count:
                return new Scalar(left.Bits >>> count, left.Wide.ShiftRight(count), Interval32.Unbounded).Synchronize();
            case ArithmeticOperation.Arsh when ShiftCount(right, 64) is { } count:
                return new Scalar(left.Bits >> count, left.Wide.ShiftRightSigned(count), Interval32.Unbounded).Synchronize();
            default:
                return Scalar.Unknown;
        }
    }

    /// <summary>A 32-bit operation: the low halves are computed, the high half of the result is zero.</summary>
    public static Scalar Apply32(ArithmeticOperation operation, Scalar left, Scalar right)
    {
        Tnum leftBits = left.Bits.Low;
        Tnum rightBits = right.Bits.Low;
        switch (operation)
        {
            case ArithmeticOperation.Add:
                return Low(leftBits + rightBits, left.Low + right.Low);
            case ArithmeticOperation.Sub:
                return Low(leftBits - rightBits, left.Low - right.Low);
            case ArithmeticOperation.Neg:
                return Low(-leftBits, Interval32.Constant(0) - left.Low);
            case ArithmeticOperation.Mul:
                return Low(leftBits * rightBits, left.Low * right.Low);
            case ArithmeticOperation.And:
                {
                    Tnum bits = leftBits & rightBits;
                    return Low(bits, left.Low.And(right.Low, (uint)bits.Value));
                }

            case ArithmeticOperation.Or:
                {
                    Tnum bits = leftBits | rightBits;
                    return Low(bits, left.Low.Or(right.Low, (uint)bits.Maximum));
                }

            case ArithmeticOperation.Xor:
                {
                    Tnum bits = leftBits ^ rightBits;
                    return Low(bits, Interval32.Xor((uint)bits.Value, (uint)bits.Maximum));
                }

            case ArithmeticOperation.Mov:
                return right.ZeroExtendLow();
            case ArithmeticOperation.Lsh when ShiftCount(right, 32) is { } count:
                return Low(leftBits << count, left.Low.ShiftLeft(count));
            case ArithmeticOperation.Rsh when ShiftCount(right, 32) is { } count:
                return Low(leftBits >>> count, left.Low.ShiftRight(count));
            case ArithmeticOperation.Arsh when ShiftCount(right, 32) is { } count:
                return Low(leftBits.SignExtend(4) >> count, left.Low.ShiftRightSigned(count));
            default:
                // The kernel forgets even that the upper half is zero.
                return Scalar.Unknown;
        }
    }

    /// <summary><c>movsx</c> of 64 bits and loads that extend the sign: the low bytes, sign-extended. As in Linux, known bits are lost.</summary>
    /// <param name="bytes">1, 2 or 4.</param>
    public static Scalar SignExtend64(Scalar value, int bytes)
    {
        if (value.IsConstant)
        {
            return Scalar.Constant(value.Bits.SignExtend(bytes).Value);
        }

        int above = 64 - bytes * 8;
        if (KeepsHigh(value.Wide.SMin, value.Wide.SMax, bytes, above, out long smin, out long smax))
        {
            return new Scalar(Tnum.Range((ulong)smin, (ulong)smax), new Interval64((ulong)smin, (ulong)smax, smin, smax), new Interval32((uint)smin, (uint)smax, (int)smin, (int)smax));
        }

        long most = (1L << (bytes * 8 - 1)) - 1;
        return new Scalar(Tnum.Unknown, Interval64.OfSigned(-most - 1, most), Interval32.OfSigned((int)(-most - 1), (int)most));
    }

    /// <summary><c>movsx</c> of 32 bits: the low bytes, sign-extended to 32 bits, then zero-extended.</summary>
    /// <param name="bytes">1 or 2.</param>
    public static Scalar SignExtend32(Scalar value, int bytes)
    {
        if (value.IsConstant)
        {
            return Scalar.Constant((uint)value.Bits.SignExtend(bytes).Value);
        }

        int above = 64 - bytes * 8;
        if (KeepsHigh(value.Low.SMin, value.Low.SMax, bytes, above, out long smin, out long smax))
        {
            return Low(Tnum.Range((ulong)smin, (ulong)smax), new Interval32((uint)smin, (uint)smax, (int)smin, (int)smax));
        }

        int most = (1 << (bytes * 8 - 1)) - 1;
        return Low(Tnum.Unknown, Interval32.OfSigned(-most - 1, most));
    }

    /// <summary>The low bytes, zero-extended, as a narrow store or load leaves them.</summary>
    /// <param name="bytes">1, 2 or 4.</param>
    public static Scalar Truncate(Scalar value, int bytes)
    {
        ulong most = ulong.MaxValue >> (64 - bytes * 8);
        bool keepsOrder = (value.Wide.UMin & ~most) == (value.Wide.UMax & ~most);
        (ulong umin, ulong umax) = keepsOrder ? (value.Wide.UMin & most, value.Wide.UMax & most) : (0, most);
        return new Scalar(value.Bits.ZeroExtend(bytes), new Interval64(umin, umax, (long)umin, (long)umax), bytes < sizeof(uint) ? Interval32.Unbounded : value.Low).Synchronize();
    }

    // Low bytes of a range keep their order as long as the bytes above them do not change, and stay a range where their sign does not either.
    private static bool KeepsHigh(long from, long to, int bytes, int above, out long smin, out long smax)
    {
        smin = from << above >> above;
        smax = to << above >> above;
        (smin, smax) = (Math.Min(smin, smax), Math.Max(smin, smax));
        return from >> (bytes * 8) == to >> (bytes * 8) && smin < 0 == smax < 0;
    }

    // The low half of a number shifted by 32 becomes its high half: a common way to extend a sign.
    private static Scalar ShiftLeft64(Scalar left, int count)
    {
        Interval64 wide = left.Wide.ShiftLeft(count);
        if (count == 32)
        {
            wide = wide with { SMin = (long)left.Low.SMin << 32, SMax = (long)left.Low.SMax << 32 };
        }

        Interval32 low = count < 32 ? left.Low.ShiftLeft(count) : Interval32.Unbounded;
        return new Scalar(left.Bits << count, wide, low).Synchronize();
    }

    private static Scalar Low(Tnum bits, Interval32 range) => new Scalar(bits.Low, Interval64.Unbounded, range).ZeroExtendLow();

    private static int? ShiftCount(Scalar count, int width) => count.IsConstant && count.Value < (ulong)width ? (int)count.Value : null;
}
