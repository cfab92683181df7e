using System.Diagnostics;

namespace Osmia.Tests;

/// <summary>TAB: what a shell is told, and what bash makes of it.</summary>
public class CompletionTests
{
    /// <summary>Seconds after which a shell that waits for something is ended.</summary>
    private const string Limit = "60";

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
    [InlineData("completion |", "bash zsh fish")]
    [InlineData("prog dump xlated id 5 o|", "opcodes -:files")]
    [InlineData("prog dump xlated id 5 file |", ":files")]
    [InlineData("prog pin id 5 |", ":files")]
    [InlineData("prog run x.o --tier |", "interpreter il x64 auto -:files")]
    [InlineData("prog run x.o --data-in |", ":files")]
    [InlineData("prog run x.o --mo|", "--mode")]
    [InlineData("prog run samples/hello/hello.bpf.o#|", "samples/hello/hello.bpf.o#count_exec")]
    [InlineData("prog run id 5 |", "data_in repeat -:files")]
    [InlineData("disasm samples/hello/hello.bpf.o c|", "count_exec")]
    [InlineData("run samples/hello/hello.bpf.o --program |", "count_exec -:files")]
    [InlineData("run samples/hello/hello.bpf.o --dev |", "lo -:files")]
    public void Words_are_offered_where_they_fit(string line, string expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux");
        (int exitCode, string output, string error) = OsmiaCommand.Run(["__complete", .. line.TrimEnd('|').Split(' ')]);
        Assert.True(exitCode == 0, error);
        string[] offered = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(text => text.Split('\t')[0])];
        foreach (string word in expected.Split(' '))
        {
            bool isUnwanted = word.StartsWith('-') && !word.StartsWith("--", StringComparison.Ordinal) && !line.EndsWith("-|", StringComparison.Ordinal);
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

    [Fact]
    public void A_place_where_nothing_can_be_told_offers_nothing()
    {
        Assert.Equal((1, "", ""), OsmiaCommand.Run("__complete", "run", "no-such-object", "--dev", ""));
    }

    /// <summary>An interactive zsh at a pseudo terminal: TAB, then a key that prints what the line has become.</summary>
    [Fact]
    public void Zsh_completes_at_a_terminal()
    {
        Assert.SkipUnless(ReferenceTool.Exists("zsh"), "needs zsh");
        const string Script = """
            zmodload zsh/zpty
            zpty terminal zsh -f -i
            zpty -w terminal "PS1='> '; cd $1; path+=($1); autoload -Uz compinit; compinit -u -D; source <(osmia completion zsh); bindkey '^I' complete-word; show() { print -r -- \"<<\$BUFFER>>\"; BUFFER= }; zle -N show; bindkey '^X' show; print REA''DY"
            zpty -r terminal text '*READY*'
            for line in 'osmia map lo' 'osmia prog run x --engine k' 'osmia map dump pinned READ' 'osmia disasm samples/hello/hello.bpf.o count'; do
                zpty -w -n terminal $line$'\t\x18'
                zpty -r terminal text '*<<*>>*'
                print -r -- ${${text##*<<}%%>>*}
            done
            zpty -w -n terminal $'osmia map l\t\t'
            zpty -r terminal text '*list    -- List maps*lookup  -- Print an element*'
            zpty -d terminal
            """;
        string answer = ReferenceTool.Run("timeout", Limit, "zsh", "-f", "-c", Script, "zsh", RepositoryFiles.Root);
        Assert.Equal("osmia map lookup \nosmia prog run x --engine kernel \nosmia map dump pinned README.md \nosmia disasm samples/hello/hello.bpf.o count_exec \n", answer.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Fish_completes_by_the_script()
    {
        Assert.SkipUnless(ReferenceTool.Exists("fish"), "needs fish");
        string[] lines = ["osmia map lo", "osmia prog run x --engine k", "osmia map dump pinned READ", "osmia disasm samples/hello/hello.bpf.o count"];
        string script = $"cd '{RepositoryFiles.Root}'; set -x PATH $PATH '{RepositoryFiles.Root}'; osmia completion fish | source; {string.Concat(lines.Select(line => $"complete -C '{line}'; "))}";
        Assert.Equal("lookup\tPrint an element\nkernel\nREADME.md\ncount_exec\n", ReferenceTool.Run("timeout", Limit, "fish", "--no-config", "-c", script));
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
