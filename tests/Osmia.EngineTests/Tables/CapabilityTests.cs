using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Tests.Kernel;

namespace Osmia.Tests.Tables;

/// <summary>Which capabilities program types and helpers need, tried on threads that have no others.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class CapabilityTests(ITestOutputHelper output)
{
    private const ulong NetAdmin = 1ul << 12;
    private const ulong Perfmon = 1ul << 38;
    private const ulong Bpf = 1ul << 39;

    [Fact]
    public void Program_types_need_the_capabilities_of_the_table()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        List<TrialPlace> places = [.. trial.Places(out _).DistinctBy(place => place.Type)];
        var differences = new List<string>();
        foreach (ProgramNeeds held in (ProgramNeeds[])[ProgramNeeds.None, ProgramNeeds.NetAdmin, ProgramNeeds.Perfmon, ProgramNeeds.NetAdmin | ProgramNeeds.Perfmon])
        {
            ulong kept = Bpf | (held.HasFlag(ProgramNeeds.NetAdmin) ? NetAdmin : 0) | (held.HasFlag(ProgramNeeds.Perfmon) ? Perfmon : 0);
            PrivilegeTests.WithCapabilities(kept, () =>
            {
                foreach (TrialPlace place in places)
                {
                    ProgramNeeds needs = ProgramTypeTable.Find(place.Type)!.Needs;
                    bool kernel = trial.Load(place, KernelTrial.Return(1)).IsAccepted;
                    if (kernel != ((needs & ~held) == 0))
                    {
                        differences.Add($"{place} with CAP_BPF and {held}: table needs {needs}, kernel {kernel}");
                    }
                }
            });
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(places.Count > 25);
    }

    [Fact]
    public void Helpers_need_the_capability_of_the_table()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        List<TrialPlace> places = [.. trial.Places(out _).Where(place => !ProgramTypeTable.Find(place.Type)!.Needs.HasFlag(ProgramNeeds.Perfmon)).DistinctBy(place => place.Type)];
        var differences = new List<string>();
        int compared = 0;
        PrivilegeTests.WithCapabilities(Bpf | NetAdmin, () =>
        {
            foreach (TrialPlace place in places)
            {
                foreach (Helper helper in HelperTable.All)
                {
                    if (helper.SignatureFor(place.Type, place.AttachType) is not { } signature)
                    {
                        continue;
                    }

                    compared++;
                    TrialVerdict verdict = trial.Load(place, [KernelTrial.Call((int)helper.Id), .. KernelTrial.Return(1)]);
                    bool kernel = verdict.Log.Contains("cannot use helper", StringComparison.Ordinal);
                    bool table = (signature.Traits & (HelperTraits.NeedsPerfmon | HelperTraits.NeedsSysAdmin)) != 0;
                    if (kernel != table && !TableExceptions.Holds("capability", helper.Name, place.ToString()))
                    {
                        differences.Add($"{helper.Name} in {place} without CAP_PERFMON: table {(table ? "no" : "yes")}, kernel {(kernel ? "no" : "yes")}: {HelperArgumentTests.Message(verdict)}");
                    }
                }
            }
        });
        output.WriteLine($"{compared} cells compared");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }
}
