namespace Osmia.Tests;

/// <summary>docs/command.md lists every verb with its words.</summary>
public class CommandPageTests
{
    [Fact]
    public void The_table_of_verbs_is_that_of_the_command()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("__grammar");
        Assert.True(exitCode == 0, error);
        string[] listed = [.. File.ReadAllLines(RepositoryFiles.PathOf("docs", "command.md")).SkipWhile(line => line != "## All verbs").Where(line => line.StartsWith("| `", StringComparison.Ordinal))];

        // When a verb comes: ./osmia __grammar prints the rows.
        Assert.Equal(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), listed);
    }

    /// <summary>What bpftool has and this command has not is refused by name, with what to do in its place.</summary>
    [Theory]
    [InlineData("prog load samples/packets/packets.bpf.o /none offload_dev lo", "'offload_dev' loads for a network card")]
    [InlineData("prog load samples/packets/packets.bpf.o /none xdpmeta_dev lo", "'xdpmeta_dev' loads for a network card")]
    [InlineData("prog load samples/packets/packets.bpf.o /none kernel_btf /none", "osmia check OBJ --target FILE")]
    [InlineData("map create /none type hash key 4 value 4 entries 1 name x offload_dev lo", "'offload_dev' makes a map in a network card")]
    [InlineData("-S prog list", "programs are not signed here")]
    [InlineData("-k key.pem prog list", "programs are not signed here")]
    [InlineData("gen skeleton -L samples/hello/hello.bpf.o", "a light skeleton (-L)")]
    [InlineData("feature probe dev lo", "are not supported")]
    public void What_bpftool_has_more_is_refused_by_name(string words, string reason)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        (int exitCode, string output, string error) = OsmiaCommand.Run(words.Split(' '));
        Assert.Equal((64, ""), (exitCode, output));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("prgo", "there is no 'prgo'; did you mean prog?")]
    [InlineData("prog shwo", "there is no 'prog shwo'; did you mean show?")]
    [InlineData("gen skeletn x", "there is no 'gen skeletn'; did you mean skeleton?")]
    [InlineData("zzzzzz", "there is no 'zzzzzz'; osmia --help lists what there is")]
    public void A_verb_that_does_not_exist_is_corrected(string words, string message)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(words.Split(' '));
        Assert.Equal((64, "", $"osmia: {message}\n"), (exitCode, output, error.ReplaceLineEndings("\n")));
    }

    [Theory]
    [InlineData("version -j")]
    [InlineData("-j version")]
    [InlineData("--version --json")]
    public void The_version_is_told_in_JSON_too(string words)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(words.Split(' '));
        Assert.True(exitCode == 0, error);
        Assert.Equal(OsmiaCommand.Run("version").Output.TrimEnd(), System.Text.Json.JsonDocument.Parse(output).RootElement.GetProperty("version").GetString());
    }

    [Fact]
    public void Tables_fit_a_narrow_screen()
    {
        Assert.SkipUnless(ReferenceTool.Exists("script"), "needs script, for a terminal");
        const string Words = "./osmia show samples/runqlat/runqlat.bpf.o";
        string[] lines = Screen("60");
        Assert.All(lines[1..], line => Assert.True(line.Length <= 60, line));
        Assert.Contains("      REFERS TO .rodata+5 (targ_per_process)", lines);
        Assert.Contains(Screen("300"), line => line.EndsWith("  .rodata+5 (targ_per_process)", StringComparison.Ordinal));

        string[] Screen(string columns) =>
            ReferenceTool.Run("timeout", "60", "script", "-qec", $"cd '{RepositoryFiles.Root}'; export COLUMNS={columns} TERM=dumb; {Words}", "/dev/null").ReplaceLineEndings("\n").Split('\n');
    }

    [Theory]
    [InlineData("prog", "show dump pin load loadall attach detach tracelog run profile")]
    [InlineData("map", "show create dump update lookup getnext delete pin event_pipe peek push pop enqueue dequeue freeze")]
    [InlineData("link", "show pin detach")]
    [InlineData("cgroup", "show tree attach detach")]
    [InlineData("net", "show attach detach")]
    [InlineData("perf", "show")]
    [InlineData("struct_ops", "show dump register unregister")]
    [InlineData("iter", "pin")]
    [InlineData("token", "list")]
    public void Every_verb_of_bpftool_has_help(string noun, string verbs)
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run(noun, "help");
        Assert.Equal(0, exitCode);
        string[] words = output.Split([' ', '\n', ','], StringSplitOptions.RemoveEmptyEntries);
        Assert.All(verbs.Split(' '), verb => Assert.Contains(verb, words));
    }
}
