using System.CommandLine;
using Osmia.Cli.Completion;
using Osmia.Cli.Words;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia completion bash | zsh | fish</c>: the script that makes TAB work.</summary>
internal static class CompletionCommand
{
    public static Command Build()
    {
        var command = new Command("completion", CommandTree.DescriptionOf("completion"));
        Argument<string> shell = new("SHELL") { Description = "the shell: source <(osmia completion bash)", HelpName = string.Join('|', CompletionScripts.All.Keys) };
        shell.AcceptOnlyFromAmong([.. CompletionScripts.All.Keys]);
        command.Add(shell);
        command.SetAction(parsed =>
        {
            Console.Out.Write(CompletionScripts.All[parsed.GetValue(shell)!]);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Answers a shell: words so far, the last one being written (behind <c>--</c> where the shell keeps them apart).</summary>
    public static int Answer(string[] words)
    {
        string[] told = words.Length > 1 && words[^2] == "--" ? [.. words[..^2], words[^1]] : words;
        try
        {
            foreach (string candidate in Candidates.Of(told.Length == 0 ? [] : told[..^1], told.Length == 0 ? "" : told[^1]))
            {
                Console.Out.Write(candidate + "\n");
            }
        }
        catch (Exception e) when (e is BpfException or UsageException)
        {
            return ExitCode.Error; // Words so far that mean nothing, such as an object that is not there: nothing is offered.
        }

        return ExitCode.Success;
    }

    /// <summary>The table of verbs of docs/command.md.</summary>
    public static int AnswerGrammar()
    {
        foreach (Noun noun in CommandTree.Nouns)
        {
            foreach (Verb verb in noun.Verbs)
            {
                string names = string.Join(", ", verb.Aliases.Prepend(verb.Name).Select(name => $"`{noun.Name} {name}`"));
                Console.Out.Write($"| {names} | {(verb.Grammar.Length == 0 ? "" : $"`{verb.Grammar.Replace("|", "\\|", StringComparison.Ordinal)}` ")}| {verb.Description} |\n");
            }
        }

        foreach ((string name, string description) in CommandTree.Listed.Where(row => CommandTree.Nouns.All(noun => noun.Name != row.Name)))
        {
            Console.Out.Write($"| `{name}` | | {description} |\n");
        }

        return ExitCode.Success;
    }
}
