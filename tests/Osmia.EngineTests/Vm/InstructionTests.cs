using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm;
using Osmia.Vm.Loading;

namespace Osmia.Tests.Vm;

public sealed class InstructionTests
{
    private static readonly string s_folder = RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Vm", "Data");
    private static readonly string[] s_files = ["arithmetic.data", "atomics.data", "calls.data", "conditions.data", "exchanges.data", "jumps.data", "memory.data", "operations.data", "refusals.data", "widths.data"];

    [Fact]
    public void Every_data_file_has_a_test() =>
        Assert.Equal(s_files, Directory.GetFiles(s_folder, "*.data").Select(Path.GetFileName).Order(StringComparer.Ordinal));

    /// <summary>Every form the interpreter knows stands in a case: those of RFC 9669, and the few that Linux added.</summary>
    [Fact]
    public unsafe void Every_instruction_stands_in_a_case()
    {
        HashSet<Op> missing = [.. Enum.GetValues<Op>()];
        missing.ExceptWith([Op.Invalid, Op.Unresolved]);
        missing.RemoveWhere(op => Fusion.Plain(op) != op); // FusionTests

        // These need a packet program, or a prog array: VmPacketTests, VmMapTests.
        missing.ExceptWith([Op.AbsB, Op.AbsH, Op.AbsW, Op.IndB, Op.IndH, Op.IndW, Op.TailCall]);
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter });
        foreach (InstructionCase c in s_files.SelectMany(file => InstructionCase.Read(Path.Combine(s_folder, file))).Where(c => c.Refusal is null))
        {
            using LoadedObject loaded = engine.Load(c.Code);
            var program = (VmProgram)loaded.Programs[0];
            for (int slot = 0; slot < program.Definition.Instructions.Length; slot++)
            {
                missing.Remove(program.Code[slot].Op);
            }
        }

        // The layout has places for forms that no instruction has: a negation takes no operand, a jump that always goes compares nothing.
        missing.ExceptWith([Op.Neg32X, Op.Neg64X, Op.Ja32K, Op.Ja32X, Op.Ja64X]);
        missing.RemoveWhere(op => op.ToString().Contains("Gap", StringComparison.Ordinal));
        Assert.Equal("", string.Join(' ', missing));
    }

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
