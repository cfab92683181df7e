using System.Text.Json;

namespace Osmia.Btf.Printing;

public sealed partial class ValuePrinter
{
    private readonly Utf8Buffer _scratch = new(64);

    /// <summary>
    /// A whole value: numbers as numbers (durations in their own unit), addresses, pointers and text as strings,
    /// enumerators by name; null where bytes are missing.
    /// </summary>
    public void WriteJson(Utf8JsonWriter json, ValueShape shape, ReadOnlySpan<byte> value)
    {
        _budget = NodeLimit;
        WriteJson(json, shape, value, pid: 0);
    }

    private void WriteJson(Utf8JsonWriter json, ShapeMember member, ReadOnlySpan<byte> composite, int pid)
    {
        if (member.BitSize == 0)
        {
            WriteJson(json, member.Shape, ValueNumbers.At(composite, member.ByteOffset, member.Shape.Size), pid);
        }
        else if (ValueNumbers.TryReadBits(composite, member, out long bits))
        {
            WriteInteger(json, member.Shape, bits, pid);
        }
        else
        {
            json.WriteNullValue();
        }
    }

    private void WriteJson(Utf8JsonWriter json, ValueShape shape, ReadOnlySpan<byte> value, int pid)
    {
        if (--_budget < 0 || (value.Length < shape.Size && !CanBeCut(shape)))
        {
            json.WriteNullValue();
            return;
        }

        switch (shape.Kind)
        {
            case ShapeKind.Integer when shape.Size == 16:
                json.WriteRawValue(WideText(shape, value));
                break;
            case ShapeKind.Integer or ShapeKind.Bool or ShapeKind.Enum or ShapeKind.Pointer:
                WriteInteger(json, shape, ValueNumbers.Read(shape, value), pid);
                break;
            case ShapeKind.Float:
                WriteFloat(json, ValueNumbers.ReadFloat(shape, value));
                break;
            case ShapeKind.Text:
                int end = value.IndexOf((byte)0);
                json.WriteStringValue(end < 0 ? value : value[..end]);
                break;
            case ShapeKind.Bytes:
                _scratch.Clear();
                AppendBytes(_scratch, shape, value);
                json.WriteStringValue(_scratch.Written);
                break;
            case ShapeKind.Array:
                WriteArray(json, shape, value, pid);
                break;
            case ShapeKind.Prefix:
                WritePrefix(json, shape, value);
                break;
            default:
                WriteComposite(json, shape, value);
                break;
        }
    }

    private void WriteInteger(Utf8JsonWriter json, ValueShape shape, long value, int pid)
    {
        bool isText = shape.Kind == ShapeKind.Pointer
            || shape.Format is FieldFormat.KernelSymbol or FieldFormat.UserSymbol or FieldFormat.Hex
            || (shape.Kind == ShapeKind.Enum && !shape.NameOf(value).IsEmpty);
        if (isText)
        {
            _scratch.Clear();
            AppendInteger(_scratch, shape, value, pid);
            json.WriteStringValue(_scratch.Written);
        }
        else if (shape.Kind == ShapeKind.Bool && value is 0 or 1)
        {
            json.WriteBooleanValue(value == 1);
        }
        else if (shape.IsSigned)
        {
            json.WriteNumberValue(value);
        }
        else
        {
            json.WriteNumberValue((ulong)value);
        }
    }

    private ReadOnlySpan<byte> WideText(ValueShape shape, ReadOnlySpan<byte> value)
    {
        _scratch.Clear();
        AppendWide(_scratch, shape, value);
        return _scratch.Written;
    }

    // JSON has no infinities.
    private static void WriteFloat(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value))
        {
            json.WriteNumberValue(value);
        }
        else
        {
            json.WriteStringValue(value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private void WriteArray(Utf8JsonWriter json, ValueShape shape, ReadOnlySpan<byte> value, int pid)
    {
        ValueShape element = shape.Element!;
        json.WriteStartArray();
        for (uint i = 0; i < shape.Count && _budget > 0; i++)
        {
            WriteJson(json, element, ValueNumbers.At(value, i * element.Size, element.Size), pid);
        }

        if (_budget <= 0)
        {
            json.WriteNullValue();
        }

        json.WriteEndArray();
    }

    private void WriteComposite(Utf8JsonWriter json, ValueShape shape, ReadOnlySpan<byte> value)
    {
        int pid = ProcessOf(shape, value);
        json.WriteStartObject();
        foreach (ShapeMember member in shape.Members)
        {
            if (_budget <= 0)
            {
                break;
            }

            json.WritePropertyName(member.JsonName);
            WriteJson(json, member, value, pid);
        }

        json.WriteEndObject();
    }

    private void WritePrefix(Utf8JsonWriter json, ValueShape shape, ReadOnlySpan<byte> value)
    {
        if (shape.Members.Length == 2)
        {
            _scratch.Clear();
            AppendPrefix(_scratch, shape, value);
            json.WriteStringValue(_scratch.Written);
        }
        else
        {
            WriteComposite(json, shape, value);
        }
    }
}
