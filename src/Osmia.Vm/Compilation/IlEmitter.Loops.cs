using System.Reflection.Emit;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class IlEmitter
{
    /// <summary>
    /// At the beginning of a loop that adds up words: all but the last at once, when they are many, all in the packet, and paid for. Otherwise, and
    /// for the last, the loop turns as ever; what is wrong with a word it finds itself.
    /// </summary>
    private void EmitShortcut(SumLoop loop)
    {
        Label skip = _il.Label();
        LocalBuilder bytes = _il.Local(typeof(ulong));

        // What is left, from below zero a very large number.
        _il.Constant64(loop.End);
        Write(Node.Wide(Node.Local(loop.Index)));
        _il.Emit(OpCodes.Sub);
        _il.Store(bytes);
        ulong least = SumLoop.MinWords * (ulong)loop.Size;
        _il.Load(bytes);
        _il.Constant64(least);
        _il.Emit(OpCodes.Sub);
        _il.Constant64(SumLoop.MaxBytes - least);
        _il.Branch(OpCodes.Bgt_Un, skip);
        if (loop.Size > 1)
        {
            _il.Load(bytes);
            _il.Emit(OpCodes.Conv_U4);
            _il.Constant32((uint)loop.Size - 1);
            _il.Emit(OpCodes.And);
            _il.Branch(OpCodes.Brtrue, skip);
        }

        _il.Load(bytes);
        _il.Constant64((ulong)loop.Size);
        _il.Emit(OpCodes.Sub);
        _il.Store(bytes);
        Write(loop.Address);
        _il.Store(_address);
        if (loop.IsChecked)
        {
            // The distance into the packet, and whether what follows there is enough.
            LocalBuilder distance = _il.Local(typeof(ulong));
            _il.Load(_address);
            _il.Load(_packetLow!);
            _il.Emit(OpCodes.Sub);
            _il.Store(distance);
            _il.Load(distance);
            LoadField(MachineOffsets.PacketLength);
            _il.Branch(OpCodes.Bge_Un, skip);
            LoadField(MachineOffsets.PacketLength);
            _il.Load(distance);
            _il.Emit(OpCodes.Sub);
            _il.Load(bytes);
            _il.Branch(OpCodes.Blt_Un, skip);
        }

        if (_fuel is not null)
        {
            LocalBuilder left = _il.Local(typeof(long));
            _il.Load(_fuel);
            _il.Load(bytes);
            _il.Constant64((ulong)loop.Length);
            _il.Emit(OpCodes.Mul);
            _il.Constant32((uint)System.Numerics.BitOperations.Log2((uint)loop.Size));
            _il.Emit(OpCodes.Shr_Un);
            _il.Emit(OpCodes.Sub);
            _il.Store(left);
            _il.Load(left);
            _il.Constant64(0);
            _il.Branch(OpCodes.Blt, skip);
            _il.Load(left);
            _il.Store(_fuel);
        }

        _il.Load(LocalOf(loop.Sum));
        _il.Load(_address);
        _il.Load(bytes);
        _il.Call(Runtime.SumOf(loop.Size));
        if (loop.Sum.IsNarrow)
        {
            _il.Emit(OpCodes.Conv_U4);
        }

        _il.Emit(OpCodes.Add);
        _il.Store(LocalOf(loop.Sum));
        _il.Load(LocalOf(loop.Index));
        _il.Load(bytes);
        if (loop.Index.IsNarrow)
        {
            _il.Emit(OpCodes.Conv_U4);
        }

        _il.Emit(OpCodes.Add);
        _il.Store(LocalOf(loop.Index));
        _il.Mark(skip);
    }
}
