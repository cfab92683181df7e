using System.Buffers.Binary;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;

namespace Osmia.Cli.Commands.Maps;

/// <summary>Elements as bpftool writes them: bytes of key and value, and under <c>formatted</c> the same by the map's types.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ElementJson
{
    private readonly KernelMap _map;
    private readonly ValuePrinter _printer = new();
    private readonly ValueShape? _key;
    private readonly ValueShape? _value;
    private readonly string? _section;

    public ElementJson(KernelMap map, MapInfo info)
    {
        _map = map;
        if (MapTypes.Of(info) is not { } types)
        {
            return;
        }

        var shapes = new ValueShapes(types);
        _key = info.KeyType.IsVoid ? null : shapes.Of(info.KeyType);
        _value = info.ValueType.IsVoid ? null : shapes.Of(info.ValueType);
        _section = !info.ValueType.IsVoid && types[info.ValueType] is { Kind: BtfKind.DataSection } section ? section.Name : null;
    }

    /// <param name="value">All CPUs' values.</param>
    public void Write(Utf8JsonWriter json, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        json.WriteStartObject();
        json.WritePropertyName("key");
        JsonOutput.WriteBytes(json, key);
        if (_map.IsPerCpu)
        {
            WriteCpus(json, value, static (json, bytes) => JsonOutput.WriteBytes(json, bytes));
        }
        else
        {
            json.WritePropertyName("value");
            JsonOutput.WriteBytes(json, value);
            if (_map.Type is MapType.ArrayOfMaps or MapType.HashOfMaps)
            {
                json.WriteNumber("inner_map_id", BinaryPrimitives.ReadUInt32LittleEndian(value));
            }
        }

        if (_value is { } shape)
        {
            json.WriteStartObject("formatted");
            if (_key is { } keyShape)
            {
                json.WritePropertyName("key");
                _printer.WriteJson(json, keyShape, key);
            }

            if (_map.IsPerCpu)
            {
                WriteCpus(json, value, (json, bytes) => _printer.WriteJson(json, shape, bytes));
            }
            else
            {
                json.WritePropertyName("value");
                WriteTyped(json, shape, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>Of a data section an array of its variables, each an object.</summary>
    private void WriteTyped(Utf8JsonWriter json, ValueShape shape, ReadOnlySpan<byte> value)
    {
        if (_section is null)
        {
            _printer.WriteJson(json, shape, value);
            return;
        }

        json.WriteStartObject();
        json.WriteStartArray(_section);
        foreach (ShapeMember variable in shape.Members)
        {
            json.WriteStartObject();
            json.WritePropertyName(variable.JsonName);
            _printer.WriteJson(json, variable.Shape, value[(int)variable.ByteOffset..]);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private delegate void ValueWriter(Utf8JsonWriter json, ReadOnlySpan<byte> value);

    private void WriteCpus(Utf8JsonWriter json, ReadOnlySpan<byte> values, ValueWriter write)
    {
        json.WriteStartArray("values");
        for (int cpu = 0; cpu < _map.ValuesPerKey; cpu++)
        {
            json.WriteStartObject();
            json.WriteNumber("cpu", cpu);
            json.WritePropertyName("value");
            write(json, values.Slice(cpu * _map.ValueStride, _map.ValueSize));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
