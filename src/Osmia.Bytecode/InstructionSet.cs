namespace Osmia.Bytecode;

/// <summary>Versions of the instruction set, named as clang's <c>-mcpu</c> names them; a later one includes the earlier.</summary>
public enum InstructionSetLevel
{
    V1 = 1,

    /// <summary>Jumps on less than, signed and unsigned (Linux 4.14).</summary>
    V2 = 2,

    /// <summary>32-bit arithmetic and jumps as compilers use them (Linux 5.1), atomics that fetch (Linux 5.12).</summary>
    V3 = 3,

    /// <summary>Sign extension, signed division, byte swaps, long jumps (Linux 6.6), and what Linux added since.</summary>
    V4 = 4,
}

/// <summary>Conformance groups of RFC 9669 section 2.4. A 64-bit group includes its 32-bit one.</summary>
public enum ConformanceGroup
{
    /// <summary>Not registered with IANA: <c>may_goto</c>, address space casts, load-acquire, store-release, <c>gotox</c>, <c>callx</c>.</summary>
    None,
    Base32,
    Base64,
    Atomic32,
    Atomic64,
    DivMul32,
    DivMul64,

    /// <summary>The legacy packet loads, kept for programs that were classic BPF.</summary>
    Packet,
}

/// <summary>What an instruction needs of a machine. Both questions are about valid instructions; of others the answer means nothing.</summary>
public static class InstructionSet
{
    /// <summary>
    /// The version that introduced the instruction. 32-bit arithmetic counts as v3, which is what clang needs to emit it, although
    /// every kernel runs it; a store of an immediate counts as v1, although clang emits it from v4 on.
    /// </summary>
    public static InstructionSetLevel LevelOf(Instruction instruction)
    {
        Opcode opcode = instruction.Opcode;
        return opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 => ArithmeticLevel(instruction),
            InstructionClass.Jmp32 => opcode.Value == Opcodes.JumpLong ? InstructionSetLevel.V4 : InstructionSetLevel.V3,
            InstructionClass.Jmp when opcode.Value is Opcodes.MayGoto or Opcodes.JumpIndirect => InstructionSetLevel.V4,
            InstructionClass.Jmp => opcode.Jump is JumpOperation.Jlt or JumpOperation.Jle or JumpOperation.Jslt or JumpOperation.Jsle
                ? InstructionSetLevel.V2
                : InstructionSetLevel.V1,
            InstructionClass.Ldx when opcode.Mode == Mode.MemSx => InstructionSetLevel.V4,
            InstructionClass.Stx when opcode.Mode == Mode.Atomic => instruction.Immediate switch
            {
                AtomicOperation.Add => InstructionSetLevel.V1,
                AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease => InstructionSetLevel.V4,
                _ => InstructionSetLevel.V3,
            },
            _ => InstructionSetLevel.V1,
        };
    }

    /// <summary>The oldest version that has every instruction of a program.</summary>
    public static InstructionSetLevel LevelOf(ReadOnlySpan<Instruction> program)
    {
        var level = InstructionSetLevel.V1;
        for (int slot = 0; slot < program.Length; slot += program[slot].IsWide ? 2 : 1)
        {
            InstructionSetLevel needed = LevelOf(program[slot]);
            level = needed > level ? needed : level;
        }

        return level;
    }

    /// <summary>The smallest conformance group that has the instruction.</summary>
    public static ConformanceGroup GroupOf(Instruction instruction)
    {
        Opcode opcode = instruction.Opcode;
        switch (opcode.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64:
                return ArithmeticGroup(instruction);
            case InstructionClass.Jmp32:
                return ConformanceGroup.Base32;
            case InstructionClass.Jmp:
                return opcode.Value switch
                {
                    Opcodes.Jump or Opcodes.Call or Opcodes.Exit => ConformanceGroup.Base32,
                    Opcodes.MayGoto or Opcodes.JumpIndirect or Opcodes.CallRegister => ConformanceGroup.None,
                    _ => ConformanceGroup.Base64,
                };
            case InstructionClass.Ld when opcode.Mode is Mode.Abs or Mode.Ind:
                return ConformanceGroup.Packet;
            case InstructionClass.Stx when opcode.Mode == Mode.Atomic:
                return instruction.Immediate is AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease ? ConformanceGroup.None
                    : opcode.Size == Size.Dw ? ConformanceGroup.Atomic64
                    : ConformanceGroup.Atomic32;
            default:
                // Section 5: what moves a double word is 64-bit, everything else is not.
                return opcode.Size == Size.Dw ? ConformanceGroup.Base64 : ConformanceGroup.Base32;
        }
    }

    private static InstructionSetLevel ArithmeticLevel(Instruction instruction)
    {
        bool isVersionFour = instruction.Opcode.Arithmetic switch
        {
            ArithmeticOperation.End => instruction.Opcode.Is64Bit,
            ArithmeticOperation.Mov or ArithmeticOperation.Div or ArithmeticOperation.Mod => instruction.Offset != 0,
            _ => false,
        };
        return isVersionFour ? InstructionSetLevel.V4
            : instruction.Opcode.Is64Bit || instruction.Opcode.Arithmetic == ArithmeticOperation.End ? InstructionSetLevel.V1
            : InstructionSetLevel.V3;
    }

    private static ConformanceGroup ArithmeticGroup(Instruction instruction)
    {
        bool is64 = instruction.Opcode.Is64Bit;
        return instruction.Opcode.Arithmetic switch
        {
            ArithmeticOperation.Mul or ArithmeticOperation.Div or ArithmeticOperation.Mod => is64 ? ConformanceGroup.DivMul64 : ConformanceGroup.DivMul32,
            ArithmeticOperation.End => instruction.Immediate == 64 ? ConformanceGroup.Base64 : ConformanceGroup.Base32,
            ArithmeticOperation.Mov when instruction is { Opcode.Value: Opcodes.Mov64Register, Offset: 1 } => ConformanceGroup.None,
            _ => is64 ? ConformanceGroup.Base64 : ConformanceGroup.Base32,
        };
    }
}
