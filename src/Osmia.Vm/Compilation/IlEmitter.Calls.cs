using System.Reflection.Emit;
using Osmia.Bytecode;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class IlEmitter
{
    private void EmitHelper(Statement statement)
    {
        KeepArguments(statement);
        SetCurrent(statement.Slot);
        SaveFuel();
        _il.Argument(Slot);
        _il.Argument(State);
        _il.Constant64((ulong)_code[statement.Slot].Immediate);
        _il.Emit(OpCodes.Conv_I);
        _il.CallHelper();
        StoreResult(statement.Result, isWide: true);
        AfterCall(statement, _around.MovesPacket(statement.Target));
    }

    private void EmitRegisterCall(Statement statement)
    {
        KeepArguments(statement);
        SetCurrent(statement.Slot);
        SaveFuel();
        _il.Argument(Slot);
        _il.Argument(State);
        Write(statement.A!);
        _il.Call(Runtime.CallRegister);
        StoreResult(statement.Result, isWide: true);
        AfterCall(statement, _around.HasContext);
    }

    private void KeepArguments(Statement statement)
    {
        for (int i = 0; i < statement.Arguments.Length; i++)
        {
            FieldAddress((i + 1) * sizeof(ulong));
            Write(statement.Arguments[i]);
            _il.Emit(OpCodes.Stind_I8);
        }
    }

    private void AfterCall(Statement statement, bool movesPacket)
    {
        if (_fuel is not null)
        {
            LoadFuel();
            CheckFuel(statement.Slot);
        }

        if (movesPacket)
        {
            LoadPacketRegion();
        }
    }

    private void EmitArrayLookup(Statement statement, ArrayMap map)
    {
        if (statement.Result is null)
        {
            return;
        }

        Write(statement.A!);
        _il.Constant32(map.Count);
        WriteStart(map);
        _il.Constant64(map.Stride);
        _il.Call(Runtime.Element);
        StoreResult(statement.Result, isWide: true);
    }

    /// <summary>The address of element 0 as this run's CPU sees it.</summary>
    private void WriteStart(ArrayMap map)
    {
        WriteAddress(map.MemoryStart);
        if (map.IsPerCpu)
        {
            _il.Argument(Slot);
            _il.Call(Runtime.CpuIndex);
            _il.Emit(OpCodes.Conv_I8);
            _il.Constant64(map.CpuStride);
            _il.Emit(OpCodes.Mul);
            _il.Emit(OpCodes.Add);
        }
    }

    /// <summary>A lookup whose result is compared with null at once: the comparison of the index decides.</summary>
    private void EmitLookupAndTest(Statement lookup, ArrayMap map, Statement test, Block block)
    {
        Web result = lookup.Result!;
        bool takenIsNull = test.Comparison == Comparison.Equal;
        Block missing = takenIsNull ? block.Taken! : block.Next!;
        Block found = takenIsNull ? block.Next! : block.Taken!;
        Label outside = _il.Label();
        LocalBuilder index = _il.Local(typeof(uint));
        Write(lookup.A!);
        _il.Store(index);
        _il.Load(index);
        _il.Constant32(map.Count);
        _il.Branch(OpCodes.Bge_Un, outside);
        WriteStart(map);
        _il.Load(index);
        _il.Emit(OpCodes.Conv_U8);
        _il.Constant64(map.Stride);
        _il.Emit(OpCodes.Mul);
        _il.Emit(OpCodes.Add);
        StoreResult(result, isWide: true);
        Jump(block, found, test.Slot);
        Outside(outside, () =>
        {
            _il.Constant64(0);
            StoreResult(result, isWide: true);
            Jump(block, missing, test.Slot, isOutside: true);
        });
    }

    private void EmitLocalCall(Statement statement)
    {
        if (_fuel is not null)
        {
            SpendOrLeave(_lengthOf(statement.Target), new(statement.Slot, statement.Known));
        }

        SaveFuel();
        SetCurrent(statement.Slot);
        _il.Argument(Slot);
        _il.Argument(State);
        _il.Call(Runtime.EnterCall);
        _il.Argument(Slot);
        _il.Argument(State);
        foreach (Node argument in statement.Arguments)
        {
            Write(argument);
        }

        _il.Call(_methodAt(statement.Target));
        StoreResult(statement.Result, isWide: true);
        _il.Argument(State);
        _il.Call(Runtime.LeaveCall);
        AfterCall(statement, _around.HasContext);
    }

    private void EmitTailCall(Statement statement)
    {
        KeepArguments(statement);
        SetCurrent(statement.Slot);
        SaveFuel();
        Label stay = _il.Label();
        _il.Argument(Slot);
        _il.Argument(State);
        _il.Call(Runtime.TailCall);
        _il.Branch(OpCodes.Brfalse, stay);
        LoadField(0);
        _il.Emit(OpCodes.Ret);
        _il.Mark(stay);
    }

    private void EmitPacketLoad(Statement statement)
    {
        SetCurrent(statement.Slot);
        _il.Argument(Slot);
        _il.Argument(State);
        Write(statement.A!);
        _il.Constant32((uint)statement.Target);
        Write(statement.B!);
        _il.Call(Runtime.PacketLoad);
        Label loaded = _il.Label();
        _address ??= _il.Local(typeof(ulong));
        _il.Store(_address);
        _il.Load(_address);
        _il.Constant64(0);
        _il.Branch(OpCodes.Bge, loaded);
        SaveFuel();
        _il.Constant64(0);
        _il.Emit(OpCodes.Ret);
        _il.Mark(loaded);
        _il.Load(_address);
        StoreResult(statement.Result, isWide: true);
    }
}
