namespace Osmia.Tests;

/// <summary><c>osmia gen</c> has bpftool's words in bpftool's order.</summary>
public class GenTests
{
    private const string Hello = "samples/hello/hello.bpf.o";
    private const string Firewall = "samples/firewall/firewall.bpf.o";

    [Theory]
    [InlineData("gen")]
    [InlineData("gen", "help")]
    public void Gen_alone_lists_its_verbs(params string[] arguments)
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run(arguments);

        Assert.Equal(0, exitCode);
        Assert.Contains("object", output, StringComparison.Ordinal);
        Assert.Contains("min_core_btf", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, "argument missing for command: 'object'", "gen", "object")]
    [InlineData(64, "argument missing for command: 'object'", "gen", "object", "out.o")]
    [InlineData(64, "argument missing for command: 'min_core_btf'", "gen", "min_core_btf", "/sys/kernel/btf/vmlinux", "out.btf")]
    [InlineData(1, "OSM1015", "gen", "object", "out.o", "none.bpf.o")]
    [InlineData(1, "OSM1015", "gen", "min_core_btf", "none.btf", "out.btf", Hello)]
    [InlineData(1, "OSM1031", "gen", "object", "/none/out.o", Hello)]
    [InlineData(1, "OSM2050", "gen", "object", "/none/out.o", Hello, Hello)]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] arguments)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);

        Assert.Equal(expected, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void Linked_object_holds_the_programs_of_all_and_bpftool_links_it_on()
    {
        using var folder = new Folder();
        string file = folder.File("both.bpf.o");
        (int exitCode, string output, string error) = OsmiaCommand.Run("gen", "object", file, Hello, Firewall);

        Assert.True(exitCode == 0, error);
        Assert.Empty(output + error);
        string shown = OsmiaCommand.Run("show", file).Output;
        Assert.Contains("count_exec", shown, StringComparison.Ordinal);
        Assert.Contains("firewall", shown, StringComparison.Ordinal);
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        ReferenceTool.Run("bpftool", "gen", "object", folder.File("again.bpf.o"), file);
    }

    [Fact]
    public void Objects_without_code_are_joined_and_read()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19"), "needs clang-19");
        using var folder = new Folder();
        string source = RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Sources", "maps-only.bpf.c");
        string maps = folder.File("maps.bpf.o");
        ReferenceTool.Run("clang-19", "-g", "-O2", "-target", "bpf", "-I", RepositoryFiles.PathOf("samples", "include"), "-c", source, "-o", maps);
        string both = folder.File("both.bpf.o");
        (int exitCode, string _, string error) = OsmiaCommand.Run("gen", "object", both, maps, RepositoryFiles.PathOf(Hello));

        Assert.True(exitCode == 0, error);
        string shown = OsmiaCommand.Run("show", both).Output;
        Assert.Contains("count_exec", shown, StringComparison.Ordinal);
        Assert.Contains("shared", shown, StringComparison.Ordinal);
        string alone = folder.File("alone.bpf.o");
        Assert.Equal(0, OsmiaCommand.Run("gen", "object", alone, maps).ExitCode);
        Assert.Contains("shared", OsmiaCommand.Run("show", alone).Output, StringComparison.Ordinal);
        foreach (string verb in (string[])["run", "verify", "check", "disasm"])
        {
            (exitCode, string output, error) = OsmiaCommand.Run(verb, alone);
            Assert.True(exitCode != 0 && (output + error).Contains("OSM1013", StringComparison.Ordinal), $"{verb}: {exitCode} {error}");
        }

        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        ReferenceTool.Run("bpftool", "gen", "object", folder.File("again.bpf.o"), alone, RepositoryFiles.PathOf(Hello));
    }

    [Fact]
    public void Reduced_types_are_those_of_bpftool()
    {
        const string kernel = "/sys/kernel/btf/vmlinux";
        Assert.SkipUnless(File.Exists(kernel), "needs " + kernel);
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using var folder = new Folder();
        string[] samples = [.. ((string[])["opensnoop", "execsnoop", "runqlat"]).Select(name => RepositoryFiles.PathOf("samples", name, name + ".bpf.o"))];
        (int exitCode, string _, string error) = OsmiaCommand.Run(["gen", "min_core_btf", kernel, folder.File("ours.btf"), .. samples]);

        Assert.True(exitCode == 0, error);
        ReferenceTool.Run("bpftool", ["gen", "min_core_btf", kernel, folder.File("theirs.btf"), .. samples]);
        Assert.Equal(Dump(folder.File("theirs.btf")), Dump(folder.File("ours.btf")));

        static string[] Dump(string file) => [.. ReferenceTool.Run("bpftool", "btf", "dump", "file", file).Split('\n').Select(line => line.Trim())];
    }

    private sealed class Folder : IDisposable
    {
        private readonly string _path = Directory.CreateTempSubdirectory("osmia-gen-").FullName;

        public string File(string name) => Path.Combine(_path, name);

        public void Dispose() => Directory.Delete(_path, recursive: true);
    }
}
