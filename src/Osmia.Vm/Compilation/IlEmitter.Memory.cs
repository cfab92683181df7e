using System.Reflection.Emit;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class IlEmitter
{
    private void EmitLoad(Statement statement)
    {
        (int size, bool isSigned) = Shape(statement);
        Access access = statement.Access!;
        Label after = _il.Label();
        LocalBuilder address = KeepAddress(statement);
        Compare(statement, access, address, out bool alwaysAsks, () =>
        {
            _il.Argument(Slot);
            _il.Argument(State);
            _il.Load(address);
            CodeAddress(statement.Slot);
            _il.Call(Runtime.LoadMiss);
            StoreResult(statement.Result, isWide: true);
        }, after);
        if (!alwaysAsks)
        {
            _il.Load(address);
            EmitIndirectLoad(size, isSigned);
            StoreResult(statement.Result, isSigned || size == 8);
        }

        _il.Mark(after);
    }

    private static (int Size, bool IsSigned) Shape(Statement statement) => (statement.Access!.Size, statement.Op is >= Op.LoadSxB and <= Op.LoadSxW);

    private void EmitStore(Statement statement)
    {
        Access access = statement.Access!;
        if (access.Check == AccessCheck.None)
        {
            Write(statement.A!);
            Write(statement.B!);
            EmitIndirectStore(access.Size);
            return;
        }

        // The value is read on both ways; a tree is worked out once.
        Node value = statement.B!;
        LocalBuilder? kept = null;
        if (!value.IsLeaf)
        {
            kept = _il.Local(value.IsWide ? typeof(ulong) : typeof(uint));
            Write(value);
            _il.Store(kept);
        }

        Label after = _il.Label();
        LocalBuilder address = KeepAddress(statement);
        Compare(statement, access, address, out bool alwaysAsks, () =>
        {
            _il.Argument(Slot);
            _il.Argument(State);
            _il.Load(address);
            WriteValue();
            if (!value.IsWide)
            {
                _il.Emit(OpCodes.Conv_U8);
            }

            CodeAddress(statement.Slot);
            _il.Call(Runtime.StoreMiss);
        }, after);
        if (!alwaysAsks)
        {
            _il.Load(address);
            WriteValue();
            EmitIndirectStore(access.Size);
        }

        _il.Mark(after);

        void WriteValue()
        {
            if (kept is null)
            {
                Write(value);
            }
            else
            {
                _il.Load(kept);
            }
        }
    }

    private void EmitAtomic(Statement statement)
    {
        Access access = statement.Access!;
        if (access.Check == AccessCheck.None)
        {
            Write(statement.A!);
        }
        else
        {
            Label after = _il.Label();
            LocalBuilder address = KeepAddress(statement);
            Compare(statement, access, address, out _, () =>
            {
                _il.Argument(Slot);
                _il.Argument(State);
                _il.Load(address);
                CodeAddress(statement.Slot);
                _il.Call(Runtime.AtomicMiss);
            }, after);
            _il.Mark(after);
            _il.Load(address);
        }

        if (statement.B is not null)
        {
            Write(statement.B);
        }

        if (statement.C is not null)
        {
            Write(statement.C);
        }

        AtomicMethod atomic = Runtime.AtomicOf(statement.Op);
        _il.Call(atomic.Method);
        if (atomic.Returns)
        {
            StoreResult(statement.Result, atomic.IsWide);
        }
    }

    /// <summary>The variable that holds a statement's address: the program's own, or the one for all others.</summary>
    private LocalBuilder KeepAddress(Statement statement)
    {
        if (statement.A is { Kind: NodeKind.Local, IsWide: true } local)
        {
            return LocalOf(local.Web!);
        }

        _address ??= _il.Local(typeof(ulong));
        Write(statement.A!);
        _il.Store(_address);
        return _address;
    }

    /// <summary>
    /// Falls through when the address may be accessed. Otherwise the miss runs, out of line, and goes on at <paramref name="after"/>; with
    /// <paramref name="alwaysAsks"/> it runs in line.
    /// </summary>
    private void Compare(Statement statement, Access access, LocalBuilder address, out bool alwaysAsks, Action miss, Label after)
    {
        alwaysAsks = access.Check is AccessCheck.Ask or AccessCheck.None;
        if (alwaysAsks)
        {
            Keep(statement.Known);
            miss();
            return;
        }

        Label outside = access.IsFirm ? LeaveForAccess(statement) : _il.Label();
        switch (access.Check)
        {
            case AccessCheck.NotNull:
                CompareNotNull(access, outside);
                break;
            case AccessCheck.Range:
                LoadStart(address, access);
                WriteAddress(access.Low);
                _il.Emit(OpCodes.Sub);
                _il.Constant64(access.Length - (ulong)access.Reach);
                _il.Branch(OpCodes.Bgt_Un, outside);
                break;
            case AccessCheck.Frame:
                _il.Load(address);
                _il.Load(_frame!);
                _il.Emit(OpCodes.Sub);
                _il.Constant64((ulong)(ExecutionSlot.FrameSize - access.Before));
                _il.Emit(OpCodes.Add);
                _il.Constant64((ulong)(ExecutionSlot.FrameSize - access.Reach));
                _il.Branch(OpCodes.Bgt_Un, outside);
                break;
            case AccessCheck.CallerFrame:
                _il.Load(address);
                _il.Load(_frame!);
                _il.Emit(OpCodes.Sub);
                _il.Constant64((ulong)(ExecutionSlot.FrameSize - access.Size));
                _il.Branch(OpCodes.Bgt_Un, outside);
                break;
            case AccessCheck.Packet:
                LoadStart(address, access);
                _il.Load(_packetLow!);
                _il.Emit(OpCodes.Sub);
                _il.Load(_packetPlaces.Find(places => places.Reach == access.Reach && places.IsWrite == access.IsWrite).Places);
                _il.Branch(OpCodes.Bge_Un, outside);
                break;
            default:
                _il.Argument(State);
                _il.Load(address);
                _il.Constant32((uint)access.Size);
                _il.Call(access.IsWrite ? Runtime.IsInValueWritable : Runtime.IsInValue);
                _il.Branch(OpCodes.Brfalse, outside);
                break;
        }

        if (access.ChecksAlignment && access.Size > 1)
        {
            _il.Load(address);
            _il.Emit(OpCodes.Conv_U4);
            _il.Constant32((uint)access.Size - 1);
            _il.Emit(OpCodes.And);
            _il.Branch(OpCodes.Brtrue, outside);
        }

        if (access.IsFirm)
        {
            return;
        }

        Outside(outside, () =>
        {
            Keep(statement.Known);
            miss();
            _il.Branch(OpCodes.Br, after);
        });
    }

    /// <summary>Where the bytes begin that an access must find in its region.</summary>
    private void LoadStart(LocalBuilder address, Access access)
    {
        _il.Load(address);
        if (access.Before != 0)
        {
            _il.Constant64((ulong)access.Before);
            _il.Emit(OpCodes.Sub);
        }
    }

    private void CompareNotNull(Access access, Label outside)
    {
        // Compared without what was added since, null is 0 and the comparison the program's own.
        Node pointer = access.Pointer!;
        ulong nothing = access.Low;
        if (pointer is { Kind: NodeKind.Add, Right.IsConstant: true })
        {
            nothing -= pointer.Right!.Value;
            pointer = pointer.Left!;
        }

        Write(pointer);
        if (nothing == 0)
        {
            _il.Branch(OpCodes.Brfalse, outside);
        }
        else
        {
            EmitConstant(nothing, pointer.IsWide);
            _il.Branch(OpCodes.Beq, outside);
        }
    }

    private void Keep(List<KnownRegister> registers)
    {
        foreach (KnownRegister known in registers)
        {
            FieldAddress(known.Register * sizeof(ulong));
            Write(Node.Wide(known.Value));
            _il.Emit(OpCodes.Stind_I8);
        }
    }

    private void CodeAddress(int slot)
    {
        _il.Constant64((ulong)(_code + slot));
        _il.Emit(OpCodes.Conv_I);
    }

    private void StoreResult(Web? result, bool isWide)
    {
        if (result is null)
        {
            _il.Emit(OpCodes.Pop);
            return;
        }

        if (isWide && result.IsNarrow)
        {
            _il.Emit(OpCodes.Conv_U4);
        }
        else if (!isWide && !result.IsNarrow)
        {
            _il.Emit(OpCodes.Conv_U8);
        }

        _il.Store(LocalOf(result));
    }

    private void EmitIndirectStore(int size) => _il.Emit(size switch
    {
        1 => OpCodes.Stind_I1,
        2 => OpCodes.Stind_I2,
        4 => OpCodes.Stind_I4,
        _ => OpCodes.Stind_I8,
    });
}
