using System.CommandLine;
using Osmia.Cli.Verify;
using Osmia.Objects.Linking;
using Osmia.Verification;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia verify FILE...</c>: would the kernel accept these programs, and if not, what to change? Nothing is loaded, and no privileges are needed.</summary>
internal static class VerifyCommand
{
    private const int CannotJudge = 2;

    public static Command Build()
    {
        var command = new Command("verify", CommandTree.DescriptionOf("verify"));
        Argument<string[]> files = new("FILE") { Description = "BPF objects compiled by clang (.bpf.o), or folders of them", Arity = ArgumentArity.OneOrMore };
        Option<string[]> programs = new("--program") { Description = "only these programs", HelpName = "NAME" };
        Option<string> target = new("--target") { Description = $"what the programs are for: {TargetSource.Words} (default: the running kernel)", HelpName = "FILE|NAME" };
        Option<bool> json = new("--json", "-j") { Description = "print one line of JSON a program" };
        Option<int> logLevel = new("--log-level") { Description = "print the log in the kernel's form: 1 the path that is refused, 2 every path", HelpName = "0|1|2" };
        logLevel.AcceptOnlyFromAmong("0", "1", "2");
        Option<bool> facts = new("--facts") { Description = "print what holds at each instruction on every execution" };
        Option<bool> cost = new("--cost") { Description = "print which source lines the verifier walks most" };
        foreach (Option option in new Option[] { programs, target, json, logLevel, facts, cost })
        {
            command.Add(option);
        }

        command.Add(files);
        command.SetAction(parsed =>
        {
            Target chosen = parsed.GetValue(target) is { } path ? TargetSource.Named(path) : TargetSource.Running();
            var options = new VerificationOptions { LogLevel = parsed.GetValue(logLevel), Facts = parsed.GetValue(facts), Cost = parsed.GetValue(cost) };
            bool asJson = parsed.GetValue(json);
            string[] wanted = parsed.GetValue(programs) ?? [];
            var answers = new List<Judgement>();
            using Stream? lines = asJson ? StandardOutput.Open() : null;
            foreach (Judgement answer in parsed.GetValue(files)!.SelectMany(Expand).SelectMany(file => Judgement.Of(file, chosen, wanted, options)))
            {
                // Lines of JSON are written as they come; a table needs them all.
                if (lines is not null)
                {
                    VerifyJson.Write(lines, answer, options);
                }

                answers.Add(answer);
            }

            if (answers.Count == 0)
            {
                throw new UsageException(wanted.Length > 0 ? "there is no program of that name in these objects" : "there are no objects in these folders");
            }

            if (!asJson)
            {
                VerifyText.Write(Console.Out, answers, options);
            }

            return answers.Exists(answer => answer.Verdict is "reject" or "error") ? ExitCode.Error
                : answers.Exists(answer => answer.Verdict == "unknown") ? CannotJudge
                : ExitCode.Success;
        });
        return command;
    }

    private static IEnumerable<string> Expand(string path) => path.StartsWith('-') && !File.Exists(path)
        ? throw new UsageException($"there is no option '{path}'; osmia verify --help lists them")
        : Directory.Exists(path) ? Directory.EnumerateFiles(path, "*.o", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [path];
}
