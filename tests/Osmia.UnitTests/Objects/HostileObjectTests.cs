using System.Diagnostics;
using System.Globalization;
using Osmia.Btf;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Objects;

/// <summary>
/// Damaged objects give ObjectFormatException, RelocationException or UnsupportedFeatureException and nothing else, soon, and
/// without much memory. OSMIA_HUNT_SEED chooses another seed; OSMIA_HUNT_ROUNDS goes on to a number of objects,
/// OSMIA_HUNT_FIRST begins at one.
/// </summary>
public class HostileObjectTests(ITestOutputHelper output)
{
    private const int KnownRounds = 60_000;
    private const int DefaultSeed = 20_250_117;
    private const long MemoryLimit = 64 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Mutated_objects_raise_nothing_but_typed_errors() =>
        Hunt(500, Budget.For("objects") / 4, [.. Originals()], (seed, _, original) => new ObjectMutator(seed).Next(original));

    [Fact]
    public void Mutated_extension_sections_raise_nothing_but_typed_errors() => Hunt(
        300,
        Budget.For("objects") / 8,
        [.. Originals().Where(original => ObjectMutator.SectionOf(original.Data, ".BTF.ext") is not null)],
        (seed, _, original) => new ObjectMutator(seed).Next(original, ObjectMutator.SectionOf(original, ".BTF.ext")!.Value));

    [Fact]
    public void Damaged_packages_raise_nothing_but_typed_errors()
    {
        byte[] tail = SampleObjects.Bytes("tail");
        byte[] package = PackageTests.Package(tail, tail.Length, "tail_bpf");
        Hunt(1000, Budget.For("objects") / 8, [("package", package)], (seed, round, original) =>
        {
            // Every other one is a whole package of a damaged object.
            if (round % 2 == 0)
            {
                byte[] mutated = new ObjectMutator(seed).Next(tail);
                return PackageTests.Package(mutated, mutated.Length, "tail_bpf");
            }

            var random = new Random(seed);
            byte[] damaged = original[..(random.Next(4) == 0 ? random.Next(original.Length) : original.Length)];
            for (int i = random.Next(8); i > 0 && damaged.Length > 0; i--)
            {
                damaged[random.Next(random.Next(2) == 0 ? Math.Min(damaged.Length, 200) : damaged.Length)] = (byte)random.Next(256);
            }

            return damaged;
        });
    }

    private static IEnumerable<(string Name, byte[] Data)> Originals() => [.. SampleObjects.Names.Select(name => (name, SampleObjects.Bytes(name))), .. Compiled()];

    private void Hunt(int wanted, TimeSpan time, (string Name, byte[] Data)[] originals, Func<int, int, byte[], byte[]> damage)
    {
        int seed = Setting("OSMIA_HUNT_SEED", DefaultSeed);
        wanted = Setting("OSMIA_HUNT_ROUNDS", wanted);
        Target target = TargetOf();
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        // A build must fail for its change and not for what chance finds: there the hunt stays within rounds that were run before.
        int most = Environment.GetEnvironmentVariable("CI") == "true" ? KnownRounds : int.MaxValue;
        var clock = Stopwatch.StartNew();
        (double Milliseconds, int Round) slowest = default;
        int first = Setting("OSMIA_HUNT_FIRST", 0);
        int round = first;
        for (; round - first < wanted || (clock.Elapsed < time && round < most); round++)
        {
            (string name, byte[] original) = originals[round % originals.Length];
            byte[] mutated = damage(unchecked(seed + round * 7919), round, original);
            long memory = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            string outcome;
            try
            {
                outcome = ReadAndLink(mutated, name, round % 8 == 0 ? target : null);
            }
            catch (Exception e)
            {
                Assert.Fail($"{e.GetType().Name} from {Report(name, seed, round, mutated)}\n{e}");
                throw;
            }

            TimeSpan took = Stopwatch.GetElapsedTime(started);
            slowest = took.TotalMilliseconds > slowest.Milliseconds ? (took.TotalMilliseconds, round) : slowest;
            memory = GC.GetAllocatedBytesForCurrentThread() - memory;
            if (took > s_patience || memory > MemoryLimit + original.Length * 64)
            {
                Assert.Fail($"{took} and {memory} bytes for {Report(name, seed, round, mutated)}");
            }

            outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
        }

        output.WriteLine($"seed {seed}: {round - first} objects, slowest {slowest.Milliseconds:f0} ms (round {slowest.Round}); {string.Join(", ", outcomes.Select(pair => $"{pair.Key} {pair.Value}"))}");
    }

    [Fact]
    public void Samples_cut_at_any_place_are_refused_or_read()
    {
        Target target = TargetOf();
        foreach (string name in (string[])["hello", "tail", "firewall"])
        {
            byte[] whole = SampleObjects.Bytes(name);
            for (int length = 0; length < whole.Length; length += length < 256 ? 1 : 37)
            {
                Assert.NotEqual("linked", ReadAndLink(whole[..length], name, target));
            }
        }
    }

    [Fact]
    public void Random_bytes_behind_an_ELF_header_are_refused()
    {
        var random = new Random(DefaultSeed);
        byte[] header = SampleObjects.Bytes("hello")[..64];
        for (int round = 0; round < 2000; round++)
        {
            var data = new byte[random.Next(64, 4096)];
            random.NextBytes(data);
            header.CopyTo(data, 0);
            BitConverter.TryWriteBytes(data.AsSpan(40), (long)random.Next(64, data.Length));
            BitConverter.TryWriteBytes(data.AsSpan(60), (short)random.Next(1, 20));
            BitConverter.TryWriteBytes(data.AsSpan(62), (short)random.Next(0, 3));

            Assert.Throws<ObjectFormatException>(() => BpfObject.Read(data, "random.bpf.o"));
        }
    }

    /// <summary>Without a target the object's own types stand for it, as damaged as the object; that is quick, and hostile too.</summary>
    private static string ReadAndLink(byte[] data, string name, Target? target)
    {
        try
        {
            BpfObject source = BpfObject.Read(data, name + ".bpf.o");
            foreach (BpfProgram program in source.Programs)
            {
                program.AutoLoad = true;
            }

            source.Maps.ToList().ForEach(map => map.AutoCreate = true);
            target ??= new Target("itself", () => source.Types) { SymbolAddresses = name => name.Length % 2 == 0 ? [] : [1], ModuleList = () => [new TargetModule("itself", () => source.Types)] };
            _ = TargetCheck.Run(source, target).Programs.SelectMany(program => program.Unresolved).Take(5).Select(diagnostic => diagnostic.ToString()).ToList();
            LinkedObject linked = Linker.Link(source, target);
            foreach (LinkedProgram program in linked.Programs)
            {
                program.LineAt(program.Instructions.Length - 1);
            }

            _ = InventoryText.Of(source);
            foreach (BpfVariable variable in source.Variables.Take(50))
            {
                SetText(source, variable);
            }

            return "linked";
        }
        catch (Exception e) when (e is ObjectFormatException or RelocationException or UnsupportedFeatureException)
        {
            var refusal = (BpfException)e;
            Assert.Matches("^OSM[12][0-9]{3}$", refusal.Id);
            return refusal.Id;
        }
    }

    private static void SetText(BpfObject source, BpfVariable variable)
    {
        foreach (string text in (string[])["1", "a,b", "x=1"])
        {
            try
            {
                ValueText.Set(source.Types, variable, text);
            }
            catch (FormatException)
            {
                // The only answer to text that does not fit.
            }
        }
    }

    private static Target TargetOf() => new("types of our own", () => File.Exists("/sys/kernel/btf/vmlinux") ? BtfTypes.Parse(File.ReadAllBytes("/sys/kernel/btf/vmlinux")) : null);

    /// <summary>With a compiler at hand, objects with calls, static values and all kinds of CO-RE records are damaged too.</summary>
    private static IEnumerable<(string, byte[])> Compiled() => Toolchain.Has("clang-19")
        ? ((string[])["Objects/Sources/code.c", "Objects/Sources/data.c", "Objects/Sources/maps.c", "Linking/Sources/local.c", "Linking/Sources/matches.c",
            "Objects/Sources/legacy.c", "Objects/Sources/structops.c", "Objects/Sources/arena.c", "Objects/Sources/tags.c", "Linking/Sources/symbols.c", "Linking/Sources/shapes.c", "Linking/Sources/reached.c"])
            .Select(source => (Path.GetFileNameWithoutExtension(source), Toolchain.Stripped(Toolchain.Compile("clang-19", source, "-mcpu=v4", "-Wno-everything", Toolchain.AnyFolder), "-g")))
        : [];

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    private static string Report(string name, int seed, int round, byte[] data)
    {
        string file = Path.Combine(Path.GetTempPath(), $"osmia-hostile-{seed}-{round}.base64");
        File.WriteAllText(file, Convert.ToBase64String(data));
        return $"a damaged {name}, seed {seed}, round {round}, bytes in {file}";
    }
}
