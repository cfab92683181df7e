using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Verification;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia verify FILE...</c>: would the kernel accept these programs? Nothing is loaded, and no privileges are needed.</summary>
internal static class VerifyCommand
{
    private const int CannotJudge = 2;

    public static Command Build()
    {
        var command = new Command("verify", CommandTree.DescriptionOf("verify"));
        Argument<string[]> files = new("FILE") { Description = "BPF objects compiled by clang (.bpf.o), or folders of them", Arity = ArgumentArity.OneOrMore };
        Option<string[]> programs = new("--program") { Description = "only these programs", HelpName = "NAME" };
        Option<string> target = new("--target") { Description = "kernel types to relocate against: raw BTF or a vmlinux with BTF (default: the running kernel's)", HelpName = "BTF" };
        Option<bool> json = new("--json", "-j") { Description = "print one line of JSON a program" };
        command.Add(files);
        command.Add(programs);
        command.Add(target);
        command.Add(json);
        command.SetAction(parsed =>
        {
            Target chosen = parsed.GetValue(target) is { } path ? TargetSource.OfFile(path) : TargetSource.Running();
            var answers = new List<Answer>();
            foreach (string file in parsed.GetValue(files)!.SelectMany(Expand))
            {
                Judge(file, chosen, parsed.GetValue(programs) ?? [], answers);
            }

            if (answers.Count == 0)
            {
                throw new UsageException("there is no program of that name in these objects");
            }

            if (parsed.GetValue(json))
            {
                WriteJson(answers);
            }
            else
            {
                WriteText(Console.Out, answers);
            }

            return answers.Exists(answer => answer.Verdict is "reject" or "error") ? ExitCode.Error
                : answers.Exists(answer => answer.Verdict == "unknown") ? CannotJudge
                : ExitCode.Success;
        });
        return command;
    }

    private static IEnumerable<string> Expand(string path) =>
        Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.o", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];

    private static void Judge(string file, Target target, string[] wanted, List<Answer> answers)
    {
        BpfObject source;
        try
        {
            source = BpfObject.Read(file).RequirePrograms();
        }
        catch (ObjectFormatException e)
        {
            answers.Add(new Answer(file, "", "", "", "error", null, e.Diagnostic, null));
            return;
        }

        BpfProgram[] chosen = [.. source.Programs.Where(program => wanted.Length == 0 || wanted.Contains(program.Name))];
        LinkedObject? whole = TryLink(source, source.Programs, target, out _);
        foreach (BpfProgram program in chosen)
        {
            // A program that cannot be linked must not keep the others from being judged.
            Diagnostic? problem = null;
            if ((whole ?? TryLink(source, [program], target, out problem)) is not { } linked)
            {
                answers.Add(new Answer(file, program.Section.Name, program.Name, program.Section.Type.ToKernelName(), "error", null, problem, null));
                continue;
            }

            LinkedProgram only = linked.Programs.First(candidate => candidate.Name == program.Name);
            VerificationReport report = Verifier.Verify(linked, only, target);
            SourceLine? line = report.Problem is { } found ? only.LineAt(found.Slot) : null;
            answers.Add(new Answer(file, program.Section.Name, program.Name, only.Type.ToKernelName(), report.Verdict.ToString().ToLowerInvariant(), report, null, line));
        }
    }

    private static LinkedObject? TryLink(BpfObject source, IReadOnlyList<BpfProgram> programs, Target target, out Diagnostic? problem)
    {
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad = programs.Contains(program);
        }

        try
        {
            problem = null;
            return Linker.Link(source, target);
        }
        catch (BpfException e) when (e is RelocationException or UnsupportedFeatureException)
        {
            problem = e.Diagnostic;
            return null;
        }
    }

    private static void WriteText(TextWriter output, List<Answer> answers)
    {
        var table = new TextTable("PROGRAM", "SECTION", "VERDICT", "INSTRUCTIONS", "STATES", "TIME us", "FILE");
        foreach (Answer answer in answers)
        {
            table.Add(
                answer.Program,
                answer.Section,
                answer.Verdict,
                $"{answer.Report?.InstructionsProcessed ?? 0}",
                $"{answer.Report?.TotalStates ?? 0}",
                (answer.Report?.Time.TotalMicroseconds ?? 0).ToString("0", CultureInfo.InvariantCulture),
                answer.File);
        }

        table.Write(output, indent: "");
        foreach (Answer answer in answers)
        {
            if (answer.Report?.Problem is { } problem)
            {
                string cannot = answer.Verdict == "unknown" ? "cannot judge: " : "";
                output.WriteLine($"\n{problem.Id}: {cannot}{problem.Message}");
                output.WriteLine($"where: {(answer.Line is { } line ? $"{line}, " : "")}program '{answer.Program}', instruction {problem.Slot}{(answer.Line is { } text ? $"\n  {text.Text}" : "")}");
            }
            else if (answer.Error is { } error)
            {
                output.WriteLine($"\n{error}");
            }
        }
    }

    private static void WriteJson(List<Answer> answers)
    {
        using Stream output = StandardOutput.Open();
        foreach (Answer answer in answers)
        {
            using (var json = new Utf8JsonWriter(output, JsonOutput.Plain))
            {
                json.WriteStartObject();
                json.WriteString("file", answer.File);
                json.WriteString("section", answer.Section);
                json.WriteString("program", answer.Program);
                json.WriteString("type", answer.Type);
                json.WriteString("verdict", answer.Verdict);
                json.WriteNumber("insns_processed", answer.Report?.InstructionsProcessed ?? 0);
                json.WriteNumber("total_states", answer.Report?.TotalStates ?? 0);
                json.WriteNumber("peak_states", answer.Report?.PeakStates ?? 0);
                json.WriteNumber("stack_depth", answer.Report?.StackDepth ?? 0);
                json.WriteNumber("time_us", (long)(answer.Report?.Time.TotalMicroseconds ?? 0));
                json.WriteString("id", answer.Report?.Problem?.Id ?? answer.Error?.Id);
                json.WriteString("message", answer.Report?.Problem?.Message ?? answer.Error?.What);
                if (answer.Report?.Problem is { } problem)
                {
                    json.WriteNumber("insn", problem.Slot);
                }
                else
                {
                    json.WriteNull("insn");
                }

                json.WriteString("source_file", answer.Line?.File);
                if (answer.Line is { } line)
                {
                    json.WriteNumber("source_line", line.Line);
                }
                else
                {
                    json.WriteNull("source_line");
                }

                json.WriteEndObject();
            }

            output.WriteByte((byte)'\n');
        }
    }

    private sealed record Answer(string File, string Section, string Program, string Type, string Verdict, VerificationReport? Report, Diagnostic? Error, SourceLine? Line);
}
