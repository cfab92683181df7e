using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Tests.Verification.Features;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>
/// C programs of one rule each, in files by what they call: <c>ok_</c> and <c>bad_</c> in front of a name say what the kernel answers. It is asked
/// here again, and our verdict must be its.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class CaseTests(ITestOutputHelper output)
{
    // Of all files, for the sheet.
    private static readonly FamilyCounts s_counts = new();

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Folder, "*.bpf.c").Select(path => Path.GetFileName(path)!).Order()];

    private static string Folder => RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Verification", "Cases");

    [Theory]
    [MemberData(nameof(Files))]
    public void Verdicts_are_the_kernels(string file)
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19"), "needs clang-19");
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        byte[] data = Compile(Path.Combine(Folder, file));
        var wrong = new List<string>();
        string[] names = [.. BpfObject.Read(data, file).Programs.Select(program => program.Name)];
        foreach (string name in names)
        {
            LinkedObject linked = LinkOne(engine, data, file, name);
            VerificationReport report = Verifier.Verify(linked, linked.Programs[0], engine.Target);
            string kernel = Refusal(engine, linked) is { } refusal ? $"reject ({refusal})" : "accept";
            s_counts.Add(file[..file.IndexOf('.', StringComparison.Ordinal)], report.Verdict, kernel == "accept", isSameSlot: false);
            string ours = report.Verdict == Verdict.Accept ? "accept" : report.Verdict == Verdict.Reject ? "reject" : "cannot judge";
            if (!kernel.StartsWith(ours, StringComparison.Ordinal) || name.StartsWith("ok_", StringComparison.Ordinal) != (kernel == "accept"))
            {
                wrong.Add($"{name}: {ours} here ({report.Problem?.Message}), {kernel} there");
            }
        }

        output.WriteLine($"{file}: {names.Length} programs");
        AgreementSheet.Update("cases", $"`CaseTests` on {engine.Target.Name}: C programs of `tests/Osmia.EngineTests/Verification/Cases`; instructions are not compared.", s_counts);
        Assert.NotEmpty(names);
        Assert.Equal("", string.Join('\n', wrong));
    }

    internal static byte[] Compile(string source)
    {
        string result = Path.Combine(Directory.CreateTempSubdirectory("osmia-cases-").FullName, "out.o");
        try
        {
            ReferenceTool.Run("clang-19", ["-target", "bpf", "-g", "-O2", "-mcpu=v4", "-w", "-I/usr/include/x86_64-linux-gnu", "-c", source, "-o", result]);
            return File.ReadAllBytes(result);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(result)!, recursive: true);
        }
    }

    internal static LinkedObject LinkOne(KernelEngine engine, byte[] data, string file, string only)
    {
        BpfObject source = BpfObject.Read(data, file);
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad = program.Name == only;
        }

        return ObjectAgreement.Alone(Linker.Link(source, engine.Target), only)!;
    }

    internal static string? Refusal(KernelEngine engine, LinkedObject linked)
    {
        try
        {
            engine.Load(linked, Runtime.LoadOptions.Default).Dispose();
            return null;
        }
        catch (BpfException e)
        {
            return e.Message.Split('\n')[0];
        }
    }
}
