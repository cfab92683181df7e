using System.Runtime.Versioning;
using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>Which programs may call which helper: the table against the verifier's answer, cell by cell.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class HelperTableTests(ITestOutputHelper output)
{
    private const string Check = "helper";

    // What the verifier says when the program cannot have the helper at all; anything else is about the arguments.
    private static readonly string[] s_refusals =
    [
        "program of this type cannot use helper", "invalid func ", "unknown func ", "helper call is not allowed in probe", "not supported for program type",
        "supported only for fentry/fexit/fmod_ret programs",
    ];

    [Fact]
    public void Each_program_type_may_call_what_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        List<TrialPlace> places = trial.Places(out List<TrialPlace> refused);
        var differences = new List<string>();
        int cells = 0;
        int excepted = 0;
        foreach (TrialPlace place in places)
        {
            foreach (Helper helper in HelperTable.All)
            {
                TrialVerdict verdict = trial.Load(place, Code(helper));
                bool kernel = !s_refusals.Any(refusal => verdict.Log.Contains(refusal, StringComparison.Ordinal));
                HelperSignature? signature = helper.SignatureFor(place.Type, place.AttachType);
                bool sleeps = verdict.Log.Contains("helper call might sleep in a non-sleepable prog", StringComparison.Ordinal);
                cells++;
                if (kernel == signature is not null && (!kernel || place.IsSleepable || sleeps == signature!.Traits.HasFlag(HelperTraits.MaySleep)))
                {
                    continue;
                }

                if (TableExceptions.Holds(Check, helper.Name, place.ToString()))
                {
                    excepted++;
                    continue;
                }

                differences.Add($"{helper.Name} in {place}: table {(signature is null ? "no" : "yes")}, kernel {(kernel ? sleeps ? "yes, may sleep" : "yes" : "no")}: {verdict.Log.Split('\n')[^1]}");
            }
        }

        output.WriteLine($"{cells} cells: {places.Count} places x {HelperTable.Count} helpers; {cells - excepted - differences.Count} agree, {excepted} listed exceptions");
        output.WriteLine($"not loadable here: {string.Join(", ", refused)}");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(places.Count > 40, $"only {places.Count} places could be loaded");
    }

    [Fact]
    public void Only_what_the_table_calls_gpl_is_refused_to_other_licenses()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        int cells = 0;
        foreach (TrialPlace place in trial.Places(out _).Where(place => !ProgramTypeTable.Find(place.Type)!.IsGplRequired))
        {
            foreach (Helper helper in HelperTable.All)
            {
                HelperSignature? signature = helper.SignatureFor(place.Type, place.AttachType);
                if (signature is null || TableExceptions.Holds(Check, helper.Name, place.ToString()))
                {
                    continue;
                }

                cells++;
                TrialVerdict verdict = trial.Load(place, Code(helper), license: "Proprietary");
                bool kernel = verdict.Log.Contains("cannot call GPL-restricted function", StringComparison.Ordinal);
                if (kernel != signature.IsGplOnly)
                {
                    differences.Add($"{helper.Name} in {place}: table {(signature.IsGplOnly ? "GPL" : "any")}, kernel {(kernel ? "GPL" : "any")}");
                }
            }
        }

        output.WriteLine($"{cells} callable cells compared");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void The_kernel_asks_for_as_many_arguments_as_the_table_has()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        int compared = 0;
        foreach (TrialPlace place in trial.Places(out _))
        {
            foreach (Helper helper in HelperTable.All)
            {
                if (helper.SignatureFor(place.Type, place.AttachType) is not { } signature || TableExceptions.Holds(Check, helper.Name, place.ToString()))
                {
                    continue;
                }

                // The call is refused for r1 alone exactly when r1 is an argument: it was clobbered by a call before.
                TrialVerdict verdict = trial.Load(place, [KernelTrial.Call((int)HelperId.GetPrandomU32), KernelTrial.Call((int)helper.Id), .. KernelTrial.Return(1)]);
                bool kernel = verdict.Log.Contains("R1 !read_ok", StringComparison.Ordinal);
                compared++;
                bool sleeps = verdict.Log.Contains("might sleep", StringComparison.Ordinal);
                if (!sleeps && kernel != signature.Arguments.Count > 0)
                {
                    differences.Add($"{helper.Name} in {place}: table {signature.Arguments.Count} arguments, kernel: {verdict.Log.Split('\n')[^1]}");
                }
            }
        }

        output.WriteLine($"{compared} callable cells compared");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static Instruction[] Code(Helper helper) => [KernelTrial.Call((int)helper.Id), .. KernelTrial.Return(1)];
}
