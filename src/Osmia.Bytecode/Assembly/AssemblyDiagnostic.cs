using System.Globalization;
using System.Text;

namespace Osmia.Bytecode.Assembly;

/// <summary>
/// What is wrong with one place of an assembly text. Lines and columns count from 1, columns in UTF-16 units. Each id has a page in
/// docs/diagnostics.
/// </summary>
public sealed record AssemblyDiagnostic(string Id, int Line, int Column, string What)
{
    public string? Why { get; init; }

    public string? Try { get; init; }

    /// <summary>The line of the text, shortened when it is long.</summary>
    public string Text { get; init; } = "";

    public override string ToString() => ToString(null);

    /// <summary>The four parts, with the file's name before line and column.</summary>
    public string ToString(string? file)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Id}: {What}\nwhere: ");
        _ = file is null ? text.Append(CultureInfo.InvariantCulture, $"line {Line}, column {Column}") : text.Append(CultureInfo.InvariantCulture, $"{file}:{Line}:{Column}");
        text.Append(": ").Append(Text);
        _ = Why is null ? text : text.Append("\nwhy: ").Append(Why);
        _ = Try is null ? text : text.Append("\ntry: ").Append(Try);
        return text.ToString();
    }
}

/// <summary>An assembly text that is not a program. The message holds every problem that was found.</summary>
public sealed class AssemblyException(IReadOnlyList<AssemblyDiagnostic> diagnostics) : FormatException(string.Join('\n', diagnostics))
{
    public IReadOnlyList<AssemblyDiagnostic> Diagnostics { get; } = diagnostics;
}
