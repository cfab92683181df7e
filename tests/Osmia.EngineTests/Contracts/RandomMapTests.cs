using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>The same random operations on a map of the kernel and on one of the VM give the same results, and leave the same elements.</summary>
/// <remarks><c>OSMIA_MAP_SEED</c> repeats one map.</remarks>
public sealed class RandomMapTests
{
    private const int KnownRounds = 2000;
    private const int Operations = 120;
    private const uint NoPreallocation = 1;

    [Fact]
    [SupportedOSPlatform("linux")]
    public void Random_operations_give_the_same_in_both_engines()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        using var vm = new VmEngine(new VmOptions { Slots = 2 });
        var hunt = new Hunt("OSMIA_MAP_SEED", Budget.For("engines") / 5, KnownRounds);
        int maps = 0;
        do
        {
            LinkedObject linked = MapOf(new Random(hunt.Seed));
            using LoadedObject one = kernel.Load(linked, LoadOptions.Default);
            using LoadedObject two = vm.Load(linked, LoadOptions.Default);
            string expected = Run(one.Maps[0], new Random(hunt.Seed));
            string actual = Run(two.Maps[0], new Random(hunt.Seed));
            if (expected != actual)
            {
                Assert.Fail($"seed {hunt.Seed}, {linked.Maps[0]}\n{Difference(expected, actual)}");
            }

            maps++;
        }
        while (hunt.Next());

        string summary = $"{maps} maps of {Operations} operations agreed, seeds from {hunt.First} to {hunt.Seed}";
        TestContext.Current.SendDiagnosticMessage(summary);
        TestContext.Current.TestOutputHelper?.WriteLine(summary);
    }

    private static LinkedObject MapOf(Random random)
    {
        uint value = (uint)random.Next(1, 20);
        uint entries = (uint)random.Next(1, 24);
        (MapType type, uint key, uint flags) = random.Next(9) switch
        {
            0 => (MapType.Hash, (uint)random.Next(1, 12), 0u),
            1 => (MapType.Hash, (uint)random.Next(1, 12), NoPreallocation),
            2 => (MapType.Array, 4u, 0u),
            3 => (MapType.PercpuHash, (uint)random.Next(1, 12), 0u),
            4 => (MapType.PercpuArray, 4u, 0u),
            5 => (MapType.LpmTrie, (uint)random.Next(5, 10), NoPreallocation),
            6 => (MapType.Queue, 0u, 0u),
            7 => (MapType.Stack, 0u, 0u),
            _ => (MapType.PercpuHash, 4u, NoPreallocation),
        };
        return TestPrograms.Object([], TestPrograms.Map(0, type, key, value, entries, flags)) with { License = "GPL" };
    }

    private static string Run(Map map, Random random)
    {
        var text = new StringBuilder();
        _ = MapOf(random);
        byte[] values = new byte[map.ValueBufferSize];
        for (int i = 0; i < Operations; i++)
        {
            byte[] key = KeyOf(map, random);
            int operation = random.Next(8);
            ulong flags = random.Next(5) switch { 0 => 1, 1 => 2, 2 => (ulong)random.Next(10), _ => 0 };
            byte[] one = new byte[map.ValueSize];
            random.NextBytes(one);
            string result;
            try
            {
                result = operation switch
                {
                    0 or 1 or 2 => Update(map, key, one, flags),
                    3 or 4 => map.TryLookup(key, values) ? Convert.ToHexStringLower(values.AsSpan(0, map.ValueSize)) : "none",
                    5 => map.Delete(key) ? "deleted" : "none",
                    6 => map.TryTake(key, values) ? "took " + Convert.ToHexStringLower(values.AsSpan(0, map.ValueSize)) : "none",
                    _ => Walk(map),
                };
            }
            catch (Exception refusal) when (ErrnoOf(refusal) is { } errno)
            {
                result = $"errno {errno}";
            }

            text.Append(CultureInfo.InvariantCulture, $"{i}: {operation} {Convert.ToHexStringLower(key)} flags {flags} => {result}\n");
        }

        return text.ToString();
    }

    /// <summary>Few different keys, so that they meet; indexes and prefix lengths a little beyond what is allowed.</summary>
    private static byte[] KeyOf(Map map, Random random)
    {
        byte[] key = new byte[map.KeySize];
        if (map.KeySize == 0)
        {
            return key;
        }

        key[^1] = (byte)random.Next(12);
        key[0] ^= (byte)random.Next(3);
        if (map.Type is MapType.Array or MapType.PercpuArray)
        {
            BitConverter.TryWriteBytes(key, random.Next((int)map.Definition.MaxEntries + 2));
        }
        else if (map.Type == MapType.LpmTrie)
        {
            random.NextBytes(key.AsSpan(4));
            key.AsSpan(4)[0] &= 0xc1;
            BitConverter.TryWriteBytes(key, random.Next(((map.KeySize - 4) * 8) + 2));
        }

        return key;
    }

    private static string Update(Map map, byte[] key, byte[] one, ulong flags)
    {
        byte[] values = new byte[map.ValueBufferSize];
        for (int cpu = 0; cpu < map.ValuesPerKey; cpu++)
        {
            one.CopyTo(values, cpu * map.ValueStride);
        }

        map.Update(key, values, (UpdateMode)flags);
        return "updated";
    }

    /// <summary>The elements, sorted where the order is the engine's own.</summary>
    private static string Walk(Map map)
    {
        var found = new List<string>();
        byte[] key = new byte[map.KeySize];
        byte[] values = new byte[map.ValueBufferSize];
        byte[] previous = [];
        while (found.Count < 1000 && map.TryNextKey(previous, key))
        {
            previous = [.. key];
            found.Add(map.TryLookup(key, values) ? $"{Convert.ToHexStringLower(key)}={Convert.ToHexStringLower(values.AsSpan(0, map.ValueSize))}" : "gone");
        }

        return string.Join(' ', map.Type is MapType.Hash or MapType.PercpuHash ? found.Order(StringComparer.Ordinal) : found);
    }

    private static int? ErrnoOf(Exception refusal) => refusal switch
    {
        MapException map => map.Errno,
        Objects.Diagnostics.KernelException kernel => kernel.Errno,
        _ => null,
    };

    private static string Difference(string expected, string actual)
    {
        string[] left = expected.Split('\n');
        string[] right = actual.Split('\n');
        int at = Enumerable.Range(0, left.Length).First(i => left[i] != right[i]);
        return $"kernel {left[at]}\nvm     {right[at]}\nbefore:\n{string.Join('\n', left[..at])}";
    }
}
