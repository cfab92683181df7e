using System.Collections.Immutable;

namespace Osmia.Bytecode.Classic;

/// <summary>
/// Classic BPF as eBPF: A is r0, X is r7, the context r6; scratch memory is the top of the stack. A load outside of the packet ends the run with 0,
/// as LD_ABS and LD_IND do; so does a division by X when it is 0. Shifts take X modulo 32, as Linux does.
/// </summary>
/// <remarks>
/// Socket filters come out for program types with LD_ABS (<c>socket_filter</c>, <c>sched_cls</c>, <c>sched_act</c>); seccomp filters for a program whose
/// r1 points to <c>struct seccomp_data</c>. The code needs -mcpu=v3.
/// </remarks>
public sealed class ClassicTranslation
{
    private const Register A = Register.R0;
    private const Register X = Register.R7;
    private const Register Context = Register.R6;
    private const Register Saved = Register.R8;

    private const byte LoadWord = 0x61;
    private const byte StoreWord = 0x63;
    private const byte MoveWide = 0xbf;
    private const byte Move32 = 0xbc;
    private const byte Move32Constant = 0xb4;
    private const byte And32Constant = 0x54;
    private const byte ShiftLeft32Constant = 0x64;
    private const byte Xor32 = 0xac;
    private const byte ToBigEndian = 0xdc;
    private const byte JumpIfNotZero32 = 0x56;

    // LDX | MSH | B is a load of a byte at a fixed offset; the rest of the code is arithmetic.
    private const byte PacketByte = (byte)InstructionClass.Ld | (byte)Mode.Abs | (byte)Size.B;

    private readonly ClassicProgram _program;
    private readonly List<Instruction> _code = [];
    private readonly List<(int Slot, int Target)> _jumps = [];
    private readonly int[] _starts;

    private ClassicTranslation(ClassicProgram program)
    {
        _program = program;
        _starts = new int[program.Instructions.Length];
    }

    /// <summary>Translates a filter that <see cref="ClassicCheck"/> takes.</summary>
    /// <param name="starts">For each instruction of the filter, the slot at which its code begins; what nothing leads to has none and names the next.</param>
    /// <param name="problem">Why there is no result: the filter is not valid, or loads what eBPF cannot load.</param>
    /// <returns>Null when there is a problem.</returns>
    public static Instruction[]? Translate(ClassicProgram program, out ImmutableArray<int> starts, out ClassicProblem? problem)
    {
        starts = [];
        problem = ClassicCheck.Check(program) ?? FindUntranslatable(program);
        if (problem is not null)
        {
            return null;
        }

        var translation = new ClassicTranslation(program);
        Instruction[] code = translation.Run();
        starts = [.. translation._starts];
        return code;
    }

    /// <summary>The first load that eBPF code cannot make, or null.</summary>
    public static ClassicProblem? FindUntranslatable(ClassicProgram program)
    {
        for (int at = 0; at < program.Instructions.Length; at++)
        {
            if (program.Use == ClassicUse.Socket && program.Instructions[at].Ancillary is { } kind && ClassicAncillaryTable.Find(kind) is { Missing.Length: > 0 } row)
            {
                return new(at, $"ancillary load '{row.Name}'", row.Missing);
            }
        }

        return null;
    }

    private Instruction[] Run()
    {
        ImmutableArray<ClassicInstruction> code = _program.Instructions;
        Emit(MoveWide, Context, Register.R1);
        Emit(Move32Constant, A);
        Emit(Move32Constant, X);
        bool[] isReached = FindReached(code);
        for (int at = 0; at < code.Length; at++)
        {
            _starts[at] = _code.Count;
            if (isReached[at])
            {
                One(code[at], at);
            }
        }

        // At most 6 slots for each of 4096 instructions: every distance fits 16 bits.
        foreach ((int slot, int target) in _jumps)
        {
            _code[slot] = _code[slot] with { Offset = checked((short)(_starts[target] - slot - 1)) };
        }

        return [.. _code];
    }

    /// <summary>The kernel takes eBPF only without code that nothing leads to; classic filters may have such.</summary>
    private static bool[] FindReached(ImmutableArray<ClassicInstruction> code)
    {
        bool[] isReached = new bool[code.Length];
        isReached[0] = true;
        for (int at = 0; at < code.Length; at++)
        {
            ClassicInstruction one = code[at];
            if (!isReached[at] || one.Class == ClassicClass.Ret)
            {
                continue;
            }

            bool isJump = one.Class == ClassicClass.Jmp;
            bool isUnconditional = isJump && one.Jump == JumpOperation.Ja;
            isReached[at + 1 + (isUnconditional ? (int)one.K : isJump ? one.IfTrue : 0)] = true;
            isReached[at + 1 + (isUnconditional ? (int)one.K : isJump ? one.IfFalse : 0)] = true;
        }

        return isReached;
    }

    private void One(ClassicInstruction one, int at)
    {
        switch (one.Class)
        {
            case ClassicClass.Ld:
                Load(one);
                break;
            case ClassicClass.Ldx:
                LoadX(one);
                break;
            case ClassicClass.St:
                Emit(StoreWord, Register.R10, A, ScratchOffset(one.K));
                break;
            case ClassicClass.Stx:
                Emit(StoreWord, Register.R10, X, ScratchOffset(one.K));
                break;
            case ClassicClass.Alu:
                Compute(one);
                break;
            case ClassicClass.Jmp:
                Branch(one, at);
                break;
            case ClassicClass.Ret:
                if (!one.ReturnsA)
                {
                    Emit(Move32Constant, A, immediate: (int)one.K);
                }

                Emit(Opcodes.Exit);
                break;
            default:
                Emit(Move32, one.CopiesXToA ? A : X, one.CopiesXToA ? X : A);
                break;
        }
    }

    private void Load(ClassicInstruction one)
    {
        switch (one.Mode)
        {
            case ClassicMode.Imm:
                Emit(Move32Constant, A, immediate: (int)one.K);
                break;
            case ClassicMode.Mem:
                Emit(LoadWord, A, Register.R10, ScratchOffset(one.K));
                break;
            case ClassicMode.Len:
                LoadLength(A);
                break;
            case ClassicMode.Abs when _program.Use == ClassicUse.Seccomp:
                Emit(LoadWord, A, Context, (short)one.K);
                break;
            case ClassicMode.Abs when one.Ancillary is { } ancillary:
                LoadAncillary(ancillary);
                break;
            default:
                // The code of LD_ABS and LD_IND is classic BPF's own.
                Emit((byte)one.Code, Register.R0, one.Mode == ClassicMode.Ind ? X : Register.R0, 0, (int)one.K);
                break;
        }
    }

    private void LoadX(ClassicInstruction one)
    {
        switch (one.Mode)
        {
            case ClassicMode.Imm:
                Emit(Move32Constant, X, immediate: (int)one.K);
                break;
            case ClassicMode.Mem:
                Emit(LoadWord, X, Register.R10, ScratchOffset(one.K));
                break;
            case ClassicMode.Len:
                LoadLength(X);
                break;
            default:
                Emit(Move32, Saved, A);
                Emit(PacketByte, immediate: (int)one.K);
                Emit(And32Constant, A, immediate: 0xf);
                Emit(ShiftLeft32Constant, A, immediate: 2);
                Emit(Move32, X, A);
                Emit(Move32, A, Saved);
                break;
        }
    }

    private void LoadLength(Register into)
    {
        if (_program.Use == ClassicUse.Seccomp)
        {
            Emit(Move32Constant, into, immediate: ClassicProgram.SeccompDataSize);
            return;
        }

        Emit(LoadWord, into, Context, OffsetOf("len"));
    }

    private void LoadAncillary(ClassicAncillary kind)
    {
        switch (kind)
        {
            case ClassicAncillary.Cpu:
                Emit(Opcodes.Call, immediate: (int)HelperId.GetSmpProcessorId);
                break;
            case ClassicAncillary.Random:
                Emit(Opcodes.Call, immediate: (int)HelperId.GetPrandomU32);
                break;
            case ClassicAncillary.XorX:
                Emit(Xor32, A, X);
                break;
            default:
                Emit(LoadWord, A, Context, OffsetOf(ClassicAncillaryTable.Find(kind)!.Field));
                if (kind is ClassicAncillary.Protocol or ClassicAncillary.VlanProtocol)
                {
                    // The context has them as they are on the wire.
                    Emit(ToBigEndian, A, immediate: 16);
                }

                break;
        }
    }

    private void Compute(ClassicInstruction one)
    {
        bool dividesByX = one.UsesX && one.Arithmetic is ArithmeticOperation.Div or ArithmeticOperation.Mod;
        if (dividesByX && one.UsesX)
        {
            Emit(JumpIfNotZero32, X, offset: 2);
            Emit(Move32Constant, A);
            Emit(Opcodes.Exit);
        }

        bool isNegation = one.Arithmetic == ArithmeticOperation.Neg;
        byte code = (byte)((byte)InstructionClass.Alu | (byte)one.Arithmetic | (one.UsesX ? 0x08 : 0));
        Emit(code, A, one.UsesX ? X : Register.R0, 0, one.UsesX || isNegation ? 0 : (int)one.K);
    }

    private void Branch(ClassicInstruction one, int at)
    {
        int yes = at + 1 + (one.Jump == JumpOperation.Ja ? (int)one.K : one.IfTrue);
        int no = at + 1 + (one.Jump == JumpOperation.Ja ? (int)one.K : one.IfFalse);
        if (yes != no)
        {
            if (yes != at + 1)
            {
                Compare(one, one.Jump, yes);
                GoTo(no, at);
                return;
            }

            if (Inverse(one.Jump) is { } inverse)
            {
                Compare(one, inverse, no);
                return;
            }

            // There is no jump on bits that are clear.
            Compare(one, one.Jump, yes);
            GoTo(no, at);
            return;
        }

        GoTo(yes, at);
    }

    private static JumpOperation? Inverse(JumpOperation operation) => operation switch
    {
        JumpOperation.Jeq => JumpOperation.Jne,
        JumpOperation.Jgt => JumpOperation.Jle,
        JumpOperation.Jge => JumpOperation.Jlt,
        _ => null,
    };

    private void Compare(ClassicInstruction one, JumpOperation operation, int target)
    {
        _jumps.Add((_code.Count, target));
        byte code = (byte)((byte)InstructionClass.Jmp32 | (byte)operation | (one.UsesX ? 0x08 : 0));
        Emit(code, A, one.UsesX ? X : Register.R0, 0, one.UsesX ? 0 : (int)one.K);
    }

    private void GoTo(int target, int at)
    {
        if (target != at + 1)
        {
            _jumps.Add((_code.Count, target));
            Emit(Opcodes.Jump);
        }
    }

    private static short ScratchOffset(uint word) => (short)(-4 * ((int)word + 1));

    private static short OffsetOf(string field) => (short)ContextLayout.SocketBuffer.Field(field).Offset;

    private void Emit(byte opcode, Register destination = Register.R0, Register source = Register.R0, short offset = 0, int immediate = 0) =>
        _code.Add(new Instruction(new Opcode(opcode), destination, source, offset, immediate));
}
