using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Arithmetic: on numbers by their domain, on pointers by rules that keep them within reach of what they point to.
internal sealed partial class PathWalk
{
    // The kernel lets no offset grow larger; sums of two stay far from wrapping around.
    private const long MaximumOffset = 1L << 29;

    private void Compute(Instruction instruction)
    {
        Opcode opcode = instruction.Opcode;
        Register destination = instruction.Destination;
        switch (opcode.Arithmetic)
        {
            case ArithmeticOperation.Mov:
                RequireWritable(destination);
                Move(instruction);
                return;
            case ArithmeticOperation.End:
                {
                    RegisterState value = Read(destination);
                    RequireWritable(destination);
                    this[destination] = value.IsNumber ? Reordered(instruction, value) : RegisterState.Unknown;
                    return;
                }

            case ArithmeticOperation.Neg:
                {
                    RegisterState value = Read(destination);
                    RequireWritable(destination);
                    this[destination] = !value.IsNumber ? RegisterState.Unknown
                        : RegisterState.Of(opcode.Is64Bit ? ScalarArithmetic.Apply64(ArithmeticOperation.Neg, value.Number, default) : ScalarArithmetic.Apply32(ArithmeticOperation.Neg, value.Number, default));
                    return;
                }
        }

        RequireMeaning(instruction);
        RegisterState right = opcode.UsesRegister ? Read(instruction.Source) : RegisterState.Constant((ulong)instruction.Immediate);
        RegisterState left = Read(destination);
        RequireWritable(destination);
        if (left.IsPointer != right.IsPointer && opcode.UsesRegister)
        {
            // The number a pointer is moved by.
            RequirePrecise(left.IsPointer ? instruction.Source : destination);
        }

        if (opcode.Arithmetic is ArithmeticOperation.And or ArithmeticOperation.Or && left.IsNumber && right.IsConstant)
        {
            left.Number = OneOfTwo(destination, left.Number);
        }

        RegisterState result = Combine(instruction, left, right);
        if (left.IsNumber && left.Id != 0 && !left.IsSum && right.IsNumber && opcode.Arithmetic is ArithmeticOperation.Add or ArithmeticOperation.Sub)
        {
            LinkSum(ref result, left, right.Number, opcode);
        }

        if (result.IsNumber)
        {
            result.Number = result.Number.Settle();
        }

        this[destination] = result;
    }

    /// <summary>
    /// A number that is 0 or -1, as an arithmetic shift leaves it, is a mask: Linux, and this, walk on with -1 and come back to the
    /// instruction with 0.
    /// </summary>
    private Scalar OneOfTwo(Register register, Scalar number)
    {
        bool isWide = number.Wide is { SMin: -1, SMax: 0 };
        if (!isWide && number.Low is not { SMin: -1, SMax: 0 })
        {
            return number;
        }

        PathState withZero = _state.Copy();
        withZero.Registers[(int)register] = RegisterState.Of(isWide ? Scalar.Constant(0) : number.WithLow(0));
        Later(withZero, Slot);
        return isWide ? Scalar.Constant(ulong.MaxValue) : number.WithLow(uint.MaxValue);
    }

    /// <summary>Division by the constant 0 and shifts by all bits or more have a result, but no purpose: they are refused.</summary>
    private static void RequireMeaning(Instruction instruction)
    {
        if (instruction.Opcode.UsesRegister)
        {
            return;
        }

        int width = instruction.Opcode.Is64Bit ? 64 : 32;
        switch (instruction.Opcode.Arithmetic)
        {
            case ArithmeticOperation.Div or ArithmeticOperation.Mod when instruction.Immediate == 0:
                throw Stop.Reject(CheckFamily.Encoding, "division by the constant 0");
            case ArithmeticOperation.Lsh or ArithmeticOperation.Rsh or ArithmeticOperation.Arsh when (uint)instruction.Immediate >= width:
                throw Stop.Reject(CheckFamily.Encoding, $"a shift of {width} bits by {instruction.Immediate}");
        }
    }

    private void Move(Instruction instruction)
    {
        Register destination = instruction.Destination;
        bool is64 = instruction.Opcode.Is64Bit;
        if (!instruction.Opcode.UsesRegister)
        {
            this[destination] = RegisterState.Constant(is64 ? (ulong)instruction.Immediate : (uint)instruction.Immediate);
            return;
        }

        ref RegisterState source = ref Read(instruction.Source);
        if (instruction.Opcode.Is64Bit && instruction.Offset == 1)
        {
            this[destination] = CastAddressSpace(instruction.Immediate);
            return;
        }

        int extendFrom = instruction.Offset / 8;
        if (!source.IsNumber)
        {
            // Half of a pointer is a number nothing is known of.
            RegisterState half = is64 ? RegisterState.Unknown : RegisterState.Of(Scalar.Unknown.ZeroExtendLow());
            this[destination] = is64 && extendFrom == 0 ? source : half;
            return;
        }

        Scalar number = source.Number;
        bool keepsNumber = extendFrom == 0
            ? is64 || number.Wide.UMax <= uint.MaxValue
            : number.Wide.UMax < 1UL << (extendFrom * 8 - 1);
        if (keepsNumber)
        {
            LinkCopies(ref source);
        }

        Scalar moved = extendFrom != 0
            ? is64 ? ScalarArithmetic.SignExtend64(number, extendFrom) : ScalarArithmetic.SignExtend32(number, extendFrom)
            : is64 ? number : number.ZeroExtendLow();
        this[destination] = RegisterState.Of(moved) with { Id = keepsNumber ? source.Id : 0 };
    }

    /// <summary>A number with its bytes in another order, or only its low ones. The order to convert from is little-endian, as the programs are.</summary>
    private static RegisterState Reordered(Instruction instruction, RegisterState value)
    {
        int size = instruction.Immediate / 8;
        bool swaps = instruction.Opcode.Is64Bit || instruction.Opcode.UsesRegister;
        return swaps ? RegisterState.Of(Scalar.OfBits(value.Number.Bits.SwapBytes(size)))
            : size == sizeof(ulong) ? value with { Number = value.Number.Synchronize() }
            : RegisterState.Of(Fits(value.Number, size) ? value.Number : ScalarArithmetic.Truncate(value.Number, size));
    }

    private RegisterState Combine(Instruction instruction, RegisterState left, RegisterState right)
    {
        ArithmeticOperation operation = instruction.Opcode.Arithmetic;
        bool is64 = instruction.Opcode.Is64Bit;
        if (left.IsNumber && right.IsNumber)
        {
            return RegisterState.Of(is64 ? ScalarArithmetic.Apply64(operation, left.Number, right.Number) : ScalarArithmetic.Apply32(operation, left.Number, right.Number));
        }

        if (left.Kind == RegisterKind.Arena)
        {
            // Whatever is done to it, only its low half counts.
            return left;
        }

        if (left.IsPointer && right.IsPointer)
        {
            return operation == ArithmeticOperation.Sub
                ? RegisterState.Unknown
                : throw Stop.Reject(CheckFamily.PointerArithmetic, $"{left.Describe()} and {right.Describe()}: two pointers can only be subtracted");
        }

        RegisterState pointer = left.IsPointer ? left : right;
        if (!is64)
        {
            return operation == ArithmeticOperation.Sub
                ? RegisterState.Unknown
                : throw Stop.Reject(CheckFamily.PointerArithmetic, $"32-bit arithmetic on {pointer.Describe()}");
        }

        return operation switch
        {
            ArithmeticOperation.Add => Move(pointer, left.IsPointer ? right.Number : left.Number, subtract: false),
            ArithmeticOperation.Sub when left.IsPointer => Move(pointer, right.Number, subtract: true),
            ArithmeticOperation.Sub => throw Stop.Reject(CheckFamily.PointerArithmetic, $"{pointer.Describe()} is subtracted from a number"),
            _ => throw Stop.Reject(CheckFamily.PointerArithmetic, $"{pointer.Describe()} takes part in {operation.ToString().ToLowerInvariant()}; pointers can only be added to and subtracted from"),
        };
    }

    /// <summary>A pointer moved by a number.</summary>
    private RegisterState Move(RegisterState pointer, Scalar by, bool subtract)
    {
        if (pointer.IsNullable)
        {
            throw Stop.Reject(CheckFamily.NullCheck, $"arithmetic on {pointer.Describe()}: compare it with null first");
        }

        if (IsUntrustedMemory(pointer))
        {
            return pointer; // It is read with faults caught wherever it points.
        }

        bool canMove = pointer.Kind switch
        {
            RegisterKind.Map => by.IsConstant && by.Value == 0 && !subtract,
            RegisterKind.FlowKeys => by.IsConstant,
            RegisterKind.PacketEnd or RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket or RegisterKind.Function => false,
            _ => true,
        };
        if (!canMove || (subtract && pointer.Kind == RegisterKind.Stack))
        {
            throw Stop.Reject(CheckFamily.PointerArithmetic, $"arithmetic on {pointer.Describe()} is prohibited");
        }

        RequireReasonable(pointer, by);
        RegisterState result = pointer;
        long step = subtract ? -(long)by.Value : (long)by.Value;
        if (by.IsConstant && pointer.Offset + step is >= int.MinValue and <= int.MaxValue)
        {
            result.Offset = (int)(pointer.Offset + step);
        }
        else
        {
            result.Number = ScalarArithmetic.Apply64(subtract ? ArithmeticOperation.Sub : ArithmeticOperation.Add, pointer.Number, by);
            if (pointer.IsPacketPointer)
            {
                // What was known of the packet behind it holds no longer.
                result.Id = NewId();
                if (!subtract || by.Wide.SMin < 0)
                {
                    result.Range = 0;
                }
            }
        }

        RequireReasonable(result, result.Number);
        return result;
    }

    private static void RequireReasonable(in RegisterState pointer, Scalar number)
    {
        if (number.IsConstant && (long)number.Value is >= MaximumOffset or <= -MaximumOffset)
        {
            throw Stop.Reject(CheckFamily.PointerArithmetic, $"{pointer.Describe()} is moved by {(long)number.Value} bytes, out of all bounds");
        }

        if (pointer.Offset is >= (int)MaximumOffset or <= -(int)MaximumOffset)
        {
            throw Stop.Reject(CheckFamily.PointerArithmetic, $"{pointer.Describe()} has offset {pointer.Offset}, out of all bounds");
        }

        if (number.Wide.SMin is >= MaximumOffset or <= -MaximumOffset)
        {
            throw Stop.Reject(CheckFamily.PointerArithmetic, number.Wide.SMin == long.MinValue
                ? $"{pointer.Describe()} is moved by a number without a lower bound"
                : $"{pointer.Describe()} is moved by {number.Wide.SMin} bytes or more, out of all bounds");
        }
    }
}
