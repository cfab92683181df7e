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
    private static string[] Lines(string log)
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

    [GeneratedRegex(@"^(mark_precise|SCC |\(\d+\) |func#|func '|Live regs|verification time|stack depth|processed|propagating|Func#|arg#|\s*(\d+\s+)?\d+: [0-9.]{10} )")]
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
