using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>
/// Records as aligned columns, one line each, in the manner of the BCC tools: a heading, columns to the left, a last column of
/// text as long as it is. A column widens when a longer value comes, and keeps that width. Allocates nothing per record but what
/// symbols need. For one thread; the caller owns the stream and calls <see cref="Flush"/> when it has no more records for now.
/// </summary>
public sealed class ColumnPrinter
{
    private const int WidestColumn = 48;
    private const int FlushAt = 1 << 15;

    private readonly RecordSchema _schema;
    private readonly Stream _output;
    private readonly ValuePrinter _printer;
    private readonly Utf8Buffer _text = new(FlushAt * 2);
    private readonly int[] _widths;

    public ColumnPrinter(RecordSchema schema, Stream output, ISymbolizer? symbolizer = null)
    {
        _schema = schema;
        _output = output;
        _printer = new ValuePrinter(SymbolizerNames.Of(symbolizer));
        _widths = [.. schema.Columns.Select(column => column.Width)];
    }

    public void WriteHeader()
    {
        for (int i = 0; i < _widths.Length; i++)
        {
            int start = _text.Length;
            _text.Append(_schema.Columns[i].Header);
            EndColumn(i, start);
        }
    }

    public void Write(ReadOnlySpan<byte> record)
    {
        for (int i = 0; i < _widths.Length; i++)
        {
            int start = _text.Length;
            _schema.Columns[i].Append(_printer, _text, record);
            EndColumn(i, start);
        }

        if (_text.Length >= FlushAt)
        {
            Flush();
        }
    }

    private void EndColumn(int column, int start)
    {
        if (column == _widths.Length - 1)
        {
            _text.EndLine();
            return;
        }

        int length = _text.CharactersFrom(start);
        _widths[column] = Math.Max(_widths[column], Math.Min(length, WidestColumn));
        _text.AppendRepeated((byte)' ', _widths[column] - length + 1);
        _ = length > _widths[column] ? _text.Append((byte)' ') : _text;
    }

    public void Flush()
    {
        _output.Write(_text.Written);
        _output.Flush();
        _text.Clear();
    }
}
