using Osmia.Objects.Linking;
using Osmia.Tests.Verification.Generator;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>
/// Programs out of the verifier's generator, over packets: what it accepts does the same interpreted, with every access checked, as compiled without
/// the checks, branches and bounds that the proof makes needless.
/// </summary>
/// <remarks><c>OSMIA_VERIFIED_SEED</c> repeats one program.</remarks>
public sealed class VerifiedTierTests
{
    private const int KnownRounds = 6000;
    private const int InputsPerProgram = 3;

    [Fact]
    public void Accepted_programs_do_the_same_compiled_without_checks()
    {
        using var judge = new VmEngine(new VmOptions { Slots = 1, TreatAsMemoryPrograms = true });
        var hunt = new Hunt("OSMIA_VERIFIED_SEED", Budget.For("engines") / 6, KnownRounds);
        int accepted = 0;
        int others = 0;
        do
        {
            GeneratedProgram generated = ProgramGenerator.Make((ulong)hunt.Seed);
            LinkedObject linked = GeneratorScaffold.Object with { Programs = [generated.Program] };
            if (!generated.IsRepeatable || VerifiedProgram.Prove(linked, generated.Program, judge.Target, out _) is null)
            {
                others++;
                continue;
            }

            var random = new Random(hunt.Seed);
            for (int i = 0; i < InputsPerProgram; i++)
            {
                var input = new GeneratedInput(random);
                RunOutcome expected = GeneratedRun.Run(generated.Program, input);
                foreach (VmTier tier in new[] { VmTier.Il, VmTier.X64 })
                {
                    RunOutcome actual = GeneratedRun.Run(generated.Program, input, tier: tier, isVerified: true);
                    Assert.True(expected == actual,
                        $"seed {hunt.Seed} ({generated.Profile}), input {i}: verified code differs\ninterpreter: {expected}\n{tier}: {actual}\n{GeneratedProgram.Listing(generated.Program)}");
                }
            }

            accepted++;
        }
        while (hunt.Next());

        string summary = $"{accepted} programs agreed on {InputsPerProgram} inputs each, {others} were not accepted or not repeatable, seeds from {hunt.First} to {hunt.Seed}";
        TestContext.Current.TestOutputHelper?.WriteLine(summary);
        Assert.True(hunt.IsRepeated || accepted > 0, summary);
    }
}
