using System.Diagnostics;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

/// <summary>Damaged BTF through everything that reads, prints, joins and cuts it. OSMIA_HUNT_SEED repeats one case.</summary>
public class BtfHuntTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);
    private const long MostMemory = 256L << 20;

    [Fact]
    public void Damaged_types_are_worked_on_or_refused_by_name()
    {
        TimeSpan budget = Budget.For("btf");
        string? wanted = Environment.GetEnvironmentVariable("OSMIA_HUNT_SEED");
        int seed = wanted is null ? Random.Shared.Next(1 << 30) : int.Parse(wanted, System.Globalization.CultureInfo.InvariantCulture);
        byte[][] samples = Samples();
        var clock = Stopwatch.StartNew();
        int cases = 0;
        int refused = 0;
        do
        {
            var random = new Random(seed);
            byte[] bytes = (byte[])samples[random.Next(samples.Length)].Clone();
            for (int change = random.Next(1, 8); change > 0; change--)
            {
                Damage(random, bytes);
            }

            var one = Stopwatch.StartNew();
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                WorkOn(bytes, random);
            }
            catch (BtfFormatException)
            {
                refused++;
            }
            catch (Exception exception)
            {
                Assert.Fail($"seed {seed}: {exception}\n{Convert.ToHexString(bytes)}");
            }

            long memory = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(one.Elapsed < s_longest && memory < MostMemory, $"seed {seed}: {one.Elapsed}, {memory} bytes\n{Convert.ToHexString(bytes)}");
            cases++;
            seed++;
        }
        while (clock.Elapsed < budget && wanted is null);
        output.WriteLine($"{cases} blobs up to seed {seed}, {refused} refused");
    }

    private static byte[][] Samples()
    {
        var twice = new BtfBuilder();
        twice.Append(BtfSamples.Kinds);
        twice.Append(BtfSamples.Kinds);
        return [BtfSamples.KindsBytes, twice.ToArray(), BtfBuilderTests.EveryKind().ToArray(), BtfBuilderTests.EveryKind(isBigEndian: true).ToArray()];
    }

    private static void Damage(Random random, byte[] bytes)
    {
        int position = random.Next(bytes.Length & ~3);
        switch (random.Next(5))
        {
            case 0:
                bytes[position] = (byte)random.Next(256);
                break;
            case 1:
                bytes[position] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                uint[] words = [0, 1, (uint)random.Next(120), int.MaxValue, uint.MaxValue, 0x00ffffff, 0x8400ffff, 0x0d000002, 0x04000001];
                BitConverter.TryWriteBytes(bytes.AsSpan(position & ~3), words[random.Next(words.Length)]);
                break;
            case 3:
                // A reference to another type, where one stands mostly.
                BitConverter.TryWriteBytes(bytes.AsSpan(position & ~3), random.Next(150));
                break;
            default:
                int from = random.Next(bytes.Length - 24);
                bytes.AsSpan(from, 24).CopyTo(bytes.AsSpan(random.Next(bytes.Length - 24)));
                break;
        }
    }

    private static void WorkOn(byte[] bytes, Random random)
    {
        BtfTypes types = BtfTypes.Parse(bytes);
        RawDump.Write(types, Stream.Null);
        using (var json = new Utf8JsonWriter(Stream.Null))
        {
            JsonDump.Write(types, json);
        }

        types.FindAll(["all", "inner", "s", ""]);
        BtfTypes merged = BtfDeduplicator.Deduplicate(types, out int[] map);
        Assert.Equal(types.Count, map.Length);
        Assert.True(merged.Count <= types.Count);
        Assert.True(merged.IsComplete);
        Refusable(() => CHeaderWriter.Write(types, Stream.Null, isSorted: random.Next(2) == 0));
        Refusable(() => CHeaderWriter.Write(merged, Stream.Null, isSorted: false));
        Refusable(() => CSharpWriter.Write(types, Stream.Null));

        var minimizer = new BtfMinimizer(types);
        for (int i = 0; i < 20 && types.Count > 1; i++)
        {
            BtfType type = types[random.Next(1, types.Count)];
            minimizer.UseType(type.Id, withMembers: random.Next(4) == 0);
            if (type.Kind.IsComposite() && type.Count > 0)
            {
                minimizer.UseMember(type.Id, random.Next(type.Count));
            }
            else if (type.Kind.IsEnum() && type.Count > 0)
            {
                minimizer.UseEnumerator(type.Id, random.Next(type.Count));
            }
        }

        BtfTypes cut = minimizer.Build();
        Assert.True(cut.Count <= types.Count);
        RawDump.Write(cut, Stream.Null);
    }

    /// <summary>A writer may refuse types that no C has; the rest of the work goes on.</summary>
    private static void Refusable(Action write)
    {
        try
        {
            write();
        }
        catch (BtfFormatException refusal)
        {
            Assert.NotEmpty(refusal.Problem);
        }
    }
}
