using System.CommandLine;
using System.Text.Json;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia check FILE... --target BTF...</c>: would the relocations of these objects resolve on these kernels?</summary>
internal static class CheckCommand
{
    private const string RunningKernel = "running";

    public static Command Build()
    {
        var command = new Command("check", CommandTree.DescriptionOf("check"));
        Argument<string[]> files = new("FILE") { Description = "BPF objects compiled by clang (.bpf.o)", Arity = ArgumentArity.OneOrMore };
        Option<string[]> targets = new("--target", "-t")
        {
            Description = $"what to check against: {TargetSource.Words}, a folder of such files, or running (default)",
            HelpName = "FILE|NAME",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        command.Add(files);
        command.Add(targets);
        command.Add(json);
        command.Add(pretty);
        command.SetAction(parsed =>
        {
            List<Target> chosen = Targets(parsed.GetValue(targets) ?? []);
            var answers = new List<Answer>();
            foreach (string file in parsed.GetValue(files)!)
            {
                BpfObject source = BpfObject.Read(file).RequirePrograms();
                foreach (Target target in chosen)
                {
                    answers.Add(new Answer(file, TargetCheck.Run(source, target)));
                }
            }

            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                JsonOutput.Write(parsed.GetValue(pretty), writer => WriteJson(writer, answers));
            }
            else
            {
                WriteText(Console.Out, answers);
            }

            return answers.TrueForAll(answer => answer.Report.AllLink) ? ExitCode.Success : ExitCode.Error;
        });
        return command;
    }

    private static List<Target> Targets(string[] names)
    {
        var targets = new List<Target>();
        foreach (string name in names.Length == 0 ? [RunningKernel] : names)
        {
            if (name == RunningKernel)
            {
                targets.Add(OperatingSystem.IsLinux() ? TargetSource.Running() : throw Run.RunErrors.KernelNeedsLinux());
            }
            else if (Directory.Exists(name))
            {
                targets.AddRange(Directory.EnumerateFiles(name).Order(StringComparer.Ordinal).Select(TargetSource.OfFile));
            }
            else
            {
                targets.Add(TargetSource.Named(name));
            }
        }

        return targets;
    }

    private static void WriteText(TextWriter output, List<Answer> answers)
    {
        var table = new TextTable("OBJECT", "TARGET", "PROGRAMS", "RELOCATIONS", "UNRESOLVED", "RESULT");
        foreach ((string file, TargetReport report) in answers)
        {
            int failed = report.Programs.Count(program => program.Failure is not null);
            int unresolved = report.Programs.Sum(program => program.Unresolved.Count);
            table.Add(
                file,
                report.Target,
                $"{report.Programs.Count}",
                $"{report.Programs.Sum(program => program.Relocations)}",
                $"{unresolved}",
                failed > 0 ? $"{failed} of {report.Programs.Count} programs cannot be linked" : unresolved > 0 ? "links; what is unresolved must not be reached" : "all resolve");
        }

        table.Write(output, indent: "");
        foreach ((string file, TargetReport report) in answers)
        {
            // A subprogram's relocation is every caller's.
            var told = new HashSet<string>(StringComparer.Ordinal);
            foreach (ProgramCheck program in report.Programs)
            {
                foreach (Diagnostic problem in Problems(program))
                {
                    if (told.Add(problem.ToString()))
                    {
                        output.WriteLine($"\n{file} on {report.Target}, program '{program.Program}'{(program.Failure is null ? ", only if it is reached" : "")}");
                        output.WriteLine($"  {problem.ToString().Replace("\n", "\n  ", StringComparison.Ordinal)}");
                    }
                }
            }
        }
    }

    private static IEnumerable<Diagnostic> Problems(ProgramCheck program) => program.Failure is { } failure ? [failure] : program.Unresolved;

    private static void WriteJson(Utf8JsonWriter json, List<Answer> answers)
    {
        json.WriteStartArray();
        foreach ((string file, TargetReport report) in answers)
        {
            foreach (ProgramCheck program in report.Programs)
            {
                json.WriteStartObject();
                json.WriteString("file", file);
                json.WriteString("target", report.Target);
                json.WriteString("program", program.Program);
                json.WriteString("section", program.Section);
                json.WriteBoolean("links", program.Failure is null);
                json.WriteNumber("relocations", program.Relocations);
                json.WriteStartArray("unresolved");
                foreach (Diagnostic problem in program.Unresolved)
                {
                    Write(json, problem);
                }

                json.WriteEndArray();
                if (program.Failure is { } failure)
                {
                    json.WritePropertyName("error");
                    Write(json, failure);
                }

                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, Diagnostic problem)
    {
        json.WriteStartObject();
        json.WriteString("id", problem.Id);
        json.WriteString("what", problem.What);
        json.WriteString("where", problem.Where);
        json.WriteString("why", problem.Why);
        json.WriteString("try", problem.Try);
        json.WriteEndObject();
    }

    private sealed record Answer(string File, TargetReport Report);
}
