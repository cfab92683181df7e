using System.Numerics;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation.X64;

/// <summary>Trees. A tree is worked out into one register; nothing that it still reads is in that register (<see cref="MayBuildIn"/>).</summary>
internal sealed unsafe partial class X64Emitter
{
    private const int FirstWaiting = 16;

    /// <summary>Registers, and above them places on the stack, that hold a value within the statement, as bits.</summary>
    private int _held;

    private enum OperandKind
    {
        Immediate,
        Register,
        Memory,
    }

    private static bool IsCommutative(NodeKind kind) => kind is NodeKind.Add or NodeKind.Multiply or NodeKind.And or NodeKind.Or or NodeKind.Xor;

    private void Assign(Web web, Node node)
    {
        if (web.Place >= 0)
        {
            Reg to = (Reg)web.Place;
            if (MayBuildIn(node, to))
            {
                Eval(node, to);
            }
            else
            {
                Eval(node, Reg.Rax);
                _asm.Move(to, Reg.Rax);
            }

            return;
        }

        if (TryOperand(node, isWide: true) is { Kind: OperandKind.Immediate } constant)
        {
            _asm.Store(StackFrame.Slot(~web.Place), constant.Value, 8);
            return;
        }

        Reg from = RegisterOf(node, node.IsWide, Reg.Rax);
        StoreInto(web, from, isWide: true);
    }

    /// <summary>Gives a web its value from a register; of a value that is not wide the upper half is zero.</summary>
    private void StoreInto(Web? web, Reg from, bool isWide)
    {
        if (web is null || web.Place == Web.NoPlace)
        {
            return;
        }

        bool isCut = isWide && web.IsNarrow;
        if (web.Place >= 0)
        {
            _asm.Move((Reg)web.Place, from, !isCut);
            return;
        }

        if (isCut)
        {
            _asm.Move(Reg.Rax, from, false);
            from = Reg.Rax;
        }

        _asm.Store(StackFrame.Slot(~web.Place), from, 8);
    }

    /// <summary>Whether a tree can be worked out in a register: what it reads of it comes first.</summary>
    private static bool MayBuildIn(Node node, Reg register)
    {
        if (!Reads(node, register) || node.IsLeaf)
        {
            return true;
        }

        switch (node.Kind)
        {
            case NodeKind.Divide or NodeKind.Modulo or NodeKind.SignedDivide or NodeKind.SignedModulo:
                // By a constant it may become a shift of what is on the left.
                return node.Right is not { IsConstant: true } || MayBuildIn(node.Left!, register);
            case NodeKind.Load:
                return IsPlain(node.Left!);
            case NodeKind.ShiftLeft or NodeKind.ShiftRight or NodeKind.ShiftRightSigned:
                return !Reads(node.Right!, register) && MayBuildIn(node.Left!, register);
        }

        if (node.Right is null)
        {
            return MayBuildIn(node.Left!, register);
        }

        return Reads(node.Right, register)
            ? IsCommutative(node.Kind) && IsIn(node.Right, register) && !Reads(node.Left!, register)
            : MayBuildIn(node.Left!, register);
    }

    private static bool Reads(Node? node, Reg register)
    {
        for (; node is not null; node = node.Left)
        {
            if ((node.Web is { } web && web.Place == (int)register) || Reads(node.Right, register))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The value as it stands in a register, perhaps under an extension that costs nothing.</summary>
    private static bool IsIn(Node node, Reg register) => Bare(node) is { Kind: NodeKind.Local, Web: { } web } && web.Place == (int)register;

    // Upper halves of narrow values are zero.
    private static Node Bare(Node node) => node.Kind == NodeKind.ZeroExtend ? node.Left! : node;

    /// <summary>Only the low half matters.</summary>
    private static Node Low(Node node) => node.Kind == NodeKind.Truncate ? node.Left! : node;

    /// <summary>An address that is read with one instruction, whatever is computed into the register it is loaded to.</summary>
    private static bool IsPlain(Node address)
    {
        Node node = Bare(address);
        if (node is { Kind: NodeKind.Add, Right.IsConstant: true } sum && FitsDisplacement(sum.Right!.Value))
        {
            node = Bare(sum.Left!);
        }

        return node.Kind is NodeKind.Local or NodeKind.FramePointer;
    }

    private static bool FitsDisplacement(ulong value) => (long)value is >= int.MinValue and <= int.MaxValue;

    /// <summary>What an instruction takes as it is; null when it must be worked out.</summary>
    private static Operand? TryOperand(Node node, bool isWide)
    {
        node = isWide ? Bare(node) : Low(node);
        switch (node.Kind)
        {
            case NodeKind.Constant:
                return !isWide ? Operand.Of((int)(uint)node.Value) : FitsDisplacement(node.Value) ? Operand.Of((int)(long)node.Value) : null;
            case NodeKind.Local:
                return Place(node.Web!);
            default:
                return null;
        }
    }

    private static Operand Place(Web web) =>
        web.Place == Web.NoPlace ? throw new InvalidOperationException($"a value of r{web.Register} is read and was never made")
        : web.Place >= 0 ? Operand.Of((Reg)web.Place) : Operand.Of(StackFrame.Slot(~web.Place));

    /// <summary>A register with the value: its own, or the one given. Of a narrow value only the low half counts.</summary>
    private Reg RegisterOf(Node node, bool isWide, Reg scratch)
    {
        if (TryOperand(node, isWide) is { Kind: OperandKind.Register } operand)
        {
            return operand.Register;
        }

        Eval(isWide ? node : Low(node), scratch);
        return scratch;
    }

    /// <summary>Works a tree out. The upper half of a narrow one is zero.</summary>
    private void Eval(Node node, Reg to)
    {
        switch (node.Kind)
        {
            case NodeKind.Constant:
                _asm.Move(to, node.Value);
                break;
            case NodeKind.Local:
                Operand place = Place(node.Web!);
                if (place.Kind == OperandKind.Register)
                {
                    _asm.Move(to, place.Register);
                }
                else
                {
                    _asm.Load(to, place.Memory, node.IsWide ? 8 : 4);
                }

                break;
            case NodeKind.FramePointer:
                FramePointer(to, (long)node.Value);
                break;
            case NodeKind.Load:
                _asm.Load(to, Address(node.Left!, to), node.Size, node.IsSigned);
                break;
            case NodeKind.PacketData:
                _asm.Load(to, Field(MachineOffsets.PacketData), 8);
                break;
            case NodeKind.PacketEnd:
                _asm.Load(to, Field(MachineOffsets.PacketLow), 8);
                _asm.Alu(AluOp.Add, to, Field(MachineOffsets.PacketLength), true);
                break;
            case NodeKind.PacketMeta:
                _asm.Load(to, Field(MachineOffsets.PacketLow), 8);
                break;
            case NodeKind.RotateLeft:
                Eval(node.IsWide ? node.Left! : Low(node.Left!), to);
                _asm.Shift(ShiftOp.RotateLeft, to, (int)node.Value, node.IsWide);
                break;
            case NodeKind.ShiftLeft or NodeKind.ShiftRight or NodeKind.ShiftRightSigned:
                Shift(node, to);
                break;
            case NodeKind.Divide or NodeKind.Modulo or NodeKind.SignedDivide or NodeKind.SignedModulo:
                Divide(node, to);
                break;
            default:
                if (node.Right is null)
                {
                    Unary(node, to);
                }
                else
                {
                    Binary(node, to);
                }

                break;
        }
    }

    private void FramePointer(Reg to, long offset)
    {
        if (!_body.UsesFrame)
        {
            // No statement reads it, but a register that holds it is handed to the interpreter.
            _asm.Move(to, (ulong)(offset + ExecutionSlot.FrameSize));
            _asm.Alu(AluOp.Add, to, Field(MachineOffsets.FrameLow), true);
        }
        else if (FitsDisplacement((ulong)offset))
        {
            _asm.LoadAddress(to, new(Frame, (int)offset));
        }
        else
        {
            _asm.Move(to, (ulong)offset);
            _asm.Alu(AluOp.Add, to, Frame, true);
        }
    }

    private void Unary(Node node, Reg to)
    {
        Node operand = node.Left!;
        switch (node.Kind)
        {
            case NodeKind.ZeroExtend:
                Eval(operand, to);
                break;
            case NodeKind.Truncate:
                if (TryOperand(operand, isWide: true) is { Kind: OperandKind.Register } place)
                {
                    _asm.Move(to, place.Register, false);
                    break;
                }

                Eval(operand, to);
                _asm.Move(to, to, false);
                break;
            case NodeKind.Negate:
                Eval(node.IsWide ? operand : Low(operand), to);
                _asm.Negate(to, node.IsWide);
                break;
            case NodeKind.ZeroExtend16:
                _asm.ZeroExtend16(to, RegisterOf(operand, false, to));
                break;
            case NodeKind.SignExtend8 or NodeKind.SignExtend16 or NodeKind.SignExtend32:
                int size = node.Kind == NodeKind.SignExtend8 ? 1 : node.Kind == NodeKind.SignExtend16 ? 2 : 4;
                _asm.SignExtend(to, RegisterOf(operand, operand.IsWide, to), size, node.IsWide);
                break;
            case NodeKind.Swap16:
                Eval(Low(operand), to);
                _asm.SwapLow(to);
                _asm.ZeroExtend16(to, to);
                break;
            case NodeKind.Swap32:
                Eval(Low(operand), to);
                _asm.SwapBytes(to, false);
                break;
            case NodeKind.Swap64:
                Eval(operand, to);
                _asm.SwapBytes(to, true);
                break;
            case NodeKind.CountOnes:
                Eval(operand, to);
                _asm.CountOnes(to, to, operand.IsWide);
                break;
            default:
                throw new InvalidOperationException($"{node.Kind} has no operand alone");
        }
    }

    private void Binary(Node node, Reg to)
    {
        bool isWide = node.IsWide;
        Node left = isWide ? node.Left! : Low(node.Left!);
        Node right = isWide ? node.Right! : Low(node.Right!);
        if (IsCommutative(node.Kind) && (IsIn(right, to) || (IsDirect(left, isWide) && !IsDirect(right, isWide) && !IsIn(left, to))))
        {
            (left, right) = (right, left);
        }

        if (node.Kind == NodeKind.Add && TrySum(left, right, to, isWide))
        {
            return;
        }

        Waiting? held = null;
        Operand? direct = TryOperand(right, isWide);
        if (node.Kind == NodeKind.Multiply && direct is { Kind: OperandKind.Immediate } factor)
        {
            Multiply(to, RegisterOf(left, isWide, to), factor.Value, isWide);
            return;
        }

        if (direct is null && !right.IsConstant)
        {
            held = Hold(right);
            direct = held.Value.Operand;
        }

        Eval(left, to);
        if (direct is not { } operand)
        {
            Reg quick = to == Reg.Rax ? Reg.Rdx : Reg.Rax;
            _asm.Move(quick, right.Value);
            operand = Operand.Of(quick);
        }

        switch (node.Kind)
        {
            case NodeKind.Add:
                Alu(AluOp.Add, to, operand, isWide);
                break;
            case NodeKind.Subtract:
                Alu(AluOp.Subtract, to, operand, isWide);
                break;
            case NodeKind.And:
                Alu(AluOp.And, to, operand, isWide);
                break;
            case NodeKind.Or:
                Alu(AluOp.Or, to, operand, isWide);
                break;
            case NodeKind.Xor:
                Alu(AluOp.Xor, to, operand, isWide);
                break;
            case NodeKind.Multiply when operand.Kind == OperandKind.Memory:
                _asm.Multiply(to, operand.Memory, isWide);
                break;
            case NodeKind.Multiply:
                _asm.Multiply(to, operand.Register, isWide);
                break;
            default:
                throw new InvalidOperationException($"{node.Kind} has no two operands");
        }

        Release(held);
    }

    /// <summary>A product takes three cycles, an address one, a shift one.</summary>
    private void Multiply(Reg to, Reg from, int by, bool isWide)
    {
        switch (by)
        {
            case 3 or 5 or 9:
                _asm.LoadAddress(to, new(from, 0, from, BitOperations.Log2((uint)by)), isWide);
                break;
            case > 0 when BitOperations.IsPow2(by):
                if (to != from)
                {
                    _asm.Move(to, from, isWide);
                }

                _asm.Shift(ShiftOp.Left, to, BitOperations.Log2((uint)by), isWide);
                break;
            default:
                _asm.Multiply(to, from, by, isWide);
                break;
        }
    }

    /// <summary>A sum into a third register is an address.</summary>
    private bool TrySum(Node left, Node right, Reg to, bool isWide)
    {
        if (isWide && (TryIndexed(left, right) ?? TryIndexed(right, left) ?? FrameIndexed(left, right, to)) is { } place && (place.Displacement != 0 || place.Scale != 0 || place.Base == Frame))
        {
            _asm.LoadAddress(to, place);
            return true;
        }

        if (TryOperand(left, isWide) is not { Kind: OperandKind.Register } a || a.Register == to)
        {
            return false;
        }

        switch (TryOperand(right, isWide))
        {
            case { Kind: OperandKind.Register } b:
                _asm.LoadAddress(to, new(a.Register, 0, b.Register), isWide);
                return true;
            case { Kind: OperandKind.Immediate } b:
                _asm.LoadAddress(to, new(a.Register, b.Value), isWide);
                return true;
            default:
                return false;
        }
    }

    /// <summary>A register or place in the frame, plus another register, perhaps shifted by 1 to 3 places.</summary>
    private Mem? TryIndexed(Node start, Node index)
    {
        Mem? place = TryOperand(start, isWide: true) is { Kind: OperandKind.Register } register ? new(register.Register, 0) : PlaceInFrame(start);
        return place is not { } known ? null
            : ScaledIndex(index) is { } scaled ? known with { Index = scaled.Register, Scale = scaled.Scale }
            : TryOperand(index, isWide: true) is { Kind: OperandKind.Register } plain ? known with { Index = plain.Register }
            : null;
    }

    /// <summary>A place in the frame plus what is worked out into a register.</summary>
    private Mem? FrameIndexed(Node left, Node right, Reg scratch)
    {
        (Mem? start, Node index) = PlaceInFrame(left) is { } place ? (place, right) : (PlaceInFrame(right), left);
        if (start is not { } known || index.IsConstant)
        {
            return null;
        }

        bool isShifted = Bare(index) is { Kind: NodeKind.ShiftLeft, IsWide: true, Right: { IsConstant: true, Value: >= 1 and <= 3 } };
        Node shift = Bare(index);
        Eval(isShifted ? shift.Left! : index, scratch);
        return known with { Index = scratch, Scale = isShifted ? (int)shift.Right!.Value : 0 };
    }

    private Mem? PlaceInFrame(Node node) =>
        node.Kind == NodeKind.FramePointer && _body.UsesFrame && FitsDisplacement(node.Value) ? new(Frame, (int)(long)node.Value) : null;

    private static (Reg Register, int Scale)? ScaledIndex(Node node) =>
        Bare(node) is { Kind: NodeKind.ShiftLeft, IsWide: true, Right: { IsConstant: true, Value: >= 1 and <= 3 } } shift && TryOperand(shift.Left!, isWide: true) is { Kind: OperandKind.Register } index
            ? (index.Register, (int)shift.Right!.Value)
            : null;

    private static bool IsDirect(Node node, bool isWide) => node.IsConstant || TryOperand(node, isWide) is not null;

    private void Alu(AluOp op, Reg to, Operand operand, bool isWide)
    {
        switch (operand.Kind)
        {
            case OperandKind.Immediate:
                _asm.Alu(op, to, operand.Value, isWide);
                break;
            case OperandKind.Register:
                _asm.Alu(op, to, operand.Register, isWide);
                break;
            default:
                _asm.Alu(op, to, operand.Memory, isWide);
                break;
        }
    }

    /// <summary>Memory at an address; what must be worked out goes into the scratch register.</summary>
    private Mem Address(Node address, Reg scratch)
    {
        Node node = Bare(address);
        int displacement = 0;
        if (node is { Kind: NodeKind.Add, Right.IsConstant: true } sum && FitsDisplacement(sum.Right!.Value))
        {
            displacement = (int)(long)sum.Right.Value;
            node = Bare(sum.Left!);
        }

        if (PlaceInFrame(node) is { } inFrame && FitsDisplacement(node.Value + (ulong)(long)displacement))
        {
            return Moved(inFrame);
        }

        if (node.Kind == NodeKind.Add)
        {
            if ((TryIndexed(node.Left!, node.Right!) ?? TryIndexed(node.Right!, node.Left!)) is { } indexed && Fits(indexed))
            {
                return Moved(indexed);
            }

            if (node.Right!.IsConstant && ScaledIndex(node.Left!) is { } index)
            {
                _asm.Move(scratch, node.Right.Value);
                return new(scratch, displacement, index.Register, index.Scale);
            }

            if (displacement is >= short.MinValue and <= short.MaxValue && FrameIndexed(node.Left!, node.Right, scratch) is { } worked && Fits(worked))
            {
                return Moved(worked);
            }
        }

        if (TryOperand(node, isWide: true) is { Kind: OperandKind.Register } place)
        {
            return new(place.Register, displacement);
        }

        Eval(node, scratch);
        return new(scratch, displacement);

        bool Fits(Mem memory) => FitsDisplacement((ulong)((long)memory.Displacement + displacement));
        Mem Moved(Mem memory) => memory with { Displacement = memory.Displacement + displacement };
    }

    /// <summary>Works out a value that waits while another is worked out: in a register, or on the stack when none is free.</summary>
    private Waiting Hold(Node node)
    {
        int free = _places.FreeAt(_at) & ~_held;
        if (free != 0)
        {
            var register = (Reg)BitOperations.TrailingZeroCount(free);
            int bit = 1 << (int)register;
            _held |= bit;
            Eval(node, register);
            return new(Operand.Of(register), bit);
        }

        // rax holds nothing while what comes second is worked out first.
        Eval(node, Reg.Rax);
        int place = BitOperations.TrailingZeroCount(~(_held >> FirstWaiting));
        Mem memory = _stack.Wait(place);
        _asm.Store(memory, Reg.Rax, 8);
        _held |= 1 << (FirstWaiting + place);
        return new(Operand.Of(memory), 1 << (FirstWaiting + place));
    }

    private void Release(Waiting? held) => _held &= ~(held?.Bit ?? 0);

    private readonly record struct Waiting(Operand Operand, int Bit);

    private readonly record struct Operand(OperandKind Kind, int Value, Reg Register, Mem Memory)
    {
        public static Operand Of(int value) => new(OperandKind.Immediate, value, Reg.None, default);

        public static Operand Of(Reg register) => new(OperandKind.Register, 0, register, default);

        public static Operand Of(Mem memory) => new(OperandKind.Memory, 0, Reg.None, memory);
    }
}
