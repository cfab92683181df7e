using System.Globalization;
using System.Text.Json;
using Osmia.Objects;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Cli.Verify;

/// <summary>One line a program. Keys are never renamed; new ones come at the end.</summary>
internal static class VerifyJson
{
    public static void Write(Stream output, Judgement answer, VerificationOptions options)
    {
        using (var json = new Utf8JsonWriter(output, JsonOutput.Plain))
        {
            json.WriteStartObject();
            WriteVerdict(json, answer);
            if (answer.Explanation is { } explanation)
            {
                WriteExplanation(json, explanation);
            }

            if (answer.Report?.Log is { Length: > 0 } log)
            {
                json.WriteString("log", log);
            }

            if (options.Cost && answer is { Report.Cost: { } cost, Linked: { } program })
            {
                json.WriteStartArray("cost");
                foreach (CostText.LineCost line in CostText.Lines(program, cost).Where(line => line.Walked > 0))
                {
                    json.WriteStartObject();
                    WriteLine(json, line.Line);
                    json.WriteNumber("insn", line.Slot);
                    json.WriteNumber("insns_processed", line.Walked);
                    json.WriteNumber("covered", line.Covered);
                    json.WriteNumber("missed", line.Missed);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            if (options.Facts && answer is { Report.Facts: { } facts })
            {
                FactsJson.Write(json, facts);
            }

            json.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static void WriteVerdict(Utf8JsonWriter json, Judgement answer)
    {
        VerificationReport? report = answer.Report;
        json.WriteString("file", answer.File);
        json.WriteString("section", answer.Section);
        json.WriteString("program", answer.Program);
        json.WriteString("type", answer.Type);
        json.WriteString("verdict", answer.Verdict);
        json.WriteNumber("insns_processed", report?.InstructionsProcessed ?? 0);
        json.WriteNumber("total_states", report?.TotalStates ?? 0);
        json.WriteNumber("peak_states", report?.PeakStates ?? 0);
        json.WriteNumber("stack_depth", report?.StackDepth ?? 0);
        json.WriteNumber("time_us", (long)(report?.Time.TotalMicroseconds ?? 0));
        json.WriteString("id", report?.Problem?.Id ?? answer.Error?.Id);
        json.WriteString("message", report?.Problem?.Message ?? answer.Error?.What);
        if (report?.Problem is { } problem)
        {
            json.WriteNumber("insn", problem.Slot);
        }
        else
        {
            json.WriteNull("insn");
        }

        WriteLine(json, answer.Explanation?.Line);
        json.WriteStartObject("limits");
        json.WriteNumber("insns_left", 1_000_000 - (report?.InstructionsProcessed ?? 0));
        json.WriteNumber("stack_left", 512 - (report?.StackDepth ?? 0));
        json.WriteEndObject();
    }

    private static void WriteExplanation(Utf8JsonWriter json, Explanation explanation)
    {
        json.WriteString("family", explanation.Family.ToString());
        json.WriteString("function", explanation.Function);
        json.WriteString("instruction", explanation.Instruction);
        json.WriteStartArray("story");
        foreach (StoryStep step in explanation.Story)
        {
            json.WriteStartObject();
            json.WriteString("kind", step.Kind.ToString().ToLower(CultureInfo.InvariantCulture));
            json.WriteNumber("insn", step.Slot);
            json.WriteString("instruction", step.Instruction);
            WriteLine(json, step.Line);
            json.WriteString("text", step.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("path");
        foreach (PathDecision decision in explanation.Path)
        {
            json.WriteStartObject();
            json.WriteNumber("insn", decision.Slot);
            json.WriteBoolean("taken", decision.IsTaken);
            json.WriteNumber("next", decision.Next);
            json.WriteString("condition", decision.Text);
            WriteLine(json, decision.Line);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("example", explanation.Witness);
        json.WriteString("why", explanation.Why);
        json.WriteStartArray("try");
        foreach (string remedy in explanation.Try)
        {
            json.WriteStringValue(remedy);
        }

        json.WriteEndArray();
    }

    private static void WriteLine(Utf8JsonWriter json, SourceLine? line)
    {
        json.WriteString("source_file", line?.File);
        if (line is null)
        {
            json.WriteNull("source_line");
        }
        else
        {
            json.WriteNumber("source_line", line.Line);
        }
    }
}
