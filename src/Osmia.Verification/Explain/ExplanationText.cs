using System.Text;
using Osmia.Objects;

namespace Osmia.Verification.Explain;

/// <summary>An explanation as text: what, where, story, path, example, why, try.</summary>
public static class ExplanationText
{
    private const int Indent = 9;

    /// <param name="paint">Given a part's kind and its text, the text in colour; null for plain text.</param>
    public static string Write(Explanation explanation, Func<ExplanationPart, string, string>? paint = null)
    {
        paint ??= (_, text) => text;
        var text = new StringBuilder();
        text.Append(paint(ExplanationPart.Id, explanation.Id)).Append(": ").Append(paint(ExplanationPart.What, explanation.What));
        string function = explanation.Function == explanation.Program ? "" : $", function '{explanation.Function}'";
        string place = explanation.Line is { } line ? $"{line}, " : "";
        string slot = explanation.Slot >= 0 ? $", instruction {explanation.Slot}" : "";
        Label(text, paint, "where").Append($"{place}program '{explanation.Program}'{function}{slot}");
        WriteStory(text, explanation, paint);
        WritePath(text, explanation, paint);
        if (explanation.Witness is { } witness)
        {
            Label(text, paint, "example").Append(witness);
        }

        if (explanation.Why is { } why)
        {
            Label(text, paint, "why").Append(why);
        }

        for (int i = 0; i < explanation.Try.Count; i++)
        {
            (i == 0 ? Label(text, paint, "try") : text.Append('\n').Append(' ', Indent)).Append(paint(ExplanationPart.Remedy, explanation.Try[i]));
        }

        if (explanation.KernelMessage is { } said)
        {
            Label(text, paint, "kernel").Append(said.Replace("\n", "\n" + new string(' ', Indent), StringComparison.Ordinal));
        }

        return text.ToString();
    }

    private static void WriteStory(StringBuilder text, Explanation explanation, Func<ExplanationPart, string, string> paint)
    {
        if (explanation.Story.Count == 0)
        {
            WriteCode(text, explanation, paint);
            return;
        }

        int width = Math.Min(explanation.Story.Max(step => step.Instruction.Length), 40);
        int digits = explanation.Story.Max(step => step.Slot).ToString(System.Globalization.CultureInfo.InvariantCulture).Length;
        SourceLine? shown = null;
        bool isFirst = true;
        foreach (StoryStep step in explanation.Story)
        {
            if (step.Line is { } line && (shown is null || line.Line != shown.Line || line.File != shown.File))
            {
                shown = line;
                Head(text, paint, ref isFirst).Append(paint(ExplanationPart.Source, Short(line)));
            }

            string number = step.Slot.ToString(System.Globalization.CultureInfo.InvariantCulture).PadLeft(digits);
            string padded = step.Instruction.PadRight(width);
            ExplanationPart part = step.Kind switch
            {
                StoryKind.Use => ExplanationPart.What,
                StoryKind.Loss => ExplanationPart.Loss,
                _ => ExplanationPart.Text,
            };
            Head(text, paint, ref isFirst).Append(shown is null ? "" : "  ").Append(paint(ExplanationPart.Instruction, $"{number}: {padded}")).Append("  ").Append(paint(part, step.Text));
        }
    }

    private static void WriteCode(StringBuilder text, Explanation explanation, Func<ExplanationPart, string, string> paint)
    {
        if (explanation.Line is { } line)
        {
            text.Append('\n').Append(' ', Indent).Append(paint(ExplanationPart.Source, line.Text));
        }

        if (explanation.Instruction.Length > 0)
        {
            text.Append('\n').Append(' ', Indent).Append(paint(ExplanationPart.Instruction, $"{explanation.Slot}: {explanation.Instruction}"));
        }
    }

    private static void WritePath(StringBuilder text, Explanation explanation, Func<ExplanationPart, string, string> paint)
    {
        bool isFirst = true;
        foreach (PathDecision decision in explanation.Path)
        {
            string line = decision.Line is { } source ? Short(source) : "";
            string omitted = isFirst && explanation.OmittedDecisions > 0 ? $"(after {explanation.OmittedDecisions} other branches) " : "";
            string arrow = $"{decision.Slot} -> {decision.Next}";
            (isFirst ? Label(text, paint, "path") : text.Append('\n').Append(' ', Indent)).Append($"{omitted}{paint(ExplanationPart.Instruction, arrow.PadRight(12))} {decision.Text.PadRight(20)}  {paint(ExplanationPart.Source, line)}".TrimEnd());
            isFirst = false;
        }
    }

    /// <summary>Whole paths stand once, where the refusal is.</summary>
    private static string Short(SourceLine line) => $"{line.File[(line.File.LastIndexOf('/') + 1)..]}:{line.Line}: {line.Text}";

    private static StringBuilder Head(StringBuilder text, Func<ExplanationPart, string, string> paint, ref bool isFirst)
    {
        bool first = isFirst;
        isFirst = false;
        return first ? Label(text, paint, "story") : text.Append('\n').Append(' ', Indent);
    }

    private static StringBuilder Label(StringBuilder text, Func<ExplanationPart, string, string> paint, string label) =>
        text.Append('\n').Append(paint(ExplanationPart.Label, $"{label}:")).Append(' ', Indent - label.Length - 1);
}

/// <summary>Parts of an explanation that a terminal may paint.</summary>
public enum ExplanationPart
{
    Id,
    What,
    Label,
    Source,
    Instruction,
    Text,
    Loss,
    Remedy,
}
