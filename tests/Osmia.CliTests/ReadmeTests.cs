using System.Text.RegularExpressions;

namespace Osmia.Tests;

/// <summary>The README's commands, run as printed, give the output it shows; times differ.</summary>
public partial class ReadmeTests
{
    private static readonly string[] s_lines = File.ReadAllLines(RepositoryFiles.PathOf("README.md"));

    [Fact]
    public void Both_commands_stand_before_line_20()
    {
        string[] top = s_lines[..19];
        Assert.Contains("$ ./osmia run samples/firewall/firewall.bpf.o --packets samples/firewall/traffic.pcapng", top);
        Assert.Contains("$ ./osmia run samples/execsnoop/execsnoop.bpf.o", top);
    }

    [Fact]
    public void Packets_command_prints_what_the_readme_shows()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("run", "samples/firewall/firewall.bpf.o", "--packets", "samples/firewall/traffic.pcapng");
        Assert.Equal(0, exitCode);
        string[] printed = [.. (output + error).Split('\n').Select(Mask)];
        string[] shown = [.. Block("$ ./osmia run samples/firewall/firewall.bpf.o --packets"), .. Block("rules (percpu_hash)")];
        Assert.True(shown.Length > 10);
        Assert.All(shown.Where(line => line.Length > 0), line => Assert.Contains(Mask(line), printed));
    }

    [Fact]
    public void Execsnoop_prints_the_columns_the_readme_shows()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
        using var workload = new Workload("/usr/bin/env true");
        // As printed but for the filter: a test watches its own processes only.
        using OsmiaCommand osmia = OsmiaCommand.Start(["run", "samples/execsnoop/execsnoop.bpf.o", "--targ_ppid", workload.PidText, "--duration", "30s"]);
        osmia.WaitForError("attached");
        workload.Run();
        osmia.Interrupt();
        Assert.Equal(0, osmia.WaitForExit());
        string[] shown = [.. Block("$ ./osmia run samples/execsnoop/execsnoop.bpf.o").Where(line => line.Length > 0)];
        Assert.Equal(shown.Single(line => line.StartsWith("PID", StringComparison.Ordinal)), osmia.OutputLines.First());
        string wanted = Number().Replace(shown.Single(line => line.EndsWith("/usr/bin/env true", StringComparison.Ordinal)), "#");
        Assert.Contains(wanted, osmia.OutputLines.Select(line => Number().Replace(line, "#")));
        Assert.Contains("records, 0 lost", osmia.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_values_are_refused_as_the_readme_shows()
    {
        (int exitCode, string _, string error) = OsmiaCommand.Run("run", "samples/execsnoop/execsnoop.bpf.o", "--targ_ppid", "many");
        Assert.Equal(1, exitCode);
        Assert.Equal(Block("$ ./osmia run samples/execsnoop/execsnoop.bpf.o --targ_ppid many"), error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Every_other_command_of_the_readme_succeeds_or_is_for_root()
    {
        IEnumerable<string> commands = s_lines.SkipWhile(line => line != "## What else it does")
            .Where(line => line.StartsWith("$ ./osmia ", StringComparison.Ordinal) && !line.Contains("--targ_", StringComparison.Ordinal) && !line.Contains("map dump", StringComparison.Ordinal))
            .Select(line => line["$ ./osmia ".Length..].Split('#')[0].Trim());
        foreach (string command in commands)
        {
            bool isForRoot = command.Contains("--engine kernel", StringComparison.Ordinal) || command.Contains("--trace-syscalls", StringComparison.Ordinal) || command.Split(' ')[0] is "prog" or "tree" or "top" or "feature";
            if (isForRoot && !Environment.IsPrivilegedProcess)
            {
                continue;
            }

            (int exitCode, string output, string error) = OsmiaCommand.Run(command.Split(' '));
            Assert.True(exitCode == 0 && output.Length > 0, $"osmia {command}: exit {exitCode}\n{error}");
        }
    }

    /// <summary>The lines of the fenced block that a line begins, or that stand under it in one.</summary>
    private static string[] Block(string firstLine)
    {
        int start = Array.FindIndex(s_lines, line => line.StartsWith(firstLine, StringComparison.Ordinal));
        int from = firstLine.StartsWith('$') ? start + 1 : start;
        return [.. s_lines[from..].TakeWhile(line => line != "```")];
    }

    private static string Mask(string line) => Cpus().Replace(Timing().Replace(line, "; # ns"), "over # CPUs");

    [GeneratedRegex(@"; \d+ ns")]
    private static partial Regex Timing();

    [GeneratedRegex(@"over \d+ CPUs")]
    private static partial Regex Cpus();

    [GeneratedRegex(@"\d+ *")]
    private static partial Regex Number();
}
