using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Features;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia feature probe</c> and <c>list_builtins</c>, with bpftool's words.</summary>
internal static class FeatureCommand
{
    private const string ProbeWords = "feature probe takes: [kernel] [full] [unprivileged] [macros [prefix PREFIX]]";
    private const string Groups = "prog_types, map_types, attach_types, link_types, helpers, attach_kinds";

    public static Command Build()
    {
        var command = new Command("feature", CommandTree.DescriptionOf("feature"));
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        json.Recursive = true;
        pretty.Recursive = true;
        command.Add(json);
        command.Add(pretty);

        var probe = new Command("probe", "Say what the running kernel offers: osmia " + ProbeWords);
        Argument<string[]> words = new("WORDS") { Description = "kernel, full (also helpers that make the kernel print), unprivileged, macros [prefix PREFIX]", Arity = ArgumentArity.ZeroOrMore };
        probe.Add(words);
        probe.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            var asked = Asked.Parse(parsed.GetValue(words)!);
            bool isJson = parsed.GetValue(json) || parsed.GetValue(pretty);
            if (isJson && asked.Macros)
            {
                throw new UsageException("macros and JSON cannot be had at once");
            }

            FeatureReport report = Take(asked);
            if (isJson)
            {
                JsonOutput.Write(parsed.GetValue(pretty), report.WriteJson);
            }
            else if (asked.Macros)
            {
                report.WriteMacros(Console.Out, asked.Prefix);
            }
            else
            {
                report.WriteText(Console.Out);
            }

            return ExitCode.Success;
        });
        command.Add(probe);

        var list = new Command("list_builtins", $"List the names known here: osmia feature list_builtins GROUP ({Groups})");
        Argument<string> group = new("GROUP") { Description = Groups };
        list.Add(group);
        list.SetAction(parsed =>
        {
            if (parsed.GetValue(group) == AttachKindTable.Group)
            {
                AttachKindTable.Write(parsed.GetValue(json) || parsed.GetValue(pretty), parsed.GetValue(pretty));
                return ExitCode.Success;
            }

            string[] names = NamesOf(parsed.GetValue(group)!);
            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                JsonOutput.Write(parsed.GetValue(pretty), writer =>
                {
                    writer.WriteStartArray();
                    Array.ForEach(names, writer.WriteStringValue);
                    writer.WriteEndArray();
                });
            }
            else
            {
                Array.ForEach(names, Console.Out.WriteLine);
            }

            return ExitCode.Success;
        });
        command.Add(list);
        return command;
    }

    [SupportedOSPlatform("linux")]
    private static FeatureReport Take(Asked asked)
    {
        FeatureReport? report = null;
        if (asked.Unprivileged)
        {
            UnprivilegedThread.Run(() => report = FeatureReport.Take(asked.Full));
        }

        return report ?? FeatureReport.Take(asked.Full);
    }

    private static string[] NamesOf(string group) => group switch
    {
        "prog_types" => [.. Enum.GetValues<ProgramType>().Where(type => type != ProgramType.Unspec).Select(type => type.ToKernelName())],
        "map_types" => [.. Enum.GetValues<MapType>().Where(type => type != MapType.Unspec).Select(type => type.ToKernelName())],
        "attach_types" => [.. Enum.GetValues<AttachType>().Select(type => type.ToKernelName())],
        "link_types" => [.. Enum.GetValues<LinkType>().Where(type => type != LinkType.Unspec).Select(type => type.ToKernelName())],
        "helpers" => [.. HelperTable.All.Select(helper => "bpf_" + helper.Name)],
        _ => throw new UsageException($"'{group}' is none of: {Groups}"),
    };

    private sealed record Asked(bool Full, bool Unprivileged, bool Macros, string Prefix)
    {
        public static Asked Parse(string[] words)
        {
            var asked = new Asked(false, false, false, "");
            for (int i = 0; i < words.Length; i++)
            {
                asked = words[i] switch
                {
                    "kernel" => asked,
                    "full" => asked with { Full = true },
                    "unprivileged" => asked with { Unprivileged = true },
                    "macros" => asked with { Macros = true },
                    "prefix" when asked.Macros && i + 1 < words.Length => asked with { Prefix = words[++i] },
                    "dev" => throw new UsageException("feature probe dev: programs for network cards (offload) are not supported; probe the kernel"),
                    var word => throw new UsageException($"'{word}' is not understood; {ProbeWords}"),
                };
            }

            return asked;
        }
    }
}
