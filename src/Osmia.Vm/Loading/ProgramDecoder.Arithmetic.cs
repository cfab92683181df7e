using Osmia.Bytecode;

namespace Osmia.Vm.Loading;

/// <summary>RFC 9669 section 4.1 and 4.2.</summary>
internal sealed unsafe partial class ProgramDecoder
{
    private const int AddressSpaceCast = 1;
    private const int UserToKernel = 1;
    private const int KernelToUser = 1 << 16;

    private DecodedInstruction DecodeArithmetic(int slot, Instruction instruction)
    {
        bool is64 = instruction.Opcode.Is64Bit;
        bool isRegister = instruction.Opcode.UsesRegister;
        ArithmeticOperation operation = instruction.Opcode.Arithmetic;
        CheckWritable(slot, instruction.Destination);
        if (operation == ArithmeticOperation.End)
        {
            return DecodeByteSwap(slot, instruction, is64, isRegister);
        }

        if (operation > ArithmeticOperation.End)
        {
            throw UnknownOpcode(slot, instruction);
        }

        if (operation == ArithmeticOperation.Mov && is64 && isRegister && instruction.Offset == AddressSpaceCast)
        {
            // Between an arena's addresses as the host and as the kernel see them: here they are the same.
            return instruction.Immediate is KernelToUser or UserToKernel
                ? new() { Op = Op.Mov64X }
                : throw BadField(slot, $"a cast between address spaces {(uint)instruction.Immediate >> 16} and {(ushort)instruction.Immediate}", "there are 0 and 1, the arena's");
        }

        bool isNegation = operation == ArithmeticOperation.Neg;
        if ((isRegister || isNegation) && instruction.Immediate != 0)
        {
            throw BadField(slot, $"immediate {instruction.Immediate}", "the field is reserved here and must be 0");
        }

        if ((!isRegister || isNegation) && instruction.SourceKind != 0)
        {
            throw BadField(slot, $"source register r{instruction.SourceKind}", "the field is reserved here and must be 0");
        }

        if (isNegation && isRegister)
        {
            throw UnknownOpcode(slot, instruction);
        }

        Op op = At(Op.Add32K, (((int)operation >> 4) * 4) + (is64 ? 2 : 0) + (isRegister ? 1 : 0));
        if (instruction.Offset != 0)
        {
            op = SignedVariant(slot, instruction, operation, is64, isRegister);
        }

        return new() { Op = op, Immediate = instruction.Immediate };
    }

    private Op SignedVariant(int slot, Instruction instruction, ArithmeticOperation operation, bool is64, bool isRegister)
    {
        int variant = (is64 ? 2 : 0) + (isRegister ? 1 : 0);
        Op? op = (operation, (int)instruction.Offset) switch
        {
            (ArithmeticOperation.Div, 1) => At(Op.SDiv32K, variant),
            (ArithmeticOperation.Mod, 1) => At(Op.SMod32K, variant),
            (ArithmeticOperation.Mov, 8) when isRegister => is64 ? Op.MovSx64From8 : Op.MovSx32From8,
            (ArithmeticOperation.Mov, 16) when isRegister => is64 ? Op.MovSx64From16 : Op.MovSx32From16,
            (ArithmeticOperation.Mov, 32) when isRegister && is64 => Op.MovSx64From32,
            _ => null,
        };
        return op ?? throw BadField(slot, $"offset {instruction.Offset}", "the field is reserved here and must be 0");
    }

    private DecodedInstruction DecodeByteSwap(int slot, Instruction instruction, bool is64, bool isRegister)
    {
        if (instruction.SourceKind != 0 || instruction.Offset != 0)
        {
            throw BadField(slot, "a byte swap with source register or offset", "the fields are reserved here and must be 0");
        }

        bool isSwap = is64 || isRegister;
        Op? op = instruction.Immediate switch
        {
            _ when is64 && isRegister => null,
            16 => isSwap ? Op.Swap16 : Op.Truncate16,
            32 => isSwap ? Op.Swap32 : Op.Truncate32,
            64 => isSwap ? Op.Swap64 : Op.Truncate64,
            _ => null,
        };
        return new() { Op = op ?? throw BadField(slot, $"a byte swap of {instruction.Immediate} bits", "the widths are 16, 32 and 64") };
    }
}
