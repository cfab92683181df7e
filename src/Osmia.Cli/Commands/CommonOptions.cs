using System.CommandLine;

namespace Osmia.Cli.Commands;

internal static class CommonOptions
{
    public static Option<bool> Json() => new("--json", "-j") { Description = "print JSON" };

    public static Option<bool> Pretty() => new("--pretty", "-p") { Description = "print JSON, indented" };

    public static Argument<string> ObjectFile() => new("FILE") { Description = "a BPF object compiled by clang (.bpf.o)", HelpName = "FILE" };
}
