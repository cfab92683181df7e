using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using Osmia.Bytecode;
using Osmia.Cli.Commands;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Cli.Completion;

/// <summary>
/// What can stand at a place of the command line: from the table of verbs and their grammars, and from what lives in the kernel now. A candidate may have
/// a description behind a tab.
/// </summary>
internal static class Candidates
{
    /// <summary>Asks the shell to complete names of files.</summary>
    public const string Files = ":files";

    private static readonly string[] s_placeholdersOfFiles = ["FILE", "OBJ", "PATH", "DIR", "LINK_DIR", "BINARY", "INPUT", "OUTPUT", "OBJECT", "OUT", "CAPTURE"];
    private static readonly string[] s_wordsBeforeFiles = ["pinned", "file", "pin", "pinmaps", "path", "data_in", "data_out", "ctx_in", "ctx_out", "cgroup"];

    /// <param name="before">The words in front of the one that is completed, without the command's own name.</param>
    /// <param name="current">The word as far as it is written.</param>
    public static IEnumerable<string> Of(string[] before, string current)
    {
        string[] plain = [.. before.Where(word => !word.StartsWith('-'))];
        IEnumerable<string> all = plain switch
        {
            [] => CommandTree.Listed.Select(row => $"{row.Name}\t{row.Description}"),
            ["prog", "run", var program, ..] when program is not ("id" or "name" or "tag" or "pinned") => OfOwnVerb(before, plain, current),
            ["prog", "run"] when current.Contains('#', StringComparison.Ordinal) => ProgramsOf(current),
            [var noun, .. var rest] when CommandTree.Nouns.FirstOrDefault(known => known.Name == noun) is { } found => OfNoun(found, rest, current),
            _ => OfOwnVerb(before, plain, current),
        };
        return all.Where(candidate => candidate == Files || candidate.StartsWith(current, StringComparison.Ordinal)).Distinct();
    }

    private static IEnumerable<string> OfNoun(Noun noun, string[] words, string current)
    {
        if (words.Length == 0)
        {
            return noun.Verbs.SelectMany(verb => verb.Aliases.Prepend(verb.Name).Select(name => $"{name}\t{verb.Description}")).Append("help\tSay how");
        }

        if (current.StartsWith('-'))
        {
            return ["-j\tprint JSON", "-p\tprint JSON, indented", "-f\tsay where objects are pinned", "-d\tprint the verifier's log", "-n", "-m", "--json", "--pretty", "--bpffs", "--debug"];
        }

        return noun.Verbs.FirstOrDefault(verb => verb.Name == words[0] || verb.Aliases.Contains(words[0])) is { } found ? OfGrammar(noun, found, words[1..]) : [];
    }

    private static IEnumerable<string> OfGrammar(Noun noun, Verb verb, string[] words)
    {
        string last = words.Length > 0 ? words[^1] : "";
        if (OperatingSystem.IsLinux() && last is "id" or "name" or "tag")
        {
            return Living(noun, words, last);
        }

        if (s_wordsBeforeFiles.Contains(last))
        {
            return [Files];
        }

        switch (last)
        {
            case "dev":
                return Devices();
            case "" when verb.Name == "list_builtins":
                return ["prog_types", "map_types", "attach_types", "link_types", "helpers", "attach_kinds"];
            case "type" when noun.Name == "map":
                return Enum.GetValues<MapType>().Select(type => type.ToKernelName()).Where(name => name.Length > 0);
            case "type" or "at":
                return SectionTable.Names;
        }

        // Keywords stand in small letters in the grammar, what they stand for in capitals.
        IEnumerable<string> parts = verb.Grammar.Split([' ', '[', ']', '{', '}', '|'], StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<string> keywords = parts.Where(part => !char.IsAsciiLetterUpper(part[0]) && !words.Contains(part));
        IEnumerable<string> references = parts.Any(part => part is "PROG" or "MAP" or "LINK") && !words.Any(word => word is "id" or "pinned" or "name" or "tag")
            ? noun.Name == "link" ? ["id", "pinned"] : noun.Name is "map" or "struct_ops" ? ["id", "name", "pinned"] : ["id", "name", "tag", "pinned"] : [];
        IEnumerable<string> hooks = OperatingSystem.IsLinux() && parts.Contains("HOOK") && noun.Name == "cgroup" && words.Length == 1 ? ProgramAttachments.CgroupHooks.Select(hook => hook.ToKernelName()) : [];
        IEnumerable<string> files = HasFileOfItsOwn(verb.Grammar) ? [Files] : [];
        return [.. references, .. hooks, .. keywords, .. files];
    }

    /// <summary>A file that a keyword announces (<c>file FILE</c>) is completed behind that keyword alone.</summary>
    private static bool HasFileOfItsOwn(string grammar)
    {
        string[] tokens = grammar.Replace("[", " [ ", StringComparison.Ordinal).Replace("]", " ] ", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return tokens.Where((token, i) => s_placeholdersOfFiles.Contains(token) && (i == 0 || !char.IsAsciiLetterLower(tokens[i - 1][0]))).Any();
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private static string[] Living(Noun noun, string[] words, string how)
    {
        bool isMap = noun.Name is "map" or "struct_ops" || (words.Length > 1 && words[^2] == "map");
        try
        {
            return noun.Name == "link" ? [.. KernelInventory.Links().Select(link => $"{Number(link.Id)}\t{link.Type.ToKernelName()}")]
                : isMap ? [.. KernelInventory.Maps().Select(map => how == "id" ? $"{Number(map.Id)}\t{map.Type.ToKernelName()} {map.Name}" : $"{map.Name}\t{map.Type.ToKernelName()}")]
                : [.. KernelInventory.Programs().Select(program => (how switch { "id" => Number(program.Id), "tag" => program.Tag, _ => program.FullName }) + $"\t{program.Type.ToKernelName()} {program.FullName}")];
        }
        catch (KernelException)
        {
            return []; // Nothing may be listed without rights, and a completion has nobody to tell.
        }
    }

    /// <summary>Verbs with options of their own: what System.CommandLine knows of them, and files.</summary>
    private static IEnumerable<string> OfOwnVerb(string[] before, string[] plain, string current)
    {
        Symbol symbol = CommandTree.Build([.. before.Where(word => !word.StartsWith('-'))]);
        foreach (string word in plain)
        {
            symbol = (symbol as Command)?.Subcommands.FirstOrDefault(sub => sub.Name == word || sub.Aliases.Contains(word)) ?? symbol;
        }

        var command = (Command)symbol;
        if (before is [.., var last] && command.Options.FirstOrDefault(option => option.Name == last || option.Aliases.Contains(last)) is { Arity.MinimumNumberOfValues: > 0 } asked)
        {
            return OfValue(asked, plain);
        }

        IEnumerable<string> options = command.Options.Where(option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name).Where(name => name.StartsWith("--", StringComparison.Ordinal)).Select(name => $"{name}\t{option.Description}"));
        if (current.StartsWith('-'))
        {
            return options;
        }

        string[] words = [.. command.Arguments.SelectMany(argument => argument.GetCompletions(CompletionContext.Empty)).Select(item => item.Label)];
        IEnumerable<string> functions = command.Name == "disasm" && ReadObject(plain) is { } source ? source.Functions.Select(function => function.Name) : [];
        return words.Length > 0 ? words : [.. command.Subcommands.Select(sub => $"{sub.Name}\t{sub.Description}"), .. functions, Files];
    }

    /// <summary>What an option takes: one of its words, a device, a program of the object that is named, or a file.</summary>
    private static IEnumerable<string> OfValue(Option option, string[] plain)
    {
        string[] words = [.. option.GetCompletions(CompletionContext.Empty).Select(item => item.Label)];
        return words.Length > 0 ? words : option.Name switch
        {
            "--dev" => Devices(),
            "--program" => ReadObject(plain)?.Programs.Select(program => program.Name) ?? [],
            "--cgroup" or "--path" => [Files],
            _ => s_placeholdersOfFiles.Contains(option.HelpName) ? [Files] : [],
        };
    }

    private static IEnumerable<string> Devices() =>
        Directory.Exists("/sys/class/net") ? Directory.EnumerateFileSystemEntries("/sys/class/net").Select(path => Path.GetFileName(path)) : [];

    /// <summary><c>FILE#NAME</c>, for each program of the file.</summary>
    private static IEnumerable<string> ProgramsOf(string current)
    {
        string file = current[..current.LastIndexOf('#')];
        return ReadObject([file])?.Programs.Select(program => $"{file}#{program.Name}") ?? [];
    }

    private static BpfObject? ReadObject(string[] words) =>
        Array.Find(words, File.Exists) is { } file && BpfObject.TryRead(File.ReadAllBytes(file), file, out BpfObject? source, out Diagnostic? _) ? source : null;

    private static string Number(uint id) => id.ToString(CultureInfo.InvariantCulture);
}
