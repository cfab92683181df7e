using System.Reflection.Emit;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class IlEmitter
{
    private void Write(Node node)
    {
        switch (node.Kind)
        {
            case NodeKind.Constant when node.Value > uint.MaxValue:
                WriteAddress(node.Value);
                break;
            case NodeKind.Constant:
                EmitConstant(node.Value, node.IsWide);
                break;
            case NodeKind.Local:
                _il.Load(LocalOf(node.Web!));
                break;
            case NodeKind.FramePointer:
                WriteFramePointer(node.Value);
                break;
            case NodeKind.Load:
                Write(node.Left!);
                EmitIndirectLoad(node.Size, node.IsSigned);
                break;
            case NodeKind.PacketData:
                LoadField(MachineOffsets.PacketData);
                break;
            case NodeKind.PacketEnd:
                LoadField(MachineOffsets.PacketLow);
                LoadField(MachineOffsets.PacketLength);
                _il.Emit(OpCodes.Add);
                break;
            case NodeKind.PacketMeta:
                LoadField(MachineOffsets.PacketLow);
                break;
            case NodeKind.RotateLeft:
                Write(node.Left!);
                _il.Constant32((uint)node.Value);
                _il.Call(node.IsWide ? Runtime.Rotate64 : Runtime.Rotate32);
                break;
            default:
                if (node.Right is null)
                {
                    WriteUnary(node);
                }
                else
                {
                    WriteBinary(node);
                }

                break;
        }
    }

    private void WriteFramePointer(ulong offset)
    {
        if (_frame is null)
        {
            // No statement reads it, but a register that holds it is handed to the interpreter.
            LoadField(MachineOffsets.FrameLow);
            offset += ExecutionSlot.FrameSize;
        }
        else
        {
            _il.Load(_frame);
        }

        if (offset != 0)
        {
            _il.Constant64(offset);
            _il.Emit(OpCodes.Add);
        }
    }

    private void WriteUnary(Node node)
    {
        Write(node.Left!);
        switch (node.Kind)
        {
            case NodeKind.Negate:
                _il.Emit(OpCodes.Neg);
                break;
            case NodeKind.ZeroExtend:
                _il.Emit(OpCodes.Conv_U8);
                break;
            case NodeKind.Truncate:
                _il.Emit(OpCodes.Conv_U4);
                break;
            case NodeKind.ZeroExtend16:
                _il.Emit(OpCodes.Conv_U2);
                break;
            case NodeKind.Swap16:
                _il.Emit(OpCodes.Conv_U2);
                _il.Call(Runtime.Swap16);
                break;
            case NodeKind.Swap32:
                _il.Call(Runtime.Swap32);
                break;
            case NodeKind.Swap64:
                _il.Call(Runtime.Swap64);
                break;
            case NodeKind.CountOnes:
                _il.Call(node.Left!.IsWide ? Runtime.CountOnes64 : Runtime.CountOnes32);
                break;
            case NodeKind.SignExtend8 or NodeKind.SignExtend16 or NodeKind.SignExtend32:
                _il.Emit(node.Kind == NodeKind.SignExtend8 ? OpCodes.Conv_I1 : node.Kind == NodeKind.SignExtend16 ? OpCodes.Conv_I2 : OpCodes.Conv_I4);
                if (node.IsWide)
                {
                    _il.Emit(OpCodes.Conv_I8);
                }

                break;
            default:
                throw new InvalidOperationException($"{node.Kind} has no operand alone");
        }
    }

    private void WriteBinary(Node node)
    {
        Node right = node.Right!;
        if (node.Kind == NodeKind.Add && right is { IsConstant: true, Value: > uint.MaxValue })
        {
            // Where an address begins, then the distance: so the runtime's compiler finds what one access can add up.
            Write(right);
            Write(node.Left!);
            _il.Emit(OpCodes.Add);
            return;
        }

        Write(node.Left!);
        Write(right);
        bool isWide = node.IsWide;
        switch (node.Kind)
        {
            case NodeKind.Add:
                _il.Emit(OpCodes.Add);
                break;
            case NodeKind.Subtract:
                _il.Emit(OpCodes.Sub);
                break;
            case NodeKind.Multiply:
                _il.Emit(OpCodes.Mul);
                break;
            case NodeKind.And:
                _il.Emit(OpCodes.And);
                break;
            case NodeKind.Or:
                _il.Emit(OpCodes.Or);
                break;
            case NodeKind.Xor:
                _il.Emit(OpCodes.Xor);
                break;
            case NodeKind.ShiftLeft:
                MaskDistance(right, isWide);
                _il.Emit(OpCodes.Shl);
                break;
            case NodeKind.ShiftRight:
                MaskDistance(right, isWide);
                _il.Emit(OpCodes.Shr_Un);
                break;
            case NodeKind.ShiftRightSigned:
                MaskDistance(right, isWide);
                _il.Emit(OpCodes.Shr);
                break;
            case NodeKind.Divide when right is { IsConstant: true, Value: not 0 }:
                _il.Emit(OpCodes.Div_Un);
                break;
            case NodeKind.Modulo when right is { IsConstant: true, Value: not 0 }:
                _il.Emit(OpCodes.Rem_Un);
                break;
            case NodeKind.Divide:
                _il.Call(isWide ? Runtime.Divide64 : Runtime.Divide32);
                break;
            case NodeKind.Modulo:
                _il.Call(isWide ? Runtime.Modulo64 : Runtime.Modulo32);
                break;
            case NodeKind.SignedDivide:
                _il.Call(isWide ? Runtime.SignedDivide64 : Runtime.SignedDivide32);
                break;
            case NodeKind.SignedModulo:
                _il.Call(isWide ? Runtime.SignedModulo64 : Runtime.SignedModulo32);
                break;
            default:
                throw new InvalidOperationException($"{node.Kind} has no two operands");
        }
    }

    // The distance is already below the width when it is a constant.
    private void MaskDistance(Node distance, bool isWide)
    {
        if (!distance.IsConstant)
        {
            _il.Constant32(isWide ? 63u : 31u);
            _il.Emit(OpCodes.And);
        }
    }

    private void EmitIndirectLoad(int size, bool isSigned)
    {
        _il.Emit((size, isSigned) switch
        {
            (1, false) => OpCodes.Ldind_U1,
            (1, true) => OpCodes.Ldind_I1,
            (2, false) => OpCodes.Ldind_U2,
            (2, true) => OpCodes.Ldind_I2,
            (4, false) => OpCodes.Ldind_U4,
            (4, true) => OpCodes.Ldind_I4,
            _ => OpCodes.Ldind_I8,
        });
        if (isSigned)
        {
            _il.Emit(OpCodes.Conv_I8);
        }
    }
}
