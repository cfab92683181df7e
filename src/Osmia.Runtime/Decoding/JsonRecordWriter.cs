using System.Text.Encodings.Web;
using System.Text.Json;
using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>
/// Records as JSON lines: one object a record, members as in the struct. 64-bit numbers stay numbers, which readers that keep
/// numbers as doubles must know. For one thread; the caller owns the stream and calls <see cref="Flush"/>.
/// </summary>
public sealed class JsonRecordWriter : IDisposable
{
    private const int FlushAt = 1 << 15;

    private readonly RecordSchema _schema;
    private readonly Stream _output;
    private readonly ValuePrinter _printer;
    private readonly Utf8Buffer _text = new(FlushAt * 2);
    private readonly Utf8JsonWriter _json;

    public JsonRecordWriter(RecordSchema schema, Stream output, ISymbolizer? symbolizer = null)
    {
        _schema = schema;
        _output = output;
        _printer = new ValuePrinter(SymbolizerNames.Of(symbolizer));
        _json = new Utf8JsonWriter(_text, Options);
    }

    /// <summary>Nothing goes to a web page, so that only what JSON itself needs is escaped.</summary>
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public void Write(ReadOnlySpan<byte> record)
    {
        _json.Reset();
        if (_schema.Shape.Kind == ShapeKind.Composite)
        {
            _printer.WriteJson(_json, _schema.Shape, record);
        }
        else
        {
            _json.WriteStartObject();
            _json.WritePropertyName("data"u8);
            _printer.WriteJson(_json, _schema.Shape, record);
            _json.WriteEndObject();
        }

        _json.Flush();
        _text.Append((byte)'\n');
        if (_text.Length >= FlushAt)
        {
            Flush();
        }
    }

    public void Flush()
    {
        _output.Write(_text.Written);
        _output.Flush();
        _text.Clear();
    }

    public void Dispose() => _json.Dispose();
}
