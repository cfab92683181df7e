using Osmia.Bytecode;

namespace Osmia.Tests.AssemblyText;

/// <summary>Valid instructions, enumerated by trying: every opcode with representative and extreme fields, kept when the validity check takes it.</summary>
internal static class ValidInstructions
{
    private static readonly byte[] s_registers = [0x00, 0x01, 0x10, 0x21, 0x12, 0x09, 0x90, 0xa0, 0xa1, 0x0a, 0x99, 0x02, 0x20, 0x30, 0x31, 0x41, 0x51, 0x61, 0x11];
    private static readonly short[] s_offsets = [0, 1, -1, 8, 16, 32, -4, 255, short.MaxValue, short.MinValue];

    private static readonly int[] s_immediates =
    [
        0, 1, -1, 2, 5, 7, 16, 32, 64, 127, 255, -8, 0x40, 0x50, 0xa0, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110, 211, 100_000,
        0x10000, 0x7fff, 0x8000, int.MaxValue, int.MinValue,
    ];

    private static readonly int[] s_upperHalves = [0, 1, -1, 7, int.MaxValue, int.MinValue];

    public static IEnumerable<Instruction[]> All()
    {
        for (int opcode = 1; opcode < 256; opcode++)
        {
            foreach (byte registers in s_registers)
            {
                foreach (short offset in s_offsets)
                {
                    foreach (int immediate in s_immediates)
                    {
                        var first = new Instruction(new Opcode((byte)opcode), registers, offset, immediate);
                        foreach (Instruction[] stream in first.IsWide ? s_upperHalves.Select(upper => new[] { first, new Instruction(default, 0, 0, upper) }) : [[first]])
                        {
                            if (InstructionValidity.Check(stream, 0) is null)
                            {
                                yield return stream;
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>A valid instruction, its fields random with a liking for the bounds; bytes are tried until some are valid.</summary>
    public static Instruction[] Random(Random random)
    {
        while (true)
        {
            var first = new Instruction(
                new Opcode((byte)random.Next(256)),
                random.Next(2) == 0 ? (byte)random.Next(11) : (byte)(random.Next(11) | (random.Next(11) << 4)),
                random.Next(3) > 0 ? s_offsets[random.Next(s_offsets.Length)] : (short)random.Next(),
                random.Next(3) > 0 ? s_immediates[random.Next(s_immediates.Length)] : random.Next(int.MinValue, int.MaxValue));
            Instruction[] stream = first.IsWide ? [first, new Instruction(default, 0, 0, random.Next(2) * random.Next(int.MinValue, int.MaxValue))] : [first];
            if (InstructionValidity.Check(stream, 0) is null)
            {
                return stream;
            }
        }
    }
}
