using System.CommandLine;
using System.Text.Json;
using Osmia.Cli.Words;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia token list</c>: BPF file systems that delegate rights to a user namespace, with bpftool's fields.</summary>
internal static class TokenCommand
{
    private static readonly (string Header, string Option)[] s_sets =
        [("allowed_cmds", "delegate_cmds"), ("allowed_maps", "delegate_maps"), ("allowed_progs", "delegate_progs"), ("allowed_attachs", "delegate_attachs")];

    public static Noun Noun { get; } = new("token", new Verb("list", "", "List BPF file systems that delegate rights (Linux 6.9)", Show) { Aliases = ["show"] });

    public static Command Build() => Noun.Build();

    private static void Show(VerbCall call)
    {
        call.Words.End();
        List<(string Directory, Dictionary<string, string[]> Sets)> found = [.. Mounts()];
        call.Answer(json => WriteJson(json, found), output => WriteText(output, found));
    }

    private static IEnumerable<(string Directory, Dictionary<string, string[]> Sets)> Mounts()
    {
        foreach (string[] fields in File.ReadLines("/proc/mounts").Select(line => line.Split(' ')).Where(fields => fields.Length > 3 && fields[2] == "bpf"))
        {
            var sets = fields[3].Split(',').Select(option => option.Split('=', 2)).Where(pair => pair is [var name, _] && Array.Exists(s_sets, set => set.Option == name))
                .ToDictionary(pair => pair[0], pair => pair[1].Split(':'));
            if (sets.Count > 0)
            {
                yield return (fields[1], sets);
            }
        }
    }

    private static void WriteJson(Utf8JsonWriter json, List<(string Directory, Dictionary<string, string[]> Sets)> found)
    {
        json.WriteStartArray();
        foreach ((string directory, Dictionary<string, string[]> sets) in found)
        {
            json.WriteStartObject();
            json.WriteString("token_info", directory);
            foreach ((string header, string option) in s_sets)
            {
                json.WriteStartArray(header);
                foreach (string value in sets.GetValueOrDefault(option) ?? [])
                {
                    json.WriteStringValue(value);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteText(TextWriter output, List<(string Directory, Dictionary<string, string[]> Sets)> found)
    {
        if (found.Count == 0)
        {
            output.WriteLine("no BPF file system delegates rights");
        }

        foreach ((string directory, Dictionary<string, string[]> sets) in found)
        {
            output.WriteLine(directory);
            foreach ((string header, string option) in s_sets)
            {
                output.WriteLine($"  {header}: {string.Join(", ", sets.GetValueOrDefault(option) ?? ["none"])}");
            }
        }
    }
}
