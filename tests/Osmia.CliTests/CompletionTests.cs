using System.Diagnostics;

namespace Osmia.Tests;

/// <summary>TAB: what a shell is told, and what bash makes of it.</summary>
public class CompletionTests
{
    /// <summary>One line of words, a bar where the cursor stands; then what must be offered, and with a dash what must not.</summary>
    [Theory]
    [InlineData("|", "run prog map tree top -dump")]
    [InlineData("pr|", "prog -map")]
    [InlineData("prog |", "show list dump load loadall attach tracelog profile run help")]
    [InlineData("prog dump |", "xlated jited id name tag pinned -show")]
    [InlineData("prog dump xlated id 5 |", "opcodes linum visual file -xlated -tag")]
    [InlineData("prog load x.o /sys/fs/bpf/x type cgroup/c|", "cgroup/connect4")]
    [InlineData("prog attach id 5 at |", "tracepoint xdp cgroup_skb/egress")]
    [InlineData("map create /sys/fs/bpf/x type lru_|", "lru_hash lru_percpu_hash -hash")]
    [InlineData("map dump pinned |", ":files")]
    [InlineData("cgroup attach /sys/fs/cgroup cgroup_inet4_c|", "cgroup_inet4_connect")]
    [InlineData("net show dev l|", "lo")]
    [InlineData("link show -|", "-j -p -f --json")]
    [InlineData("gen |", "object min_core_btf skeleton")]
    [InlineData("top --|", "--interval --count --sort --json")]
    [InlineData("run samples/hello/hello.bpf.o --targ|", "--targ_pid")]
    [InlineData("completion |", ":files")]
    public void Words_are_offered_where_they_fit(string line, string expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        (int exitCode, string output, string error) = OsmiaCommand.Run(["__complete", .. line.TrimEnd('|').Split(' ')]);
        Assert.True(exitCode == 0, error);
        string[] offered = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split('\t')[0])];
        foreach (string word in expected.Split(' '))
        {
            bool isUnwanted = word.StartsWith('-') && !line.EndsWith("-|", StringComparison.Ordinal);
            Assert.True(offered.Contains(isUnwanted ? word[1..] : word) != isUnwanted, $"'{line}': {word} in {string.Join(' ', offered)}");
        }
    }

    [Fact]
    public void Bash_completes_by_the_script()
    {
        Requirements.Command("bash", "--version");
        string script = $"source <(./osmia completion bash); COMP_WORDS=(./osmia map l); COMP_CWORD=2; _osmia; echo \"${{COMPREPLY[*]}}\"; COMP_WORDS=(./osmia map dump pinned READ); COMP_CWORD=4; _osmia; echo \"${{COMPREPLY[*]}}\"";
        Assert.Equal("list lookup\nREADME.md\n", ReferenceTool.Run("bash", "-c", $"cd '{RepositoryFiles.Root}' && {script}"));
    }

    [Theory]
    [InlineData("zsh", "compdef _osmia osmia")]
    [InlineData("fish", "complete -c osmia")]
    public void Other_shells_ask_the_same_question(string shell, string text)
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run("completion", shell);
        Assert.Equal(0, exitCode);
        Assert.Contains(text, output, StringComparison.Ordinal);
        Assert.Contains("__complete", output, StringComparison.Ordinal);
        if (ReferenceTool.Exists(shell))
        {
            using Process check = Process.Start(new ProcessStartInfo(shell, ["-n", "/dev/stdin"]) { RedirectStandardInput = true })!;
            check.StandardInput.Write(output);
            check.StandardInput.Close();
            check.WaitForExit();
            Assert.Equal(0, check.ExitCode);
        }
    }
}
