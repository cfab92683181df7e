using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Verification.Explain;
using Osmia.Vm;

namespace Osmia;

/// <summary>Objects whose programs run in the VM only when the verifier accepts them: plug-ins of others.</summary>
public static class VerifiedLoading
{
    /// <summary>Links the object for this engine, verifies every program and loads them in <see cref="VmMode.Verified"/>.</summary>
    /// <param name="programs">Only these, which then are the object's that load (<see cref="BpfProgram.AutoLoad"/>); without names, those that load anyway.</param>
    /// <exception cref="VerificationException">A program is not accepted, or cannot be judged; nothing is loaded.</exception>
    public static LoadedObject LoadVerified(this VmEngine engine, BpfObject source, params ReadOnlySpan<string> programs)
    {
        foreach (string name in programs)
        {
            _ = source.FindProgram(name) ?? throw new ArgumentException($"no program '{name}'; there are: {string.Join(", ", source.Programs.Select(p => p.Name))}", nameof(programs));
        }

        if (programs.Length > 0)
        {
            foreach (BpfProgram program in source.Programs)
            {
                program.AutoLoad = programs.Contains(program.Name);
            }
        }

        LinkedObject linked = Linker.Link(source, engine.Target);
        var proofs = new List<VerifiedProgram>(linked.Programs.Length);
        foreach (LinkedProgram program in linked.Programs)
        {
            proofs.Add(VerifiedProgram.Prove(linked, program, engine.Target, out VerificationReport report) ?? throw Refused(linked, program, engine.Target, report));
        }

        return engine.LoadVerified(linked, proofs);
    }

    private static VerificationException Refused(LinkedObject linked, LinkedProgram program, Target target, VerificationReport report)
    {
        VerificationProblem problem = report.Problem!;
        Explanation? explanation = Explainer.Explain(linked, program, target, report);
        var diagnostic = new Diagnostic(problem.Id, $"program '{program.Name}' {(report.Verdict == Verdict.Reject ? "is not accepted" : "cannot be judged")}: {problem.Message}")
        {
            Where = $"instruction {problem.Slot}{(program.LineAt(problem.Slot) is { } line ? $", {line}" : "")}",
            Story = explanation is { Story.Count: > 0 } ? RefusalStory.Indented(ExplanationText.Story(explanation)) : null,
            Why = explanation?.Why,
            Try = explanation is { Try.Count: > 0 } ? string.Join("\n", explanation.Try) : null,
        };
        return new VerificationException(diagnostic, program.Name, report);
    }
}
