using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Jumps: what is decided is followed, what is not is walked both ways, each with what the comparison says of its operands.
internal sealed partial class PathWalk
{
    private int Jump(Instruction instruction)
    {
        int target = Slot + 1 + instruction.JumpDistance;
        if (instruction.Opcode.Value is Opcodes.Jump or Opcodes.JumpLong)
        {
            return target;
        }

        if (instruction.Opcode.Value == Opcodes.MayGoto)
        {
            return MayGoto(target);
        }

        if (instruction.Opcode.Jump is JumpOperation.Jcond or JumpOperation.Ja)
        {
            throw Stop.NotModelled("indirect jumps");
        }

        bool is32 = !instruction.Opcode.Is64Bit;
        JumpOperation operation = instruction.Opcode.Jump;
        bool usesRegister = instruction.Opcode.UsesRegister;
        RegisterState right = usesRegister ? Read(instruction.Source) : RegisterState.Constant((ulong)instruction.Immediate);
        RegisterState left = Read(instruction.Destination);
        bool areNumbers = left.IsNumber && right.IsNumber;
        bool? outcome = Decide(operation, left, right, is32);
        if (outcome is { } decided)
        {
            RequirePrecise(instruction.Destination);
            if (usesRegister)
            {
                RequirePrecise(instruction.Source);
            }

            return decided ? target : Slot + 1;
        }

        if (left.IsNumber || right.IsNumber)
        {
            NoteLinked(usesRegister && right.IsNumber ? right.Id : 0, left.IsNumber ? left.Id : 0);
        }

        PathState taken = _state.Copy();
        PathState passed = _state;
        Later(taken, target);
        if (areNumbers)
        {
            Learn(taken, instruction, left.Number, right.Number, holds: true);
            Learn(passed, instruction, left.Number, right.Number, holds: false);
        }
        else if (left.IsNullable && !usesRegister && right.IsNull && !is32 && operation is JumpOperation.Jeq or JumpOperation.Jne)
        {
            // The kernel learns of a comparison with the constant 0, not with a register that holds it.
            bool equalIsTaken = operation == JumpOperation.Jeq;
            SettleNull(taken, left, isNull: equalIsTaken);
            SettleNull(passed, left, isNull: !equalIsTaken);
        }
        else if (!is32 && usesRegister)
        {
            LearnPacketRange(operation, left, right, taken, passed);
        }

        return Slot + 1;
    }

    /// <summary>The kernel leaves such a loop after some time, whenever that is: both ways are possible each time.</summary>
    private int MayGoto(int target)
    {
        PathState passed = _state.Copy();
        passed.Rounds++;
        Widen(passed);
        Later(passed, Slot + 1);
        return target;
    }

    private static bool? Decide(JumpOperation operation, in RegisterState left, in RegisterState right, bool is32)
    {
        if (left.IsNumber && right.IsNumber)
        {
            return ScalarComparison.Decide(operation, left.Number, right.Number, is32);
        }

        // A pointer that is surely none compares with null as people expect.
        bool surelyPointer = (IsSurelyNotNull(left) && right.IsNull) || (IsSurelyNotNull(right) && left.IsNull);
        return !surelyPointer || is32 ? null
            : operation == JumpOperation.Jeq ? false
            : operation == JumpOperation.Jne ? true
            : null;
    }

    /// <summary>The kinds the kernel knows not to be null; comparing the others, such as stack pointers, it walks both ways.</summary>
    private static bool IsSurelyNotNull(in RegisterState pointer) => !pointer.IsNullable && pointer.Kind switch
    {
        RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.MapValue or RegisterKind.MapKey or RegisterKind.Map => true,
        RegisterKind.Memory => (pointer.Traits & PointerTraits.Untrusted) == 0,
        RegisterKind.Typed => pointer.IsTrusted,
        _ => false,
    };

    private static void Learn(PathState state, Instruction instruction, in Scalar left, in Scalar right, bool holds)
    {
        JumpOperation operation = instruction.Opcode.Jump;
        bool is32 = !instruction.Opcode.Is64Bit;
        if (instruction.Opcode.UsesRegister && instruction.Source == instruction.Destination)
        {
            state.Registers[(int)instruction.Destination].Number = ScalarComparison.RefineSelf(operation, left, is32, holds);
            Spread(state, instruction.Destination);
            return;
        }

        (state.Registers[(int)instruction.Destination].Number, Scalar newRight) = ScalarComparison.Refine(operation, left, right, is32, holds);
        if (instruction.Opcode.UsesRegister)
        {
            // The source's copies first: where the two are copies of each other, the destination's number stays.
            state.Registers[(int)instruction.Source].Number = newRight;
            Spread(state, instruction.Source);
        }

        Spread(state, instruction.Destination);
    }

    /// <summary>What is learned of a number holds for its copies, and for what is a constant away from it.</summary>
    private static void Spread(PathState state, Register register)
    {
        RegisterState known = state.Registers[(int)register];
        Scalar number = known.Number;
        if (known.Id == 0)
        {
            return;
        }

        for (int i = 0; i < state.Frames.Count; i++)
        {
            Frame frame = state.Frames[i];
            for (int other = 0; other < 10; other++)
            {
                UpdateCopy(ref frame.Registers[other], known, number);
            }

            for (int slot = 0; slot < frame.Stack.Length; slot++)
            {
                if (frame.Stack[slot].IsSpill)
                {
                    UpdateCopy(ref frame.Stack[slot].Spilled, known, number);
                }
            }
        }
    }

    private static void UpdateCopy(ref RegisterState copy, in RegisterState known, Scalar number)
    {
        if (!copy.IsNumber || copy.Id != known.Id)
        {
            return;
        }

        if (copy.IsSum && known.IsSum && copy.LinksLow != known.LinksLow)
        {
            // Steps of different widths do not add up.
            return;
        }

        if (copy.Offset == known.Offset)
        {
            (copy.Number, copy.IsSum, copy.LinksLow) = (number, known.IsSum, known.LinksLow);
            return;
        }

        var step = Scalar.Constant((ulong)((long)copy.Offset - known.Offset));
        copy.Number = copy.LinksLow || known.LinksLow
            ? ScalarArithmetic.Apply32(ArithmeticOperation.Add, number, step)
            : ScalarArithmetic.Apply64(ArithmeticOperation.Add, number, step);
    }

    /// <summary>A pointer compared with null, and all that are null together with it.</summary>
    private void SettleNull(PathState state, in RegisterState pointer, bool isNull)
    {
        int id = pointer.Id;
        int reference = pointer.ReferenceId;
        if (isNull && reference != 0 && reference == id)
        {
            // A cast that gave null leaves what was cast as it is.
            state.References.Remove(reference);
        }

        state.ForEachRegister((ref RegisterState other) =>
        {
            if (!other.IsNullable || other.Id != id)
            {
                return;
            }

            if (isNull)
            {
                other = RegisterState.Constant(0);
                return;
            }

            other.Traits &= ~PointerTraits.Nullable;
            other.Id = KeepsId(other) ? other.Id : 0;
        });
    }

    private static void LearnPacketRange(JumpOperation operation, in RegisterState left, in RegisterState right, PathState taken, PathState passed)
    {
        bool isLeft = left.IsPacketPointer && EndsAt(left, right);
        if (!isLeft && !(right.IsPacketPointer && EndsAt(right, left)))
        {
            return;
        }

        // Written as pointer against end: "end > pointer" is "pointer < end".
        JumpOperation compared = isLeft ? operation : operation switch
        {
            JumpOperation.Jgt => JumpOperation.Jlt,
            JumpOperation.Jlt => JumpOperation.Jgt,
            JumpOperation.Jge => JumpOperation.Jle,
            JumpOperation.Jle => JumpOperation.Jge,
            _ => operation,
        };
        RegisterState pointer = isLeft ? left : right;
        switch (compared)
        {
            case JumpOperation.Jgt:
                FoundPacket(passed, pointer, oneMore: false);
                break;
            case JumpOperation.Jge:
                FoundPacket(passed, pointer, oneMore: true);
                break;
            case JumpOperation.Jlt:
                FoundPacket(taken, pointer, oneMore: true);
                break;
            case JumpOperation.Jle:
                FoundPacket(taken, pointer, oneMore: false);
                break;
        }
    }

    /// <summary>The packet ends at its end; its metadata ends where the packet begins.</summary>
    private static bool EndsAt(in RegisterState pointer, in RegisterState end) =>
        (pointer.Kind == RegisterKind.Packet && end.Kind == RegisterKind.PacketEnd)
        || (pointer.Kind == RegisterKind.PacketMeta && end.Kind == RegisterKind.Packet && end is { Offset: 0, Id: 0 } && end.Number.IsConstant && end.Number.Value == 0);

    /// <summary>The bytes up to a pointer are in the packet: so are those up to it for all pointers from the same base.</summary>
    private static void FoundPacket(PathState state, RegisterState pointer, bool oneMore)
    {
        const int maximumPacketOffset = 0xffff;
        // At the base itself the kernel takes no range from one byte more; neither does this.
        if (pointer.Offset is < 0 or > maximumPacketOffset || (pointer.Offset == 0 && oneMore) || pointer.Number.Wide.UMax > (ulong)(maximumPacketOffset - pointer.Offset))
        {
            return;
        }

        int range = pointer.Offset + (oneMore ? 1 : 0);
        state.ForEachRegister((ref RegisterState other) =>
        {
            if (other.Kind == pointer.Kind && other.Id == pointer.Id)
            {
                other.Range = Math.Max(other.Range, range);
            }
        });
    }
}
