using System.Text;

namespace Osmia.Cli;

/// <summary>
/// Rows of text in aligned columns; the last column is as long as it likes. Numbers are set right. On a screen that is too narrow the columns that
/// do not fit stand under their row, each with its header.
/// </summary>
internal sealed class TextTable(params string[] headers)
{
    private readonly List<string[]> _rows = [];

    public int Count => _rows.Count;

    /// <summary>Given a column and a padded cell below the headers, the cell in colour.</summary>
    public Func<int, string, string>? Paint { get; init; }

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Write(TextWriter output, string indent = "  ")
    {
        int[] widths = new int[headers.Length];
        bool[] right = new bool[headers.Length];
        for (int column = 0; column < headers.Length; column++)
        {
            widths[column] = headers[column].Length;
            right[column] = _rows.Count > 0;
            foreach (string[] row in _rows)
            {
                widths[column] = Math.Max(widths[column], row[column].Length);
                right[column] &= IsNumber(row[column]);
            }
        }

        int room = Terminal.Width - indent.Length;
        WriteRow(output, indent, headers[..Fitting(widths, headers, room)], widths, right, null);
        foreach (string[] row in _rows)
        {
            int fitting = Fitting(widths, row, room);
            WriteRow(output, indent, row[..fitting], widths, right, Paint);
            if (fitting < row.Length)
            {
                IEnumerable<string> rest = Enumerable.Range(fitting, row.Length - fitting).Where(i => row[i].Length > 0).Select(i => $"{headers[i]} {row[i]}");
                foreach (string line in Terminal.Wrap(rest, "  ", room - Under.Length))
                {
                    output.WriteLine(indent + Under + line);
                }
            }
        }
    }

    private const string Under = "    ";

    /// <summary>How many columns of a row fit, at least one. The last column is as wide as the row's own cell.</summary>
    private static int Fitting(int[] widths, string[] row, int room)
    {
        int used = 0;
        for (int i = 0; i < widths.Length; i++)
        {
            used += (i < widths.Length - 1 ? widths[i] : row[i].Length) + (i > 0 ? 2 : 0);
            if (used > room)
            {
                return Math.Max(1, i);
            }
        }

        return widths.Length;
    }

    private static bool IsNumber(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c) && c is not ('.' or '-' or ','))
            {
                return false;
            }
        }

        return text.Length > 0;
    }

    private static void WriteRow(TextWriter output, string indent, string[] cells, int[] widths, bool[] right, Func<int, string, string>? paint)
    {
        var line = new StringBuilder(indent);
        for (int i = 0; i < cells.Length; i++)
        {
            string padded = right[i] ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i]);
            line.Append(paint?.Invoke(i, padded) ?? padded).Append("  ");
        }

        output.WriteLine(line.ToString().TrimEnd());
    }
}
