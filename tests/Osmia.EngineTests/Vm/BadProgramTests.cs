using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Bad programs end in a trap that names slot, registers and source line; the process lives, and the next run works.</summary>
public sealed class BadProgramTests
{
    private const string Source = "../Osmia.EngineTests/Vm/Sources/bad.bpf.c";
    private const ulong Wild = 0x1234_5678_9000;

    public static TheoryData<string, string, string, VmTier> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, string, VmTier>();
            foreach (VmTier tier in Enum.GetValues<VmTier>().Where(tier => tier != VmTier.Auto))
            {
                cases.Add("wild_pointer", "OSM6100", "wild", tier);
                cases.Add("null_pointer", "OSM6100", "null", tier);
                cases.Add("endless", "OSM6104", "endless", tier);
                cases.Add("recursion", "OSM6105", "deep", tier);
                cases.Add("thrown", "OSM6109", "thrown", tier);
            }

            return cases;
        }
    }

    [Theory]
    [InlineData("elsewhere", "bpf_iter_task_new", "the kernel has that function, and target 'vm' has not", "kernel engine")]
    [InlineData("misspelt", "bpf_dynptr_sise", "the closest are bpf_dynptr_size", "correct its name")]
    public void A_kernel_function_the_vm_lacks_is_refused_by_name(string program, string function, string why, string attempt)
    {
        BpfObject source = Toolchain.Read("clang-19", "../Osmia.EngineTests/Vm/Sources/absent.bpf.c", "-mcpu=v3");
        source.Programs = [source.FindProgram(program)!];
        using var engine = new VmEngine();
        Diagnostic refusal = Assert.Throws<RelocationException>(() => engine.Load(source)).Diagnostic;
        Assert.Contains($"'{function}'", refusal.What, StringComparison.Ordinal);
        Assert.Contains(why, refusal.Why, StringComparison.Ordinal);
        Assert.Contains(attempt, refusal.Try, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_bad_program_traps_at_its_line_and_the_next_run_works(string name, string id, string mark, VmTier tier)
    {
        BpfObject source = Toolchain.Read("clang-19", Source, "-mcpu=v3");
        var failure = new InvalidOperationException("the application's own");
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier, InstructionBudget = 1 << 20, Trace = _ => throw failure });
        using LoadedObject loaded = engine.Load(source);
        byte[] packet = new byte[64];
        for (int round = 0; round < 3; round++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => loaded.Program(name).Run(new ProgramRun { Data = packet }));
            Assert.Equal((id, name), (trap.Id, trap.Program));
            Assert.InRange(trap.Slot, 0, loaded.Program(name).Definition.Instructions.Length - 1);
            Assert.Equal(11, trap.Registers.Count);
            Assert.NotEqual(0UL, trap.Registers[10]);
            AssertLine(trap, mark);
            if (name == "wild_pointer")
            {
                Assert.Contains(trap.Registers, register => register is Wild or Wild + 16);
            }

            if (name == "thrown")
            {
                Assert.Same(failure, trap.InnerException);
            }

            Assert.Equal(64UL, loaded.Program("good").Run(new ProgramRun { Data = packet }).ReturnValue);
        }
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    public void Division_by_zero_is_no_trap_and_gives_what_the_kernel_gives(VmTier tier)
    {
        BpfObject source = Toolchain.Read("clang-19", Source, "-mcpu=v3");
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
        using LoadedObject loaded = engine.Load(source);
        Assert.Equal(7UL, loaded.Program("division").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
    }

    // A loop's trap may stand at the head of the loop, a deep call's at the function's first line: within the statement all the same.
    private static void AssertLine(TrapException trap, string mark)
    {
        string[] lines = File.ReadAllLines(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", Source));
        int line = Array.FindIndex(lines, text => text.Contains($"// trap: {mark}", StringComparison.Ordinal)) + 1;
        Assert.True(Enumerable.Range(line - 1, 2).Any(near => trap.Diagnostic.Where!.Contains($"bad.bpf.c:{near}", StringComparison.Ordinal)), $"wanted line {line}, got {trap.Diagnostic.Where}");
    }
}
