using System.Text.Json;

namespace Osmia.Tests;

/// <summary>The words and output of the verbs that bpftool and LLVM have too.</summary>
[Collection("hello is loaded once at a time")]
public class WordsTests
{
    private const string Hello = "samples/hello/hello.bpf.o";

    [Fact]
    public void No_words_at_all_show_the_help()
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run();
        Assert.Equal(0, exitCode);
        Assert.Contains("disasm", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, "there is no option '--targ_pidd'; did you mean --targ_pid", "run", Hello, "--targ_pidd", "3")]
    [InlineData(64, "there is no option '-foo'", "run", "-foo")]
    [InlineData(64, "there is no option '--nonsense'", "run", Hello, "--nonsense=1")]
    [InlineData(64, "there is no option '--jsno'", "verify", "--jsno", Hello)]
    [InlineData(64, "--count '-3' is not", "run", Hello, "--count", "-3")]
    [InlineData(64, "--count '0' is not", "run", Hello, "--count", "0")]
    [InlineData(64, "--pid '-5' is not", "run", Hello, "--pid", "-5")]
    [InlineData(1, "OSM1015", "run", "none.bpf.o", "--targ_pid", "3")]
    [InlineData(1, "OSM1015", "run", "--targ_pid", "3", "none.bpf.o")]
    [InlineData(1, "OSM1001", "run", "README.md", "--targ_pid", "3")]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] arguments)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.Equal(expected, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_an_error_with_an_id()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "needs /dev/full");
        using OsmiaCommand osmia = OsmiaCommand.Start(["show", Hello], "bash", "-c", "exec \"$0\" \"$@\" > /dev/full");
        Assert.Equal(1, osmia.WaitForExit());
        Assert.StartsWith("OSM7010", osmia.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_llvm_disassembly_assembles_to_the_same_instructions()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19"), "needs clang-19");
        Assert.SkipUnless(ReferenceTool.Exists("llvm-objcopy-19"), "needs llvm-objcopy-19");
        string folder = Directory.CreateTempSubdirectory("osmia-asm-").FullName;
        foreach ((string sample, string program, string section) in ((string, string, string)[])
            [("hello", "count_exec", "tp/syscalls/sys_enter_execve"), ("firewall", "firewall", "xdp"), ("connect-guard", "guard_connect", "cgroup/connect4")])
        {
            string file = RepositoryFiles.PathOf("samples", sample, sample + ".bpf.o");
            (int exitCode, string text, string error) = OsmiaCommand.Run("disasm", file, "--style", "llvm", program);
            Assert.True(exitCode == 0, error);
            string source = Path.Combine(folder, sample + ".s");
            File.WriteAllText(source, text);
            string assembled = Path.ChangeExtension(source, ".o");
            ReferenceTool.Run("clang-19", ["-target", "bpf", "-mcpu=v3", "-c", source, "-o", assembled]);
            Assert.Equal(Section(file, section), Section(assembled, ".text"));
        }

        Directory.Delete(folder, recursive: true);

        // What a wide load or a call refers to is left to the relocation: the object counts from its section, the assembler from a symbol.
        byte[] Section(string file, string section)
        {
            string output = Path.Combine(folder, "section.bin");
            ReferenceTool.Run("llvm-objcopy-19", ["--dump-section", $"{section}={output}", file, Path.Combine(folder, "copy.o")]);
            byte[] bytes = File.ReadAllBytes(output);
            for (int slot = 0; slot < bytes.Length; slot += 8)
            {
                if (bytes[slot] == 0x18 || (bytes[slot] == 0x85 && bytes[slot + 1] == 0x10))
                {
                    bytes.AsSpan(slot + 4, 4).Clear();
                }
            }

            return bytes;
        }
    }

    [Fact]
    public void Lists_have_the_fields_of_bpftool()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using var run = new SampleRun("hello", ["--targ_pid", "1", "--map", "execs:7=9"]);
        JsonElement program = Ours(["-j", "prog", "list"], "name", "count_exec");
        JsonElement map = Ours(["map", "-j"], "name", "execs");
        JsonElement btf = Ours(["btf", "list", "-p"], "id", program.GetProperty("btf_id").GetRawText());
        string id = map.GetProperty("id").GetRawText();
        AssertCovers(program, Theirs("prog", "show", "id", program.GetProperty("id").GetRawText()));
        AssertCovers(map, Theirs("map", "show", "id", id));
        AssertCovers(btf, Theirs("btf", "show", "id", btf.GetProperty("id").GetRawText()));
        Assert.Equal(Theirs("map", "dump", "id", id).GetRawText(), JsonDocument.Parse(OsmiaCommand.Run("map", "dump", "id", id, "-j").Output).RootElement.GetRawText());
        run.Stop();
    }

    /// <summary>What bpftool says, we say too, by the same names; ids of processes apart, which need another program.</summary>
    private static void AssertCovers(JsonElement ours, JsonElement theirs)
    {
        foreach (JsonProperty fact in theirs.EnumerateObject().Where(fact => fact.Name is not ("pids" or "loaded_at")))
        {
            if (fact.Name is "run_time_ns" or "run_cnt")
            {
                // They are there once someone has the kernel count, as other tests do meanwhile, and grow until they are read again.
                Assert.True(!ours.TryGetProperty(fact.Name, out JsonElement before) || before.GetInt64() <= fact.Value.GetInt64(), $"{fact.Name}: bpftool says {fact.Value}, we said {before}");
                continue;
            }

            Assert.True(ours.TryGetProperty(fact.Name, out JsonElement value), $"no {fact.Name} in {ours.GetRawText()}");
            bool same = value.ValueKind == JsonValueKind.Array
                ? fact.Value.EnumerateArray().Select(item => item.ToString()).Order().SequenceEqual(value.EnumerateArray().Select(item => item.ToString()).Order())
                : JsonElement.DeepEquals(fact.Value, value);
            Assert.True(same, $"{fact.Name}: bpftool says {fact.Value}, we {value}");
        }
    }

    private static JsonElement Ours(string[] arguments, string property, string value)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.True(exitCode == 0, error);
        return JsonDocument.Parse(output).RootElement.EnumerateArray().Last(row => row.GetProperty(property).ToString() == value);
    }

    private static JsonElement Theirs(params string[] arguments) => JsonDocument.Parse(ReferenceTool.Run("bpftool", ["-j", .. arguments])).RootElement;
}
