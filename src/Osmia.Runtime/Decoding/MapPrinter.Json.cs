using System.Text.Json;
using Osmia.Btf.Printing;
using Osmia.Bytecode;

namespace Osmia.Runtime.Decoding;

public sealed partial class MapPrinter
{
    /// <summary>
    /// One object: <c>map</c>, <c>type</c>, and either <c>note</c>, or <c>total</c> entries and <c>entries</c> with <c>key</c>,
    /// <c>value</c>, <c>cpus</c> (per-CPU values that cannot be added up, or all when asked for) and <c>histogram</c>;
    /// <c>omitted</c> counts entries past the limit.
    /// </summary>
    public void WriteJson(Utf8JsonWriter json, Map map)
    {
        json.WriteStartObject();
        json.WriteString("map"u8, map.Name);
        json.WriteString("type"u8, map.Type.ToKernelName());
        if (MapNotes.Of(map.Type) is { } note)
        {
            json.WriteString("note"u8, note);
        }
        else
        {
            WriteEntries(json, map, MapView.Read(map, _shapes, _options));
        }

        json.WriteEndObject();
    }

    /// <summary>
    /// An array of every entry as <c>bpftool -j map dump</c> writes it: the bytes of <c>key</c> and <c>value</c> in hex (of
    /// per-CPU maps <c>values</c>, each with its <c>cpu</c>), and under <c>formatted</c> the same by their types.
    /// </summary>
    public void WriteElements(Utf8JsonWriter json, Map map)
    {
        json.WriteStartArray();
        if (MapNotes.Of(map.Type) is null)
        {
            MapView view = MapView.Read(map, _shapes, _options);
            for (int entry = 0; entry < view.Entries.Count; entry++)
            {
                json.WriteStartObject();
                WriteElement(json, map, view, entry, WriteBytes, WriteBytes);
                if (!view.IsKeyGuessed && !view.IsValueGuessed)
                {
                    json.WriteStartObject("formatted"u8);
                    WriteElement(json, map, view, entry, (json, key) => _printer.WriteJson(json, view.Key, key), (json, value) => _printer.WriteJson(json, view.Value, value));
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }

    private delegate void BytesWriter(Utf8JsonWriter json, ReadOnlySpan<byte> bytes);

    private static void WriteElement(Utf8JsonWriter json, Map map, MapView view, int entry, BytesWriter writeKey, BytesWriter writeValue)
    {
        json.WritePropertyName("key"u8);
        writeKey(json, view.Entries.Key(entry));
        if (!map.IsPerCpu)
        {
            json.WritePropertyName("value"u8);
            writeValue(json, view.Entries.Value(entry));
            return;
        }

        json.WriteStartArray("values"u8);
        for (int cpu = 0; cpu < view.Entries.ValuesPerKey; cpu++)
        {
            json.WriteStartObject();
            json.WriteNumber("cpu"u8, cpu);
            json.WritePropertyName("value"u8);
            writeValue(json, view.Entries.Value(entry, cpu));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteBytes(Utf8JsonWriter json, ReadOnlySpan<byte> bytes)
    {
        json.WriteStartArray();
        foreach (byte value in bytes)
        {
            json.WriteStringValue($"0x{value:x2}");
        }

        json.WriteEndArray();
    }

    private void WriteEntries(Utf8JsonWriter json, Map map, MapView view)
    {
        json.WriteNumber("total"u8, view.Entries.Count);
        if (view.Zero > 0)
        {
            json.WriteNumber("zero"u8, view.Zero);
        }

        if (view.Omitted > 0)
        {
            json.WriteNumber("omitted"u8, view.Omitted);
        }

        if (view.Entries.IsCut)
        {
            json.WriteBoolean("changed"u8, true);
        }

        json.WriteStartArray("entries"u8);
        foreach (int entry in view.Order)
        {
            json.WriteStartObject();
            json.WritePropertyName("key"u8);
            _printer.WriteJson(json, view.Key, view.Entries.Key(entry));
            if (!map.IsPerCpu || view.IsCombined)
            {
                json.WritePropertyName("value"u8);
                _printer.WriteJson(json, view.Value, view.ValueOf(entry));
            }

            if (map.IsPerCpu && (!view.IsCombined || _options.PerCpu))
            {
                json.WriteStartArray("cpus"u8);
                for (int cpu = 0; cpu < view.Entries.ValuesPerKey; cpu++)
                {
                    _printer.WriteJson(json, view.Value, view.Entries.Value(entry, cpu));
                }

                json.WriteEndArray();
            }

            if (view.Slots is not null)
            {
                WriteHistogram(json, Log2Histogram.Read(view.Slots, view.ValueOf(entry)));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteHistogram(Utf8JsonWriter json, Log2Histogram histogram)
    {
        json.WriteStartArray("histogram"u8);
        for (int slot = 0; slot < histogram.Counts.Length; slot++)
        {
            (ulong low, ulong high) = Log2Histogram.Range(slot);
            json.WriteStartObject();
            json.WriteNumber("low"u8, low);
            json.WriteNumber("high"u8, high);
            json.WriteNumber("count"u8, histogram.Counts[slot]);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
