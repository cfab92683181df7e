using Osmia.Verification.Explain;

namespace Osmia.Cli.Verify;

/// <summary>Colours of a terminal, when there is one and nobody asked for none (https://no-color.org).</summary>
internal static class Paint
{
    public static bool IsOn { get; } = !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    public static string Part(ExplanationPart part, string text) => part switch
    {
        ExplanationPart.Id or ExplanationPart.What => Code(text, "1;31"),
        ExplanationPart.Label => Code(text, "1"),
        ExplanationPart.Source => Code(text, "36"),
        ExplanationPart.Instruction => Code(text, "2"),
        ExplanationPart.Loss => Code(text, "33"),
        ExplanationPart.Remedy => Code(text, "32"),
        _ => text,
    };

    public static string Verdict(string padded, string verdict) => verdict switch
    {
        "accept" => Code(padded, "32"),
        "unknown" => Code(padded, "33"),
        _ => Code(padded, "31"),
    };

    public static string Code(string text, string code) => IsOn ? $"\e[{code}m{text}\e[0m" : text;
}
