using System.CommandLine;
using Osmia.Cli.Commands;
using Osmia.Cli.Run;

namespace Osmia.Cli.Words;

/// <summary>One verb of a noun, such as <c>show</c> of <c>prog</c>.</summary>
/// <param name="Grammar">The words behind it, in bpftool's notation: help, completion and the documentation print it.</param>
internal sealed record Verb(string Name, string Grammar, string Description, Action<VerbCall> Run)
{
    public string[] Aliases { get; init; } = [];

    /// <summary>Reads files only; the others talk to the kernel.</summary>
    public bool IsPortable { get; init; }
}

/// <summary>Things of the kernel and what can be done with them: the frame that all verbs with bpftool's words share.</summary>
internal sealed record Noun(string Name, params Verb[] Verbs)
{
    // Longer grammars stand in the verb's own help only.
    private const int LongestInList = 36;

    /// <param name="others">Verbs of the noun with a grammar of their own.</param>
    public Command Build(params Command[] others)
    {
        var command = new Command(Name, CommandTree.DescriptionOf(Name));
        FrameOptions options = FrameOptions.AddTo(command);
        foreach (Verb verb in Verbs)
        {
            command.Add(BuildVerb(verb, $"{Name} {verb.Name}", options));
        }

        foreach (Command other in others)
        {
            command.Add(other);
        }

        return command;
    }

    /// <summary>A verb without a noun.</summary>
    public static Command BuildAlone(Verb verb)
    {
        var options = new FrameOptions();
        Command command = BuildVerb(verb, verb.Name, options);
        options.Add(command);
        return command;
    }

    private static Command BuildVerb(Verb verb, string path, FrameOptions options)
    {
        var command = new Command(verb.Name, verb.Description);
        Array.ForEach(verb.Aliases, command.Aliases.Add);
        bool isLong = verb.Grammar.Length > LongestInList;
        Argument<string[]> words = new("WORDS")
        {
            Description = ((isLong ? verb.Grammar : "") + Glossary.Of(verb.Grammar)).TrimStart(), Arity = ArgumentArity.ZeroOrMore,
            HelpName = isLong ? $"{verb.Grammar[..verb.Grammar.IndexOf(' ', StringComparison.Ordinal)]} ..." : verb.Grammar, Hidden = verb.Grammar.Length == 0,
        };
        command.Add(words);
        command.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux() && !verb.IsPortable)
            {
                throw RunErrors.KernelNeedsLinux();
            }

            verb.Run(options.CallOf(parsed, new WordReader(path, parsed.GetValue(words) ?? [])));
            return ExitCode.Success;
        });
        return command;
    }
}
