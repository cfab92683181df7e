using System.Text.Json;

namespace Osmia.Tests;

/// <summary><c>osmia asm</c> and the forms of <c>osmia disasm</c>, as a person uses them.</summary>
public sealed class AssemblyTests : IDisposable
{
    private const string Firewall = "samples/firewall/firewall.bpf.o";

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-asm-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Text_of_an_object_assembles_to_one_that_shows_the_same()
    {
        (int exitCode, string text, string error) = OsmiaCommand.Run("disasm", Firewall, "--asm");
        Assert.True(exitCode == 0, error);
        string source = Path.Combine(_folder, "again.s");
        string made = Path.Combine(_folder, "again.bpf.o");
        File.WriteAllText(source, text);
        (exitCode, string output, error) = OsmiaCommand.Run("asm", source);
        Assert.Equal((0, "", ""), (exitCode, output, error));
        Assert.True(File.Exists(made));
        Assert.Equal(Instructions(Firewall), Instructions(made));

        static string Instructions(string file) => OsmiaCommand.Run("disasm", file, "--no-lines", "--opcodes", "--style", "llvm").Output;
    }

    [Fact]
    public void Errors_of_a_text_name_file_line_and_column()
    {
        string source = Path.Combine(_folder, "bad.s");
        File.WriteAllText(source, ".section xdp\nf:\n  mov r0, 2\n  exti\n");
        (int exitCode, string _, string error) = OsmiaCommand.Run("asm", source, "-o", Path.Combine(_folder, "bad.o"));
        Assert.Equal(1, exitCode);
        Assert.Contains($"OSM1401: 'mov' begins no instruction\nwhere: {source}:3:3: mov r0, 2\n", error, StringComparison.Ordinal);
        Assert.Contains("try: did you mean 'exit'?", error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "bad.o")));
    }

    [Theory]
    [InlineData(1, "OSM1015", "asm", "none.s")]
    [InlineData(64, "say where the object goes with -o OUT", "asm", "-")]
    [InlineData(64, "no function 'nothing' in this object; there are", "disasm", Firewall, "nothing")]
    [InlineData(64, "--asm prints the whole object", "disasm", Firewall, "--asm", "-j")]
    [InlineData(64, "--cfg prints a graph", "disasm", Firewall, "--cfg", "-p")]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] arguments)
    {
        // With -j the answer is JSON, where the output goes.
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.Equal(expected, exitCode);
        Assert.Contains(message, arguments[^1] is "-j" or "-p" ? output : error, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_of_one_function_is_bpftools_array()
    {
        using JsonDocument one = JsonDocument.Parse(OsmiaCommand.Run("disasm", Firewall, "firewall", "-j", "--opcodes", "--linum").Output);
        JsonElement first = one.RootElement[0];
        Assert.Equal(["proto", "src", "file", "line_num", "line_col", "disasm", "opcodes"], first.EnumerateObject().Select(property => property.Name));
        Assert.Equal("int firewall(struct xdp_md *ctx)", first.GetProperty("proto").GetString());

        using JsonDocument all = JsonDocument.Parse(OsmiaCommand.Run("disasm", Firewall, "-j").Output);
        Assert.Contains(all.RootElement.EnumerateArray(), function => function.GetProperty("name").GetString() == "firewall" && function.GetProperty("insns").GetArrayLength() == one.RootElement.GetArrayLength());
    }

    [Fact]
    public void Graph_is_printed_for_graphviz()
    {
        string graph = OsmiaCommand.Run("disasm", Firewall, "firewall", "--cfg").Output;
        Assert.StartsWith("digraph \"firewall\" {", graph, StringComparison.Ordinal);
        Assert.Contains("fn_0_bb_0:s -> fn_0_bb_1:n", graph, StringComparison.Ordinal);
    }
}
