using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel.Symbols;

namespace Osmia.Tests.Kernel;

/// <summary>Names of C++ and Rust: a table of our own (<c>Sources/names.data</c>), c++filt on the symbols of a system library, and texts made by chance.</summary>
[SupportedOSPlatform("linux")]
public class DemanglerTests(ITestOutputHelper output)
{
    private const int MostDifferentInThousand = 2;
    private const int MostLeftInThousand = 20;
    private const int LongestAnswer = 64 * 1024;

    private static string Data => RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Kernel", "Sources", "names.data");

    [Fact]
    public void Names_are_those_of_the_source()
    {
        int count = 0;
        foreach (string line in File.ReadLines(Data).Where(line => line.Length > 0 && line[0] != '#'))
        {
            int gap = line.IndexOf(' ', StringComparison.Ordinal);
            Assert.Equal(line, $"{line[..gap]} {Demangler.Demangle(line[..gap])}");
            count++;
        }

        Assert.InRange(count, 60, int.MaxValue);
    }

    [Fact]
    public void Names_of_a_system_library_are_those_of_cxxfilt()
    {
        Toolchain.Require("c++filt");
        Toolchain.Require("nm");
        string? library = Osmia.Kernel.Links.BinaryPath.Resolve("libstdc++.so.6", -1);
        Assert.SkipWhen(library is null, "needs libstdc++.so.6");
        string[] names = [.. Toolchain.Run("nm", "-D", "--defined-only", library!).Split('\n').Select(line => line.Split(' ')[^1].Split('@')[0]).Where(name => name.StartsWith("_Z", StringComparison.Ordinal)).Distinct()];
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "names");
        File.WriteAllLines(file, names);
        string[] theirs = Toolchain.Run("/bin/sh", "-c", $"c++filt < {file}").Split('\n');
        int left = 0;
        int different = 0;
        for (int i = 0; i < names.Length; i++)
        {
            string ours = Demangler.Demangle(names[i]);
            if (ours == names[i] && theirs[i] != names[i])
            {
                left++;
            }
            else if (ours != theirs[i])
            {
                different++;
                output.WriteLine($"{names[i]}\n  ours:   {ours}\n  theirs: {theirs[i]}");
            }
        }

        output.WriteLine($"{names.Length} names: {left} left as they are, {different} different");
        Assert.InRange(names.Length, 1000, int.MaxValue);
        Assert.InRange(left, 0, names.Length * MostLeftInThousand / 1000);
        Assert.InRange(different, 0, names.Length * MostDifferentInThousand / 1000);
    }

    [Fact]
    public void No_text_does_harm()
    {
        string[] seeds = [.. File.ReadLines(Data).Where(line => line.StartsWith('_')).Select(line => line.Split(' ')[0]).Where(name => name.Length > 4)];
        int seed = Environment.GetEnvironmentVariable("CI") is not null ? 1 : Random.Shared.Next();
        var random = new Random(seed);
        output.WriteLine($"seed {seed}");
        const string Letters = "0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$.";
        var clock = Stopwatch.StartNew();
        TimeSpan budget = Budget.For("objects") / 20;
        long texts = 0;
        long read = 0;
        var slowest = TimeSpan.Zero;
        for (; texts < 2000 || (clock.Elapsed < budget && texts < 5_000_000); texts++)
        {
            var text = new StringBuilder(seeds[random.Next(seeds.Length)]);
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                int at = random.Next(2, text.Length);
                switch (random.Next(4))
                {
                    case 0:
                        text[at] = Letters[random.Next(Letters.Length)];
                        break;
                    case 1:
                        text.Insert(at, Letters[random.Next(Letters.Length)]);
                        break;
                    case 2:
                        int from = random.Next(2, text.Length);
                        text.Insert(at, text.ToString(from, random.Next(0, Math.Min(40, text.Length - from))));
                        break;
                    default:
                        string other = seeds[random.Next(seeds.Length)];
                        text.Insert(at, other[random.Next(2, other.Length)..]);
                        break;
                }
            }

            string name = text.ToString();
            TimeSpan started = clock.Elapsed;
            string answer = Demangler.Demangle(name);
            TimeSpan took = clock.Elapsed - started;
            slowest = took > slowest ? took : slowest;
            read += answer != name ? 1 : 0;
            Assert.True(answer.Length is > 0 and < LongestAnswer && took < TimeSpan.FromSeconds(5), $"seed {seed}, {name}: {answer.Length} characters in {took.TotalSeconds:F1} s");
        }

        // Nesting and doubling by hand, which chance does not reach.
        foreach (string name in (string[])["_Z" + new string('P', 4000), "_ZN" + new string('N', 4000), "_R" + new string('R', 4000), "_RIC0" + string.Concat(Enumerable.Repeat("TB4_B4_", 500)) + "E",
            "_Z1fI" + new string('J', 4000), "_Z1f" + string.Concat(Enumerable.Repeat("F", 2000)), "_Z1fM1AM" + string.Concat(Enumerable.Repeat("S_S0_S1_", 400))])
        {
            Assert.InRange(Demangler.Demangle(name).Length, 1, LongestAnswer);
        }

        output.WriteLine($"{texts} texts, {read} read, slowest {slowest.TotalMilliseconds:F1} ms");
    }
}
