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
    /// <param name="arguments">All words of the command line.</param>
    /// <param name="others">Verbs of the noun with a grammar of their own.</param>
    public Command Build(string[] arguments, params Command[] others)
    {
        var command = new Command(Name, CommandTree.DescriptionOf(Name));
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        Option<bool> pins = new("--bpffs", "-f") { Description = "say where objects are pinned" };
        Option<bool> compatible = new("--mapcompat", "-m") { Description = "as bpftool's; older map definitions are always read" };
        Option<bool> noMount = new("--nomount", "-n") { Description = "as bpftool's; nothing is ever mounted" };
        Option<bool> debug = new("--debug", "-d") { Description = "print the verifier's log of what is loaded" };
        Option<bool> loader = new("--use-loader", "-L") { Description = "as bpftool's; objects are loaded in one way", Hidden = true };
        Option<bool> legacy = new("--legacy", "-l") { Description = "as bpftool's", Hidden = true };
        foreach (Option option in new Option[] { json, pretty, pins, compatible, noMount, debug, loader, legacy })
        {
            option.Recursive = true;
            command.Add(option);
        }

        foreach (Verb verb in Verbs)
        {
            var sub = new Command(verb.Name, verb.Grammar.Length > 0 ? $"{verb.Description}: {verb.Grammar}" : verb.Description);
            Array.ForEach(verb.Aliases, sub.Aliases.Add);
            Argument<string[]> words = new("WORDS") { Description = verb.Grammar, Arity = ArgumentArity.ZeroOrMore, HelpName = verb.Grammar, Hidden = verb.Grammar.Length == 0 };
            sub.Add(words);
            sub.SetAction(parsed =>
            {
                if (!OperatingSystem.IsLinux() && !verb.IsPortable)
                {
                    throw RunErrors.KernelNeedsLinux();
                }

                bool isPretty = parsed.GetValue(pretty);
                verb.Run(new VerbCall(new WordReader($"{Name} {verb.Name}", parsed.GetValue(words) ?? []))
                {
                    IsJson = isPretty || parsed.GetValue(json),
                    IsPretty = isPretty,
                    WithPins = parsed.GetValue(pins),
                    IsDebug = parsed.GetValue(debug),
                    IsLoader = parsed.GetValue(loader),
                });
                return ExitCode.Success;
            });
            command.Add(sub);
        }

        // A verb's own grammar gives way to bpftool's words where both have the verb: it comes after them, and takes their name.
        foreach (Command other in others)
        {
            command.Add(other);
        }

        return command;
    }
}
