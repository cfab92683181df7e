using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>The interpreter and compiled code against the kernel's JIT: the same random program on the same packet returns the same.</summary>
/// <remarks><c>OSMIA_ARITHMETIC_SEED</c> repeats one program.</remarks>
public class RandomArithmeticTests
{
    private const int KnownRounds = 3000;
    private const int PacketsPerProgram = 6;

    [Fact]
    [SupportedOSPlatform("linux")]
    public void Random_programs_return_the_same_in_both_engines()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        using var vm = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter });
        using var compiled = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        using var native = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.X64 });
        var hunt = new Hunt("OSMIA_ARITHMETIC_SEED", Budget.For("engines") / 2, KnownRounds);
        int programs = 0;
        int refused = 0;
        do
        {
            int seed = hunt.Seed;
            LinkedProgram program = ArithmeticProgram.Make(seed);
            var linked = new LinkedObject("random", [program], [], []) { License = "GPL" };
            try
            {
                using LoadedObject inKernel = kernel.Load(linked);
                using LoadedObject inVm = vm.Load(linked, LoadOptions.Default);
                using LoadedObject inIl = compiled.Load(linked, LoadOptions.Default);
                using LoadedObject inMachineCode = native.Load(linked, LoadOptions.Default);
                Compare(inKernel.Programs[0], [inVm.Programs[0], inIl.Programs[0], inMachineCode.Programs[0]], seed);
                programs++;
            }
            catch (KernelException refusal) when (refusal.VerifierLog?.Contains("BPF program is too large", StringComparison.Ordinal) == true)
            {
                // Too many ways through it for the verifier's patience.
                refused++;
            }
            catch (KernelException refusal)
            {
                Assert.Fail($"seed {seed}: the kernel refuses the program: {refusal}\n{refusal.VerifierLog}\n{Listing(program)}");
            }
        }
        while (hunt.Next());

        string summary = $"{programs} programs agreed on {PacketsPerProgram} packets each, {refused} were too long for the verifier, seeds from {hunt.First} to {hunt.Seed}";
        TestContext.Current.SendDiagnosticMessage(summary);
        TestContext.Current.TestOutputHelper?.WriteLine(summary);
        Assert.True(programs > 0 && refused <= programs, summary);
    }

    private static void Compare(LoadedProgram inKernel, LoadedProgram[] others, int seed)
    {
        var random = new Random(~seed);
        for (int i = 0; i < PacketsPerProgram; i++)
        {
            byte[] packet = ArithmeticProgram.MakePacket(random);
            ulong expected = inKernel.Run(new ProgramRun { Data = packet }).ReturnValue;
            foreach (LoadedProgram inVm in others)
            {
                ulong actual = (uint)inVm.Run(new ProgramRun { Data = packet }).ReturnValue;
                Assert.True(expected == actual,
                    $"seed {seed}: the kernel returns 0x{expected:x}, the VM ({((VmProgram)inVm).Tier}) 0x{actual:x} for packet {Convert.ToHexStringLower(packet)}\n{Listing(inVm.Definition)}");
            }
        }
    }

    private static string Listing(LinkedProgram program)
    {
        byte[] bytes = new byte[program.Instructions.Length * Instruction.SizeInBytes];
        for (int i = 0; i < program.Instructions.Length; i++)
        {
            program.Instructions[i].Encode(bytes.AsSpan(i * Instruction.SizeInBytes));
        }

        return string.Join('\n', bytes.Chunk(Instruction.SizeInBytes).Select((slot, i) => $"{i,4}: {Convert.ToHexStringLower(slot)}"));
    }
}
