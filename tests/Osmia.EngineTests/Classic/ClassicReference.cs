using Osmia.Bytecode;
using Osmia.Bytecode.Classic;

namespace Osmia.Tests.Classic;

/// <summary>Runs a filter as the manual says, without any translation: what engines are compared with.</summary>
internal static class ClassicReference
{
    /// <param name="ancillary">Gives what an ancillary load finds.</param>
    public static uint Run(ClassicProgram program, ReadOnlySpan<byte> packet, Func<ClassicAncillary, uint>? ancillary = null)
    {
        uint a = 0;
        uint x = 0;
        uint[] scratch = new uint[ClassicProgram.ScratchWords];
        for (int at = 0; ; at++)
        {
            ClassicInstruction one = program.Instructions[at];
            uint operand = one.UsesX ? x : one.K;
            switch (one.Class)
            {
                case ClassicClass.Ld or ClassicClass.Ldx when one.Mode is ClassicMode.Imm or ClassicMode.Mem or ClassicMode.Len:
                    uint loaded = one.Mode switch { ClassicMode.Imm => one.K, ClassicMode.Mem => scratch[one.K], _ => (uint)packet.Length };
                    (a, x) = one.Class == ClassicClass.Ld ? (loaded, x) : (a, loaded);
                    break;
                case ClassicClass.Ldx:
                    if (Load(packet, (int)one.K, 1) is not { } header)
                    {
                        return 0;
                    }

                    x = 4 * (header & 0xf);
                    break;
                case ClassicClass.Ld when one.Ancillary is { } kind:
                    a = kind == ClassicAncillary.XorX ? a ^ x : ancillary!(kind);
                    break;
                case ClassicClass.Ld:
                    int size = one.Size switch { Size.B => 1, Size.H => 2, _ => 4 };
                    if (Load(packet, (int)(one.Mode == ClassicMode.Ind ? x + one.K : one.K), size) is not { } value)
                    {
                        return 0;
                    }

                    a = value;
                    break;
                case ClassicClass.St:
                    scratch[one.K] = a;
                    break;
                case ClassicClass.Stx:
                    scratch[one.K] = x;
                    break;
                case ClassicClass.Alu when one.Arithmetic is ArithmeticOperation.Div or ArithmeticOperation.Mod && operand == 0:
                    return 0;
                case ClassicClass.Alu:
                    a = one.Arithmetic switch
                    {
                        ArithmeticOperation.Add => a + operand,
                        ArithmeticOperation.Sub => a - operand,
                        ArithmeticOperation.Mul => a * operand,
                        ArithmeticOperation.Div => a / operand,
                        ArithmeticOperation.Mod => a % operand,
                        ArithmeticOperation.Or => a | operand,
                        ArithmeticOperation.And => a & operand,
                        ArithmeticOperation.Xor => a ^ operand,
                        ArithmeticOperation.Lsh => a << (int)(operand & 31),
                        ArithmeticOperation.Rsh => a >> (int)(operand & 31),
                        _ => 0 - a,
                    };
                    break;
                case ClassicClass.Jmp when one.Jump == JumpOperation.Ja:
                    at += (int)one.K;
                    break;
                case ClassicClass.Jmp:
                    bool isTrue = one.Jump switch
                    {
                        JumpOperation.Jeq => a == operand,
                        JumpOperation.Jgt => a > operand,
                        JumpOperation.Jge => a >= operand,
                        _ => (a & operand) != 0,
                    };
                    at += isTrue ? one.IfTrue : one.IfFalse;
                    break;
                case ClassicClass.Ret:
                    return one.ReturnsA ? a : one.K;
                default:
                    (a, x) = one.CopiesXToA ? (x, x) : (a, a);
                    break;
            }
        }
    }

    private static uint? Load(ReadOnlySpan<byte> packet, int offset, int size)
    {
        if (offset < 0 || (long)offset + size > packet.Length)
        {
            return null;
        }

        uint value = 0;
        foreach (byte one in packet.Slice(offset, size))
        {
            value = (value << 8) | one;
        }

        return value;
    }
}
