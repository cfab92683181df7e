using System.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Verification.Facts;
using Osmia.Verification.KernelLog;
using Osmia.Verification.Shape;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

/// <summary>
/// Judges linked programs as the verifier of Linux 6.18 does for privileged users: every path is walked with what is known of registers
/// and stack. What is not modelled gives <see cref="Verdict.Unknown"/>, never <see cref="Verdict.Accept"/>.
/// </summary>
public static class Verifier
{
    /// <param name="source">The object the program is one of: its maps and types are looked up in it.</param>
    /// <param name="target">What it was linked for; its BTF gives the types of arguments and kernel objects. Without BTF programs that use those cannot be judged.</param>
    /// <param name="options">What else to answer; by default only the verdict.</param>
    public static VerificationReport Verify(LinkedObject source, LinkedProgram program, Target? target = null, VerificationOptions? options = null)
    {
        options ??= VerificationOptions.VerdictOnly;
        int slots = program.Instructions.Length;
        var facts = options.Facts ? new FactsRecorder(slots) : null;
        var cost = options.Cost ? new CostRecorder(slots) : null;
        var log = options.LogLevel > 0 ? new KernelLogWriter(program, options.LogLevel) : null;
        WalkRecorder[] asked = [.. new WalkRecorder?[] { facts, cost, log }.OfType<WalkRecorder>()];
        VerificationReport report = Watch(source, program, target, asked.Length switch { 0 => null, 1 => asked[0], _ => new WalkRecorders(asked) });
        return asked.Length == 0 ? report : report with
        {
            Facts = report.Verdict == Verdict.Accept ? facts?.Complete(program.Instructions.AsSpan()) : null,
            Cost = cost?.Cost,
            Log = log?.Finish(report) ?? "",
        };
    }

    /// <summary>The same walk, always: what a recorder sees of a program it sees again the next time.</summary>
    internal static VerificationReport Watch(LinkedObject source, LinkedProgram program, Target? target, WalkRecorder? recorder)
    {
        long started = Stopwatch.GetTimestamp();
        int at = 0;
        int depth = 0;
        PathWalk? walk = null;
        VerificationProblem? problem = null;
        var walks = new List<PathWalk>();
        try
        {
            var scope = new VerificationScope(source, program, target);
            scope.RequireAttachable();
            scope.RequireTarget(program, slot => at = slot);
            ProgramShape shape = ProgramShape.Of(program, ref at);
            scope.RequireUsableMaps(shape, ref at);
            scope.Kfuncs.Check(shape, scope.IsGplCompatible, ref at);
            walks.Add(walk = new PathWalk(scope, program, shape) { Recorder = recorder });
            walk.Run();
            // Each global function by itself, and those that it calls.
            var called = new List<LinkedFunction>(walk.GlobalsCalled);
            for (int i = 0; i < called.Count; i++)
            {
                walks.Add(walk = new PathWalk(scope, program, shape, scope.ContractOf(called[i]), called[i].Slot) { Recorder = recorder });
                walk.Run();
                called.AddRange(walk.GlobalsCalled.Except(called));
            }

            walk = null;
            scope.Stack.RequireRoom(shape, scope.HasPrivateStacks, call => scope.Kfuncs.FactsOf(call)?.Name == "bpf_throw", slot => at = slot);
            depth = scope.Stack.Deepest;
        }
        catch (VerdictException e)
        {
            problem = new VerificationProblem(e.Family, e.Message, walk?.Slot ?? at);
        }

        Verdict verdict = problem is null ? Verdict.Accept : problem.Family == CheckFamily.NotModelled ? Verdict.Unknown : Verdict.Reject;
        return new VerificationReport(
            verdict,
            problem,
            walks.Sum(one => one.Processed),
            walks.Sum(one => one.TotalStates),
            walks.Select(one => one.TotalStates).DefaultIfEmpty().Max(),
            depth,
            Stopwatch.GetElapsedTime(started));
    }
}
