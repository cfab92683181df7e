using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Merging;
using Osmia.Tests.Linking;
using Osmia.Tests.Objects;

namespace Osmia.Tests.Merging;

/// <summary>Objects joined by us and by <c>bpftool gen object</c> are the same to libbpf.</summary>
public class StaticLinkerTests(ITestOutputHelper output)
{
    private static readonly string[] s_all = ["zero", "one", "two", "three"];

    public static TheoryData<string, string> Compilers => CompiledObjectTests.Compilers;

    public static TheoryData<string> Samples => [.. SampleObjects.Names];

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Files_that_need_each_other_are_joined_as_bpftool_joins_them(string compiler, string version)
    {
        foreach (string[] order in (string[][])[s_all, ["zero", "three", "two", "one"], ["zero", "two", "one", "three"], ["zero", "two", "three"]])
        {
            Assert.True(Compare([.. order.Select(name => (name, Compile(compiler, name, version)))]), string.Join(' ', order));
        }
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void One_object_alone_is_written_anew(string name) => Assert.True(Compare([(name, SampleObjects.Bytes(name))]));

    [Theory]
    [InlineData("clang-14")]
    [InlineData("clang-16")]
    [InlineData("clang-19")]
    public void What_is_written_anew_says_the_same(string compiler)
    {
        foreach (string name in (string[])["code", "data", "externs", "maps", "structops", "tags", "throw", .. compiler == "clang-19" ? ["arena"] : (string[])[]])
        {
            BpfObject source = Toolchain.Read(compiler, $"Objects/Sources/{name}.c", "-Wno-everything");

            Assert.Equal(WithoutTypeCount(source), WithoutTypeCount(StaticLinker.Link(name, [source])));
        }
    }

    [Fact]
    public void Samples_that_fit_each_other_are_joined_as_bpftool_joins_them()
    {
        LibbpfLoad.Require();
        int joined = 0;
        int refused = 0;
        foreach (string first in SampleObjects.Names)
        {
            foreach (string second in SampleObjects.Names.Where(second => second != first))
            {
                _ = Compare([(first, SampleObjects.Bytes(first)), (second, SampleObjects.Bytes(second))]) ? joined++ : refused++;
            }
        }

        output.WriteLine($"{joined} pairs are joined, {refused} are refused by both");
        Assert.NotEqual(0, joined);
        Assert.NotEqual(0, refused);
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("libxdp1")]
    public void Objects_of_others_are_written_anew_as_bpftool_does(string package)
    {
        int count = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            count += Compare([(name, data)]) ? 1 : 0;
        }

        output.WriteLine($"{package}: {count} objects");
        Assert.NotEqual(0, count);
    }

    [Fact]
    public void Strong_definitions_win_over_weak_ones_and_the_first_of_weak_ones_stays()
    {
        BpfObject joined = Join("one", "two", "three", "zero");

        Assert.Equal(["first_byte", "level", "limit", "limits", "only_here", "pair", "total"], joined.Variables.Where(variable => variable.IsGlobal).Select(variable => variable.Name).Order(StringComparer.Ordinal));
        Assert.Equal([2, 0, 0, 0], joined.FindVariable("level")!.InitialValue.ToArray());
        Assert.Equal(["pick"], joined.Functions.Where(function => function.Name == "pick").Select(function => function.Name));
        Assert.False(joined.Functions.Single(function => function.Name == "pick").IsWeak);
        Assert.True(joined.Functions.Single(function => function.Name == "keep").IsWeak);
        Assert.Contains(joined.Functions.Single(function => function.Name == "keep").Instructions, instruction => instruction.Immediate == 100);
        Assert.True(joined.Functions.Single(function => function.Name == "quiet").IsHidden);
    }

    [Fact]
    public void Static_names_stay_apart()
    {
        BpfObject joined = Join("zero", "one", "two", "three");

        Assert.Equal(["calls 4 = 01000000", "calls 4 = 09000000", "calls 8 = 0500000000000000"], joined.Variables.Where(variable => variable.Name == "calls")
            .Select(variable => $"calls {variable.Size} = {Convert.ToHexStringLower(variable.InitialValue)}").Order(StringComparer.Ordinal));
        Assert.Equal(2, joined.Functions.Count(function => function.Name == "helper"));
        Assert.Equal(3, joined.Variables.Where(variable => variable.Name == "calls").Select(variable => variable.Declaration).Distinct().Count());
    }

    [Fact]
    public void Externs_that_found_their_definition_are_gone()
    {
        BpfObject joined = Join("one", "two", "three", "zero");

        Assert.Equal(["CONFIG_HZ", "CONFIG_MISSING_HERE", "LINUX_KERNEL_VERSION"], joined.Externs.Select(external => external.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["shared"], joined.Maps.Where(map => map.Name == "shared").Select(map => map.Name));
        Assert.DoesNotContain(joined.Functions.SelectMany(function => function.References), reference => reference.Kind == SymbolKind.Extern);
    }

    [Fact]
    public void External_symbols_without_definition_stay_external()
    {
        BpfObject one = Join("one");

        Assert.Equal(
            ["CONFIG_MISSING_HERE Configuration", "LINUX_KERNEL_VERSION Configuration", "add Function", "pair Variable", "shared Map", "total Variable"],
            one.Externs.Select(external => $"{external.Name} {external.Kind}").Order(StringComparer.Ordinal));
        BpfObject[] rest = [.. ((string[])["two", "three", "zero"]).Select(name => Join(name))];
        Assert.Equal(ObjectText.Of(Join("one", "two", "three", "zero")), ObjectText.Of(StaticLinker.Link("joined", [one, .. rest])));
    }

    private static string WithoutTypeCount(BpfObject source)
    {
        string text = ObjectText.Of(source);
        return text[text.IndexOf('\n', StringComparison.Ordinal)..];
    }

    private static BpfObject Join(params string[] names) => StaticLinker.Link("joined", [.. names.Select(name => BpfObject.Read(Compile("clang-19", name, "v3"), name + ".bpf.o"))]);

    private static byte[] Compile(string compiler, string name, string version) =>
        Toolchain.Compile(compiler, $"Merging/Sources/{name}.c", "-mcpu=" + version, "-Wno-everything");

    /// <returns>True when both join the objects, false when both refuse.</returns>
    private static bool Compare((string Name, byte[] Data)[] inputs)
    {
        LibbpfLoad.Require();
        Toolchain.Require("bpftool");
        using var folder = new TemporaryFolder();
        string result = Path.Combine(folder.Path, "joined.bpf.o");
        string[] files = [.. inputs.Select(input => Path.Combine(folder.Path, input.Name + ".o"))];
        for (int i = 0; i < files.Length; i++)
        {
            File.WriteAllBytes(files[i], inputs[i].Data);
        }

        string words = ReferenceTool.RunForAllOutput("bpftool", ["gen", "object", result, .. files]);
        byte[] joined;
        try
        {
            joined = StaticLinker.Link("joined", [.. inputs.Select(input => BpfObject.Read(input.Data, input.Name + ".o"))]).ToArray();
        }
        catch (RelocationException refusal)
        {
            Assert.True(words.Contains("failed to link", StringComparison.Ordinal), $"bpftool joins them: {refusal.Message}");
            return false;
        }

        Assert.True(words.Length == 0, $"we join {string.Join(' ', inputs.Select(input => input.Name))}, bpftool says {words}");
        string? expected = LibbpfLoad.Text(File.ReadAllBytes(result), "joined.bpf.o", out string before);
        string? actual = LibbpfLoad.Text(joined, "joined.bpf.o", out string after);
        Assert.True(expected is null == actual is null, $"bpftool's: {before}, ours: {after}");
        Assert.Equal(expected, actual);
        return true;
    }
}
