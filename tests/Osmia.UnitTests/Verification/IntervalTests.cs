using Osmia.Verification.Domains;
using Interval8 = Osmia.Verification.Domains.Interval<byte, sbyte>;

namespace Osmia.Tests.Verification;

/// <summary>
/// Ranges of 8-bit numbers, sixteen wide, at every place where something happens (zero, the sign, the end), in all pairs, against
/// enumeration of all members.
/// </summary>
public class IntervalTests
{
    private const int Width = 16;
    private static readonly int[] s_places = [0, 64, 120, 240];
    private static readonly Interval8[] s_intervals = [.. All().Distinct()];

    private static readonly Dictionary<Interval8, byte[]> s_members = s_intervals.ToDictionary(interval => interval, Members);

    [Fact]
    public void Sums_differences_and_products_hold_every_result()
    {
        foreach (Interval8 left in s_intervals)
        {
            byte[] members = s_members[left];
            foreach (Interval8 right in s_intervals)
            {
                Interval8 sum = left + right;
                Interval8 difference = left - right;
                Interval8 product = left * right;
                foreach (byte a in members)
                {
                    foreach (byte b in s_members[right])
                    {
                        if (!sum.Contains((byte)(a + b)) || !difference.Contains((byte)(a - b)) || !product.Contains((byte)(a * b)))
                        {
                            Assert.Fail($"{left} and {right}: {a} and {b} give {(byte)(a + b)} of {sum}, {(byte)(a - b)} of {difference}, {(byte)(a * b)} of {product}");
                        }
                    }
                }
            }
        }
    }

    [Fact]
    public void Shifts_hold_every_result()
    {
        foreach (Interval8 value in s_intervals)
        {
            for (int count = 0; count < 8; count++)
            {
                foreach (byte a in Members(value))
                {
                    bool holds = value.ShiftLeft(count).Contains((byte)(a << count))
                        && value.ShiftRight(count).Contains((byte)(a >> count))
                        && value.ShiftRightSigned(count).Contains((byte)((sbyte)a >> count));
                    Assert.True(holds, $"{value}: {a} by {count}");
                }
            }
        }
    }

    [Fact]
    public void Deduction_loses_no_number_and_only_tightens()
    {
        // Signed and unsigned bounds of all kinds, not only those that fit each other.
        int[] edges = [0, 1, 2, 63, 126, 127, 128, 129, 200, 254, 255];
        foreach ((int umin, int umax) in Pairs(edges))
        {
            foreach ((int smin, int smax) in Pairs([.. edges.Select(edge => edge - 128)]))
            {
                var raw = new Interval8((byte)umin, (byte)umax, (sbyte)smin, (sbyte)smax);
                Interval8 deduced = raw.Deduce();
                // Of bounds that hold no number, anything may be deduced.
                bool isEmpty = !Enumerable.Range(0, 256).Any(number => raw.Contains((byte)number));
                for (int number = 0; number < 256; number++)
                {
                    Assert.True(!raw.Contains((byte)number) || deduced.Contains((byte)number), $"{raw} gives {deduced} without {number}");
                    Assert.True(isEmpty || !deduced.Contains((byte)number) || raw.Contains((byte)number));
                }
            }
        }
    }

    private static IEnumerable<(int Low, int High)> Pairs(int[] edges) => edges.SelectMany(low => edges.Where(high => high >= low).Select(high => (low, high)));

    private static IEnumerable<Interval8> All()
    {
        foreach (int place in s_places)
        {
            for (int low = 0; low < Width; low++)
            {
                for (int high = low; high < Width; high++)
                {
                    yield return Interval8.OfUnsigned((byte)(place + low), (byte)(place + high)).Deduce();
                    yield return Interval8.OfSigned((sbyte)(place - 128 + low), (sbyte)(place - 128 + high)).Deduce();
                }
            }
        }
    }

    private static byte[] Members(Interval8 value) => [.. Enumerable.Range(0, 256).Select(number => (byte)number).Where(value.Contains)];
}
