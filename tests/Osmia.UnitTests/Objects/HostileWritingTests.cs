using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Merging;

namespace Osmia.Tests.Objects;

/// <summary>
/// Damaged objects that can be read are written and read again as the same, or refused with an id; pairs of them are joined or refused.
/// OSMIA_HUNT_SEED, OSMIA_HUNT_FIRST and OSMIA_HUNT_ROUNDS as for <see cref="HostileObjectTests"/>.
/// </summary>
public partial class HostileWritingTests(ITestOutputHelper output)
{
    private const int KnownRounds = 25_000;
    private const int DefaultSeed = 20_250_203;
    private const long MemoryLimit = 256 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Mutated_objects_are_written_as_they_were_read_or_refused() => Hunt(300, (data, name, _) =>
    {
        BpfObject source = BpfObject.Read(data, name);
        // ELF wants local symbols first; a damaged object may have them anywhere.
        source.Variables = [.. source.Variables.OrderBy(variable => source.Maps.ToList().IndexOf(variable.Map)).ThenBy(variable => variable.IsGlobal)];
        string expected = Text(source);
        string actual = Text(BpfObject.Read(source.ToArray(), name));
        return HasTwins(source) ? "twin sections" : actual == expected ? "the same" : throw new InvalidDataException($"it was\n{expected}\nand is\n{actual}");
    });

    /// <summary>Two sections of code with one name, which become one: their functions stand in another order.</summary>
    private static bool HasTwins(BpfObject source) => source.Functions.GroupBy(function => function.Section)
        .Any(section => section.Zip(section.Skip(1)).Any(pair => pair.First.SectionSlot + pair.First.Instructions.Length > pair.Second.SectionSlot));

    /// <summary>Old maps get types, and their inner maps another name; a place that no variable stands at is named by its section: all are the writer's.</summary>
    private static string Text(BpfObject source) => WriterWords().Replace(InventoryText.Of(source), "");

    [GeneratedRegex(@"(?<=^object .*) types \d+$|(?<=^ *holds )\S+|(?<=: MapValue ).*(?= = )", RegexOptions.Multiline)]
    private static partial Regex WriterWords();

    [Fact]
    public void Mutated_objects_are_joined_or_refused() => Hunt(300, (data, name, other) =>
    {
        StaticLinker.Link("joined", [BpfObject.Read(data, name), BpfObject.Read(other, "other.bpf.o")]);
        return "joined";
    });

    private void Hunt(int wanted, Func<byte[], string, byte[], string> act)
    {
        int seed = Setting("OSMIA_HUNT_SEED", DefaultSeed);
        int first = Setting("OSMIA_HUNT_FIRST", 0);
        wanted = Setting("OSMIA_HUNT_ROUNDS", wanted);
        // The hunt for damaged objects that are only read takes the other half of the time.
        TimeSpan time = Budget.For("objects") / 4;
        (string Name, byte[] Data)[] originals = [.. SampleObjects.Names.Select(name => (name, SampleObjects.Bytes(name))), .. Compiled()];
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        // A build must fail for its change and not for what chance finds: there the hunt stays within rounds that were run before.
        int most = Environment.GetEnvironmentVariable("CI") == "true" ? KnownRounds : int.MaxValue;
        var clock = Stopwatch.StartNew();
        int round = first;
        for (; round - first < wanted || (clock.Elapsed < time && round < most); round++)
        {
            (string name, byte[] original) = originals[round % originals.Length];
            byte[] mutated = new ObjectMutator(unchecked(seed + round * 7919)).Next(original);
            byte[] other = new ObjectMutator(unchecked(seed + round * 7919 + 1)).Next(originals[(round / originals.Length) % originals.Length].Data);
            long memory = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            string outcome;
            try
            {
                outcome = act(mutated, name + ".bpf.o", other);
            }
            catch (Exception e) when (e is ObjectFormatException or RelocationException or UnsupportedFeatureException)
            {
                outcome = ((BpfException)e).Id;
            }
            catch (Exception e)
            {
                Assert.Fail($"{e.GetType().Name} from {Report(name, seed, round, mutated, other)}\n{e}");
                throw;
            }

            TimeSpan took = Stopwatch.GetElapsedTime(started);
            memory = GC.GetAllocatedBytesForCurrentThread() - memory;
            if (took > s_patience || memory > MemoryLimit + original.Length * 256)
            {
                Assert.Fail($"{took} and {memory} bytes for {Report(name, seed, round, mutated, other)}");
            }

            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        output.WriteLine($"seed {seed}: {round - first} objects; {string.Join(", ", outcomes.Select(pair => $"{pair.Key} {pair.Value}"))}");
    }

    private static IEnumerable<(string, byte[])> Compiled() => Toolchain.Has("clang-19")
        ? ((string[])["Objects/Sources/code.c", "Objects/Sources/maps.c", "Objects/Sources/structops.c", "Objects/Sources/arena.c", "Objects/Sources/externs.c", "Merging/Sources/zero.c", "Merging/Sources/one.c", "Merging/Sources/two.c"])
            .Select(source => (Path.GetFileNameWithoutExtension(source), Toolchain.Stripped(Toolchain.Compile("clang-19", source, "-mcpu=v3", "-Wno-everything", Toolchain.AnyFolder), "-g")))
        : [];

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private static string Report(string name, int seed, int round, byte[] data, byte[] other)
    {
        string file = Path.Combine(Path.GetTempPath(), $"osmia-hostile-writing-{seed}-{round}.base64");
        File.WriteAllText(file, Convert.ToBase64String(data) + "\n" + Convert.ToBase64String(other));
        return $"a damaged {name}, seed {seed}, round {round}, bytes in {file}";
    }
}
