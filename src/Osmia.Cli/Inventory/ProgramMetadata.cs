using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Inventory;

/// <summary>What a program says of itself: constants whose names begin with <c>bpf_metadata_</c>, as bpftool shows them.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgramMetadata
{
    private const string Prefix = "bpf_metadata_";

    /// <summary>An object under <c>metadata</c>; nothing when the program says nothing.</summary>
    /// <param name="maps">All maps of the kernel, by number.</param>
    public static void Write(Utf8JsonWriter json, ProgramInfo program, IReadOnlyDictionary<uint, MapInfo> maps)
    {
        foreach (uint id in program.MapIds)
        {
            if (maps.TryGetValue(id, out MapInfo? map) && map is { Type: MapType.Array, BtfId: not 0, MaxEntries: 1 } && map.Name.EndsWith(".rodata", StringComparison.Ordinal) && TryWrite(json, map))
            {
                return;
            }
        }
    }

    private static bool TryWrite(Utf8JsonWriter json, MapInfo info)
    {
        BtfTypes types = BtfTypes.Parse(KernelInventory.BtfBytes(info.BtfId));
        if (info.ValueType.IsVoid || types[info.ValueType].Kind != BtfKind.DataSection)
        {
            return false;
        }

        ShapeMember[] facts = [.. new ValueShapes(types).Of(info.ValueType).Members.Where(variable => variable.Name.StartsWith(Prefix, StringComparison.Ordinal))];
        if (facts.Length == 0 || Value(info.Id) is not { } value)
        {
            return false;
        }

        var printer = new ValuePrinter();
        json.WriteStartObject("metadata");
        foreach (ShapeMember fact in facts)
        {
            json.WritePropertyName(fact.Name[Prefix.Length..]);
            printer.WriteJson(json, fact.Shape, value.AsSpan((int)fact.ByteOffset));
        }

        json.WriteEndObject();
        return true;
    }

    private static byte[]? Value(uint id)
    {
        try
        {
            using KernelMap map = KernelInventory.OpenMap(id);
            byte[] value = new byte[map.ValueBufferSize];
            return map.TryLookup(stackalloc byte[4], value) ? value : null;
        }
        catch (KernelException e) when (e.Diagnostic.Id == "OSM5041")
        {
            return null; // The program went away meanwhile.
        }
    }
}
