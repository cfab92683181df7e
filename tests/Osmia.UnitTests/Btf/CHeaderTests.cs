using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;
using Osmia.Objects;

namespace Osmia.Tests.Btf;

public class CHeaderTests
{
    private const string RunningKernel = "/sys/kernel/btf/vmlinux";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Awkward_layouts_compile_to_what_they_were(bool isSorted) =>
        CompareLayouts(Toolchain.Read("clang-19", "Btf/Sources/layouts.c").Types!, isSorted);

    [Fact]
    public void Kinds_compile_to_what_they_were() => CompareLayouts(BtfSamples.Kinds, isSorted: true);

    [Fact]
    public void Running_kernel_compiles_to_what_it_was()
    {
        Assert.SkipUnless(File.Exists(RunningKernel), $"needs {RunningKernel}");
        CompareLayouts(BtfTypes.Parse(File.ReadAllBytes(RunningKernel)), isSorted: true);
    }

    [Fact]
    public void Headers_of_objects_read_as_bpftool_writes_them()
    {
        Toolchain.Require("bpftool");
        using var folder = new TemporaryFolder();
        List<string> files = [.. Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories), BtfSamples.KindsPath];
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            string theirs = ReferenceTool.Run("bpftool", "btf", "dump", "file", file, "format", "c");
            BtfTypes types = file.EndsWith(".btf", StringComparison.Ordinal) ? BtfSamples.Kinds : BpfObject.Read(file).Types!;
            Assert.Equal(Definitions(theirs), Definitions(Header(types, isSorted: false)));
        }
    }

    [Fact]
    public void Running_kernel_reads_as_bpftool_writes_it()
    {
        Assert.SkipUnless(File.Exists(RunningKernel), $"needs {RunningKernel}");
        string theirs = ReferenceTool.Run("bpftool", "btf", "dump", "file", RunningKernel, "format", "c");
        string ours = Header(BtfTypes.Parse(File.ReadAllBytes(RunningKernel)), isSorted: false);
        Assert.True(Definitions(theirs) == Definitions(ours), FirstDifference(Definitions(theirs), Definitions(ours)));
    }

    [Fact]
    public void Chosen_types_bring_what_they_need_and_no_more()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        using var output = new MemoryStream();
        CHeaderWriter.Write(kinds, output, [kinds.Find(BtfKind.Struct, "inner")]);
        string text = Encoding.UTF8.GetString(output.ToArray());
        Assert.Contains("struct inner {", text, StringComparison.Ordinal);
        Assert.DoesNotContain("struct all {", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Second_type_of_a_name_is_numbered()
    {
        var builder = new BtfBuilder();
        TypeId number = builder.AddInt("int", 4, isSigned: true);
        builder.AddStruct("twice", 4, new NamedMember("a", number, 0));
        TypeId second = builder.AddStruct("twice", 8, new NamedMember("a", number, 0), new("b", number, 32));
        builder.AddStruct("user", 8, new NamedMember("it", builder.AddPointer(second), 0));
        string text = Header(builder.Build(), isSorted: false);
        Assert.Contains("struct twice {", text, StringComparison.Ordinal);
        Assert.Contains("struct twice___2 {", text, StringComparison.Ordinal);
        Assert.Contains("struct twice___2 *it;", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Type_that_contains_itself_is_refused()
    {
        var builder = new BtfBuilder();
        TypeId self = builder.NextId;
        builder.AddStruct("endless", 8, new NamedMember("again", self, 0));
        BtfFormatException refusal = Assert.Throws<BtfFormatException>(() => Header(builder.Build(), isSorted: true));
        Assert.Contains("contains itself", refusal.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Prototypes_that_branch_without_end_are_refused()
    {
        // Each prototype has two parameters of the next: 2 to the power of 60 lines.
        var builder = new BtfBuilder();
        for (int i = 0; i < 60; i++)
        {
            var next = new TypeId(builder.NextId.Value + 2);
            builder.AddFunctionPrototype(TypeId.Void, new("a", new TypeId(next.Value - 1)), new("b", new TypeId(next.Value - 1)));
            builder.AddPointer(next);
        }

        builder.AddTypedef("start", new TypeId(2));
        BtfFormatException refusal = Assert.Throws<BtfFormatException>(() => Header(builder.Build(), isSorted: false));
        Assert.Contains("past all measure", refusal.Problem, StringComparison.Ordinal);
    }

    private static void CompareLayouts(BtfTypes types, bool isSorted)
    {
        Toolchain.Require("clang-19");
        SortedDictionary<string, string> expected = LayoutText.OfAll(types);
        using var folder = new TemporaryFolder();
        string header = Path.Combine(folder.Path, "types.h");
        File.WriteAllText(header, Header(types, isSorted));
        Assert.NotEmpty(expected);

        // clang takes quadratic time in the types of a unit.
        foreach (string[] names in expected.Where(type => !HoldsArgumentList(type.Value)).Select(type => type.Key).Chunk(1000))
        {
            var source = new StringBuilder("#define BPF_NO_KFUNC_PROTOTYPES\n#include \"types.h\"\n");
            int number = 0;
            foreach (string name in names)
            {
                string word = expected[name][..expected[name].IndexOf(' ', StringComparison.Ordinal)];
                source.Append(System.Globalization.CultureInfo.InvariantCulture, $"{word} {name} *use_{number++};\n");
            }

            source.Append("__attribute__((section(\"socket\"))) int anchor(void *context) { return 0; }\n");
            string file = Path.Combine(folder.Path, "use.c");
            File.WriteAllText(file, source.ToString());
            string compiled = Path.Combine(folder.Path, "use.o");
            Toolchain.Run("clang-19", "-target", "bpf", "-g", "-O2", "-c", file, "-o", compiled);
            SortedDictionary<string, string> actual = LayoutText.OfAll(BpfObject.Read(compiled).Types!);
            foreach (string name in names)
            {
                Assert.True(expected[name] == actual.GetValueOrDefault(name), $"{name}\nis\n{expected[name]}\nbut compiles to\n{actual.GetValueOrDefault(name)}");
            }
        }
    }

    // What va_list is, the compiler decides for its target.
    private static bool HoldsArgumentList(string layout) => layout.Contains("va_list\n", StringComparison.Ordinal);

    private static string Header(BtfTypes types, bool isSorted)
    {
        using var output = new MemoryStream();
        CHeaderWriter.Write(types, output, isSorted);
        return Encoding.UTF8.GetString(output.ToArray());
    }

    /// <summary>What stands between the guards. bpftool before 7.2 knows no enumerations of one byte.</summary>
    private static string Definitions(string header)
    {
        int start = header.IndexOf("\ntypedef", StringComparison.Ordinal);
        int firstStruct = header.IndexOf("\nstruct", StringComparison.Ordinal);
        int firstEnum = header.IndexOf("\nenum", StringComparison.Ordinal);
        start = new[] { start, firstStruct, firstEnum }.Where(at => at >= 0).DefaultIfEmpty(0).Min();
        int end = header.IndexOf("\n/* BPF kfuncs */", start, StringComparison.Ordinal);
        end = end >= 0 ? end : header.IndexOf("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX", start, StringComparison.Ordinal);
        return header[start..end].TrimEnd().Replace(" __attribute__((mode(byte)))", "", StringComparison.Ordinal);
    }

    private static string FirstDifference(string theirs, string ours)
    {
        string[] left = theirs.Split('\n');
        string[] right = ours.Split('\n');
        int line = Enumerable.Range(0, Math.Min(left.Length, right.Length)).FirstOrDefault(i => left[i] != right[i]);
        return $"line {line}: '{left[line]}' became '{right[line]}'";
    }
}
