using Osmia.Verification.Domains;

namespace Osmia.Tests.Verification;

/// <summary>Every operator on tristate numbers, against enumeration of all members of all pairs of them.</summary>
public class TnumTests
{
    private static readonly Tnum[] s_fourBits = [.. All(4)];
    private static readonly Tnum[] s_fiveBits = [.. All(5)];

    /// <summary>Where the small numbers stand in the 64 bits: at the bottom, across the middle, at the top (where sums wrap around).</summary>
    public static TheoryData<int> Places => [0, 30, 59];

    [Theory]
    [MemberData(nameof(Places))]
    public void Operators_hold_every_result_of_five_bit_numbers(int place)
    {
        foreach (Tnum left in s_fiveBits)
        {
            foreach (Tnum right in s_fiveBits)
            {
                CheckPair(left << place, right << place, left, right, place);
            }
        }
    }

    private static void CheckPair(Tnum left, Tnum right, Tnum smallLeft, Tnum smallRight, int place)
    {
        Tnum sum = left + right;
        Tnum difference = left - right;
        Tnum and = left & right;
        Tnum or = left | right;
        Tnum xor = left ^ right;
        Tnum product = left * smallRight;
        Tnum union = left.Union(right);
        bool overlaps = false;
        foreach (ulong a in Members(smallLeft))
        {
            ulong x = a << place;
            Assert.True(union.Contains(x));
            foreach (ulong b in Members(smallRight))
            {
                ulong y = b << place;
                overlaps |= x == y;
                bool holds = sum.Contains(x + y) & difference.Contains(x - y) & and.Contains(x & y) & or.Contains(x | y)
                    & xor.Contains(x ^ y) & product.Contains(x * b) & union.Contains(y);
                if (!holds || (x == y && !left.Intersect(right).Contains(x)))
                {
                    Assert.Fail($"{left} and {right}: {x} and {y}");
                }
            }
        }

        Assert.Equal(overlaps, left.Overlaps(right));
    }

    /// <summary>Sums, differences and bitwise operators are the best there are: of a bit they say nothing only when it takes both values.</summary>
    [Fact]
    public void Sums_differences_and_bitwise_operators_are_exact_in_every_bit()
    {
        foreach (Tnum left in s_fourBits)
        {
            foreach (Tnum right in s_fourBits)
            {
                Assert.Equal(Best(left, right, (a, b) => a + b), left + right);
                Assert.Equal(Best(left, right, (a, b) => a - b), left - right);
                Assert.Equal(Best(left, right, (a, b) => a & b), left & right);
                Assert.Equal(Best(left, right, (a, b) => a | b), left | right);
                Assert.Equal(Best(left, right, (a, b) => a ^ b), left ^ right);
            }
        }
    }

    [Fact]
    public void Shifts_and_extensions_are_exact_for_every_number_at_every_place()
    {
        foreach (Tnum small in s_fourBits)
        {
            for (int place = 0; place <= 60; place += 4)
            {
                Tnum value = small << place;
                for (int count = 0; count < 64; count += 3)
                {
                    Assert.Equal(Best(small, m => m << place << count), value << count);
                    Assert.Equal(Best(small, m => m << place >>> count), value >>> count);
                    Assert.Equal(Best(small, m => (ulong)((long)(m << place) >> count)), value >> count);
                }

                Assert.Equal(Best(small, m => (byte)(m << place)), value.ZeroExtend(1));
                Assert.Equal(Best(small, m => (ulong)(sbyte)(m << place)), value.SignExtend(1));
                Assert.Equal(Best(small, m => (ushort)(m << place)), value.ZeroExtend(2));
                Assert.Equal(Best(small, m => (ulong)(short)(m << place)), value.SignExtend(2));
                Assert.Equal(Best(small, m => (uint)(m << place)), value.ZeroExtend(4));
                Assert.Equal(Best(small, m => (ulong)(int)(m << place)), value.SignExtend(4));
                Assert.Equal(Best(small, m => ~(m << place)), ~value);
                Assert.Equal(Best(small, m => 0 - (m << place)), -value);
            }
        }
    }

    [Fact]
    public void The_next_member_is_the_smallest_one_above()
    {
        foreach (int place in (int[])[0, 30, 59])
        {
            foreach (Tnum small in s_fiveBits)
            {
                Tnum bits = small << place;
                ulong[] members = [.. Members(bits).Order()];
                foreach (ulong number in s_fiveBits.Select(other => other.Value << place).Concat(members).SelectMany(number => new[] { number - 1, number, number + 1 }))
                {
                    Assert.Equal(members.Where(member => member > number).DefaultIfEmpty(bits.Maximum).Min(), bits.Next(number));
                }
            }
        }
    }

    [Fact]
    public void A_range_holds_its_numbers()
    {
        for (ulong minimum = 0; minimum < 64; minimum++)
        {
            for (ulong maximum = minimum; maximum < 64; maximum++)
            {
                Tnum range = Tnum.Range(minimum, maximum);
                for (ulong number = minimum; number <= maximum; number++)
                {
                    Assert.True(range.Contains(number));
                }

                Assert.Equal(minimum == maximum, range.IsConstant);
            }
        }

        Assert.True(Tnum.Range(0, ulong.MaxValue).IsUnknown);
    }

    [Fact]
    public void Swapped_bytes_are_exact_for_every_number_at_every_place()
    {
        foreach (int bytes in (int[])[2, 4, 8])
        {
            for (int shift = 0; shift <= 60; shift += 3)
            {
                foreach (Tnum small in s_fourBits)
                {
                    Tnum bits = small << shift;
                    Tnum swapped = bits.SwapBytes(bytes);
                    ulong[] exact = [.. Members(bits).Select(number => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(number) >> (64 - bytes * 8)).Distinct()];
                    Assert.All(exact, number => Assert.True(swapped.Contains(number), $"{bits} swapped in {bytes} bytes: 0x{number:x} of {swapped}"));
                    Assert.Equal(exact.Length, 1 << System.Numerics.BitOperations.PopCount(swapped.Mask));
                }
            }
        }
    }

    [Fact]
    public void Containment_of_tristate_numbers_is_containment_of_all_members()
    {
        foreach (Tnum outer in s_fourBits)
        {
            foreach (Tnum inner in s_fourBits)
            {
                Assert.Equal(Members(inner).All(outer.Contains), outer.Contains(inner));
            }
        }
    }

    internal static IEnumerable<Tnum> All(int bits)
    {
        for (ulong mask = 0; mask < 1UL << bits; mask++)
        {
            for (ulong value = 0; value < 1UL << bits; value++)
            {
                if ((value & mask) == 0)
                {
                    yield return new Tnum(value, mask);
                }
            }
        }
    }

    internal static IEnumerable<ulong> Members(Tnum value)
    {
        ulong unknown = 0;
        do
        {
            yield return value.Value | unknown;
            unknown = (unknown - value.Mask) & value.Mask;
        }
        while (unknown != 0);
    }

    private static Tnum Best(Tnum value, Func<ulong, ulong> operation) => Hull(Members(value).Select(operation).Select(Tnum.Constant));

    private static Tnum Best(Tnum left, Tnum right, Func<ulong, ulong, ulong> operation) =>
        Hull(Members(left).SelectMany(a => Members(right).Select(b => Tnum.Constant(operation(a, b)))));

    private static Tnum Hull(IEnumerable<Tnum> numbers) => numbers.Aggregate((a, b) => a.Union(b));
}
