using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Assembly;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Verification.Explain;

namespace Osmia.Tests.Verification;

/// <summary>The running kernel's log beside ours, and its refusals explained.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public partial class KernelLogAgreementTests(ITestOutputHelper output)
{
    [Fact]
    public void The_kernels_refusals_of_the_pages_are_explained_with_the_pages_ids()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var wrong = new List<string>();
        foreach (string id in VerifierPages.Ids.Where(id => id != "OSM3099"))
        {
            LinkedObject refused = VerifierPages.Programs(id).Refused;
            KernelException refusal = Assert.Throws<KernelException>(() => engine.Load(refused, LoadOptions.Default).Dispose());
            Explanation? explanation = Explainer.ExplainKernelLog(refused, refused.Programs[0], engine.Target, refusal.VerifierLog ?? "");
            if (explanation?.Id != id)
            {
                wrong.Add($"{id}: {explanation?.Id ?? "nothing"} of {refusal.VerifierLog?.Split('\n').LastOrDefault(line => !line.StartsWith("processed", StringComparison.Ordinal))}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void The_facade_tells_the_story_of_what_the_kernel_refuses()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        Match block = Block().Match(File.ReadAllText(RepositoryFiles.PathOf("docs", "diagnostics", "OSM3005.md")));
        BpfObject source = ObjectAssembler.Assemble(block.Groups[1].Value, "OSM3005.s");
        KernelException refusal = Assert.Throws<KernelException>(() => engine.Load(source).Dispose());

        Assert.Equal("OSM5020", refusal.Id);
        Assert.Contains("invalid access to map value", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("index = 64: bytes 256 to 259 of 256", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("OSM3005", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Samples with one instruction changed: nearly every refusal of the kernel can be explained from its log.</summary>
    [Fact]
    public void The_kernels_refusals_of_changed_programs_are_explained()
    {
        const int seed = 20_261_121;
        const int rounds = 120;
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var random = new Random(seed);
        LinkedObject[] objects = [.. new[] { "opensnoop", "hello-ring", "hardirqs", "softirqs", "runqlat", "connect-guard", "sampleip" }
            .Select(name => Linker.Link(BpfObject.Read(RepositoryFiles.PathOf("samples", name, name + ".bpf.o")), engine.Target))];
        int refused = 0;
        int explained = 0;
        int sameId = 0;
        int both = 0;
        var unexplained = new List<string>();
        for (int round = 0; round < rounds; round++)
        {
            LinkedObject linked = objects[random.Next(objects.Length)];
            (LinkedProgram mutant, int slot) = Mutant.Of(random, linked.Programs[random.Next(linked.Programs.Length)]);
            KernelException? refusal = null;
            try
            {
                engine.Load(linked with { Programs = [mutant] }, LoadOptions.Default).Dispose();
            }
            catch (KernelException e)
            {
                refusal = e;
            }

            if (refusal?.VerifierLog is not { Length: > 0 } log)
            {
                continue;
            }

            refused++;
            Explanation? explanation = Explainer.ExplainKernelLog(linked, mutant, engine.Target, log);
            VerificationReport report = Verifier.Verify(linked, mutant, engine.Target);
            explained += explanation is null ? 0 : 1;
            both += explanation is not null && report.Verdict == Verdict.Reject ? 1 : 0;
            sameId += explanation is not null && report.Problem?.Id == explanation.Id ? 1 : 0;
            if (explanation is null)
            {
                unexplained.Add($"round {round}: {refusal.Diagnostic.What}");
            }
            else if (report.Problem?.Id != explanation.Id)
            {
                unexplained.Add($"round {round}: kernel {explanation.Id} ({refusal.Diagnostic.What}), here {report.Problem}");
            }
        }

        output.WriteLine($"seed {seed}: {refused} of {rounds} refused, {explained} explained, {sameId} of {both} under our id\n{string.Join('\n', unexplained)}");
        Assert.True(refused > rounds / 4);
        Assert.True(explained * 100 >= refused * 90, string.Join('\n', unexplained));
        Assert.True(sameId * 100 >= both * 80, string.Join('\n', unexplained));
    }

    /// <summary>Programs whose paths we walk as the kernel does, to the last line.</summary>
    [Theory]
    [InlineData("softirqs", "enter_softirq")]
    [InlineData("hardirqs", "enter_handler")]
    [InlineData("runqlat", "wakeup")]
    [InlineData("runqlat", "wakeup_new")]
    public void Our_log_is_the_kernels_line_by_line(string sample, string program)
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        BpfObject source = BpfObject.Read(RepositoryFiles.PathOf("samples", sample, sample + ".bpf.o"));
        foreach (BpfProgram candidate in source.Programs)
        {
            candidate.AutoLoad = candidate.Name == program;
        }

        LinkedObject linked = Linker.Link(source, engine.Target);
        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default with { LogLevel = 2 });
        string[] kernel = Lines(((KernelProgram)loaded.Program(program)).VerifierText);
        string[] ours = Lines(Verifier.Verify(linked, linked.Programs[0], engine.Target, new VerificationOptions { LogLevel = 2 }).Log);
        output.WriteLine(string.Join('\n', kernel.Zip(ours).Where(pair => pair.First != pair.Second).Select(pair => $"K {pair.First}\nO {pair.Second}").Take(3)));

        Assert.True(kernel.Length > 5);
        Assert.Equal(kernel, ours);
    }

    /// <summary>Instructions and states without what names addresses, ids and the kernel's own work.</summary>
    internal static string[] Lines(string log)
    {
        var lines = new List<string>();
        foreach (string line in log.Split('\n').Select(line => line.TrimEnd()))
        {
            if (line.Length == 0 || Noise().IsMatch(line))
            {
                continue;
            }

            // Behind talk of its own the kernel begins a new line for the state.
            Match state = StateLine().Match(line);
            string text = Variable().Replace(line, "");
            text = Spaces().Replace(text.Replace(",)", ")", StringComparison.Ordinal), " ");
            if (state.Success && lines.Count > 0 && lines[^1].Contains(": (", StringComparison.Ordinal) && !lines[^1].Contains(" ; ", StringComparison.Ordinal))
            {
                lines[^1] += " ; " + Spaces().Replace(Variable().Replace(state.Groups[1].Value, "").Replace(",)", ")", StringComparison.Ordinal), " ");
                continue;
            }

            lines.Add(text);
        }

        return [.. lines];
    }

    [GeneratedRegex(@"^(mark_precise|verifier bug|SCC |\(\d+\) |func#|func '|Live regs|verification time|stack depth|processed|propagating|Func#|arg#|\s*(\d+\s+)?\d+: [0-9.]{10} )")]
    private static partial Regex Noise();

    [GeneratedRegex(@"^\d+: (?!\()(.*)$")]
    private static partial Regex StateLine();

    [GeneratedRegex(@"\bid=\d+,?|map=[^,]*,|(?<== )(0xffff[0-9a-f]{12}|map\[\S*)|\bP(?=-?\d|0x|scalar)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex("```asm\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
