using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>Every helper is judged: a program for each, which the kernel takes and so do we.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class HelperProgramTests(ITestOutputHelper output)
{
    // Dynptrs and kernel pointers in maps.
    private static readonly string[] s_objects =
    [
        "user_ringbuf_drain", "kptr_xchg", "dynptr_from_mem", "dynptr_read", "dynptr_write", "dynptr_data", "ringbuf_reserve_dynptr", "ringbuf_submit_dynptr",
        "ringbuf_discard_dynptr",
    ];

    [Fact]
    public void A_program_of_each_helper_is_accepted_where_the_kernel_accepts_it()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19"), "needs clang-19");
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        string source = Path.Combine(Directory.CreateTempSubdirectory("osmia-helpers-").FullName, "helpers.bpf.c");
        File.WriteAllText(source, HelperPrograms.Source());
        byte[] data = CaseTests.Compile(source);
        Directory.Delete(Path.GetDirectoryName(source)!, recursive: true);
        var wrong = new List<string>();
        var judged = new HashSet<string>();
        var notAsked = new HashSet<string>();
        var notJudged = new HashSet<string>();
        foreach (string name in BpfObject.Read(data, "helpers").Programs.Select(program => program.Name).ToArray())
        {
            LinkedObject linked = CaseTests.LinkOne(engine, data, "helpers", name);
            VerificationReport report = Verifier.Verify(linked, linked.Programs[0], engine.Target);
            string helper = name[..name.LastIndexOf('_')];
            string? refusal = CaseTests.Refusal(engine, linked);
            if (refusal?.Contains("before verifying it", StringComparison.Ordinal) == true)
            {
                // The machine does not let these programs in, whatever they do.
                notAsked.Add(helper);
                refusal = null;
            }

            if (report.Verdict == Verdict.Accept && refusal is null)
            {
                judged.Add(helper);
            }
            else if (report.Verdict == Verdict.Unknown && refusal is null)
            {
                notJudged.Add(helper);
            }
            else
            {
                wrong.Add($"{name} ({linked.Programs[0].Section.Name}): {report.Verdict} here ({report.Problem?.Message}), {refusal ?? "accept"} there");
            }
        }

        output.WriteLine($"{judged.Count} of {HelperTable.Count} helpers; not asked: {string.Join(' ', notAsked)}; left out: {string.Join(", ", HelperPrograms.LeftOut)}");
        output.WriteLine($"not judged: {string.Join(' ', notJudged)}");
        Assert.Equal("", string.Join('\n', wrong));
        Assert.Empty(notJudged.Except(s_objects));
    }
}
