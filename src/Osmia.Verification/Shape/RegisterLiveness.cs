using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Verification.Shape;

/// <summary>
/// Registers whose value some path from an instruction on still reads: a bit for each of r0 to r9. What is dead need not agree when
/// states are compared.
/// </summary>
internal sealed class RegisterLiveness
{
    private const int CallerSaved = 0b11_1111;
    private const int Arguments = 0b11_1110;

    private readonly LinkedProgram _program;
    private readonly ushort[] _live;

    public RegisterLiveness(ProgramShape shape, LinkedProgram program)
    {
        _program = program;
        _live = Of(shape);
    }

    /// <summary>Registers that some path from an instruction on reads before it writes them.</summary>
    public int Before(int slot) => _live[slot];

    private ushort[] Of(ProgramShape shape)
    {
        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        ushort[] live = new ushort[code.Length];
        // From the end backwards; what changes makes those before it be looked at again.
        bool[] isWaiting = new bool[code.Length];
        var work = new Stack<int>(code.Length);
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            work.Push(slot);
            isWaiting[slot] = true;
        }

        while (work.TryPop(out int slot))
        {
            isWaiting[slot] = false;
            Instruction instruction = code[slot];
            (int read, int written) = Effects(instruction);
            ushort before = (ushort)((After(code, live, slot, instruction) & ~written) | read);
            if (before == live[slot])
            {
                continue;
            }

            live[slot] = before;
            foreach (int earlier in shape.Predecessors[slot])
            {
                if (!isWaiting[earlier])
                {
                    isWaiting[earlier] = true;
                    work.Push(earlier);
                }
            }
        }

        return live;
    }

    private static int After(ReadOnlySpan<Instruction> code, ushort[] live, int slot, Instruction instruction)
    {
        if (instruction.IsExit)
        {
            return 0;
        }

        int next = slot + (instruction.IsWide ? 2 : 1);
        if (!instruction.IsJump)
        {
            return next < code.Length ? live[next] : 0;
        }

        int target = live[slot + 1 + instruction.JumpDistance];
        return instruction.Opcode.Value is Opcodes.Jump or Opcodes.JumpLong || next >= code.Length ? target : target | live[next];
    }

    private (int Read, int Written) Effects(Instruction instruction)
    {
        int destination = 1 << (int)instruction.Destination;
        int source = 1 << (int)instruction.Source;
        Opcode opcode = instruction.Opcode;
        switch (opcode.Class)
        {
            case InstructionClass.Ld:
                // A legacy packet load reads the context in r6 and clobbers what a call does.
                return instruction.IsWide ? (0, destination) : (1 << 6 | (opcode.Mode == Mode.Ind ? source : 0), CallerSaved);
            case InstructionClass.Ldx:
                return (source, destination);
            case InstructionClass.St:
                return (destination, 0);
            case InstructionClass.Stx when opcode.Mode == Mode.Atomic:
                int writes = instruction.Immediate == AtomicOperation.LoadAcquire ? destination
                    : instruction.Immediate == AtomicOperation.CompareExchange ? 1
                    : (instruction.Immediate & AtomicOperation.Fetch) != 0 ? source : 0;
                int reads = instruction.Immediate == AtomicOperation.LoadAcquire ? source : destination | source;
                return (instruction.Immediate == AtomicOperation.CompareExchange ? reads | 1 : reads, writes);
            case InstructionClass.Stx:
                return (destination | source, 0);
            case InstructionClass.Alu or InstructionClass.Alu64:
                int operand = opcode.UsesRegister && opcode.Arithmetic is not (ArithmeticOperation.Neg or ArithmeticOperation.End) ? source : 0;
                return opcode.Arithmetic == ArithmeticOperation.Mov ? (operand, destination) : (destination | operand, destination);
            default:
                if (instruction.IsExit)
                {
                    return (1, 0);
                }

                if (instruction.IsCall)
                {
                    return (ArgumentsOf(instruction), CallerSaved);
                }

                return opcode.Jump is JumpOperation.Ja or JumpOperation.Jcond ? (0, 0) : (destination | (opcode.UsesRegister ? source : 0), 0);
        }
    }

    /// <summary>As many registers as the helper takes; of functions all, as only their types would tell.</summary>
    private int ArgumentsOf(Instruction call)
    {
        if (!call.IsHelperCall)
        {
            return Arguments;
        }

        int count = HelperTable.Find(call.Immediate)?.SignatureFor(_program.Type, _program.AttachType)?.Arguments.Count ?? 5;
        return ((1 << count) - 1) << 1;
    }
}
