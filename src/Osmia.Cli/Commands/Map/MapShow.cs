using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Cli.Inventory;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Commands.Maps;

/// <summary><c>osmia map show [MAP]</c>, with bpftool's fields.</summary>
[SupportedOSPlatform("linux")]
internal static class MapShow
{
    public static void Run(VerbCall call)
    {
        bool isAll = call.Words.IsAtEnd;
        List<MapInfo> maps = isAll ? [.. KernelInventory.Maps()] : MapWords.Find(call.Words);
        call.Words.End();
        PinTable pins = call.WithPins ? PinTable.Read() : PinTable.Empty;
        Holders holders = Holders.Read();
        call.AnswerList(maps, isAll || maps.Count > 1, (json, map) => WriteFields(json, map, pins, holders), "no maps", () => Table(maps, pins, holders));
    }

    private static TextTable Table(List<MapInfo> maps, PinTable pins, Holders holders)
    {
        var table = new TextTable("ID", "TYPE", "NAME", "KEY", "VALUE", "ENTRIES", "FLAGS", "MEMORY", "BTF", "HELD BY");
        foreach (MapInfo map in maps)
        {
            table.Add(
                $"{map.Id}", map.Type.ToKernelName(), map.Name, $"{map.KeySize}", $"{map.ValueSize}", $"{map.MaxEntries}",
                $"0x{map.Flags:x}{(map.IsFrozen ? " frozen" : "")}", $"{map.MemoryInBytes}", $"{map.BtfId}",
                HeldBy.Of(holders.Of(HeldKind.Map, map.Id), pins.Of(ObjectKind.Map, map.Id)));
        }

        return table;
    }

    private static void WriteFields(Utf8JsonWriter json, MapInfo map, PinTable pins, Holders holders)
    {
        WriteHeader(json, map);
        json.WriteNumber("bytes_key", map.KeySize);
        json.WriteNumber("bytes_value", map.ValueSize);
        json.WriteNumber("max_entries", map.MaxEntries);
        json.WriteNumber("bytes_memlock", map.MemoryInBytes);
        if (map.OwnerType is { } owner)
        {
            json.WriteString("owner_prog_type", owner.ToKernelName());
            json.WriteBoolean("owner_jited", map.IsOwnerJited);
        }

        json.WriteNumber("frozen", map.IsFrozen ? 1 : 0);
        if (map.BtfId != 0)
        {
            json.WriteNumber("btf_id", map.BtfId);
        }

        JsonOutput.WritePins(json, pins, ObjectKind.Map, map.Id);
        JsonOutput.WriteHolders(json, holders.Of(HeldKind.Map, map.Id));
    }

    /// <summary>What says which map it is.</summary>
    public static void WriteHeader(Utf8JsonWriter json, MapInfo map)
    {
        json.WriteNumber("id", map.Id);
        json.WriteString("type", map.Type.ToKernelName());
        if (map.Name.Length > 0)
        {
            json.WriteString("name", map.Name);
        }

        json.WriteNumber("flags", map.Flags);
    }
}
