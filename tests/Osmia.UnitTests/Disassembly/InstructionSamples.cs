using Osmia.Bytecode;

namespace Osmia.Tests.Disassembly;

/// <summary>Streams of one instruction each that together cover every opcode and every form of its fields.</summary>
internal static class InstructionSamples
{
    public static IEnumerable<Instruction[]> All()
    {
        for (int opcode = 0; opcode < 256; opcode++)
        {
            foreach ((byte registers, short offset, int immediate) in FieldsFor(new Opcode((byte)opcode)))
            {
                var first = new Instruction(new Opcode((byte)opcode), registers, offset, immediate);
                bool hasUpperHalf = first.SourceKind is not (PseudoLoad.MapFd or PseudoLoad.Function or PseudoLoad.MapIndex);
                yield return first.IsWide ? [first, new Instruction(default, 0, 0, hasUpperHalf ? 7 : 0)] : [first];
            }
        }
    }

    private static IEnumerable<(byte Registers, short Offset, int Immediate)> FieldsFor(Opcode opcode)
    {
        if (opcode.Value == Opcodes.LoadImmediate64)
        {
            return Enumerable.Range(0, 7).Select(kind => ((byte)((kind << 4) | 1), (short)0, -5));
        }

        if (opcode is { Class: InstructionClass.Stx, Mode: Mode.Atomic })
        {
            int[] operations = [0, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110, 0x10];
            return operations.Select(operation => ((byte)0x21, (short)-4, operation));
        }

        if (opcode.IsArithmetic)
        {
            return opcode.Arithmetic switch
            {
                ArithmeticOperation.End => [(1, 0, 16), (1, 0, 32), (1, 0, 64), (1, 0, 8)],
                ArithmeticOperation.Neg => [(1, 0, 0)],
                ArithmeticOperation.Mov when opcode.UsesRegister => [(0x21, 0, 0), (0x21, 8, 0), (0x21, 16, 0), (0x21, 32, 0), (0x21, 1, 1), (0x21, 1, 0x10000), (0x21, 2, 0)],
                ArithmeticOperation.Div or ArithmeticOperation.Mod => opcode.UsesRegister ? [(0x21, 0, 0), (0x21, 1, 0)] : [(1, 0, 3), (1, 1, -3)],
                _ => opcode.UsesRegister ? [(0x21, 0, 0)] : [(1, 0, 5), (10, 0, int.MinValue), (1, 4, 5)],
            };
        }

        if (opcode.IsJump)
        {
            return opcode.Jump switch
            {
                JumpOperation.Ja when opcode.Value == Opcodes.JumpIndirect => [(4, 0, 0), (0x14, 0, 0)],
                JumpOperation.Ja => opcode.Is64Bit ? [(0, -4, 0), (0, 8, 0)] : [(0, 0, -4), (0, 0, 100000)],
                JumpOperation.Call => [(0, 0, 1), (0, 0, 100000), (0x10, 0, -3), (0x20, 0, 38), (3, 0, 0)],
                JumpOperation.Exit or JumpOperation.Jcond => [(0, 0, 0), (0, 4, 0)],
                _ => opcode.UsesRegister ? [(0x21, -4, 0), (0x21, 3, 0)] : [(1, 3, 5), (1, 3, -1)],
            };
        }

        return opcode.Class switch
        {
            InstructionClass.Ld => [(0, 0, 14), (0x20, 0, 14)],
            InstructionClass.St => [(10, -8, 5), (1, 16, -5)],
            _ => [(0x21, -8, 0), (0xa1, 16, 0), (0xb1, 16, 0)],
        };
    }
}
