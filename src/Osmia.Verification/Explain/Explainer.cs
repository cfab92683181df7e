using System.Globalization;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Verification.Explain;

/// <summary>Explains refusals: ours by walking again with an eye on the path that failed, the kernel's from its log.</summary>
public static partial class Explainer
{
    private const int MostDecisions = 12;

    /// <summary>Null when there is nothing to explain.</summary>
    /// <param name="report">What <see cref="Verifier.Verify"/> answered for the same program and target.</param>
    public static Explanation? Explain(LinkedObject source, LinkedProgram program, Target? target, VerificationReport report)
    {
        if (report.Problem is not { } problem)
        {
            return null;
        }

        PathTrace trace = Retrace(source, program, target);
        return Compose(new ProgramText(program, source.Maps, target?.Types), trace, problem.Family, problem.Message, problem.Slot);
    }

    /// <summary>Twice the walk of the verdict: once to find the path, once to watch it.</summary>
    internal static PathTrace Retrace(LinkedObject source, LinkedProgram program, Target? target)
    {
        var finder = new PathFinder();
        Verifier.Watch(source, program, target, finder);
        var recorder = new PathRecorder(finder);
        Verifier.Watch(source, program, target, recorder);
        return recorder.Trace;
    }

    internal static Explanation Compose(ProgramText program, PathTrace trace, CheckFamily family, string message, int slot)
    {
        if (family == CheckFamily.EndlessLoop && trace.Last is { Slot: >= 0 } end && end.Slot != slot)
        {
            // It is found out before the instruction is looked at again.
            trace = new PathTrace([.. trace.Steps, new TraceStep(slot, end.Frame)], trace.IsWhole);
        }

        var story = new ValueStory(program, trace);
        // What is checked before any path is walked has no story.
        int last = trace.Steps.Count - 1;
        bool isOnPath = last >= 0 && trace.Steps[last].Slot == slot && slot >= 0 && slot < program.Length;
        var refusal = new Refusal(program, trace, story, family, message, isOnPath ? last : -1, slot);
        if (isOnPath)
        {
            refusal.FollowSubject();
            story.Tell(last, StoryKind.Use, family == CheckFamily.EndlessLoop ? "here again, nothing has changed" : "refused here");
        }

        (List<PathDecision> path, int omitted) = Decisions(program, trace, story, isOnPath ? last : -1);
        Remedy remedy = Remedies.For(refusal);
        return new Explanation(
            VerificationProblem.IdOf(family),
            family,
            message,
            program.Program.Name,
            slot,
            program.LineAt(slot),
            program.InstructionAt(slot),
            program.FunctionAt(slot),
            story.Steps(),
            path,
            omitted,
            remedy.Witness,
            remedy.Why,
            remedy.Try);
    }

    private static (List<PathDecision> Path, int Omitted) Decisions(ProgramText program, PathTrace trace, ValueStory story, int last)
    {
        var path = new List<PathDecision>();
        int omitted = 0;
        for (int i = last - 1; i >= 0; i--)
        {
            TraceStep step = trace.Steps[i];
            if (step.Slot < 0 || !step.WasOpen || !program[step.Slot].IsJump)
            {
                continue;
            }

            // A loop decides the same many times: its last round is told.
            if (path.Count == MostDecisions || path.Exists(known => known.Slot == step.Slot))
            {
                omitted++;
                continue;
            }

            int next = trace.Steps[i + 1].Slot;
            path.Add(new PathDecision(step.Slot, program.LineAt(step.Slot), next != step.Slot + 1, next, story.Condition(i)));
        }

        path.Reverse();
        return (path, omitted);
    }

    /// <summary>The register a message names, ours as <c>r1</c>, the kernel's as <c>R1</c>.</summary>
    internal static int? RegisterIn(string message) =>
        RegisterName().Match(message) is { Success: true } match ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : null;

    [GeneratedRegex(@"\b[rR](10|\d)\b")]
    private static partial Regex RegisterName();
}
