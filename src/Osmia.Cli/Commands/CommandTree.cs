using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace Osmia.Cli.Commands;

/// <summary>All verbs. Only the verb that was named is built in full: <c>run</c> has to read an object to know its options.</summary>
internal static class CommandTree
{
    private static readonly Verb[] s_verbs =
    [
        new("run", "Load an object, attach its programs and print what they report; or run it over a capture (--packets)", RunCommand.Build),
        new("show", "Show what an object holds: programs, maps, variables, relocations", _ => ShowCommand.Build()),
        new("verify", "Say whether the kernel would accept an object's programs, and why not; nothing is loaded", _ => VerifyCommand.Build()),
        new("check", "Say whether an object's relocations would resolve on other kernels, and why not", _ => CheckCommand.Build()),
        new("disasm", "Print an object's instructions with their source lines", _ => DisasmCommand.Build()),
        new("asm", "Assemble a text into an object that loads", _ => AsmCommand.Build()),
        new("prog", "List the programs loaded in the kernel; run one of an object on data", _ => ProgCommand.Build()),
        new("map", "List or dump the maps of the kernel", _ => MapCommand.Build()),
        new("link", "List what programs are attached to in the kernel", _ => LinkCommand.Build()),
        new("gen", "Link objects into one; cut kernel types down to what objects use", _ => GenCommand.Build()),
        new(ConformanceCommand.Name, "Run a program in hex from standard input, as the bpf_conformance suite asks", _ => ConformanceCommand.Build()),
        new("feature", "Say what the running kernel offers: program, attach and map types, helpers", _ => FeatureCommand.Build()),
        new("doctor", "Say what this machine lets eBPF do, and what to change", _ => DoctorCommand.Build()),
        new("btf", "List or dump type information: of an object, a file or the kernel", _ => BtfCommand.Build()),
    ];

    public static Command Build(string[] arguments)
    {
        var root = new Command("osmia", "Load, run and observe eBPF programs, in the Linux kernel or in process")
        {
            new HelpOption(),
            new VersionOption(),
            new Option<bool>(SyscallTracing.Word) { Description = "print every bpf(2), perf_event_open and netlink call as it happens", Recursive = true },
        };
        string? verb = arguments.FirstOrDefault(argument => !argument.StartsWith('-'));
        foreach (Verb row in s_verbs)
        {
            root.Subcommands.Add(row.Name == verb ? row.Build(arguments) : new Command(row.Name, row.Description));
        }

        return root;
    }

    /// <summary>
    /// As bpftool takes them: options for JSON and the base of types before the verb too, and a noun alone lists. No words at all ask for help.
    /// </summary>
    public static string[] Normalize(string[] arguments)
    {
        int leading = 0;
        while (leading < arguments.Length && LengthOfLeading(arguments[leading]) is > 0 and var length && leading + length < arguments.Length)
        {
            leading += length;
        }

        string[] words = ConformanceCommand.Normalize(leading > 0 ? [.. arguments[leading..], .. arguments[..leading]] : arguments);
        return words switch
        {
            [] => ["--help"],
            ["gen"] or ["gen", "help"] => ["gen", "--help"],
            ["prog" or "map" or "link" or "btf", .. var options] when options.All(IsJson) => [words[0], "list", .. options],
            _ => words,
        };
    }

    private static bool IsJson(string word) => word is "-j" or "-p" or "-jp" or "-pj" or "--json" or "--pretty";

    private static int LengthOfLeading(string word) =>
        IsJson(word) || word.StartsWith("--base-btf=", StringComparison.Ordinal) ? 1 : word is "-B" or "--base-btf" ? 2 : 0;

    public static string DescriptionOf(string verb) => Array.Find(s_verbs, row => row.Name == verb)!.Description;

    /// <summary>The words of the command that was parsed, each with a space behind it.</summary>
    public static IEnumerable<string> PathOf(ParseResult parsed)
    {
        var words = new Stack<string>();
        for (SymbolResult? result = parsed.CommandResult; result is CommandResult { Parent: not null } command; result = command.Parent)
        {
            words.Push(command.Command.Name + " ");
        }

        return words;
    }

    private sealed record Verb(string Name, string Description, Func<string[], Command> Build);
}
