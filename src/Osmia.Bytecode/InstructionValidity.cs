namespace Osmia.Bytecode;

/// <summary>
/// Whether slots encode instructions of RFC 9669 (with the legacy packet loads, <c>may_goto</c>, address space casts,
/// load-acquire, store-release and <c>gotox</c> that Linux added). It judges encodings, not what a program does with them.
/// </summary>
public static class InstructionValidity
{
    private const int RegisterCount = 11;

    /// <summary>Why the instruction at a slot is not valid, or null. The second slot of a wide instruction is checked with its first.</summary>
    public static string? Check(ReadOnlySpan<Instruction> stream, int slot) =>
        CheckEncoding(stream, slot) ?? (WritesFramePointer(stream[slot]) ? "r10 is read-only" : null);

    /// <summary>The first slot that is not valid or jumps to no instruction's first slot, and why; null for a well-formed stream.</summary>
    public static (int Slot, string Reason)? FirstProblem(ReadOnlySpan<Instruction> stream)
    {
        for (int slot = 0; slot < stream.Length; slot += stream[slot].IsWide ? 2 : 1)
        {
            if (Check(stream, slot) is { } reason)
            {
                return (slot, reason);
            }
        }

        for (int slot = 0; slot < stream.Length; slot += stream[slot].IsWide ? 2 : 1)
        {
            Instruction instruction = stream[slot];
            bool refers = instruction.IsJump || instruction.IsLocalCall || instruction.IsFunctionAddress;
            long target = slot + 1L + (instruction.IsJump ? instruction.JumpDistance : instruction.Immediate);
            if (refers && (target < 0 || target >= stream.Length))
            {
                return (slot, $"the target, slot {target}, is outside the program of {stream.Length} slots");
            }

            // A wide instruction's second slot has opcode 0, which no valid instruction has.
            if (refers && stream[(int)target].Opcode.Value == 0)
            {
                return (slot, $"the target, slot {target}, is the second half of a wide instruction");
            }
        }

        return null;
    }

    internal static string? CheckEncoding(ReadOnlySpan<Instruction> stream, int slot)
    {
        Instruction instruction = stream[slot];
        return instruction.Opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 => Arithmetic(instruction),
            InstructionClass.Jmp or InstructionClass.Jmp32 => Jump(instruction),
            InstructionClass.Ld when instruction.IsWide => Wide(stream, slot),
            InstructionClass.Ld => Packet(instruction),
            InstructionClass.Ldx => LoadMemory(instruction),
            InstructionClass.St => StoreImmediate(instruction),
            _ => StoreRegister(instruction),
        };
    }

    private static bool WritesFramePointer(Instruction i)
    {
        bool writesDestination = i.Opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 or InstructionClass.Ldx => true,
            InstructionClass.Ld => i.IsWide,
            InstructionClass.Stx => i.Opcode.Mode == Mode.Atomic && i.Immediate == AtomicOperation.LoadAcquire,
            _ => false,
        };
        bool writesSource = i.Opcode.Class == InstructionClass.Stx && i.Opcode.Mode == Mode.Atomic
            && (i.Immediate & AtomicOperation.Fetch) != 0 && i.Immediate != AtomicOperation.CompareExchange;
        return (writesDestination && i.Destination == Register.R10) || (writesSource && i.Source == Register.R10);
    }

    private static string Unassigned(Instruction i) => $"opcode {i.Opcode} is not assigned";

    private static string? Reserved(Instruction i, bool destination = false, bool source = false, bool offset = false, bool immediate = false)
    {
        if (destination && i.Destination != 0)
        {
            return "the destination register field is reserved and must be 0";
        }

        if (source && i.Source != 0)
        {
            return "the source register field is reserved and must be 0";
        }

        if (offset && i.Offset != 0)
        {
            return $"offset {i.Offset} is in a reserved field";
        }

        return immediate && i.Immediate != 0 ? $"immediate {i.Immediate} is in a reserved field" : null;
    }

    private static string? Registers(Instruction i, bool source) =>
        (int)i.Destination >= RegisterCount ? $"there is no register r{(int)i.Destination}"
        : source && (int)i.Source >= RegisterCount ? $"there is no register r{(int)i.Source}"
        : null;

    private static string? Arithmetic(Instruction i)
    {
        bool usesRegister = i.Opcode.UsesRegister;
        switch (i.Opcode.Arithmetic)
        {
            case > ArithmeticOperation.End:
            case ArithmeticOperation.End when i.Opcode.Is64Bit && usesRegister:
            case ArithmeticOperation.Neg when usesRegister:
                return Unassigned(i);
            case ArithmeticOperation.End:
                return Registers(i, source: false) ?? Reserved(i, source: true, offset: true)
                    ?? (i.Immediate is 16 or 32 or 64 ? null : $"a byte swap has 16, 32 or 64 bits, not {i.Immediate}");
            case ArithmeticOperation.Neg:
                return Registers(i, source: false) ?? Reserved(i, source: true, offset: true, immediate: true);
        }

        string? operands = Registers(i, usesRegister);
        if (operands is not null)
        {
            return operands;
        }

        switch (i.Opcode.Arithmetic)
        {
            case ArithmeticOperation.Div or ArithmeticOperation.Mod:
                return Reserved(i, source: !usesRegister, immediate: usesRegister)
                    ?? (i.Offset is 0 or 1 ? null : $"offset {i.Offset} selects neither unsigned (0) nor signed (1) division");
            case ArithmeticOperation.Mov when usesRegister && i.Offset == 1 && i.Opcode.Is64Bit:
                return i.Immediate is 1 or 0x10000 ? null : $"an address space cast goes between spaces 0 and 1, not {(uint)i.Immediate >> 16} and {(ushort)i.Immediate}";
            case ArithmeticOperation.Mov when usesRegister:
                return Reserved(i, immediate: true)
                    ?? (i.Offset is 0 or 8 or 16 || (i.Offset == 32 && i.Opcode.Is64Bit) ? null : $"offset {i.Offset} is no width to extend from");
            default:
                return Reserved(i, source: !usesRegister, offset: true, immediate: usesRegister);
        }
    }

    private static string? Jump(Instruction i)
    {
        bool usesRegister = i.Opcode.UsesRegister;
        bool is64 = i.Opcode.Is64Bit;
        switch (i.Opcode.Jump)
        {
            case JumpOperation.Call when usesRegister && is64:
                return "a call by register (callx) is not part of RFC 9669 and no kernel runs it";
            case JumpOperation.Ja when usesRegister && is64:
                return Registers(i, source: false) ?? Reserved(i, source: true, offset: true, immediate: true);
            case JumpOperation.Ja or JumpOperation.Call or JumpOperation.Exit or JumpOperation.Jcond when usesRegister:
            case JumpOperation.Call or JumpOperation.Exit or JumpOperation.Jcond when !is64:
            case > JumpOperation.Jcond:
                return Unassigned(i);
            case JumpOperation.Ja:
                return Reserved(i, destination: true, source: true, offset: !is64, immediate: is64);
            case JumpOperation.Exit:
                return Reserved(i, destination: true, source: true, offset: true, immediate: true);
            case JumpOperation.Jcond:
                return Reserved(i, destination: true, source: true, immediate: true);
            case JumpOperation.Call:
                return Reserved(i, destination: true, offset: i.SourceKind != CallKind.Kfunc)
                    ?? (i.SourceKind <= CallKind.Kfunc ? null : $"{i.SourceKind} is no kind of call");
            default:
                return Registers(i, usesRegister) ?? Reserved(i, source: !usesRegister, immediate: usesRegister);
        }
    }

    private static string? Wide(ReadOnlySpan<Instruction> stream, int slot)
    {
        Instruction i = stream[slot];
        if (slot + 1 >= stream.Length)
        {
            return "the second slot of this wide instruction is missing";
        }

        Instruction next = stream[slot + 1];
        if (next.Opcode.Value != 0 || next.Registers != 0 || next.Offset != 0)
        {
            return "the second slot of this wide instruction has more than an immediate";
        }

        if (i.SourceKind > PseudoLoad.MapIndexValue)
        {
            return $"{i.SourceKind} is no kind of wide immediate";
        }

        bool hasUpperHalf = i.SourceKind is not (PseudoLoad.MapFd or PseudoLoad.MapIndex or PseudoLoad.Function);
        return Registers(i, source: false) ?? Reserved(i, offset: true)
            ?? (hasUpperHalf || next.Immediate == 0 ? null : $"the upper immediate {next.Immediate} is in a reserved field");
    }

    private static string? Packet(Instruction i) => (i.Opcode.Mode, i.Opcode.Size) switch
    {
        (Mode.Abs, not Size.Dw) => Reserved(i, destination: true, source: true, offset: true),
        (Mode.Ind, not Size.Dw) => Registers(i, source: true) ?? Reserved(i, destination: true, offset: true),
        _ => Unassigned(i),
    };

    private static string? LoadMemory(Instruction i) => (i.Opcode.Mode, i.Opcode.Size) switch
    {
        (Mode.Mem, _) or (Mode.MemSx, not Size.Dw) => Registers(i, source: true) ?? Reserved(i, immediate: true),
        _ => Unassigned(i),
    };

    private static string? StoreImmediate(Instruction i) =>
        i.Opcode.Mode == Mode.Mem ? Registers(i, source: false) ?? Reserved(i, source: true) : Unassigned(i);

    private static string? StoreRegister(Instruction i)
    {
        switch (i.Opcode.Mode)
        {
            case Mode.Mem:
                return Registers(i, source: true) ?? Reserved(i, immediate: true);
            case Mode.Atomic:
                bool anySize = i.Immediate is AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease;
                if (!anySize && i.Opcode.Size is Size.B or Size.H)
                {
                    return $"atomic operation 0x{i.Immediate:x} works on 4 or 8 bytes, not {i.Opcode.Size.InBytes()}";
                }

                return Registers(i, source: true) ?? (anySize || IsAtomic(i.Immediate) ? null : $"0x{i.Immediate:x} is no atomic operation");
            default:
                return Unassigned(i);
        }
    }

    private static bool IsAtomic(int operation) =>
        (operation & ~AtomicOperation.Fetch) is AtomicOperation.Add or AtomicOperation.Or or AtomicOperation.And or AtomicOperation.Xor
        || operation is AtomicOperation.Exchange or AtomicOperation.CompareExchange;
}
