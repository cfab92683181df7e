using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>Cells collected row by row, then printed with columns as wide as their longest cell; numbers to the right.</summary>
internal sealed class TextTable
{
    private const int Gap = 2;

    private readonly List<TextColumn> _columns;
    private readonly List<int> _ends = [];
    private readonly int[] _widths;

    public TextTable(List<TextColumn> columns)
    {
        _columns = columns;
        _widths = new int[columns.Count];
        foreach (TextColumn column in columns)
        {
            Cell.Append(column.Header);
            EndCell();
        }
    }

    /// <summary>Receives the text of the next cell.</summary>
    public Utf8Buffer Cell { get; } = new();

    public void EndCell()
    {
        int column = _ends.Count % _widths.Length;
        _widths[column] = Math.Max(_widths[column], Cell.CharactersFrom(_ends.Count == 0 ? 0 : _ends[^1]));
        _ends.Add(Cell.Length);
    }

    public void AppendTo(Utf8Buffer text)
    {
        int from = 0;
        for (int i = 0; i < _ends.Count; i++)
        {
            int column = i % _widths.Length;
            int start = text.Length;
            text.Append(Cell.Written[from.._ends[i]]);
            from = _ends[i];
            bool isLast = column == _widths.Length - 1;
            if (_columns[column].IsNumber)
            {
                text.PadLeft(start, _widths[column]);
            }
            else if (!isLast)
            {
                text.PadRight(start, _widths[column]);
            }

            _ = isLast ? text.EndLine() : text.AppendRepeated((byte)' ', Gap);
        }
    }
}

internal sealed record TextColumn(string Header, bool IsNumber = false);
