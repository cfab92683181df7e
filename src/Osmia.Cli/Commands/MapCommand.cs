using System.CommandLine;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Symbols;
using Osmia.Runtime.Decoding;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia map list</c> and <c>osmia map dump {id N | name NAME}</c>, with bpftool's words and fields.</summary>
internal static class MapCommand
{
    public static Command Build()
    {
        var command = new Command("map", CommandTree.DescriptionOf("map"));
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        json.Recursive = true;
        pretty.Recursive = true;
        command.Add(json);
        command.Add(pretty);

        var list = new Command("list", "List maps");
        list.Aliases.Add("show");
        list.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                ListJson(parsed.GetValue(pretty));
            }
            else
            {
                ListText(Console.Out);
            }

            return ExitCode.Success;
        });
        command.Add(list);

        var dump = new Command("dump", "Print a map's entries: osmia map dump id N | name NAME");
        Argument<string[]> map = new("MAP") { Description = "id N, or name NAME", Arity = new ArgumentArity(2, 2) };
        dump.Add(map);
        dump.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            List<uint> ids = Find(parsed.GetValue(map)!);
            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                DumpJson(parsed.GetValue(pretty), ids);
            }
            else
            {
                ids.ForEach(DumpText);
            }

            return ExitCode.Success;
        });
        command.Add(dump);
        return command;
    }

    [SupportedOSPlatform("linux")]
    private static List<uint> Find(string[] words)
    {
        if (words[0] == "id" && uint.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint id))
        {
            return [id];
        }

        if (words[0] != "name")
        {
            throw new UsageException("map dump takes: id N | name NAME");
        }

        List<uint> ids = [.. KernelInventory.Maps().Where(info => info.Name == words[1]).Select(info => info.Id)];
        return ids.Count > 0 ? ids : throw RunErrors.NoKernelMap(words[1]);
    }

    [SupportedOSPlatform("linux")]
    private static void DumpText(uint id)
    {
        using KernelMap map = KernelInventory.OpenMap(id);
        using var symbolizer = new KernelSymbolizer();
        var text = new Utf8Buffer();
        PrinterOf(map, symbolizer).Append(text, map);
        using Stream output = StandardOutput.Open();
        output.Write(text.Written);
    }

    /// <summary>bpftool's form: an array of the entries of one map, or of all maps of a name with their <c>elements</c>.</summary>
    [SupportedOSPlatform("linux")]
    private static void DumpJson(bool indented, List<uint> ids) => JsonOutput.Write(indented, json =>
    {
        using var symbolizer = new KernelSymbolizer();
        if (ids.Count > 1)
        {
            json.WriteStartArray();
        }

        foreach (uint id in ids)
        {
            using KernelMap map = KernelInventory.OpenMap(id);
            if (ids.Count > 1)
            {
                json.WriteStartObject();
                WriteInfo(json, KernelInventory.Describe(map));
                json.WritePropertyName("elements");
            }

            PrinterOf(map, symbolizer).WriteElements(json, map);
            if (ids.Count > 1)
            {
                json.WriteEndObject();
            }
        }

        if (ids.Count > 1)
        {
            json.WriteEndArray();
        }
    });

    [SupportedOSPlatform("linux")]
    private static MapPrinter PrinterOf(KernelMap map, KernelSymbolizer symbolizer)
    {
        MapInfo info = KernelInventory.Describe(map);
        BtfTypes? types = info.BtfId == 0 ? null : BtfTypes.Parse(KernelInventory.BtfBytes(info.BtfId));
        return new MapPrinter(types, symbolizer, MapPrintOptions.Default with { Limit = int.MaxValue });
    }

    [SupportedOSPlatform("linux")]
    private static void ListText(TextWriter output)
    {
        var table = new TextTable("ID", "TYPE", "NAME", "KEY", "VALUE", "ENTRIES", "FLAGS", "MEMORY", "BTF");
        foreach (MapInfo map in KernelInventory.Maps())
        {
            table.Add(
                $"{map.Id}", map.Type.ToKernelName(), map.Name, $"{map.KeySize}", $"{map.ValueSize}", $"{map.MaxEntries}",
                $"0x{map.Flags:x}{(map.IsFrozen ? " frozen" : "")}", $"{map.MemoryInBytes}", $"{map.BtfId}");
        }

        table.Write(output, indent: "");
    }

    [SupportedOSPlatform("linux")]
    private static void ListJson(bool indented) => JsonOutput.Write(indented, json =>
    {
        Holders holders = Holders.Read();
        json.WriteStartArray();
        foreach (MapInfo map in KernelInventory.Maps())
        {
            json.WriteStartObject();
            WriteInfo(json, map);
            JsonOutput.WriteHolders(json, holders.Of(HeldKind.Map, map.Id));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    [SupportedOSPlatform("linux")]
    private static void WriteInfo(Utf8JsonWriter json, MapInfo map)
    {
        json.WriteNumber("id", map.Id);
        json.WriteString("type", map.Type.ToKernelName());
        json.WriteString("name", map.Name);
        json.WriteNumber("flags", map.Flags);
        json.WriteNumber("bytes_key", map.KeySize);
        json.WriteNumber("bytes_value", map.ValueSize);
        json.WriteNumber("max_entries", map.MaxEntries);
        json.WriteNumber("bytes_memlock", map.MemoryInBytes);
        json.WriteNumber("frozen", map.IsFrozen ? 1 : 0);
        if (map.BtfId != 0)
        {
            json.WriteNumber("btf_id", map.BtfId);
        }
    }
}
