using System.Runtime.Versioning;
using System.Text.Encodings.Web;
using System.Text.Json;
using Osmia.Cli.Inventory;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli;

/// <summary>One JSON value on standard output, as bpftool's -j and -p print it.</summary>
internal static class JsonOutput
{
    public static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    public static readonly JsonWriterOptions Indented = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true };

    public static void WriteIds(Utf8JsonWriter json, string name, IEnumerable<uint> ids)
    {
        json.WriteStartArray(name);
        foreach (uint id in ids)
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
    }

    /// <summary>The processes that hold an object, as bpftool names them; nothing when there are none.</summary>
    [SupportedOSPlatform("linux")]
    public static void WriteHolders(Utf8JsonWriter json, IReadOnlyList<Holder> holders)
    {
        if (holders.Count == 0)
        {
            return;
        }

        json.WriteStartArray("pids");
        foreach (Holder holder in holders)
        {
            json.WriteStartObject();
            json.WriteNumber("pid", holder.Pid);
            json.WriteString("comm", holder.Command);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Files that stand for an object, as bpftool's -f adds them: of every object once one is pinned.</summary>
    [SupportedOSPlatform("linux")]
    public static void WritePins(Utf8JsonWriter json, PinTable pins, ObjectKind kind, uint id)
    {
        if (pins.IsEmptyOf(kind))
        {
            return;
        }

        json.WriteStartArray("pinned");
        foreach (string path in pins.Of(kind, id))
        {
            json.WriteStringValue(path);
        }

        json.WriteEndArray();
    }

    /// <summary>Bytes as bpftool writes them.</summary>
    public static void WriteBytes(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
    {
        json.WriteStartArray();
        foreach (byte value in bytes)
        {
            json.WriteStringValue($"0x{value:x2}");
        }

        json.WriteEndArray();
    }

    public static void Write(bool pretty, Action<Utf8JsonWriter> write)
    {
        using Stream output = StandardOutput.Open();
        using (var json = new Utf8JsonWriter(output, pretty ? Indented : Plain))
        {
            write(json);
        }

        output.WriteByte((byte)'\n');
    }
}
