using System.CommandLine;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Inventory;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia tree [PROG]</c>: programs, where they are attached, their maps, and the processes and pins that keep them, in one view.</summary>
[SupportedOSPlatform("linux")]
internal static class TreeCommand
{
    public static Verb Verb { get; } = new("tree", "[PROG]", "Programs with their links, maps, pins and processes in one view", Show);

    /// <summary>In front of what goes on in a further line on a narrow screen.</summary>
    private const string Further = "     ";

    public static Command Build() => Noun.BuildAlone(Verb);

    private static void Show(VerbCall call)
    {
        HashSet<uint>? only = call.Words.IsAtEnd ? null : [.. ProgramWords.Find(call.Words).Select(program => program.Id)];
        call.Words.End();
        KernelTree tree = KernelTree.Read();
        List<ProgramInfo> programs = [.. tree.Programs.Where(program => only is null || only.Contains(program.Id))];
        call.Answer(json => WriteJson(json, tree, programs, only is null), output => WriteText(output, tree, programs, only is null));
    }

    private static void WriteText(TextWriter output, KernelTree tree, List<ProgramInfo> programs, bool isAll)
    {
        foreach (ProgramInfo program in programs)
        {
            string runs = program.RunCount == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", ran {program.RunCount} times, {(double)program.RunTimeInNanoseconds / program.RunCount:0} ns each");
            output.WriteLine($"prog {program.Id} {program.Type.ToKernelName()} {program.FullName}{runs}");
            string own = HeldBy.Of(tree.Holders.Of(HeldKind.Program, program.Id), []);
            List<string> lines =
            [
                .. tree.Links[program.Id].Select(link => DescribeLink(tree, link, own)),
                .. tree.Places[program.Id].Select(place => $"at {place}"),
                .. program.MapIds.Select(id => tree.Maps.TryGetValue(id, out MapInfo? map) ? DescribeMap(tree, map, own) : $"map {id}"),
            ];
            string kept = Kept(tree, HeldKind.Program, ObjectKind.Program, program.Id);
            if (kept.Length > 0)
            {
                lines.Add(kept[2..]);
            }

            for (int i = 0; i < lines.Count; i++)
            {
                bool isLast = i == lines.Count - 1;
                Terminal.WriteWrapped(output, lines[i], isLast ? "└─ " : "├─ ", isLast ? Further : "│" + Further[1..]);
            }
        }

        if (isAll)
        {
            foreach (LinkInfo link in tree.Links[0])
            {
                Terminal.WriteWrapped(output, DescribeLink(tree, link), "", Further);
            }

            foreach (MapInfo map in tree.LooseMaps)
            {
                Terminal.WriteWrapped(output, $"{DescribeMap(tree, map)}, used by no program", "", Further);
            }
        }

        if (programs.Count == 0 && tree.Maps.Count == 0)
        {
            output.WriteLine("no programs and no maps");
        }
    }

    private static string DescribeLink(KernelTree tree, LinkInfo link, string known = "") =>
        $"link {link.Id} {link.Type.ToKernelName()} {LinkCommand.Target(link)}{Kept(tree, HeldKind.Link, ObjectKind.Link, link.Id, known)}";

    private static string DescribeMap(KernelTree tree, MapInfo map, string known = "")
    {
        int users = tree.Programs.Count(program => program.MapIds.Contains(map.Id));
        string shape = map.ValueSize == 0 ? $"{map.MaxEntries} bytes" : $"{map.KeySize} -> {map.ValueSize} bytes, {map.MaxEntries} {(map.MaxEntries == 1 ? "entry" : "entries")}";
        return $"map {map.Id} {map.Type.ToKernelName()} {map.Name} ({shape}){(users > 1 ? $", shared by {users} programs" : "")}{Kept(tree, HeldKind.Map, ObjectKind.Map, map.Id, known)}";
    }

    /// <summary>Empty when nothing but other objects of the kernel keeps it.</summary>
    /// <param name="known">Holders that stand at the program already, and need not be told again.</param>
    private static string Kept(KernelTree tree, HeldKind held, ObjectKind kind, uint id, string known = "")
    {
        string all = HeldBy.Of(tree.Holders.Of(held, id), []);
        string holders = all == known ? "" : all;
        string pins = string.Join(", ", tree.Pins.Of(kind, id));
        return (holders.Length > 0 ? $", held by {holders}" : "") + (pins.Length > 0 ? $", pinned {pins}" : "");
    }

    private static void WriteJson(Utf8JsonWriter json, KernelTree tree, List<ProgramInfo> programs, bool isAll)
    {
        json.WriteStartObject();
        json.WriteStartArray("programs");
        foreach (ProgramInfo program in programs)
        {
            json.WriteStartObject();
            Prog.ProgShow.WriteHeader(json, program);
            json.WriteStartArray("links");
            foreach (LinkInfo link in tree.Links[program.Id])
            {
                WriteLink(json, tree, link);
            }

            json.WriteEndArray();
            json.WriteStartArray("attached");
            foreach (string place in tree.Places[program.Id])
            {
                json.WriteStringValue(place);
            }

            json.WriteEndArray();
            json.WriteStartArray("maps");
            foreach (uint id in program.MapIds)
            {
                if (tree.Maps.TryGetValue(id, out MapInfo? map))
                {
                    WriteMap(json, tree, map);
                }
            }

            json.WriteEndArray();
            WriteKept(json, tree, HeldKind.Program, ObjectKind.Program, program.Id);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (isAll)
        {
            json.WriteStartArray("links");
            foreach (LinkInfo link in tree.Links[0])
            {
                WriteLink(json, tree, link);
            }

            json.WriteEndArray();
            json.WriteStartArray("maps");
            foreach (MapInfo map in tree.LooseMaps)
            {
                WriteMap(json, tree, map);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteLink(Utf8JsonWriter json, KernelTree tree, LinkInfo link)
    {
        json.WriteStartObject();
        json.WriteNumber("id", link.Id);
        json.WriteString("type", link.Type.ToKernelName());
        LinkCommand.WriteDetails(json, link.Details);
        WriteKept(json, tree, HeldKind.Link, ObjectKind.Link, link.Id);
        json.WriteEndObject();
    }

    private static void WriteMap(Utf8JsonWriter json, KernelTree tree, MapInfo map)
    {
        json.WriteStartObject();
        Maps.MapShow.WriteHeader(json, map);
        json.WriteNumber("bytes_key", map.KeySize);
        json.WriteNumber("bytes_value", map.ValueSize);
        json.WriteNumber("max_entries", map.MaxEntries);
        WriteKept(json, tree, HeldKind.Map, ObjectKind.Map, map.Id);
        json.WriteEndObject();
    }

    private static void WriteKept(Utf8JsonWriter json, KernelTree tree, HeldKind held, ObjectKind kind, uint id)
    {
        if (tree.Pins.Of(kind, id).Count > 0)
        {
            JsonOutput.WritePins(json, tree.Pins, kind, id);
        }

        JsonOutput.WriteHolders(json, tree.Holders.Of(held, id));
    }
}
