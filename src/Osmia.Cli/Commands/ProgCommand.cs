using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Cli.Commands.Prog;
using Osmia.Cli.Words;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia prog</c>, with bpftool's words and fields.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgCommand
{
    private const string RunVerb = "run";

    private static readonly Verb s_testRun = new(RunVerb, ProgTestRun.Grammar, "Run a program on data", ProgTestRun.Run);

    public static Noun Noun { get; } = new(
        "prog",
        new Verb("show", "[PROG]", "List programs, or those that PROG names", ProgShow.Run) { Aliases = ["list"] },
        new Verb("dump", ProgDump.Grammar, "Print a program's instructions, or its machine code", ProgDump.Run),
        new Verb("pin", "PROG FILE", "Pin a program", ProgAttach.Pin),
        new Verb("load", ProgLoad.Grammar, "Load an object and pin its first program", ProgLoad.One),
        new Verb("loadall", ProgLoad.Grammar, "Load an object and pin all programs in a directory", ProgLoad.All),
        new Verb("attach", ProgAttach.Grammar, "Attach a program", ProgAttach.Attach),
        new Verb("detach", ProgAttach.DetachGrammar, "Detach a program from a map of sockets, or a flow dissector", ProgAttach.Detach),
        new Verb("tracelog", ProgTraceLog.Grammar, "Print what programs write by bpf_printk", ProgTraceLog.Run),
        new Verb("profile", ProgProfile.Grammar, "Count runs and run time of a program", ProgProfile.Run),
        s_testRun);

    /// <summary><c>run</c> takes a program that is loaded (<c>id N</c>), or one of a file, with options of its own.</summary>
    public static Command Build(string[] arguments)
    {
        string[] words = [.. arguments.Where(word => !word.StartsWith('-'))];
        bool isRun = words is [_, RunVerb, ..];
        bool isLoaded = words is [_, RunVerb, "id" or "tag" or "name" or "pinned", ..];
        return isLoaded ? Noun.Build()
            : isRun ? new Command(Noun.Name, CommandTree.DescriptionOf(Noun.Name)) { ProgRunCommand.Build() }
            : (Noun with { Verbs = [.. Noun.Verbs.Where(verb => verb != s_testRun)] }).Build(ProgRunCommand.Build());
    }
}
