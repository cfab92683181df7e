using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Kernel.Doctor;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia doctor</c>: what this machine lets this process do with eBPF, and what to change.</summary>
internal static class DoctorCommand
{
    public static Command Build()
    {
        var command = new Command("doctor", CommandTree.DescriptionOf("doctor"));
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        Option<bool> all = new("--all", "-a") { Description = "print what is good too" };
        command.Add(json);
        command.Add(pretty);
        command.Add(all);
        command.SetAction(parsed =>
        {
            if (!OperatingSystem.IsLinux())
            {
                throw RunErrors.KernelNeedsLinux();
            }

            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                WriteJson(parsed.GetValue(pretty));
            }
            else
            {
                WriteText(Console.Out, parsed.GetValue(all));
            }

            return ExitCode.Success;
        });
        return command;
    }

    private const string Below = "           ";

    [SupportedOSPlatform("linux")]
    private static void WriteText(TextWriter output, bool all)
    {
        int good = 0;
        int other = 0;
        foreach (IGrouping<string, Finding> area in Examination.Run().GroupBy(finding => finding.Area))
        {
            List<Finding> shown = [.. area.Where(finding => all || finding.State != FindingState.Good)];
            int goodHere = area.Count(finding => finding.State == FindingState.Good);
            good += goodHere;
            other += area.Count() - goodHere;
            output.WriteLine($"{area.Key}: {(shown.Count == 0 ? $"all {goodHere} good" : goodHere > 0 && !all ? $"{goodHere} good, and" : "")}".TrimEnd());
            foreach (Finding finding in shown)
            {
                string label = $"  {Word(finding.State)}  ";
                Terminal.WriteWrapped(output, $"{finding.Subject}: {finding.Fact}", label, Below);
                if (finding.Effect.Length > 0)
                {
                    Terminal.WriteWrapped(output, $"so: {finding.Effect}", Below, Below);
                }

                if (finding.Remedy.Length > 0)
                {
                    Terminal.WriteWrapped(output, $"try: {finding.Remedy}", Below, Below);
                }
            }
        }

        output.WriteLine($"{good} good, {other} to know of{(all || good == 0 ? "" : "; --all prints the good too")}");
    }

    [SupportedOSPlatform("linux")]
    private static void WriteJson(bool pretty) => JsonOutput.Write(pretty, json =>
    {
        json.WriteStartArray();
        foreach (Finding finding in Examination.Run())
        {
            json.WriteStartObject();
            json.WriteString("area", finding.Area);
            json.WriteString("subject", finding.Subject);
            json.WriteString("state", Word(finding.State).TrimEnd());
            json.WriteString("fact", finding.Fact);
            if (finding.Effect.Length > 0)
            {
                json.WriteString("effect", finding.Effect);
            }

            if (finding.Remedy.Length > 0)
            {
                json.WriteString("remedy", finding.Remedy);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    [SupportedOSPlatform("linux")]
    private static string Word(FindingState state) => state switch
    {
        FindingState.Good => "good   ",
        FindingState.Limited => "limited",
        FindingState.Missing => "missing",
        _ => "unknown",
    };
}
