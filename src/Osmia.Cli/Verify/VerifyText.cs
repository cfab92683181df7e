using System.Globalization;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Cli.Verify;

/// <summary>The answers of <c>osmia verify</c> for people: a table, then what is wrong with each program that is not accepted.</summary>
internal static class VerifyText
{
    private const int InstructionLimit = 1_000_000;
    private const int StackLimit = 512;

    public static void Write(TextWriter output, IReadOnlyList<Judgement> answers, VerificationOptions options)
    {
        WriteTable(output, answers);
        foreach (Judgement answer in answers)
        {
            if (answer.Error is { } error)
            {
                output.WriteLine();
                output.WriteLine(error);
            }

            if (answer.Report?.Log is { Length: > 0 } log)
            {
                output.WriteLine();
                output.WriteLine(Paint.Code($"log of program '{answer.Program}':", "1"));
                output.WriteLine(log.TrimEnd('\n'));
            }

            if (answer.Explanation is { } explanation)
            {
                output.WriteLine();
                output.WriteLine(ExplanationText.Write(explanation, Paint.Part));
            }

            if (options.Cost && answer is { Report.Cost: { } cost, Linked: { } costly })
            {
                CostText.Write(output, costly, cost);
            }

            if (options.Facts && answer is { Report.Facts: { } facts, Linked: { } known })
            {
                FactsText.Write(output, known, facts);
            }
        }
    }

    private static void WriteTable(TextWriter output, IReadOnlyList<Judgement> answers)
    {
        bool severalFiles = answers.Select(answer => answer.File).Distinct().Count() > 1;
        string[] headers = ["PROGRAM", "SECTION", "VERDICT", "INSTRUCTIONS", "STATES", "STACK", "TIME us", .. severalFiles ? ["FILE"] : Array.Empty<string>()];
        var table = new TextTable(headers) { Paint = (column, padded) => headers[column] == "VERDICT" ? Paint.Verdict(padded, padded.Trim()) : padded };
        foreach (Judgement answer in answers)
        {
            VerificationReport? report = answer.Report;
            string[] cells =
            [
                answer.Program,
                answer.Section,
                answer.Verdict,
                OfLimit(report?.InstructionsProcessed ?? 0, InstructionLimit),
                $"{report?.TotalStates ?? 0}",
                OfLimit(report?.StackDepth ?? 0, StackLimit),
                (report?.Time.TotalMicroseconds ?? 0).ToString("0", CultureInfo.InvariantCulture),
                .. severalFiles ? [answer.File] : Array.Empty<string>(),
            ];
            table.Add(cells);
        }

        table.Write(output, indent: "");
    }

    /// <summary>With the share of a limit when it is worth a look.</summary>
    private static string OfLimit(int used, int limit) => used * 10L >= limit ? string.Create(CultureInfo.InvariantCulture, $"{used} ({used * 100L / limit}%)") : used.ToString(CultureInfo.InvariantCulture);
}
