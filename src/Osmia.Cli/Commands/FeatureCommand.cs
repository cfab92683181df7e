using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Words;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Features;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia feature probe</c> and <c>list_builtins</c>, with bpftool's words.</summary>
[SupportedOSPlatform("linux")]
internal static class FeatureCommand
{
    private const string ProbeWords = "feature probe takes: [kernel] [full] [unprivileged] [macros [prefix PREFIX]]";
    private const string Groups = "prog_types, map_types, attach_types, link_types, helpers, attach_kinds";

    public static Noun Noun { get; } = new(
        "feature",
        new Verb("probe", "[kernel] [full] [unprivileged] [macros [prefix PREFIX]]", "Say what the running kernel offers; full tries helpers too that make the kernel print", Probe),
        new Verb("list_builtins", "GROUP", $"List the names known here: {Groups}", ListBuiltins) { IsPortable = true });

    public static Command Build() => Noun.Build();

    private static void Probe(VerbCall call)
    {
        var asked = Asked.Parse([.. call.Words.Until()]);
        if (call.IsJson && asked.Macros)
        {
            throw new UsageException("macros and JSON cannot be had at once");
        }

        FeatureReport report = Take(asked);
        call.Answer(report.WriteJson, output =>
        {
            if (asked.Macros)
            {
                report.WriteMacros(output, asked.Prefix);
            }
            else
            {
                report.WriteText(output);
            }
        });
    }

    private static void ListBuiltins(VerbCall call)
    {
        string group = call.Words.Next("the group");
        call.Words.End();
        if (group == AttachKindTable.Group)
        {
            AttachKindTable.Write(call.IsJson, call.IsPretty);
            return;
        }

        string[] names = NamesOf(group);
        call.Answer(
            json =>
            {
                json.WriteStartArray();
                Array.ForEach(names, json.WriteStringValue);
                json.WriteEndArray();
            },
            output => Array.ForEach(names, output.WriteLine));
    }

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
