namespace Osmia.Bytecode;

/// <summary>A kind of instruction that not every kernel has.</summary>
/// <param name="Since">The first kernel whose verifier takes it (on x86-64).</param>
public sealed record InstructionFeature(string Name, KernelVersion Since)
{
    private static readonly InstructionFeature s_jumps32 = new("conditional jumps on 32 bits", new KernelVersion(5, 1));
    private static readonly InstructionFeature s_atomics = new("atomic operations beyond addition", new KernelVersion(5, 12));
    private static readonly InstructionFeature s_kernelCalls = new("calls of kernel functions", new KernelVersion(5, 13));
    private static readonly InstructionFeature s_functions = new("addresses of the program's functions", new KernelVersion(5, 13));
    private static readonly InstructionFeature s_version4 = new("instructions of version 4 (sign extension, byte swaps, signed division, long jumps)", new KernelVersion(6, 6));
    private static readonly InstructionFeature s_mayGoto = new("may_goto", new KernelVersion(6, 9));
    private static readonly InstructionFeature s_addressSpaces = new("casts between address spaces", new KernelVersion(6, 9));
    private static readonly InstructionFeature s_ordered = new("load-acquire and store-release", new KernelVersion(6, 15));
    private static readonly InstructionFeature s_indirect = new("jumps to computed places", new KernelVersion(6, 19));

    /// <summary>What an instruction needs, or null when every kernel has it.</summary>
    /// <remarks>Source: the kernel's release notes and include/uapi/linux/bpf.h; RFC 9669 for version 4.</remarks>
    public static InstructionFeature? Of(Instruction instruction)
    {
        Opcode opcode = instruction.Opcode;
        switch (opcode.Class)
        {
            case InstructionClass.Ld when instruction.IsWide:
                return instruction.SourceKind == PseudoLoad.Function ? s_functions : null;
            case InstructionClass.Ldx:
                return opcode.Mode == Mode.MemSx ? s_version4 : null;
            case InstructionClass.Stx when opcode.Mode == Mode.Atomic:
                return instruction.Immediate is AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease ? s_ordered
                    : instruction.Immediate != 0 ? s_atomics : null;
            case InstructionClass.Alu or InstructionClass.Alu64:
                return OfArithmetic(instruction);
            case InstructionClass.Jmp32:
                return opcode.Value == Opcodes.JumpLong ? s_version4 : s_jumps32;
            case InstructionClass.Jmp:
                return opcode.Value == Opcodes.MayGoto ? s_mayGoto
                    : instruction.IsKfuncCall ? s_kernelCalls
                    : opcode is { Jump: JumpOperation.Ja, UsesRegister: true } ? s_indirect : null;
            default:
                return null;
        }
    }

    private static InstructionFeature? OfArithmetic(Instruction instruction) => instruction.Opcode.Arithmetic switch
    {
        ArithmeticOperation.Mov when instruction.Offset == 1 && instruction.Opcode.Is64Bit => s_addressSpaces,
        ArithmeticOperation.Mov or ArithmeticOperation.Div or ArithmeticOperation.Mod when instruction.Offset != 0 => s_version4,
        ArithmeticOperation.End when instruction.Opcode.Class == InstructionClass.Alu64 => s_version4,
        _ => null,
    };
}
