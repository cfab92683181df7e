using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Sections;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>
/// Random arithmetic and comparisons in a row: at each instruction the kernel's log and ours say the same of every number, to the bit.
/// </summary>
/// <remarks><c>OSMIA_NUMBER_SEED</c> repeats one program.</remarks>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class NumberLogTests(ITestOutputHelper output)
{
    private const int KnownRounds = 20_000;
    private const int Steps = 14;
    private const int PrandomHelper = 7;
    private const byte Exit = 0x95;

    private static readonly ArithmeticOperation[] s_arithmetic =
    [
        ArithmeticOperation.Add, ArithmeticOperation.Sub, ArithmeticOperation.Mul, ArithmeticOperation.Div, ArithmeticOperation.Mod, ArithmeticOperation.Or, ArithmeticOperation.And,
        ArithmeticOperation.Xor, ArithmeticOperation.Lsh, ArithmeticOperation.Rsh, ArithmeticOperation.Arsh, ArithmeticOperation.Neg, ArithmeticOperation.Mov, ArithmeticOperation.End,
    ];

    private static readonly JumpOperation[] s_jumps =
    [
        JumpOperation.Jeq, JumpOperation.Jne, JumpOperation.Jgt, JumpOperation.Jge, JumpOperation.Jlt, JumpOperation.Jle, JumpOperation.Jset,
        JumpOperation.Jsgt, JumpOperation.Jsge, JumpOperation.Jslt, JumpOperation.Jsle,
    ];

    private static readonly (byte Opcode, int Bytes)[] s_sizes = [(0x10, 1), (0x08, 2), (0x00, 4), (0x18, 8)];

    private static readonly int[] s_numbers = [0, 1, 2, 3, 7, 8, 15, 16, 63, 100, 255, 256, 4095, 65535, int.MaxValue, int.MinValue, -1, -2, -8, -16, -4096];

    [Theory]
    [InlineData("numbers")]
    [InlineData("stack")]
    public void The_kernel_says_the_same_of_every_number(string profile)
    {
        using KernelEngine engine = Kernel.KernelTest.OpenOrSkip();
        var hunt = new Hunt("OSMIA_NUMBER_SEED", Budget.For("verifier") / 6, KnownRounds);
        int programs = 0;
        int lines = 0;
        do
        {
            LinkedProgram program = Make(new Random(hunt.Seed), profile == "stack");
            var linked = new LinkedObject("numbers", [program], [], []) { License = "GPL" };
            using LoadedObject loaded = engine.Load(linked, LoadOptions.Default with { LogLevel = 2 });
            string[] kernel = FirstWay(((KernelProgram)loaded.Programs[0]).VerifierText);
            string[] ours = FirstWay(Verifier.Verify(linked, program, engine.Target, new VerificationOptions { LogLevel = 2 }).Log);
            for (int i = 0; i < Math.Max(kernel.Length, ours.Length); i++)
            {
                string theirs = i < kernel.Length ? kernel[i] : "(nothing)";
                string mine = i < ours.Length ? ours[i] : "(nothing)";
                Assert.True(theirs == mine, $"{(hunt.IsRepeated ? ((KernelProgram)loaded.Programs[0]).VerifierText : "")}\nseed {hunt.Seed}, line {i}:\n  {theirs}\n  {mine} (ours)\n{string.Join('\n', kernel.Take(i))}");
            }

            programs++;
            lines += kernel.Length;
        }
        while (hunt.Next());

        output.WriteLine($"{programs} programs from seed {hunt.First}: the same {lines} lines");
        Assert.True(hunt.IsRepeated || lines > programs * 4);
    }

    /// <summary>Up to the end of the way that is walked first: behind it what is walked depends on patience.</summary>
    private static string[] FirstWay(string log) => [.. KernelLogAgreementTests.Lines(log).SkipWhile(line => !line.StartsWith("0: ", StringComparison.Ordinal) || !line.Contains('(', StringComparison.Ordinal)).TakeWhile(line => !line.Contains("(95)", StringComparison.Ordinal))];

    private static LinkedProgram Make(Random random, bool withStack)
    {
        var code = new List<Instruction>();
        for (int register = 6; register < 9; register++)
        {
            code.Add(new(new(Opcodes.Call), 0, 0, 0, PrandomHelper));
            code.Add(new(new(0xbf), (Register)register, Register.R0, 0, 0));
        }

        int length = code.Count + random.Next(4, Steps);
        while (code.Count < length)
        {
            code.Add(withStack && random.Next(2) == 0 ? StackAccess(random)
                : random.Next(3) == 0 ? Jump(random, length - code.Count - 1)
                : Arithmetic(random));
        }

        code.Add(new(new(0xb7), Register.R0, 0, 0, 0));
        code.Add(new(new(Exit), 0, 0, 0, 0));
        return new LinkedProgram("numbers", new SectionMatch("socket", "", "", ProgramType.SocketFilter, null, AttachKind.None), [.. code]);
    }

    private static Instruction Jump(Random random, int distance)
    {
        bool usesRegister = random.Next(2) == 0;
        int kind = random.Next(2) == 0 ? (int)InstructionClass.Jmp : (int)InstructionClass.Jmp32;
        byte opcode = (byte)(kind | ((int)s_jumps[random.Next(s_jumps.Length)]) | (usesRegister ? 8 : 0));
        return new(new(opcode), AnyRegister(random), usesRegister ? AnyRegister(random) : 0, (short)Math.Max(1, distance), usesRegister ? 0 : AnyNumber(random));
    }

    private static Instruction Arithmetic(Random random)
    {
        ArithmeticOperation operation = s_arithmetic[random.Next(s_arithmetic.Length)];
        bool is64 = random.Next(2) == 0;
        bool usesRegister = random.Next(2) == 0;
        short offset = 0;
        int immediate = usesRegister ? 0 : AnyNumber(random);
        Register source = usesRegister ? AnyRegister(random) : 0;
        switch (operation)
        {
            case ArithmeticOperation.Neg:
                (usesRegister, source, immediate) = (false, 0, 0);
                break;
            case ArithmeticOperation.End:
                (source, immediate) = (0, 16 << random.Next(3));
                usesRegister = !is64 && usesRegister;
                break;
            case ArithmeticOperation.Lsh or ArithmeticOperation.Rsh or ArithmeticOperation.Arsh when !usesRegister:
                immediate = random.Next(is64 ? 64 : 32);
                break;
            case ArithmeticOperation.Div or ArithmeticOperation.Mod:
                offset = (short)random.Next(2);
                immediate = usesRegister ? 0 : immediate == 0 ? 3 : immediate;
                break;
            case ArithmeticOperation.Mov when usesRegister && random.Next(2) == 0:
                offset = (short)(8 << random.Next(is64 ? 3 : 2));
                break;
        }

        byte opcode = (byte)((int)(is64 ? InstructionClass.Alu64 : InstructionClass.Alu) | ((int)operation) | (usesRegister ? 8 : 0));
        return new(new(opcode), AnyRegister(random), source, offset, immediate);
    }

    private static Instruction StackAccess(Random random)
    {
        int place = random.Next(4);
        (byte width, int size) = s_sizes[random.Next(4)];
        short offset = (short)(-8 * random.Next(1, 3) + random.Next(8 / size) * size);
        return place switch
        {
            0 => new(new((byte)(0x62 | width)), Register.R10, 0, offset, AnyNumber(random)),
            1 => new(new((byte)(0x63 | width)), Register.R10, AnyRegister(random), offset, 0),
            // Linux 6.18 takes a register's low bytes with their sign extended for a copy of it, which they need not be: that is not asked.
            2 when size < 8 && offset % 8 != 0 => new(new((byte)(0x81 | width)), AnyRegister(random), Register.R10, offset, 0),
            _ => new(new((byte)(0x61 | width)), AnyRegister(random), Register.R10, offset, 0),
        };
    }

    private static Register AnyRegister(Random random) => (Register)random.Next(6, 9);

    private static int AnyNumber(Random random) => random.Next(6) == 0 ? random.Next(int.MinValue, int.MaxValue) : s_numbers[random.Next(s_numbers.Length)];
}
