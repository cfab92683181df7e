using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Tests;

/// <summary>A program with one instruction changed, as people and compilers get them wrong: another register, offset, number or operation.</summary>
internal static class Mutant
{
    public static (LinkedProgram Mutant, int Slot) Of(Random random, LinkedProgram program)
    {
        Instruction[] code = [.. program.Instructions];
        int slot;
        do
        {
            slot = random.Next(code.Length);
        }
        while ((slot > 0 && code[slot - 1].IsWide) || code[slot].IsWide);

        Instruction old = code[slot];
        code[slot] = random.Next(5) switch
        {
            0 => old with { Registers = (byte)((old.Registers & 0xf0) | random.Next(11)) },
            1 when !old.IsCall => old with { Registers = (byte)((old.Registers & 0xf) | random.Next(11) << 4) },
            2 => old with { Offset = (short)(old.Offset + (random.Next(2) == 0 ? 1 : -1) * (1 << random.Next(8))) },
            3 => old.WithImmediate(random.Next(-16, 600)),
            _ => new Instruction(new Opcode(Opcodes.Jump), 0, 0, 0),
        };
        return (program with { Instructions = ImmutableCollectionsMarshal.AsImmutableArray(code) }, slot);
    }
}
