using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

public sealed class InstructionTests
{
    private static readonly string s_folder = RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Vm", "Data");
    private static readonly string[] s_files = ["arithmetic.data", "atomics.data", "calls.data", "jumps.data", "memory.data", "refusals.data"];

    [Fact]
    public void Every_data_file_has_a_test() =>
        Assert.Equal(s_files, Directory.GetFiles(s_folder, "*.data").Select(Path.GetFileName).Order(StringComparer.Ordinal));

    public static TheoryData<string, VmTier, VmMode> Runs => [.. from file in s_files
        from way in new[] { (VmTier.Interpreter, VmMode.Metered), (VmTier.Interpreter, VmMode.Checked), (VmTier.Il, VmMode.Metered), (VmTier.Il, VmMode.Checked), (VmTier.X64, VmMode.Metered), (VmTier.X64, VmMode.Checked) }
        select (file, way.Item1, way.Item2)];

    [Theory]
    [MemberData(nameof(Runs))]
    public void Instructions_do_what_the_cases_say(string file, VmTier tier, VmMode mode)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, InstructionBudget = 100_000, Tier = tier, Mode = mode });
        var failures = new List<string>();
        int count = 0;
        foreach (InstructionCase c in InstructionCase.Read(Path.Combine(s_folder, file)))
        {
            count++;
            if (mode == VmMode.Checked && c.Trap == "OSM6104")
            {
                continue; // Without metering a loop has no end.
            }

            string? failure = Check(engine, c);
            if (failure is not null)
            {
                failures.Add($"{c}: {failure}");
            }
        }

        Assert.True(count > 5);
        Assert.Empty(failures);
    }

    private static string? Check(VmEngine engine, InstructionCase c)
    {
        try
        {
            using LoadedObject loaded = engine.Load(c.Code);
            if (c.Refusal is not null)
            {
                return $"loaded, should be refused with {c.Refusal}";
            }

            var program = (VmProgram)loaded.Programs[0];
            if (program.Tier != engine.Options.Tier)
            {
                return $"runs in tier {program.Tier}: {program.TierReason}";
            }

            byte[] after = new byte[c.Memory.Length];
            ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = c.Memory, DataOut = after });
            if (c.Trap is not null)
            {
                return $"ran to 0x{result.ReturnValue:x}, should trap with {c.Trap}";
            }

            // A case that gives memory but no result checks the memory only.
            if (result.ReturnValue != c.Result && (c.MemoryAfter is null || c.Result != 0))
            {
                return $"r0 = 0x{result.ReturnValue:x}, should be 0x{c.Result:x}";
            }

            return c.MemoryAfter is not null && !after.AsSpan().SequenceEqual(c.MemoryAfter) ? $"memory is {Convert.ToHexString(after)}" : null;
        }
        catch (TrapException trap) when (trap.Id == c.Trap)
        {
            return null;
        }
        catch (BpfException refusal) when (c.Refusal is not null && refusal.Id == c.Refusal)
        {
            return null;
        }
        catch (BpfException other)
        {
            return other.Message;
        }
    }
}
