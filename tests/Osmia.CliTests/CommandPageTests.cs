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
