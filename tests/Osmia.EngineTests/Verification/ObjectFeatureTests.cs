using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Tests.Verification.Features;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>
/// Programs of the folder Features, one small use or misuse each, judged by the kernel and by us. Those whose names begin with ok_ are
/// accepted, those with no_ refused, by both; hole_ is what the kernel accepts although it is not safe, and we refuse.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ObjectFeatureTests(ITestOutputHelper output)
{
    // Of all files, for the sheet.
    private static readonly FamilyCounts s_counts = new();

    [Theory]
    [InlineData("kfuncs")]
    [InlineData("regions")]
    [InlineData("dynptrs")]
    [InlineData("iterators")]
    [InlineData("graphs")]
    [InlineData("arenas")]
    [InlineData("deferred")]
    public void The_kernel_and_we_say_of_each_program_what_its_name_says(string file)
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        byte[] data = Toolchain.Compile("clang-19", $"../Osmia.EngineTests/Verification/Features/{file}.bpf.c", "-mcpu=v3", "-Wno-everything");
        var wrong = new List<string>();
        int accepted = 0;
        int refused = 0;
        foreach (Judgement judgement in ObjectAgreement.Of(engine, data, file))
        {
            bool isAccepted = judgement.Program.StartsWith("ok_", StringComparison.Ordinal);
            bool isHole = judgement.Program.StartsWith("hole_", StringComparison.Ordinal);
            s_counts.Add(file, judgement.Ours.Verdict, judgement.Refusal is null, judgement.Ours.Problem?.Slot == judgement.KernelSlot);
            (accepted, refused) = isAccepted ? (accepted + 1, refused) : (accepted, refused + 1);
            if ((judgement.Refusal is null) != (isAccepted || isHole) || judgement.Ours.Verdict != (isAccepted ? Verdict.Accept : Verdict.Reject))
            {
                wrong.Add(judgement.ToString());
                output.WriteLine($"wrong: {judgement}");
            }
            else if (!isAccepted && !isHole && judgement.Ours.Problem?.Slot != judgement.KernelSlot)
            {
                output.WriteLine($"elsewhere: {judgement}");
            }
        }

        output.WriteLine($"{file}: {accepted} accepted, {refused} refused");
        AgreementSheet.Update("objects", $"`ObjectFeatureTests` on {engine.Target.Name}: C programs of `tests/Osmia.EngineTests/Verification/Features`.", s_counts);
        Assert.Equal(BpfObject.Read(data, file).Programs.Count, accepted + refused);
        Assert.Equal("", string.Join('\n', wrong));
    }
}
