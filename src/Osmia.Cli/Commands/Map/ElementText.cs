using System.Buffers.Binary;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;

namespace Osmia.Cli.Commands.Maps;

/// <summary>Keys and values as people read them: by the map's types, by what they stand for, else as bytes.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ElementText
{
    private readonly KernelMap _map;
    private readonly ValuePrinter _printer = new();
    private readonly ValueShape? _key;
    private readonly ValueShape? _value;

    public ElementText(KernelMap map, MapInfo info)
    {
        _map = map;
        if (MapTypes.Of(info) is not { } types)
        {
            return;
        }

        var shapes = new ValueShapes(types);
        _key = info.KeyType.IsVoid ? null : shapes.Of(info.KeyType);
        _value = info.ValueType.IsVoid ? null : shapes.Of(info.ValueType);
    }

    public string Key(ReadOnlySpan<byte> key) => Text(_key, key);

    /// <param name="value">All CPUs' values: one a line.</param>
    public string Value(ReadOnlySpan<byte> value)
    {
        if (_map.Type is MapType.ArrayOfMaps or MapType.HashOfMaps or MapType.ProgArray)
        {
            return $"{(_map.Type == MapType.ProgArray ? "prog" : "map")} id {BinaryPrimitives.ReadUInt32LittleEndian(value)}";
        }

        if (!_map.IsPerCpu)
        {
            return Text(_value, value);
        }

        var lines = new StringBuilder();
        for (int cpu = 0; cpu < _map.ValuesPerKey; cpu++)
        {
            lines.Append(cpu == 0 ? "" : "\n").Append(System.Globalization.CultureInfo.InvariantCulture, $"cpu {cpu}: {Text(_value, value.Slice(cpu * _map.ValueStride, _map.ValueSize))}");
        }

        return lines.ToString();
    }

    private string Text(ValueShape? shape, ReadOnlySpan<byte> bytes)
    {
        if (shape is null)
        {
            return bytes.IsEmpty ? "none" : HexBytes.Spaced(bytes);
        }

        var text = new Utf8Buffer();
        _printer.Append(text, shape, bytes);
        return Encoding.UTF8.GetString(text.Written);
    }
}
