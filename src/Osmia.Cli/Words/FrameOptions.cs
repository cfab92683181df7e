using System.CommandLine;
using Osmia.Cli.Commands;

namespace Osmia.Cli.Words;

/// <summary>The options that every verb with bpftool's words takes, before its words and between them.</summary>
internal sealed class FrameOptions
{
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _pretty = CommonOptions.Pretty();
    private readonly Option<bool> _pins = new("--bpffs", "-f") { Description = "say where objects are pinned" };
    private readonly Option<bool> _debug = new("--debug", "-d") { Description = "print the verifier's log of what is loaded" };

    // Taken so that command lines written for bpftool go on working; what they ask for is always so.
    private readonly Option<bool> _compatible = new("--mapcompat", "-m") { Description = "as bpftool's; map definitions of every age are read anyhow" };
    private readonly Option<bool> _noMount = new("--nomount", "-n") { Description = "as bpftool's; nothing is ever mounted" };
    private readonly Option<bool> _loader = new("--use-loader", "-L") { Hidden = true };
    private readonly Option<bool> _sign = new("--sign", "-S") { Hidden = true };
    private readonly Option<string> _key = new("-k") { Hidden = true };
    private readonly Option<string> _certificate = new("-i") { Hidden = true };
    private readonly Option<bool> _legacy = new("--legacy", "-l") { Hidden = true };

    public static FrameOptions AddTo(Command command)
    {
        var options = new FrameOptions();
        options.Add(command);
        return options;
    }

    public void Add(Command command)
    {
        foreach (Option option in new Option[] { _json, _pretty, _pins, _compatible, _noMount, _debug, _loader, _legacy, _sign, _key, _certificate })
        {
            option.Recursive = true;
            command.Add(option);
        }
    }

    public VerbCall CallOf(ParseResult parsed, WordReader words)
    {
        if (parsed.GetValue(_sign) || parsed.GetValue(_key) is not null || parsed.GetValue(_certificate) is not null)
        {
            throw new UsageException($"{words.Verb}: programs are not signed here (-S, -k, -i): that needs a loader program of libbpf's own making");
        }

        bool isPretty = parsed.GetValue(_pretty);
        return new VerbCall(words) { IsJson = isPretty || parsed.GetValue(_json), IsPretty = isPretty, WithPins = parsed.GetValue(_pins), IsDebug = parsed.GetValue(_debug) };
    }
}
