using System.Text;

namespace Osmia.Objects.Diagnostics;

/// <summary>What a person is told when something is refused: what happened, where, why, and what to try. Each id has a page in docs/diagnostics.</summary>
public sealed record Diagnostic(string Id, string What)
{
    public string? Where { get; init; }

    /// <summary>How it came to that, in lines of its own with labels of their own: an explanation's story and path.</summary>
    public string? Story { get; init; }

    public string? Why { get; init; }

    public string? Try { get; init; }

    public override string ToString()
    {
        var text = new StringBuilder().Append(Id).Append(": ").Append(What);
        Append(text, "where", Where);
        if (!string.IsNullOrEmpty(Story))
        {
            text.Append('\n').Append(Story);
        }

        Append(text, "why", Why);
        Append(text, "try", Try);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string label, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            text.Append('\n').Append(label).Append(": ").Append(value.Replace("\n", "\n  ", StringComparison.Ordinal));
        }
    }
}
