using Osmia.Bytecode;

namespace Osmia.Vm.Loading;

/// <summary>RFC 9669 section 5: loads, stores, atomics, wide immediates, packet loads.</summary>
internal sealed unsafe partial class ProgramDecoder
{
    private DecodedInstruction DecodeLoadImmediateOrPacket(int slot, Instruction instruction)
    {
        if (instruction.IsWide)
        {
            return DecodeWide(slot, instruction);
        }

        if (instruction.Opcode.Mode is not (Mode.Abs or Mode.Ind) || instruction.Opcode.Size == Size.Dw)
        {
            throw UnknownOpcode(slot, instruction);
        }

        bool isAbsolute = instruction.Opcode.Mode == Mode.Abs;
        if (instruction.Destination != Register.R0 || instruction.Offset != 0 || (isAbsolute && instruction.SourceKind != 0))
        {
            throw BadField(slot, "a packet load with a destination, offset or (absolute) source", "the fields are reserved here and must be 0");
        }

        if (_kind is not (ProgramKind.TrafficControl or ProgramKind.SocketFilter))
        {
            throw Refuse(DiagnosticIds.BadInstruction, slot, "a packet load (LD_ABS or LD_IND)", $"only socket_filter and sched_cls programs have them, this is {_program.Type.ToKernelName()}");
        }

        Op op = At(isAbsolute ? Op.AbsB : Op.IndB, instruction.Opcode.Size switch { Size.B => 0, Size.H => 1, _ => 2 });
        return new() { Op = op, Immediate = instruction.Immediate };
    }

    private DecodedInstruction DecodeWide(int slot, Instruction instruction)
    {
        CheckWritable(slot, instruction.Destination);
        if (instruction.Offset != 0)
        {
            throw BadField(slot, $"offset {instruction.Offset}", "the field is reserved here and must be 0");
        }

        Instruction next = _code[slot + 1];
        ulong value;
        switch (instruction.SourceKind)
        {
            case PseudoLoad.Immediate:
                value = instruction.WideImmediate(next);
                break;
            case PseudoLoad.Function:
                value = FunctionPointer.Of(slot + 1 + instruction.Immediate);
                break;
            case PseudoLoad.MapIndex:
                value = _mapHandle(CheckMap(slot, instruction.Immediate));
                break;
            case PseudoLoad.MapIndexValue:
                value = _mapValueAddress(CheckMap(slot, instruction.Immediate), (uint)next.Immediate)
                    ?? throw Refuse(DiagnosticIds.Unresolved, slot, $"the address of byte {(uint)next.Immediate} of map {instruction.Immediate}", "only an array has an address, and the byte must lie in its first value");
                break;
            default:
                throw Refuse(DiagnosticIds.Unresolved, slot, $"a 64-bit immediate of kind {instruction.SourceKind} is left unresolved",
                    instruction.SourceKind switch
                    {
                        PseudoLoad.MapFd or PseudoLoad.MapValue => "it names a map by descriptor, which only the kernel has",
                        PseudoLoad.BtfId => "it is the address of a kernel variable (ksym)",
                        _ => "the kind is unknown",
                    });
        }

        return new() { Op = Op.LoadImmediate, Immediate = (long)value };
    }

    private int CheckMap(int slot, int index)
    {
        if (_mapHandle(index) == 0)
        {
            throw Refuse(DiagnosticIds.Unresolved, slot, $"map {index} does not exist", "the linked object has fewer maps");
        }

        return index;
    }

    private DecodedInstruction DecodeMemory(int slot, Instruction instruction)
    {
        int sizeIndex = instruction.Opcode.Size switch { Size.B => 0, Size.H => 1, Size.W => 2, _ => 3 };
        InstructionClass c = instruction.Opcode.Class;
        switch (instruction.Opcode.Mode)
        {
            case Mode.Mem when c == InstructionClass.Ldx:
                CheckWritable(slot, instruction.Destination);
                CheckReserved(slot, instruction.Immediate == 0);
                return new() { Op = At(Op.LoadB, sizeIndex), Offset = instruction.Offset };
            case Mode.MemSx when c == InstructionClass.Ldx && sizeIndex < 3:
                CheckWritable(slot, instruction.Destination);
                CheckReserved(slot, instruction.Immediate == 0);
                return new() { Op = At(Op.LoadSxB, sizeIndex), Offset = instruction.Offset };
            case Mode.Mem when c == InstructionClass.St:
                CheckReserved(slot, instruction.SourceKind == 0);
                return new() { Op = At(Op.StoreImmB, sizeIndex), Offset = instruction.Offset, Immediate = instruction.Immediate };
            case Mode.Mem when c == InstructionClass.Stx:
                CheckReserved(slot, instruction.Immediate == 0);
                return new() { Op = At(Op.StoreB, sizeIndex), Offset = instruction.Offset };
            case Mode.Atomic when c == InstructionClass.Stx:
                return DecodeAtomic(slot, instruction, sizeIndex);
            default:
                throw UnknownOpcode(slot, instruction);
        }
    }

    private DecodedInstruction DecodeAtomic(int slot, Instruction instruction, int sizeIndex)
    {
        if (instruction.Immediate is AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease)
        {
            bool isLoad = instruction.Immediate == AtomicOperation.LoadAcquire;
            if (isLoad)
            {
                CheckWritable(slot, instruction.Destination);
            }

            return new() { Op = At(isLoad ? Op.LoadAcquireB : Op.StoreReleaseB, sizeIndex), Offset = instruction.Offset };
        }

        Op? op = instruction.Immediate switch
        {
            _ when sizeIndex < 2 => null,
            AtomicOperation.Add => Op.AtomicAdd32,
            AtomicOperation.Or => Op.AtomicOr32,
            AtomicOperation.And => Op.AtomicAnd32,
            AtomicOperation.Xor => Op.AtomicXor32,
            AtomicOperation.Add | AtomicOperation.Fetch => Op.AtomicFetchAdd32,
            AtomicOperation.Or | AtomicOperation.Fetch => Op.AtomicFetchOr32,
            AtomicOperation.And | AtomicOperation.Fetch => Op.AtomicFetchAnd32,
            AtomicOperation.Xor | AtomicOperation.Fetch => Op.AtomicFetchXor32,
            AtomicOperation.Exchange => Op.AtomicExchange32,
            AtomicOperation.CompareExchange => Op.AtomicCompareExchange32,
            _ => null,
        };
        if (op is null)
        {
            throw BadField(slot, $"atomic operation 0x{instruction.Immediate:x} of {instruction.Opcode.Size.InBytes()} bytes", "RFC 9669 section 5.3 has no such operation");
        }

        if (op >= Op.AtomicFetchAdd32 && op != Op.AtomicCompareExchange32)
        {
            CheckWritable(slot, instruction.Source);
        }

        return new() { Op = At(op.Value, sizeIndex == 3 ? 1 : 0), Offset = instruction.Offset };
    }
}
