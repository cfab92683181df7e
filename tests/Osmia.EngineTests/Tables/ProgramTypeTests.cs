using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>What the program type table says of loading, tried on the kernel.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class ProgramTypeTests(ITestOutputHelper output)
{
    private static readonly int[] s_returned = [-4096, -1, 0, 1, 2, 3, 4, 100];

    [Fact]
    public void Programs_may_return_what_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        int tried = 0;
        foreach (TrialPlace place in trial.Places(out _))
        {
            ReturnRange? range = ReturnRange.Of(place.Type, place.AttachType);
            foreach (int value in s_returned)
            {
                tried++;
                bool kernel = trial.Load(place, KernelTrial.Return(value)).IsAccepted;
                if (kernel != (range?.Contains(value) ?? true))
                {
                    differences.Add($"{place} returns {value}: table {range?.ToString() ?? "anything"}, kernel {(kernel ? "yes" : "no")}");
                }
            }
        }

        output.WriteLine($"{tried} returns tried");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Only_what_the_table_says_may_be_sleepable()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        foreach (TrialPlace place in trial.Places(out _))
        {
            ProgramTypeFacts row = ProgramTypeTable.Find(place.Type)!;
            bool kernel = trial.Load(place with { IsSleepable = true }, KernelTrial.Return(1)).IsAccepted;
            if (kernel != row.MaySleep(place.AttachType))
            {
                differences.Add($"{place}: table {!kernel}, kernel {kernel}");
            }

            if (row.Sleep == SleepRule.Always && trial.Load(place with { IsSleepable = false }, KernelTrial.Return(1)).IsAccepted)
            {
                differences.Add($"{place}: the kernel loads it not sleepable too");
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Expected_attach_types_are_checked_at_load_where_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new List<string>();
        foreach (ProgramTypeFacts row in trial.Places(out _).Select(place => place.Type).Distinct().Select(type => ProgramTypeTable.Find(type)!))
        {
            // Typed programs are judged by what they attach to, not by the number alone.
            if (row.Type is ProgramType.Tracing or ProgramType.StructOps)
            {
                continue;
            }

            for (int number = 0; number < AttachTypeNames.Count; number++)
            {
                var attach = (AttachType)number;
                bool table = row.AttachRule switch
                {
                    AttachTypeRule.AtLoad => row.AttachTypes.Contains(attach) || (number == 0 && IsZeroDefault(row.Type)),
                    AttachTypeRule.MustBeZero => number == 0,
                    _ => true,
                };

                // The value 1 is one that every attach type of these programs may return.
                bool kernel = trial.Load(row.Type, (uint)number, TypeId.Void, row.Sleep == SleepRule.Always, KernelTrial.Return(1)).IsAccepted;
                if (table != kernel)
                {
                    differences.Add($"{row.Type.ToKernelName()} with {attach.ToKernelName()}: table {table}, kernel {kernel}");
                }
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    [Fact]
    public void Only_what_the_table_says_needs_a_gpl_license()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        foreach (TrialPlace place in trial.Places(out _))
        {
            bool kernel = !trial.Load(place, KernelTrial.Return(1), license: "Proprietary").IsAccepted;
            Assert.True(kernel == ProgramTypeTable.Find(place.Type)!.IsGplRequired, $"{place}: kernel {kernel}");
        }
    }

    // The kernel reads 0 in programs older than the field as the first attach type there was.
    private static bool IsZeroDefault(ProgramType type) => type is ProgramType.CgroupSock or ProgramType.SkReuseport;
}
