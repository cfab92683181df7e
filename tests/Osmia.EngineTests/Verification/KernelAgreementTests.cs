using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Tests.Verification.Features;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>Our verdict beside the running kernel's, program by program, on real objects. Programs are loaded and let go, never attached.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class KernelAgreementTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("samples")]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void What_we_accept_the_kernel_accepts(string from)
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var wrong = new List<string>();
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var sheet = new FamilyCounts();
        double ours = 0;
        foreach ((string name, byte[] data) in from == "samples" ? Samples() : ForeignObjects.Of(from))
        {
            foreach (string program in BpfObject.Read(data, name).Programs.Select(program => program.Name))
            {
                if (Link(engine, data, name, program) is not { } linked)
                {
                    continue;
                }

                VerificationReport report = Verifier.Verify(linked, linked.Programs[0], engine.Target);
                ours += report.Time.TotalMilliseconds;
                string? refusal = Refusal(engine, linked);
                if (refusal?.Contains("OSM5", StringComparison.Ordinal) == true && !refusal.Contains("verifier", StringComparison.OrdinalIgnoreCase))
                {
                    Count("kernel could not be asked");
                    output.WriteLine($"{name} {program}: {refusal.Split('\n')[0]}");
                    continue;
                }

                sheet.Add(from, report.Verdict, refusal is null, isSameSlot: true);
                string cell = $"{report.Verdict} here, {(refusal is null ? "accept" : "reject")} there";
                Count(cell);
                if (refusal is null != (report.Verdict == Verdict.Accept))
                {
                    output.WriteLine($"{name} {program}: {cell}: {report.Problem} ({report.InstructionsProcessed} processed){(refusal is null ? "" : "; kernel: " + refusal)}");
                }

                if (report.Verdict == Verdict.Accept && refusal is not null)
                {
                    wrong.Add($"{name} {program}: {refusal}");
                }
            }
        }

        AgreementSheet.Update(from, $"`KernelAgreementTests` on {engine.Target.Name}; instructions are not compared.", sheet);
        output.WriteLine($"{from}: {string.Join(", ", counts.Select(pair => $"{pair.Key} {pair.Value}"))}; {ours:f0} ms");
        Assert.Empty(wrong);

        void Count(string cell) => counts[cell] = counts.GetValueOrDefault(cell) + 1;
    }

    /// <summary>The programs of the verifier's pages: the kernel refuses the first of each and takes the second.</summary>
    [Fact]
    public void The_kernel_judges_the_programs_of_the_pages_as_the_pages_say()
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var answers = new List<string>();
        foreach (string id in VerifierPages.Ids.Where(id => id != "OSM3099"))
        {
            (LinkedObject refused, LinkedObject mended) = VerifierPages.Programs(id);
            answers.Add($"{id} {(Refusal(engine, refused) is null ? "accept" : "reject")} {Refusal(engine, mended) ?? "accept"}");
        }

        Assert.Equal("", string.Join('\n', answers.Where(answer => !answer.EndsWith(" reject accept", StringComparison.Ordinal))));
    }

    private static IEnumerable<(string Name, byte[] Data)> Samples() =>
        Directory.EnumerateFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories).Order().Select(path => (Path.GetFileName(path), File.ReadAllBytes(path)));

    private static LinkedObject? Link(KernelEngine engine, byte[] data, string name, string only)
    {
        BpfObject source = BpfObject.Read(data, name);
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad = program.Name == only;
        }

        foreach (BpfMap map in source.Maps)
        {
            map.PinByName = false;
            map.Slots = [];
            // What their tools set before they load.
            map.MaxEntries = Math.Max(map.MaxEntries, map.Type is Bytecode.MapType.Ringbuf or Bytecode.MapType.PerfEventArray ? 0u : 1);
            map.ValueSize = map.Type == Bytecode.MapType.StackTrace && map.ValueSize == 0 ? 8 * 20u : map.ValueSize;
        }

        try
        {
            return Linker.Link(source, engine.Target);
        }
        catch (BpfException)
        {
            return null;
        }
    }

    private static string? Refusal(KernelEngine engine, LinkedObject linked)
    {
        try
        {
            engine.Load(linked, Runtime.LoadOptions.Default).Dispose();
            return null;
        }
        catch (BpfException e)
        {
            return e.Message;
        }
    }
}
