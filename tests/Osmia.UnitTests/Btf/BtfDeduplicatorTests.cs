using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;
using Osmia.Objects;
using Osmia.Tests.Objects;

namespace Osmia.Tests.Btf;

public class BtfDeduplicatorTests
{
    private const string RunningKernel = "/sys/kernel/btf/vmlinux";
    private static readonly Lazy<string> s_libbpf = new(BuildLibbpf);

    [Fact]
    public void Types_joined_twice_are_there_once()
    {
        var builder = new BtfBuilder();
        int[] first = builder.Append(BtfSamples.Kinds);
        int[] second = builder.Append(BtfSamples.Kinds);
        BtfTypes types = BtfDeduplicator.Deduplicate(builder.Build(), out int[] map);
        for (int id = 1; id < first.Length; id++)
        {
            // Variables and data sections are never merged.
            bool isKept = BtfSamples.Kinds[id].Kind is BtfKind.Variable or BtfKind.DataSection;
            Assert.Equal(isKept, map[first[id]] != map[second[id]]);
        }

        int kept = Enumerable.Range(1, first.Length - 1).Count(id => BtfSamples.Kinds[id].Kind is BtfKind.Variable or BtfKind.DataSection);
        Assert.Equal(first.Length + kept, types.Count);
    }

    [Fact]
    public void Forward_declarations_become_the_types_and_different_ones_stay_apart()
    {
        BtfTypes types = BtfDeduplicator.Deduplicate(Join(Compiled("first.c"), Compiled("second.c")), out _);
        Assert.DoesNotContain(Enumerable.Range(1, types.Count - 1), id => types[id].Kind == BtfKind.Forward && types[id].Name == "known_later");
        foreach ((BtfKind kind, string name, int count) in (ReadOnlySpan<(BtfKind, string, int)>)[(BtfKind.Struct, "list", 1), (BtfKind.Struct, "pair", 1),
            (BtfKind.Union, "either", 1), (BtfKind.Enum, "color", 1), (BtfKind.Struct, "differs", 2), (BtfKind.Struct, "holder", 2), (BtfKind.Typedef, "callback", 1)])
        {
            Assert.Equal((name, count), (name, types.FindAll([name])[name].Count(id => types[id].Kind == kind)));
        }
    }

    [Fact]
    public void Units_are_joined_as_libbpf_joins_them()
    {
        using var folder = new TemporaryFolder();
        CompareWithLibbpf(folder, Compiled("first.c"), Compiled("second.c"));
        CompareWithLibbpf(folder, Compiled("second.c"), Compiled("first.c"), Compiled("layouts.c"), Compiled("layouts.c"));
    }

    [Fact]
    public void Samples_are_joined_as_libbpf_joins_them()
    {
        using var folder = new TemporaryFolder();
        CompareWithLibbpf(folder, [.. SampleObjects.Names.Order().Select(name => BpfObject.Read(SampleObjects.PathOf(name)).Types!)]);
    }

    [Fact]
    public void Kernel_joined_with_itself_is_the_kernel()
    {
        Assert.SkipUnless(File.Exists(RunningKernel), $"needs {RunningKernel}");
        using var folder = new TemporaryFolder();
        BtfTypes kernel = BtfTypes.Parse(File.ReadAllBytes(RunningKernel));
        CompareWithLibbpf(folder, kernel, kernel);
    }

    [Fact]
    public void Split_types_that_the_base_has_are_replaced_by_the_base()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        var builder = new BtfBuilder(kinds);
        TypeId number = builder.AddInt("int", 4, isSigned: true);
        TypeId own = builder.AddStruct("own", 16, new("all", builder.AddPointer(kinds.Find(BtfKind.Struct, "all")), 0), new("number", number, 64));
        BtfTypes types = BtfDeduplicator.Deduplicate(builder.Build(), out int[] map);
        Assert.Equal(kinds.Find(BtfKind.Int, "int").Value, map[number.Value]);
        BtfType left = types[map[own.Value]];
        Assert.Equal(("own", kinds.Find(BtfKind.Int, "int")), (left.Name, left.Member(1).Type));
        Assert.True(types.Count <= kinds.Count + 2);
    }

    [Fact]
    public void Structs_alike_but_for_a_distant_member_stay_apart()
    {
        var builder = new BtfBuilder();
        TypeId small = builder.AddInt("int", 4, isSigned: true);
        TypeId large = builder.AddInt("long", 8, isSigned: true);
        int[] ids = [.. new[] { small, large, small }.Select(end =>
        {
            TypeId leaf = builder.AddStruct("leaf", 8, new NamedMember("end", end, 0));
            TypeId middle = builder.AddStruct("middle", 8, new NamedMember("leaf", builder.AddPointer(leaf), 0));
            return builder.AddStruct("top", 8, new NamedMember("middle", builder.AddPointer(builder.AddConst(middle)), 0)).Value;
        })];
        BtfDeduplicator.Deduplicate(builder.Build(), out int[] map);
        Assert.NotEqual(map[ids[0]], map[ids[1]]);
        Assert.Equal(map[ids[0]], map[ids[2]]);
    }

    [Fact]
    public void Tags_of_the_same_member_are_one_and_others_stay()
    {
        var builder = new BtfBuilder();
        TypeId number = builder.AddInt("int", 4, isSigned: true);
        TypeId one = builder.AddStruct("s", 4, new NamedMember("a", number, 0));
        TypeId two = builder.AddStruct("s", 4, new NamedMember("a", number, 0));
        TypeId[] tags = [builder.AddDeclarationTag("x", one, 0), builder.AddDeclarationTag("x", two, 0), builder.AddDeclarationTag("y", two, 0), builder.AddDeclarationTag("x", two)];
        BtfDeduplicator.Deduplicate(builder.Build(), out int[] map);
        Assert.Equal(map[tags[0].Value], map[tags[1].Value]);
        Assert.Equal(3, tags.Select(tag => map[tag.Value]).Distinct().Count());
    }

    private static BtfTypes Compiled(string source) => Toolchain.Read("clang-19", "Btf/Sources/" + source).Types!;

    private static BtfTypes Join(params ReadOnlySpan<BtfTypes> parts)
    {
        var builder = new BtfBuilder();
        foreach (BtfTypes part in parts)
        {
            builder.Append(part);
        }

        return builder.Build();
    }

    private static void CompareWithLibbpf(TemporaryFolder folder, params BtfTypes[] parts)
    {
        Toolchain.Require("cc");
        Assert.SkipUnless(File.Exists("/usr/include/bpf/btf.h"), "needs libbpf-dev");
        List<string> files = [Path.Combine(folder.Path, "theirs.btf")];
        for (int i = 0; i < parts.Length; i++)
        {
            files.Add(Path.Combine(folder.Path, $"part{i}.btf"));
            File.WriteAllBytes(files[^1], parts[i].Data.ToArray());
        }

        ReferenceTool.Run(s_libbpf.Value, [.. files]);
        string expected = Dump(BtfTypes.Parse(File.ReadAllBytes(files[0])));
        string actual = Dump(BtfDeduplicator.Deduplicate(Join(parts), out _));
        Assert.True(expected == actual, $"libbpf has {expected.Count('\n')} lines, we {actual.Count('\n')}: {FirstDifference(expected, actual)}");
    }

    private static string FirstDifference(string theirs, string ours)
    {
        string[] left = theirs.Split('\n');
        string[] right = ours.Split('\n');
        int line = Enumerable.Range(0, Math.Min(left.Length, right.Length)).FirstOrDefault(i => left[i] != right[i]);
        return $"line {line}: '{left[line]}' and '{right[line]}'";
    }

    private static string Dump(BtfTypes types)
    {
        using var text = new MemoryStream();
        RawDump.Write(types, text);
        return Encoding.UTF8.GetString(text.ToArray());
    }

    private static string BuildLibbpf()
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("osmia-libbpf-").FullName, "libbpf-dedup");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(program)!, recursive: true);
        Toolchain.Run("cc", "-O1", "-Wall", RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Btf", "Sources", "libbpf-dedup.c"), "-o", program, "-lbpf");
        return program;
    }
}
