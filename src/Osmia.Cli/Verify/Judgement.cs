using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Cli.Verify;

/// <summary>The answer about one program: the verifier's report, or why there is none.</summary>
internal sealed record Judgement(string File, string Section, string Program, string Type, string Verdict)
{
    public LinkedProgram? Linked { get; init; }

    public VerificationReport? Report { get; init; }

    public Explanation? Explanation { get; init; }

    /// <summary>Why an object could not be read or linked.</summary>
    public Diagnostic? Error { get; init; }

    /// <summary>Every program of a file that was chosen, in the file's order; one answer without a program when it cannot be read.</summary>
    public static IEnumerable<Judgement> Of(string file, Target target, string[] wanted, VerificationOptions options)
    {
        BpfObject? source = null;
        Judgement? unreadable = null;
        try
        {
            source = BpfObject.Read(file);
        }
        catch (ObjectFormatException e)
        {
            unreadable = new Judgement(file, "", "", "", "error") { Error = e.Diagnostic };
        }

        if (source is null)
        {
            yield return unreadable!;
            yield break;
        }

        LinkedObject? whole = TryLink(source, source.Programs, target, out _);
        foreach (BpfProgram program in source.Programs.Where(program => wanted.Length == 0 || wanted.Contains(program.Name)).ToArray())
        {
            // A program that cannot be linked must not keep the others from being judged.
            Diagnostic? problem = null;
            var answer = new Judgement(file, program.Section.Name, program.Name, program.Section.Type.ToKernelName(), "error");
            if ((whole ?? TryLink(source, [program], target, out problem)) is not { } linked)
            {
                yield return answer with { Error = problem };
                continue;
            }

            LinkedProgram only = linked.Programs.First(candidate => candidate.Name == program.Name);
            VerificationReport report = Verifier.Verify(linked, only, target, options);
            yield return answer with
            {
                Verdict = report.Verdict.ToString().ToLowerInvariant(),
                Type = only.Type.ToKernelName(),
                Linked = only,
                Report = report,
                Explanation = Explainer.Explain(linked, only, target, report),
            };
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
}
