using Osmia.Btf;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Tests.Objects;

namespace Osmia.Tests.Linking;

/// <summary>Against the types cut down for an object it is linked as against all of them.</summary>
public class MinimalTypesTests(ITestOutputHelper output)
{
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";
    private static readonly Lazy<BtfTypes> s_kernel = new(() => BtfTypes.Parse(File.ReadAllBytes(KernelTypes)));

    public static TheoryData<string> Samples => [.. SampleObjects.Names];

    [Theory]
    [InlineData("clang-14", "local.c")]
    [InlineData("clang-16", "local.c")]
    [InlineData("clang-19", "local.c")]
    [InlineData("clang-16", "matches.c")]
    [InlineData("clang-19", "matches.c")]
    public void Records_of_every_kind_have_the_same_answers(string compiler, string source)
    {
        BtfTypes target = TargetTypes.Compile(compiler, "Linking/Sources/target.c");
        BpfObject local = Toolchain.Read(compiler, "Linking/Sources/" + source, "-mcpu=v3", "-Wno-everything");

        BtfTypes reduced = MinimalTypes.Of(target, [local]);

        Assert.True(reduced.Data.Length < target.Data.Length, $"{reduced.Data.Length} of {target.Data.Length} bytes");
        Assert.Equal(Streams(local, target), Streams(local, reduced));
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    public void Objects_of_others_are_linked_alike_and_libbpf_takes_the_types(string package)
    {
        LibbpfLoad.Require();
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "reduced.btf");
        long ours = 0;
        long theirs = 0;
        int count = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            BpfObject source = BpfObject.Read(data, name);
            if (source.Functions.All(function => function.CoreRelocations.Count == 0))
            {
                continue;
            }

            BtfTypes reduced = MinimalTypes.Of(s_kernel.Value, [source]);
            Assert.Equal(Streams(source, s_kernel.Value), Streams(source, reduced));
            File.WriteAllBytes(file, reduced.Data.ToArray());
            string? expected = LibbpfLoad.Text(data, name, out _);
            Assert.Equal(expected, LibbpfLoad.Text(data, name, out _, file));
            count++;
            ours += reduced.Data.Length;
            theirs += BpftoolSize(folder, data);
        }

        output.WriteLine($"{package}: {count} objects with CO-RE records; {ours} bytes of types in all, bpftool's {theirs}");
        Assert.NotEqual(0, count);
        Assert.InRange(ours, 1, theirs * 11 / 10);
    }

    [Fact]
    public void Types_of_several_objects_serve_each_of_them()
    {
        Assert.SkipUnless(File.Exists(KernelTypes), "needs " + KernelTypes);
        // A struct of callbacks is looked up whole in the target's types, not by CO-RE records, and is not kept, as with bpftool.
        BpfObject[] sources = [.. SampleObjects.Names.Select(name => BpfObject.Read(SampleObjects.PathOf(name))).Where(source => !source.Maps.Any(map => map.Type == Bytecode.MapType.StructOps))];

        BtfTypes reduced = MinimalTypes.Of(s_kernel.Value, sources);

        output.WriteLine($"{sources.Length} samples use {reduced.Data.Length} of {s_kernel.Value.Data.Length} bytes");
        Assert.All(sources, source => Assert.Equal(Streams(source, s_kernel.Value), Streams(source, reduced)));
    }

    [Fact]
    public void Object_without_records_needs_no_types()
    {
        BpfObject source = Toolchain.Read("clang-19", "Objects/Sources/data.c");

        Assert.Equal(1, MinimalTypes.Of(TargetTypes.Compile("clang-19", "Linking/Sources/target.c"), [source]).Count);
    }

    [Fact]
    public void Damaged_types_raise_nothing_but_typed_errors()
    {
        const int seed = 20_250_307;
        byte[] original = TargetTypes.Compile("clang-19", "Linking/Sources/target.c").Data.ToArray();
        BpfObject[] sources = [.. ((string[])["local.c", "matches.c"]).Select(name => Toolchain.Read("clang-19", "Linking/Sources/" + name, "-mcpu=v3", "-Wno-everything"))];
        int reduced = 0;
        for (int round = 0; round < 2000; round++)
        {
            var random = new Random(unchecked(seed + round * 7919));
            byte[] damaged = [.. original];
            for (int i = random.Next(1, 5); i > 0; i--)
            {
                damaged[random.Next(24, damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                reduced += MinimalTypes.Of(BtfTypes.Parse(damaged), sources).Count > 1 ? 1 : 0;
            }
            catch (Exception e) when (e is BtfFormatException or RelocationException)
            {
                // The only answers to damaged types.
            }
            catch (Exception e)
            {
                Assert.Fail($"{e.GetType().Name} at seed {seed}, round {round}, bytes {Convert.ToBase64String(damaged)}\n{e}");
            }
        }

        output.WriteLine($"{reduced} of 2000 damaged targets were reduced");
    }

    private static long BpftoolSize(TemporaryFolder folder, byte[] data)
    {
        string source = Path.Combine(folder.Path, "source.o");
        string reduced = Path.Combine(folder.Path, "bpftool.btf");
        File.WriteAllBytes(source, data);
        ReferenceTool.Run("bpftool", "gen", "min_core_btf", KernelTypes, reduced, source);
        return new FileInfo(reduced).Length;
    }

    /// <summary>Instructions of every program by itself; ids of target types are the target's own.</summary>
    private static string Streams(BpfObject source, BtfTypes types)
    {
        var lines = new List<string>();
        foreach (BpfProgram program in source.Programs)
        {
            // What a program attaches to is looked up in the kernel's types, which these do not stand for.
            program.Section = SectionTable.Match("kprobe");
        }

        foreach (BpfMap map in source.Maps)
        {
            map.Slots = []; // They may name programs that are not loaded.
        }

        foreach (BpfProgram program in source.Programs)
        {
            foreach (BpfProgram other in source.Programs)
            {
                other.AutoLoad = other == program;
            }

            try
            {
                LinkedProgram linked = Linker.Link(source, new Target("types", () => types) { Configuration = _ => "y", KernelVersion = 0x60c00 }).Programs.Single();
                HashSet<int> ids = [.. program.Entry.CoreRelocations.Where(relocation => relocation.Kind is CoreRelocationKind.TypeIdTarget).Select(relocation => relocation.Slot)];
                lines.AddRange(linked.Instructions.Select((instruction, slot) => ids.Contains(slot) || ids.Contains(slot - 1) ? $"{slot}: type id" : $"{slot}: {instruction}"));
            }
            catch (RelocationException refusal)
            {
                lines.Add(refusal.Id);
            }
        }

        return string.Join('\n', lines);
    }
}
