using System.CommandLine;

namespace Osmia.Cli.Commands;

internal static class CommonOptions
{
    public static Option<bool> Json() => new("--json", "-j") { Description = "print JSON" };

    public static Option<bool> Pretty() => new("--pretty", "-p") { Description = "print JSON, indented" };

    /// <summary>Whether the words name the option, rather than its standing value.</summary>
    public static bool IsGiven(this ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    public static Argument<string> ObjectFile() => new("FILE") { Description = "a BPF object compiled by clang (.bpf.o)", HelpName = "FILE" };
}
