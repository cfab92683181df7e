using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Osmia.Cli.Words;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Commands;

/// <summary>All verbs. Only the verb that was named is built in full: <c>run</c> has to read an object to know its options.</summary>
internal static class CommandTree
{
#pragma warning disable CA1416 // The frame of these nouns refuses them by name on other systems.
    private static readonly Row[] s_verbs =
    [
        new("run", "Load an object, attach its programs and print what they report; or run it over a capture (--packets)", RunCommand.Build),
        new("show", "Show what an object holds: programs, maps, variables, relocations", _ => ShowCommand.Build()),
        new("verify", "Say whether the kernel would accept an object's programs, and why not; nothing is loaded", _ => VerifyCommand.Build()),
        new("check", "Say whether an object's relocations would resolve on other kernels, and why not", _ => CheckCommand.Build()),
        new("disasm", "Print an object's instructions with their source lines", _ => DisasmCommand.Build()),
        new("asm", "Assemble a text into an object that loads", _ => AsmCommand.Build()),
        new("filter", "Show a classic BPF filter (tcpdump -ddd, seccomp), make it an object, or run it over a capture", _ => FilterCommand.Build()),
        new("prog", "Programs loaded in the kernel: list, dump, load, pin, attach, run, profile", ProgCommand.Build),
        new("map", "Maps of the kernel: list, create, dump, read, write, pin, follow", _ => MapCommand.Build()),
        new("link", "Links of the kernel: list what programs are attached to, pin, detach", _ => LinkCommand.Build()),
        new("cgroup", "Programs attached to cgroups: list, attach, detach", _ => CgroupCommand.Build()),
        new("net", "Programs on network devices: list, attach, detach", _ => NetCommand.Build()),
        new("perf", "Programs at perf events, by the processes that hold them", _ => PerfCommand.Build()),
        new("struct_ops", "Structs of the kernel's callbacks: list, dump, register, unregister", _ => StructOpsCommand.Build()),
        new("iter", "Iterators as files", _ => IterCommand.Build()),
        new("token", "BPF file systems that delegate rights", _ => TokenCommand.Build()),
        new("tree", TreeCommand.Verb.Description, _ => TreeCommand.Build()),
        new("top", "Runs, time per run and CPU share of the kernel's programs, as they happen", _ => TopCommand.Build()),
        new("gen", "Link objects into one; cut kernel types down to what objects use; write a C# class for an object", _ => GenCommand.Build()),
        new(ConformanceCommand.Name, "Run a program in hex from standard input, as the bpf_conformance suite asks", _ => ConformanceCommand.Build()),
        new("batch", "Run the commands of a file, one a line: osmia batch file FILE", _ => BatchCommand.Build()),
        new("completion", "Completion for bash, zsh and fish: source <(osmia completion bash)", _ => CompletionCommand.Build()),
        new("feature", "Say what the running kernel offers: program, attach and map types, helpers", _ => FeatureCommand.Build()),
        new("doctor", "Say what this machine lets eBPF do, and what to change", _ => DoctorCommand.Build()),
        new("btf", "List or dump type information: of an object, a file or the kernel", _ => BtfCommand.Build()),
    ];

    /// <summary>What <c>osmia version -j</c> becomes.</summary>
    public const string VersionInJson = "__version";

    private static readonly Lazy<Noun[]> s_nouns = new(() =>
        [ProgCommand.Noun, MapCommand.Noun, LinkCommand.Noun, CgroupCommand.Noun, NetCommand.Noun, PerfCommand.Noun, StructOpsCommand.Noun, IterCommand.Noun, TokenCommand.Noun, FeatureCommand.Noun]);
#pragma warning restore CA1416

    public static Command Build(string[] arguments)
    {
        var root = new Command("osmia", "Load, run and observe eBPF programs, in the Linux kernel or in process")
        {
            new HelpOption(),
            new VersionOption(),
            new Option<bool>(SyscallTracing.Word) { Description = "print every bpf(2), perf_event_open and netlink call as it happens", Recursive = true },
        };
        string? verb = arguments.FirstOrDefault(argument => !argument.StartsWith('-'));
        foreach (Row row in s_verbs)
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
        if (words is [var first, ..] && FullNoun(first) is { } whole)
        {
            words = [whole, .. words[1..]];
        }

        return words switch
        {
            [] => ["--help"],
            ["version" or "-V" or "--version", .. var options] when options.All(IsFrameOption) => Array.Exists(options, IsJson) ? [VersionInJson] : ["--version"],
            ["gen"] or ["gen", "help"] => ["gen", "--help"],
            ["feature", .. var options] when options.All(IsFrameOption) => ["feature", "probe", .. options],
            ["feature", "help", ..] => ["feature", "--help"],
            [var noun, .. var options] when IsListing(noun) && options.All(IsFrameOption) => [noun, "list", .. options],
            ["iter"] => ["iter", "--help"],
            [var noun, "help", ..] when IsListing(noun) || noun == "iter" => [noun, "--help"],
            [var noun, var verb, "help"] when IsListing(noun) || noun == "iter" => [noun, verb, "--help"],
            [var noun, var verb, ..] when FullVerb(noun, verb) is { } full => [noun, full, .. words[2..]],
            _ => words,
        };
    }

    /// <summary>The nouns whose verbs share a frame; more are in <see cref="s_verbs"/>.</summary>
    public static IReadOnlyList<Noun> Nouns => s_nouns.Value;

    /// <summary>Verbs that answer with one JSON value tell their errors in it too.</summary>
    public static bool AnswersInJson(string[] arguments) =>
        arguments.FirstOrDefault(argument => !argument.StartsWith('-')) is { } noun && (IsListing(noun) || noun is "iter" or "batch" or "tree" or "feature" or "doctor" or "show" or "disasm" or "filter" or "check") && Array.Exists(arguments, IsJson);

    // A noun that has something to list does so when it stands alone.
    private static bool IsListing(string noun) => noun is "prog" or "map" or "link" or "btf" or "cgroup" or "net" or "perf" or "struct_ops" or "token";

    /// <summary>A noun that was cut short, as bpftool takes it; no verb of ours begins so.</summary>
    private static string? FullNoun(string noun) =>
        noun.Length == 0 || noun.StartsWith('-') || Array.Exists(s_verbs, row => row.Name == noun) ? null
            : Nouns.FirstOrDefault(known => known.Name.StartsWith(noun, StringComparison.Ordinal))?.Name;

    /// <summary>A verb that was cut short, as bpftool takes it: the first that begins so.</summary>
    private static string? FullVerb(string noun, string verb) =>
        verb.Length == 0 || verb.StartsWith('-') || Nouns.FirstOrDefault(known => known.Name == noun) is not { } found || found.Verbs.Any(row => row.Name == verb || row.Aliases.Contains(verb)) ? null
            : found.Verbs.SelectMany(row => row.Aliases.Prepend(row.Name)).FirstOrDefault(name => name.StartsWith(verb, StringComparison.Ordinal));

    private static bool IsJson(string word) => word is "-j" or "-p" or "-jp" or "-pj" or "--json" or "--pretty";

    private static bool IsFrameOption(string word) => IsJson(word) || word is "-f" or "--bpffs" or "-m" or "--mapcompat" or "-n" or "--nomount" or "-d" or "--debug" or "-l" or "--legacy" or "-L" or "--use-loader" or "-S" or "--sign";

    private static int LengthOfLeading(string word) =>
        IsFrameOption(word) || word.StartsWith("--base-btf=", StringComparison.Ordinal) ? 1 : word is "-B" or "--base-btf" or "-k" or "-i" ? 2 : 0;

    /// <summary>All verbs that stand alone or have verbs of their own.</summary>
    public static IEnumerable<(string Name, string Description)> Listed => s_verbs.Select(row => (row.Name, row.Description));

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

    /// <summary>What to say of a verb that does not exist; null when something else is wrong.</summary>
    public static string? Correct(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (command.Subcommands.Count == 0 || parsed.UnmatchedTokens.FirstOrDefault(token => !token.StartsWith('-')) is not { } word)
        {
            return null;
        }

        string path = string.Concat(PathOf(parsed));
        IReadOnlyList<string> nearest = Similarity.Nearest(word, command.Subcommands.SelectMany(sub => sub.Aliases.Prepend(sub.Name)), 3);
        return $"there is no '{path}{word}'; {(nearest.Count > 0 ? $"did you mean {string.Join(" or ", nearest)}?" : $"osmia {path}--help lists what there is")}";
    }

    private sealed record Row(string Name, string Description, Func<string[], Command> Build);
}
