using Osmia.Bytecode;
using Osmia.Verification.Domains;

namespace Osmia.Tests.Verification;

/// <summary>
/// What the verifier believes of numbers, against the numbers: exhaustively for ranges and bits four wide at every place where halves,
/// signs and wrap-around meet, then at random over all 64 bits.
/// </summary>
public class ScalarTests(ITestOutputHelper output)
{
    private const int DefaultSeed = 20_261_121;
    private const int DefaultRounds = 20_000;

    private static readonly ulong[] s_places = [0, 0x7fff_fff8, 0xffff_fff8, 0x7fff_ffff_ffff_fff8, 0xffff_ffff_ffff_fff0];

    private static readonly ArithmeticOperation[] s_operations =
    [
        ArithmeticOperation.Add, ArithmeticOperation.Sub, ArithmeticOperation.Mul, ArithmeticOperation.And, ArithmeticOperation.Or,
        ArithmeticOperation.Xor, ArithmeticOperation.Lsh, ArithmeticOperation.Rsh, ArithmeticOperation.Arsh, ArithmeticOperation.Neg, ArithmeticOperation.Mov,
    ];

    private static readonly JumpOperation[] s_comparisons =
    [
        JumpOperation.Jeq, JumpOperation.Jne, JumpOperation.Jset, JumpOperation.Jgt, JumpOperation.Jge, JumpOperation.Jlt, JumpOperation.Jle,
        JumpOperation.Jsgt, JumpOperation.Jsge, JumpOperation.Jslt, JumpOperation.Jsle,
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Operations_and_comparisons_hold_every_result_of_small_sets(int place)
    {
        Case[] cases = [.. Ranges(s_places[place]), .. Bits(s_places[place])];
        foreach (Case left in cases)
        {
            foreach (Case right in cases)
            {
                CheckArithmetic(left, right);
                CheckComparisons(left, right);
            }
        }
    }

    [Fact]
    public void Operations_and_comparisons_hold_what_random_members_give()
    {
        int seed = Setting("OSMIA_HUNT_SEED", DefaultSeed);
        int rounds = Setting("OSMIA_HUNT_ROUNDS", DefaultRounds);
        var random = new Random(seed);
        for (int round = 0; round < rounds; round++)
        {
            Case left = RandomCase(random);
            Case right = RandomCase(random);
            try
            {
                CheckArithmetic(left, right);
                CheckComparisons(left, right);
            }
            catch (Xunit.Sdk.XunitException e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e.Message}");
            }
        }

        output.WriteLine($"seed {seed}: {rounds} pairs, {s_operations.Length * 2 + 3} operations and {s_comparisons.Length * 2} comparisons each");
    }

    private static void CheckArithmetic(Case left, Case right)
    {
        foreach (ArithmeticOperation operation in s_operations)
        {
            Scalar wide = ScalarArithmetic.Apply64(operation, left.Scalar, right.Scalar);
            Scalar low = ScalarArithmetic.Apply32(operation, left.Scalar, right.Scalar);
            foreach (ulong a in left.Members)
            {
                foreach (ulong b in right.Members)
                {
                    ulong exact = Exact64(operation, a, b);
                    ulong exactLow = Exact32(operation, (uint)a, (uint)b);
                    if (!wide.Contains(exact) || !low.Contains(exactLow))
                    {
                        Assert.Fail($"{operation} of {left.Scalar} and {right.Scalar}: 0x{a:x} and 0x{b:x} give 0x{exact:x} of {wide}, 0x{exactLow:x} of {low}");
                    }
                }
            }
        }

        foreach (int bytes in (int[])[1, 2, 4])
        {
            Scalar wide = ScalarArithmetic.SignExtend64(left.Scalar, bytes);
            foreach (ulong a in left.Members)
            {
                ulong exact = (ulong)((long)(a << (64 - bytes * 8)) >> (64 - bytes * 8));
                bool holds = wide.Contains(exact) && (bytes == 4 || ScalarArithmetic.SignExtend32(left.Scalar, bytes).Contains((uint)exact));
                Assert.True(holds, $"{left.Scalar}: 0x{a:x} extended from {bytes} bytes is 0x{exact:x} of {wide}");
            }
        }
    }

    private static void CheckComparisons(Case left, Case right)
    {
        foreach (JumpOperation operation in s_comparisons)
        {
            CheckComparison(operation, left, right, is32: false);
            CheckComparison(operation, left, right, is32: true);
        }
    }

    private static void CheckComparison(JumpOperation operation, Case left, Case right, bool is32)
    {
        bool? decided = ScalarComparison.Decide(operation, left.Scalar, right.Scalar, is32);
        (Scalar Left, Scalar Right) yes = ScalarComparison.Refine(operation, left.Scalar, right.Scalar, is32, holds: true);
        (Scalar Left, Scalar Right) no = ScalarComparison.Refine(operation, left.Scalar, right.Scalar, is32, holds: false);
        foreach (ulong a in left.Members)
        {
            foreach (ulong b in right.Members)
            {
                bool holds = is32 ? Holds(operation, (uint)a, (uint)b, (int)a, (int)b) : Holds(operation, a, b, (long)a, (long)b);
                (Scalar refinedLeft, Scalar refinedRight) = holds ? yes : no;
                if (decided == !holds || !refinedLeft.Contains(a) || !refinedRight.Contains(b))
                {
                    Assert.Fail($"{operation}{(is32 ? " of 32 bits" : "")} of {left.Scalar} and {right.Scalar}: 0x{a:x} and 0x{b:x} give {holds}, decided {decided}, then {refinedLeft} and {refinedRight}");
                }
            }
        }
    }

    private static bool Holds(JumpOperation operation, ulong a, ulong b, long sa, long sb) => operation switch
    {
        JumpOperation.Jeq => a == b,
        JumpOperation.Jne => a != b,
        JumpOperation.Jset => (a & b) != 0,
        JumpOperation.Jgt => a > b,
        JumpOperation.Jge => a >= b,
        JumpOperation.Jlt => a < b,
        JumpOperation.Jle => a <= b,
        JumpOperation.Jsgt => sa > sb,
        JumpOperation.Jsge => sa >= sb,
        JumpOperation.Jslt => sa < sb,
        _ => sa <= sb,
    };

    private static ulong Exact64(ArithmeticOperation operation, ulong a, ulong b) => operation switch
    {
        ArithmeticOperation.Add => a + b,
        ArithmeticOperation.Sub => a - b,
        ArithmeticOperation.Mul => a * b,
        ArithmeticOperation.And => a & b,
        ArithmeticOperation.Or => a | b,
        ArithmeticOperation.Xor => a ^ b,
        ArithmeticOperation.Lsh => a << (int)(b & 63),
        ArithmeticOperation.Rsh => a >> (int)(b & 63),
        ArithmeticOperation.Arsh => (ulong)((long)a >> (int)(b & 63)),
        ArithmeticOperation.Neg => 0 - a,
        _ => b,
    };

    private static ulong Exact32(ArithmeticOperation operation, uint a, uint b) => operation switch
    {
        ArithmeticOperation.Add => a + b,
        ArithmeticOperation.Sub => a - b,
        ArithmeticOperation.Mul => a * b,
        ArithmeticOperation.And => a & b,
        ArithmeticOperation.Or => a | b,
        ArithmeticOperation.Xor => a ^ b,
        ArithmeticOperation.Lsh => a << (int)(b & 31),
        ArithmeticOperation.Rsh => a >> (int)(b & 31),
        ArithmeticOperation.Arsh => (uint)((int)a >> (int)(b & 31)),
        ArithmeticOperation.Neg => 0 - a,
        _ => b,
    };

    private static IEnumerable<Case> Ranges(ulong place)
    {
        for (ulong low = 0; low < 16; low++)
        {
            for (ulong high = low; high < 16; high += low % 3 + 1)
            {
                ulong[] members = [.. Enumerable.Range(0, (int)(high - low) + 1).Select(i => place + low + (ulong)i)];
                Scalar scalar = place + low <= place + high && (long)(place + low) <= (long)(place + high)
                    ? Scalar.OfUnsigned(place + low, place + high)
                    : place + low <= place + high ? Scalar.OfUnsigned(place + low, place + high) : Scalar.OfSigned((long)(place + low), (long)(place + high));
                yield return new Case(scalar, members);
            }
        }
    }

    private static IEnumerable<Case> Bits(ulong place) => TnumTests.All(4).Select(small =>
    {
        // At the place's lowest set bit, so that the four bits reach across halves and signs.
        int shift = place == 0 ? 0 : Math.Min(60, System.Numerics.BitOperations.TrailingZeroCount(place) + 27);
        Tnum bits = (small << shift) | Tnum.Constant(place & ~(15UL << shift));
        return new Case(Scalar.OfBits(bits), [.. TnumTests.Members(bits)]);
    });

    /// <summary>A scalar made wider and wider around a number, with other numbers it happens to hold.</summary>
    private static Case RandomCase(Random random)
    {
        ulong member = Interesting(random);
        Scalar scalar = random.Next(6) switch
        {
            0 => Scalar.Constant(member),
            1 => Scalar.Unknown,
            2 => Scalar.OfBits(Around(random, member)),
            3 => UnsignedAround(random, member),
            4 => SignedAround(random, member),
            _ => UnsignedAround(random, member).Intersect(Scalar.OfBits(Around(random, member))).Synchronize(),
        };
        if (random.Next(4) == 0)
        {
            scalar = scalar.ZeroExtendLow();
            member = (uint)member;
        }

        var members = new List<ulong> { member };
        ulong[] others = [scalar.Wide.UMin, scalar.Wide.UMax, (ulong)scalar.Wide.SMin, (ulong)scalar.Wide.SMax, scalar.Bits.Value, scalar.Bits.Maximum, Interesting(random)];
        members.AddRange(others.Where(scalar.Contains));
        return new Case(scalar, [.. members]);
    }

    private static Tnum Around(Random random, ulong member)
    {
        ulong mask = (ulong)random.NextInt64() & (ulong)random.NextInt64() << random.Next(64);
        return new Tnum(member & ~mask, mask);
    }

    private static Scalar UnsignedAround(Random random, ulong member)
    {
        ulong below = Spread(random);
        ulong above = Spread(random);
        return Scalar.OfUnsigned(member < below ? 0 : member - below, member > ulong.MaxValue - above ? ulong.MaxValue : member + above);
    }

    private static Scalar SignedAround(Random random, ulong member)
    {
        Int128 number = (long)member;
        return Scalar.OfSigned((long)Int128.Max(number - Spread(random), long.MinValue), (long)Int128.Min(number + Spread(random), long.MaxValue));
    }

    private static ulong Spread(Random random) => (ulong)random.NextInt64() >> random.Next(64);

    private static ulong Interesting(Random random) => random.Next(4) switch
    {
        0 => s_places[random.Next(s_places.Length)] + (ulong)random.Next(20),
        1 => (ulong)random.Next(64),
        2 => 1UL << random.Next(64),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64),
    };

    private static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), out int value) ? value : otherwise;

    private sealed record Case(Scalar Scalar, ulong[] Members);
}
