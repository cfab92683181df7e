using System.Globalization;
using System.Text;

namespace Osmia.Cli;

/// <summary>How wide the screen is that a person reads, and text broken to fit it. What goes into a file or a pipe is never broken.</summary>
internal static class Terminal
{
    private const int Narrowest = 20;

    /// <summary>In characters, COLUMNS first; <see cref="int.MaxValue"/> where nobody reads at a screen.</summary>
    public static int Width
    {
        get
        {
            if (Console.IsOutputRedirected)
            {
                return int.MaxValue;
            }

            bool isTold = int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out int columns);
            int width = isTold && columns > 0 ? columns : Console.WindowWidth;
            return width <= 0 ? int.MaxValue : Math.Max(width, Narrowest);
        }
    }

    /// <summary>Whether the screen can be cleared and written again.</summary>
    public static bool CanMove => !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Lines left on the screen below so many; at least one.</summary>
    public static int RowsBelow(int lines) => Console.WindowHeight <= 0 ? int.MaxValue : Math.Max(1, Console.WindowHeight - lines);

    /// <summary>Lines that fit the screen.</summary>
    /// <param name="first">Stands in front of the first line.</param>
    /// <param name="further">Stands in front of what goes on; as long as the other.</param>
    public static void WriteWrapped(TextWriter output, string text, string first, string further)
    {
        string mark = first;
        foreach (string line in Wrap(text, Width - further.Length))
        {
            output.WriteLine(mark + line);
            mark = further;
        }
    }

    /// <summary>Text in lines of at most so many characters, broken at blanks.</summary>
    public static IEnumerable<string> Wrap(string text, int width) => text.Length <= width ? [text] : Wrap(text.Split(' '), " ", width);

    /// <summary>Parts in lines of at most so many characters; a part that is longer stands alone and is left whole.</summary>
    public static IEnumerable<string> Wrap(IEnumerable<string> parts, string separator, int width)
    {
        var line = new StringBuilder();
        foreach (string part in parts)
        {
            if (line.Length > 0 && line.Length + separator.Length + part.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }

            line.Append(line.Length > 0 ? separator : "").Append(part);
        }

        yield return line.ToString();
    }
}
