using System.Globalization;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.KernelLog;

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

        var text = new ProgramText(program, source.Maps, target?.Types);
        // Of a program that is too large no path tells why, but where the walk went does.
        return problem.Family == CheckFamily.Limits
            ? Compose(text, new PathTrace([], isWhole: false), problem.Family, problem.Message, problem.Slot) with { Story = MostWalked(source, program, target, text) }
            : Compose(text, Retrace(source, program, target), problem.Family, problem.Message, problem.Slot);
    }

    private static List<StoryStep> MostWalked(LinkedObject source, LinkedProgram program, Target? target, ProgramText text)
    {
        const int most = 6;
        var recorder = new CostRecorder(program.Instructions.Length);
        Verifier.Watch(source, program, target, recorder);
        VerificationCost cost = recorder.Cost;
        // One instruction stands for its line.
        return [.. Enumerable.Range(0, cost.Walked.Count)
            .Where(slot => cost.Walked[slot] > 1)
            .GroupBy(slot => text.LineAt(slot) is { } line ? (line.File, line.Line) : ("", slot))
            .Select(line => line.MaxBy(slot => cost.Walked[slot]))
            .OrderByDescending(slot => cost.Walked[slot])
            .Take(most)
            .Order()
            .Select(slot => new StoryStep(StoryKind.Branch, slot, text.LineAt(slot), text.InstructionAt(slot),
                string.Create(CultureInfo.InvariantCulture, $"walked {cost.Walked[slot]} times{(cost.Covered[slot] > 0 ? $", {cost.Covered[slot]} paths ended here" : "")}")))];
    }

    /// <summary>Explains what the kernel's verifier said of a program it refused.</summary>
    /// <param name="log">Its log of level 1 or 2, of Linux 5.x to 6.18.</param>
    /// <returns>Null when the log has no complaint of a known kind.</returns>
    public static Explanation? ExplainKernelLog(LinkedObject source, LinkedProgram program, Target? target, string log)
    {
        KernelLogReader read = KernelLogReader.Read(log);
        if (KernelMessages.FamilyOf(read.Message) is not { } family || read.Slot >= program.Instructions.Length)
        {
            return null;
        }

        string message = string.Join("; ", read.Message);
        return Compose(new ProgramText(program, source.Maps, target?.Types), SilentChanges.Add(read.Trace, program), family, message, read.Slot) with { KernelMessage = string.Join('\n', read.Message) };
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
        if (isOnPath && family != CheckFamily.NotModelled)
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
