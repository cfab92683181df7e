using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Bytecode.Assembly;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Verification.Features;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>Small programs by family, accepted and refused twins: our verdict is the expected one, and the expected one is the kernel's.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class FeatureTests(ITestOutputHelper output)
{
    [Fact]
    public void Names_of_cases_are_their_own()
    {
        Assert.True(FeatureCase.Files.Count() >= 12);
        Assert.Empty(FeatureCase.All.GroupBy(one => (one.Family, one.Name)).Where(group => group.Count() > 1).Select(group => group.Key));
    }

    [Fact]
    public void Verdicts_are_the_kernels_by_family()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var counts = new FamilyCounts();
        var wrong = new List<string>();
        foreach (FeatureCase one in FeatureCase.All)
        {
            long started = Stopwatch.GetTimestamp();
            Judge(engine, one, counts, wrong);
            if (Stopwatch.GetElapsedTime(started) is { TotalSeconds: > 4 } slow)
            {
                output.WriteLine($"{one.Family}: {one.Name} took {slow.TotalSeconds:f1} s");
            }
        }

        wrong.ForEach(output.WriteLine);
        output.WriteLine(counts.ToString());
        AgreementSheet.Update("features", $"`FeatureTests` on {engine.Target.Name}: the cases of `tests/Osmia.EngineTests/Verification/Features`.", counts);
        Assert.Equal([], wrong.Where(line => line.StartsWith("expected", StringComparison.Ordinal) || line.StartsWith("looser", StringComparison.Ordinal)));
        Assert.True(counts.Agreeing * 100 >= counts.Programs * 97, counts.ToString());
        Assert.True(counts.SameSlot * 100 >= counts.BothReject * 95, counts.ToString());
    }

    private static void Judge(KernelEngine engine, FeatureCase one, FamilyCounts counts, List<string> wrong)
    {
        LinkedObject linked;
        try
        {
            linked = one.Link(engine.Target);
        }
        catch (Exception e) when (e is BpfException or AssemblyException)
        {
            wrong.Add($"expected a program: {one.Family}: {one.Name}: {e.Message.Replace('\n', ' ')}");
            return;
        }

        VerificationReport ours = Verifier.Verify(linked, linked.Programs[0], engine.Target);
        KernelException? refusal = null;
        try
        {
            engine.Load(linked, LoadOptions.Default).Dispose();
        }
        catch (KernelException e)
        {
            refusal = e;
        }

        string reason = refusal is null ? "accepts" : refusal.Message.Split('\n')[0];
        if (refusal is null != one.IsAccepted)
        {
            wrong.Add($"expected {(one.IsAccepted ? "accept" : "reject")}: {one.Family}: {one.Name}: the kernel: {reason}");
        }

        bool agrees = ours.Verdict == (refusal is null ? Verdict.Accept : Verdict.Reject);
        int? slot = refusal is null ? null : new VerifierLog(refusal.VerifierLog ?? "").LastSlot;
        // Where a limit is met is where patience ended, one instruction after the last of the log.
        bool isSameSlot = slot is null || slot == ours.Problem?.Slot || refusal!.Message.Contains("too large. Processed", StringComparison.Ordinal);
        counts.Add(one.Family, ours.Verdict, refusal is null, isSameSlot);
        if (!agrees)
        {
            wrong.Add($"{(ours.Verdict == Verdict.Accept ? "looser" : "stricter")}: {one.Family}: {one.Name}: {ours.Verdict} {ours.Problem}; the kernel: {reason}");
        }
        else if (!isSameSlot)
        {
            wrong.Add($"other instruction: {one.Family}: {one.Name}: ours {ours.Problem!.Slot} ({ours.Problem.Message}), the kernel's {slot}: {reason}");
        }
    }
}
