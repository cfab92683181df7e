using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Writing;

namespace Osmia.Tests;

public class BtfCommandTests
{
    private const string Hello = "samples/hello/hello.bpf.o";
    private const string Kernel = "/sys/kernel/btf/vmlinux";

    [Fact]
    public void Kernel_dumps_in_every_format()
    {
        Assert.SkipUnless(File.Exists(Kernel), $"needs {Kernel}");
        Assert.StartsWith("[", Run("dump", "vmlinux", "type", "list_head"), StringComparison.Ordinal);
        Assert.Contains("struct list_head {\n\tstruct list_head *next;", Run("dump", "file", Kernel, "format", "c", "type", "list_head"), StringComparison.Ordinal);
        Assert.Contains("public struct list_head", Run("dump", "vmlinux", "format", "csharp", "type", "list_head"), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_is_bpftools_json()
    {
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        string file = RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Btf", "kinds.btf");
        string expected = ReferenceTool.Run("bpftool", "-j", "btf", "dump", "file", file);
        Assert.Equal(JsonDocument.Parse(expected).RootElement.GetRawText(), JsonDocument.Parse(OsmiaCommand.Run("-j", "btf", "dump", "file", file).Output).RootElement.GetRawText());
        string root = Run("dump", "file", file, "root_id", "3", "-p");
        Assert.Equal(3, JsonDocument.Parse(root).RootElement.GetProperty("types")[0].GetProperty("id").GetInt32());
    }

    [Fact]
    public void Split_types_are_read_on_their_base()
    {
        string folder = Directory.CreateTempSubdirectory("osmia-test-").FullName;
        try
        {
            string below = RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Btf", "kinds.btf");
            BtfTypes kinds = BtfTypes.Parse(File.ReadAllBytes(below));
            var builder = new BtfBuilder(kinds);
            builder.AddTypedef("module_type", kinds.Find(BtfKind.Struct, "all"));
            string split = Path.Combine(folder, "split.btf");
            File.WriteAllBytes(split, builder.ToArray());
            Assert.Contains($"[{kinds.Count}] TYPEDEF 'module_type'", Run("dump", "file", split, "-B", below), StringComparison.Ordinal);
            if (ReferenceTool.Exists("bpftool"))
            {
                string expected = ReferenceTool.Run("bpftool", "-B", below, "btf", "dump", "file", split);
                Assert.Equal(expected, Run("dump", "file", split, "--base-btf", below));
                Assert.Equal(expected, OsmiaCommand.Run("-B", below, "btf", "dump", "file", split).Output);
                Assert.Equal(expected, OsmiaCommand.Run($"--base-btf={below}", "btf", "dump", "file", split).Output);
            }

            (int exitCode, string _, string error) = OsmiaCommand.Run("btf", "dump", "file", split);
            Assert.Equal((1, true), (exitCode, error.Contains("OSM1005", StringComparison.Ordinal)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(64, "btf dump takes", "dump", "nothing")]
    [InlineData(64, "btf dump takes", "dump", "file", Hello, "format", "xml")]
    [InlineData(64, "there is no type 99999", "dump", "file", Hello, "root_id", "99999")]
    [InlineData(64, "there is no type named 'nobody'", "dump", "file", Hello, "type", "nobody")]
    [InlineData(64, "raw format only", "dump", "file", Hello, "format", "c", "-j")]
    [InlineData(1, "OSM1015", "dump", "file", "none.btf")]
    [InlineData(1, "OSM1005", "dump", "file", "README.md")]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] words)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(["btf", .. words]);
        // Who asks for JSON gets errors as JSON.
        string told = words.Contains("-j") ? output : error;
        Assert.Equal((expected, true), (exitCode, told.Contains(message, StringComparison.Ordinal)));
    }

    private static string Run(params string[] words)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(["btf", .. words]);
        Assert.True(exitCode == 0, error);
        return output;
    }
}
