using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Symbols;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime.Decoding;

namespace Osmia.Cli.Commands.Maps;

/// <summary><c>osmia map dump MAP</c>: every element, as a table or in bpftool's form.</summary>
[SupportedOSPlatform("linux")]
internal static class MapDump
{
    private const string NoEntry = "<no entry>";

    public static void Run(VerbCall call)
    {
        List<MapInfo> maps = MapWords.Find(call.Words);
        call.Words.End();
        if (call.IsJson)
        {
            JsonOutput.Write(call.IsPretty, json => WriteJson(json, maps));
            return;
        }

        maps.ForEach(WriteText);
    }

    private static void WriteText(MapInfo info)
    {
        using KernelMap map = KernelInventory.OpenMap(info.Id);
        if (HoldsObjects(map.Type))
        {
            WriteObjects(map, info);
            return;
        }

        using var symbolizer = new KernelSymbolizer();
        var text = new Utf8Buffer();
        new MapPrinter(MapTypes.Of(info), symbolizer, MapPrintOptions.Default with { Limit = int.MaxValue }).Append(text, map);
        using Stream output = StandardOutput.Open();
        output.Write(text.Written);
    }

    /// <summary>Maps, programs and devices by their numbers.</summary>
    private static void WriteObjects(KernelMap map, MapInfo info)
    {
        var text = new ElementText(map, info);
        var table = new TextTable("KEY", "VALUE");
        foreach ((byte[] key, byte[]? value, string? problem) in Elements(map))
        {
            table.Add(text.Key(key), value is null ? problem! : text.Value(value));
        }

        Console.Out.WriteLine($"{map.Name} ({map.Type.ToKernelName()}): {(table.Count == 1 ? "1 entry" : $"{table.Count} entries")}");
        if (table.Count > 0)
        {
            table.Write(Console.Out);
        }
    }

    private static bool HoldsObjects(MapType type) => type is MapType.ProgArray or MapType.ArrayOfMaps or MapType.HashOfMaps or MapType.Devmap or MapType.DevmapHash or MapType.Cpumap;

    /// <summary>bpftool's form: an array of the elements of one map, or of all maps of a name with their <c>elements</c>.</summary>
    private static void WriteJson(Utf8JsonWriter json, List<MapInfo> maps)
    {
        if (maps.Count > 1)
        {
            json.WriteStartArray();
        }

        foreach (MapInfo info in maps)
        {
            using KernelMap map = KernelInventory.OpenMap(info.Id);
            if (maps.Count > 1)
            {
                json.WriteStartObject();
                MapShow.WriteHeader(json, info);
                json.WritePropertyName("elements");
            }

            var element = new ElementJson(map, info);
            json.WriteStartArray();
            foreach ((byte[] key, byte[]? value, string? problem) in Elements(map))
            {
                if (value is not null)
                {
                    element.Write(json, key, value);
                }
                else
                {
                    WriteProblem(json, key, problem!);
                }
            }

            json.WriteEndArray();
            if (maps.Count > 1)
            {
                json.WriteEndObject();
            }
        }

        if (maps.Count > 1)
        {
            json.WriteEndArray();
        }
    }

    private static void WriteProblem(Utf8JsonWriter json, byte[] key, string problem)
    {
        json.WriteStartObject();
        json.WritePropertyName("key");
        JsonOutput.WriteBytes(json, key);
        json.WriteStartObject("value");
        json.WriteString("error", problem);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // Their elements can only be taken out, asked for, or belong to something else.
    private static bool HasKeysToWalk(MapType type) => type is not (MapType.Queue or MapType.Stack or MapType.Ringbuf or MapType.UserRingbuf or MapType.BloomFilter or MapType.Arena
        or MapType.SkStorage or MapType.InodeStorage or MapType.TaskStorage or MapType.CgrpStorage);

    /// <summary>Every key with its value; an array of objects has keys without one, and some maps keep their values to themselves.</summary>
    private static IEnumerable<(byte[] Key, byte[]? Value, string? Problem)> Elements(KernelMap map)
    {
        if (!HasKeysToWalk(map.Type))
        {
            yield break;
        }

        byte[] key = [];
        byte[] next = new byte[map.KeySize];
        for (long left = Math.Max(map.Definition.MaxEntries, 1L) * 2; left > 0 && map.TryNextKey(key, next); left--)
        {
            (key, next) = ([.. next], new byte[map.KeySize]);
            byte[]? value = new byte[map.ValueBufferSize];
            string? problem = null;
            try
            {
                if (!map.TryLookup(key, value))
                {
                    (value, problem) = (null, NoEntry);
                }
            }
            catch (KernelException e)
            {
                (value, problem) = (null, e.Diagnostic.Why ?? e.Diagnostic.What);
            }

            // Free places of an array of objects are no elements.
            if (problem != NoEntry || map.Type is not (MapType.ProgArray or MapType.ArrayOfMaps or MapType.HashOfMaps))
            {
                yield return (key, value, problem);
            }
        }
    }
}
