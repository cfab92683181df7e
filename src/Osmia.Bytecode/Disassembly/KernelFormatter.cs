using System.Text;

namespace Osmia.Bytecode.Disassembly;

/// <summary>
/// The kernel's form: opcode in parentheses, signed offsets, decimal immediates. Lenient like the kernel: fields that
/// an instruction does not use are not looked at.
/// </summary>
/// <remarks>
/// The kernel prints some things alike that are not: a wide load of a BTF id as a number, a call of a module's function as one of the
/// kernel. These have forms of our own (<c>btf[id:5]</c>, <c>btf[2]</c> behind the call), so that every text has one meaning.
/// </remarks>
internal static class KernelFormatter
{
    public static bool TryAppend(StringBuilder text, Instruction instruction, Instruction next, string? name)
    {
        text.Append($"({instruction.Opcode.Value:x2}) ");
        return instruction.Opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 => Arithmetic(text, instruction),
            InstructionClass.Jmp or InstructionClass.Jmp32 => Jump(text, instruction, name),
            InstructionClass.Ld => Load(text, instruction, next, name),
            InstructionClass.Ldx => LoadMemory(text, instruction),
            InstructionClass.St => StoreImmediate(text, instruction),
            _ => StoreRegister(text, instruction),
        };
    }

    private static int Dst(Instruction instruction) => (int)instruction.Destination;

    private static int Src(Instruction instruction) => (int)instruction.Source;

    private static string Address(Instruction instruction, int register) =>
        $"*({OperatorText.Unsigned(instruction.Opcode.Size)} *)(r{register} {instruction.Offset:+0;-0;+0})";

    private static bool Arithmetic(StringBuilder text, Instruction i)
    {
        bool is64 = i.Opcode.Is64Bit;
        char w = is64 ? 'r' : 'w';
        switch (i.Opcode.Arithmetic)
        {
            case ArithmeticOperation.End:
                string order = is64 ? "bswap" : i.Opcode.UsesRegister ? "be" : "le";
                text.Append($"r{Dst(i)} = {order}{i.Immediate} r{Dst(i)}");
                return true;
            case ArithmeticOperation.Neg:
                text.Append($"{w}{Dst(i)} = -{w}{Dst(i)}");
                return true;
        }

        if (OperatorText.IsAddressSpaceCast(i))
        {
            text.Append($"r{Dst(i)} = addr_space_cast(r{Src(i)}, {(uint)i.Immediate >> 16}, {(ushort)i.Immediate})");
            return true;
        }

        if (OperatorText.IsPerCpuAddress(i))
        {
            text.Append($"r{Dst(i)} = &(void __percpu *)(r{Src(i)})");
            return true;
        }

        if (OperatorText.Arithmetic(i) is not { } operation)
        {
            return false;
        }

        text.Append($"{w}{Dst(i)} {operation} ");
        _ = i.Opcode.UsesRegister
            ? text.Append($"{OperatorText.MoveCast(i)}{w}{Src(i)}")
            : text.Append(i.Immediate);
        return true;
    }

    private static bool Jump(StringBuilder text, Instruction i, string? name)
    {
        bool is64 = i.Opcode.Is64Bit;
        switch (i.Opcode.Value)
        {
            case Opcodes.Call:
                Call(text, i, name);
                return true;
            case Opcodes.CallRegister:
                text.Append($"callx r{Dst(i)}");
                return true;
            case Opcodes.JumpIndirect:
                text.Append($"gotox r{Dst(i)}");
                return true;
            case Opcodes.Jump:
                text.Append("goto ").Append(name ?? $"pc{i.Offset:+0;-0;+0}");
                return true;
            case Opcodes.JumpLong:
                text.Append("gotol ").Append(name ?? $"pc{i.Immediate:+0;-0;+0}");
                return true;
            case Opcodes.MayGoto when i.SourceKind == 0:
                text.Append("may_goto ").Append(name ?? $"pc{i.Offset:+0;-0;+0}");
                return true;
            case Opcodes.Exit:
                text.Append("exit");
                return true;
        }

        if (OperatorText.Comparison(i.Opcode.Jump) is not { } comparison)
        {
            return false;
        }

        char w = is64 ? 'r' : 'w';
        text.Append($"if {w}{Dst(i)} {comparison} ");
        _ = i.Opcode.UsesRegister ? text.Append($"{w}{Src(i)}") : text.Append($"0x{i.Immediate:x}");
        text.Append(" goto ").Append(name ?? $"pc{i.Offset:+0;-0;+0}");
        return true;
    }

    private static void Call(StringBuilder text, Instruction i, string? name)
    {
        text.Append("call ");
        switch (i.SourceKind)
        {
            case CallKind.Local when name is not null && i.Immediate == Disassembler.NotLinked:
                text.Append(name);
                break;
            case CallKind.Local:
                text.Append($"pc{i.Immediate:+0;-0;+0}");
                _ = name is null ? text : text.Append('#').Append(name);
                break;
            case CallKind.Kfunc:
                text.Append($"{name ?? "kernel-function"}#{i.Immediate}");
                _ = i.Offset == 0 ? text : text.Append($" btf[{i.Offset}]");
                break;
            default:
                text.Append($"{name ?? (HelperTable.IsKnown(i.Immediate) ? HelperTable.NameOf(i.Immediate) : "unknown")}#{i.Immediate}");
                break;
        }
    }

    private static bool Load(StringBuilder text, Instruction i, Instruction next, string? name)
    {
        string size = OperatorText.Unsigned(i.Opcode.Size);
        switch (i.Opcode.Mode)
        {
            case Mode.Abs:
                text.Append($"r0 = *({size} *)skb[{i.Immediate}]");
                return true;
            case Mode.Ind:
                text.Append($"r0 = *({size} *)skb[r{Src(i)} + {i.Immediate}]");
                return true;
            case Mode.Imm when i.IsWide:
                text.Append($"r{Dst(i)} = ");
                _ = i.SourceKind switch
                {
                    PseudoLoad.MapFd => text.Append(name is null ? $"map[id:{(uint)i.Immediate}]" : $"map[{name}]"),
                    PseudoLoad.MapIndex => text.Append(name is null ? $"map[idx:{(uint)i.Immediate}]" : $"map[{name}]"),
                    PseudoLoad.MapValue => text.Append(name ?? $"map[id:{(uint)i.Immediate}][0]+{(uint)next.Immediate}"),
                    PseudoLoad.MapIndexValue => text.Append(name ?? $"map[idx:{(uint)i.Immediate}]+{(uint)next.Immediate}"),
                    PseudoLoad.BtfId => text.Append(name ?? $"btf[id:{(uint)i.Immediate}]").Append(next.Immediate == 0 ? "" : $"[fd:{(uint)next.Immediate}]"),
                    PseudoLoad.Function => text.Append(name is null ? $"subprog[{i.Immediate:+0;-0;+0}]" : $"subprog[{name}]"),
                    _ => text.Append(name ?? $"0x{i.WideImmediate(next):x}"),
                };
                return true;
            default:
                return false;
        }
    }

    private static bool LoadMemory(StringBuilder text, Instruction i)
    {
        string? type = i.Opcode.Mode switch
        {
            Mode.Mem => OperatorText.Unsigned(i.Opcode.Size),
            Mode.MemSx when i.Opcode.Size != Size.Dw => OperatorText.Signed(i.Opcode.Size),
            _ => null,
        };
        text.Append($"r{Dst(i)} = *({type} *)(r{Src(i)} {i.Offset:+0;-0;+0})");
        return type is not null;
    }

    private static bool StoreImmediate(StringBuilder text, Instruction i)
    {
        if (i.Opcode.Value == Opcodes.NoSpeculation)
        {
            text.Append("nospec");
            return true;
        }

        text.Append($"{Address(i, Dst(i))} = {i.Immediate}");
        return i.Opcode.Mode == Mode.Mem;
    }

    private static bool StoreRegister(StringBuilder text, Instruction i)
    {
        if (i.Opcode.Mode == Mode.Mem)
        {
            text.Append($"{Address(i, Dst(i))} = r{Src(i)}");
            return true;
        }

        return i.Opcode.Mode == Mode.Atomic && Atomic(text, i);
    }

    private static bool Atomic(StringBuilder text, Instruction i)
    {
        string place = Address(i, Dst(i))[1..];
        if (i.Immediate == AtomicOperation.LoadAcquire)
        {
            text.Append($"r{Dst(i)} = load_acquire({Address(i, Src(i))[1..]})");
            return true;
        }

        if (i.Immediate == AtomicOperation.StoreRelease)
        {
            text.Append($"store_release({place}, r{Src(i)})");
            return true;
        }

        if (i.Opcode.Size is not (Size.W or Size.Dw))
        {
            return false;
        }

        string width = i.Opcode.Size == Size.Dw ? "64" : "";
        if (OperatorText.AtomicAssignment(i.Immediate) is { } assignment)
        {
            text.Append($"lock *{place} {assignment} r{Src(i)}");
        }
        else if (OperatorText.AtomicFetch(i.Immediate) is { } fetch)
        {
            text.Append($"r{Src(i)} = atomic{width}_fetch_{fetch}({place}, r{Src(i)})");
        }
        else if (i.Immediate == AtomicOperation.CompareExchange)
        {
            text.Append($"r0 = atomic{width}_cmpxchg({place}, r0, r{Src(i)})");
        }
        else if (i.Immediate == AtomicOperation.Exchange)
        {
            text.Append($"r{Src(i)} = atomic{width}_xchg({place}, r{Src(i)})");
        }
        else
        {
            return false;
        }

        return true;
    }
}
