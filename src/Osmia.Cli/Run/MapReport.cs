using System.Text.Json;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Runtime;
using Osmia.Runtime.Decoding;

namespace Osmia.Cli.Run;

/// <summary>Prints the maps that hold results: not the object's own variables, buffers, or tables of programs and maps.</summary>
internal sealed class MapReport(LoadedObject loaded, ISymbolizer? symbolizer, bool json)
{
    // Written by who attaches: where the arguments of USDT probes lie.
    private const string UsdtRecords = "__bpf_usdt_specs";

    private readonly MapPrinter _printer = new(loaded.Definition.Types, symbolizer);
    private readonly Utf8Buffer _text = new();

    public static bool HoldsRecords(Map map) => map.Type is MapType.Ringbuf or MapType.PerfEventArray;

    public void Write(Stream output)
    {
        List<Map> maps = [.. loaded.Maps.Where(IsResult)];
        if (json)
        {
            maps.ForEach(map => WriteJson(output, map));
        }
        else
        {
            WriteText(output, maps);
        }

        output.Flush();
    }

    private void WriteJson(Stream output, Map map)
    {
        using (var writer = new Utf8JsonWriter(output, JsonOutput.Plain))
        {
            _printer.WriteJson(writer, map);
        }

        output.WriteByte((byte)'\n');
    }

    /// <summary>Maps that hold something; the names of the others in a line. Beside records they are the program's private memory.</summary>
    private void WriteText(Stream output, List<Map> maps)
    {
        ILookup<bool, Map> byContent = maps.ToLookup(HoldsNothing);
        bool reportsRecords = loaded.Maps.Any(HoldsRecords);
        bool isAllEmpty = !byContent[false].Any() && !reportsRecords;
        _text.Clear();
        foreach (Map map in isAllEmpty ? maps : byContent[false])
        {
            _text.Append((byte)'\n');
            _printer.Append(_text, map);
        }

        if (!isAllEmpty && !reportsRecords && byContent[true].Any())
        {
            _text.Append($"\nempty: {string.Join(", ", byContent[true].Select(map => map.Name))}\n");
        }

        output.Write(_text.Written);
    }

    /// <summary>No entries, or an array whose elements are all zero.</summary>
    private static bool HoldsNothing(Map map)
    {
        byte[] key = new byte[map.KeySize];
        bool isArray = map.Type is MapType.Array or MapType.PercpuArray;
        if (map.KeySize == 0 || !map.TryNextKey(default, key))
        {
            return true;
        }

        byte[] value = new byte[map.ValueBufferSize];
        byte[] next = new byte[map.KeySize];
        while (isArray && !(map.TryLookup(key, value) && value.AsSpan().ContainsAnyExcept((byte)0)))
        {
            if (!map.TryNextKey(key, next))
            {
                return true;
            }

            (key, next) = (next, key);
        }

        return false;
    }

    private static bool IsResult(Map map) =>
        !map.Definition.IsDataSection
        && !HoldsRecords(map)
        && map.Name != UsdtRecords
        && map.Type is not (MapType.ProgArray or MapType.ArrayOfMaps or MapType.HashOfMaps or MapType.StackTrace);
}
