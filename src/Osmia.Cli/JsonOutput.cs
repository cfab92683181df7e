using System.Text.Encodings.Web;
using System.Text.Json;

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
