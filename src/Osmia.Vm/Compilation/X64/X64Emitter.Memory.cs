using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation.X64;

internal sealed unsafe partial class X64Emitter
{
    private void EmitLoad(Statement statement)
    {
        int size = statement.Access!.Size;
        bool isSigned = statement.Op is >= Op.LoadSxB and <= Op.LoadSxW;
        Web? result = statement.Result;
        Compare(statement, null, NativeCalls.LoadMiss, memory =>
        {
            Reg to = result is { Place: >= 0 } ? (Reg)result.Place : Reg.Rax;
            _asm.Load(to, memory, size, isSigned);
            StoreInto(result, to, isSigned);
        });
    }

    private void EmitStore(Statement statement)
    {
        Access access = statement.Access!;
        Node value = statement.B!;
        int size = access.Size;
        Operand? direct = TryOperand(value, size == 8);
        Waiting? held = null;
        if (direct is null && !value.IsConstant)
        {
            if (access.Check == AccessCheck.None && IsPlain(statement.A!))
            {
                Eval(size == 8 ? value : Low(value), Reg.Rax);
                _asm.Store(Address(statement.A!, Reg.Rdx), Reg.Rax, size);
                return;
            }

            held = Hold(size == 8 ? value : Low(value));
            direct = held.Value.Operand;
        }

        Compare(statement, direct, NativeCalls.StoreMiss, memory =>
        {
            switch (direct)
            {
                case { Kind: OperandKind.Immediate } constant:
                    _asm.Store(memory, constant.Value, size);
                    break;
                case { Kind: OperandKind.Register } register:
                    _asm.Store(memory, register.Register, size);
                    break;
                case { } place:
                    _asm.Load(Reg.Rdx, place.Memory, 8);
                    _asm.Store(memory, Reg.Rdx, size);
                    break;
                default:
                    _asm.Move(Reg.Rdx, value.Value);
                    _asm.Store(memory, Reg.Rdx, size);
                    break;
            }
        });
        Release(held);
    }

    private void EmitAtomic(Statement statement)
    {
        Access access = statement.Access!;
        bool isWide = access.Size == 8;
        Waiting? operand = HoldTree(statement.B, isWide);
        Waiting? compared = HoldTree(statement.C, isWide);
        Compare(statement, null, NativeCalls.AtomicMiss, memory => Atomic(statement, memory, isWide, operand, compared));
        Release(operand);
        Release(compared);
    }

    private Waiting? HoldTree(Node? node, bool isWide) =>
        node is null || node.IsConstant || TryOperand(node, isWide) is not null ? null : Hold(isWide ? node : Low(node));

    private void Fetch(Node node, Waiting? held, bool isWide, Reg to)
    {
        switch (held?.Operand)
        {
            case { Kind: OperandKind.Register } register:
                _asm.Move(to, register.Register);
                break;
            case { Kind: OperandKind.Memory } place:
                _asm.Load(to, place.Memory, 8);
                break;
            default:
                Eval(isWide ? node : Low(node), to);
                break;
        }
    }

    /// <summary>RFC 9669 section 5.3. The address stands, where it is no register of a web, in rcx.</summary>
    private void Atomic(Statement statement, Mem memory, bool isWide, Waiting? operand, Waiting? compared)
    {
        int size = statement.Access!.Size;
        switch (statement.Op)
        {
            case >= Op.LoadAcquireB and <= Op.LoadAcquireDw:
                _asm.Load(Reg.Rax, memory, size);
                break;
            case >= Op.StoreReleaseB and <= Op.StoreReleaseDw:
                Fetch(statement.B!, operand, isWide, Reg.Rdx);
                _asm.Store(memory, Reg.Rdx, size);
                return;
            case Op.AtomicAdd32 or Op.AtomicAdd64:
                Locked(AluOp.Add);
                return;
            case Op.AtomicOr32 or Op.AtomicOr64:
                Locked(AluOp.Or);
                return;
            case Op.AtomicAnd32 or Op.AtomicAnd64:
                Locked(AluOp.And);
                return;
            case Op.AtomicXor32 or Op.AtomicXor64:
                Locked(AluOp.Xor);
                return;
            case Op.AtomicFetchAdd32 or Op.AtomicFetchAdd64:
                Fetch(statement.B!, operand, isWide, Reg.Rax);
                _asm.LockedExchangeAdd(memory, Reg.Rax, isWide);
                break;
            case Op.AtomicExchange32 or Op.AtomicExchange64:
                Fetch(statement.B!, operand, isWide, Reg.Rax);
                _asm.Exchange(memory, Reg.Rax, size);
                break;
            case Op.AtomicCompareExchange32 or Op.AtomicCompareExchange64:
                Fetch(statement.C!, compared, isWide, Reg.Rax);
                Fetch(statement.B!, operand, isWide, Reg.Rdx);
                _asm.LockedCompareExchange(memory, Reg.Rdx, isWide);
                break;
            case Op.AtomicFetchOr32 or Op.AtomicFetchOr64:
                FetchLoop(AluOp.Or);
                break;
            case Op.AtomicFetchAnd32 or Op.AtomicFetchAnd64:
                FetchLoop(AluOp.And);
                break;
            case Op.AtomicFetchXor32 or Op.AtomicFetchXor64:
                FetchLoop(AluOp.Xor);
                break;
            default:
                throw new InvalidOperationException($"{statement.Op} is not atomic");
        }

        if (!isWide)
        {
            // A comparison that fails leaves 32 bits, one that holds leaves rax as it was.
            _asm.Move(Reg.Rax, Reg.Rax, false);
        }

        StoreInto(statement.Result, Reg.Rax, isWide);

        void Locked(AluOp op)
        {
            Fetch(statement.B!, operand, isWide, Reg.Rdx);
            _asm.LockedAlu(op, memory, Reg.Rdx, isWide);
        }

        void FetchLoop(AluOp op)
        {
            CodeLabel again = _asm.Label();
            _asm.Load(Reg.Rax, memory, size);
            _asm.Place(again);
            Fetch(statement.B!, operand, isWide, Reg.Rdx);
            _asm.Alu(op, Reg.Rdx, Reg.Rax, isWide);
            _asm.LockedCompareExchange(memory, Reg.Rdx, isWide);
            _asm.Jump(Condition.NotEqual, again);
        }
    }

    /// <summary>
    /// Writes the access behind its check. An access that misses what it is compared with asks, out of line; or leaves for the interpreter, where
    /// it is certain to be wrong. One that can be compared with nothing asks in line.
    /// </summary>
    /// <param name="value">What a store stores, when it is in a register, in memory, or short; the statement's B otherwise.</param>
    /// <param name="access">Writes the access to memory; it may use rax and rdx.</param>
    private void Compare(Statement statement, Operand? value, nint miss, Action<Mem> access)
    {
        Access checks = statement.Access!;
        bool isAtomic = statement.Kind == StatementKind.Atomic;
        if (checks.Check == AccessCheck.None)
        {
            // rdx is not for atomic operations, which read values into rax and rdx.
            access(Address(statement.A!, isAtomic ? Reg.Rcx : Reg.Rax));
            return;
        }

        if (checks.Check == AccessCheck.Ask)
        {
            Eval(statement.A!, Reg.Rax);
            _asm.Store(_stack.Address, Reg.Rax, 8);
            Ask(statement, value, miss);
            if (isAtomic)
            {
                _asm.Load(Reg.Rcx, _stack.Address, 8);
                access(new(Reg.Rcx, 0));
            }
            else
            {
                StoreInto(statement.Kind == StatementKind.Load ? statement.Result : null, Reg.Rax, isWide: true);
            }

            return;
        }

        CodeLabel outside = _asm.Label();
        CodeLabel after = _asm.Label();
        CodeLabel allowed = _asm.Label();
        Mem memory;
        if (checks.Check == AccessCheck.NotNull && !checks.ChecksAlignment)
        {
            CompareNotNull(checks, outside);
            memory = Address(statement.A!, isAtomic ? Reg.Rcx : Reg.Rax);
        }
        else
        {
            Eval(statement.A!, Reg.Rax);
            CompareRegion(checks, outside);
            if (checks.ChecksAlignment && checks.Size > 1)
            {
                _asm.Test(Reg.Rax, checks.Size - 1, false);
                _asm.Jump(Condition.NotEqual, outside);
            }

            memory = new(Reg.Rax, 0);
            if (isAtomic)
            {
                _asm.Move(Reg.Rcx, Reg.Rax);
                memory = new(Reg.Rcx, 0);
            }
        }

        _asm.Place(allowed);
        access(memory);
        _asm.Place(after);
        if (checks.IsFirm)
        {
            Outside(outside, () => Leave(statement.Slot, statement.Known));
            return;
        }

        Outside(outside, () =>
        {
            List<Reg> live = _places.CallerSavedAt(_at, atItsEnd: false);
            live.AddRange(Array.FindAll(RegisterAllocation.CallerSaved, register => (_held & (1 << (int)register)) != 0 && !live.Contains(register)));
            _asm.Store(_stack.Address, Reg.Rax, 8);
            Save(live);
            Ask(statement, value, miss);
            Restore(live);
            if (isAtomic)
            {
                _asm.Load(Reg.Rcx, _stack.Address, 8);
                _asm.Jump(allowed);
                return;
            }

            StoreInto(statement.Kind == StatementKind.Load ? statement.Result : null, Reg.Rax, isWide: true);
            _asm.Jump(after);
        });
    }

    /// <summary>Asks the host about an access whose address waits on the stack; the result of a load is in rax.</summary>
    private void Ask(Statement statement, Operand? value, nint miss)
    {
        Keep(statement.Known);
        if (statement.Kind == StatementKind.Store)
        {
            switch (value)
            {
                case { Kind: OperandKind.Register } register:
                    _asm.Move(Reg.Rcx, register.Register);
                    break;
                case { Kind: OperandKind.Memory } place:
                    _asm.Load(Reg.Rcx, place.Memory, 8);
                    break;
                case { Kind: OperandKind.Immediate } constant:
                    _asm.Move(Reg.Rcx, (ulong)(long)constant.Value);
                    break;
                default:
                    _asm.Move(Reg.Rcx, statement.B!.Value);
                    break;
            }
        }

        _asm.Load(Reg.Rsi, _stack.Address, 8);
        _asm.Move(Reg.Rdx, (ulong)(_code + statement.Slot));
        CallHost(miss);
    }

    private void CompareNotNull(Access access, CodeLabel outside)
    {
        // Compared without what was added since, null is 0 and the comparison the program's own.
        Node pointer = access.Pointer!;
        ulong nothing = access.Low;
        if (pointer is { Kind: NodeKind.Add, Right.IsConstant: true })
        {
            nothing -= pointer.Right!.Value;
            pointer = pointer.Left!;
        }

        Reg register = RegisterOf(pointer, isWide: true, Reg.Rax);
        if (nothing == 0)
        {
            _asm.Test(register, register, true);
        }
        else
        {
            _asm.Move(Reg.Rdx, nothing);
            _asm.Alu(AluOp.Compare, register, Reg.Rdx, true);
        }

        _asm.Jump(Condition.Equal, outside);
    }

    /// <summary>The address in rax.</summary>
    private void CompareRegion(Access access, CodeLabel outside)
    {
        switch (access.Check)
        {
            case AccessCheck.Range:
                _asm.Move(Reg.Rcx, 0 - access.Low - (ulong)access.Before);
                _asm.Alu(AluOp.Add, Reg.Rcx, Reg.Rax, true);
                Limit(Reg.Rcx, access.Length - (ulong)access.Reach);
                _asm.Jump(Condition.Above, outside);
                break;
            case AccessCheck.Frame:
                _asm.LoadAddress(Reg.Rcx, new(Reg.Rax, ExecutionSlot.FrameSize - access.Before));
                _asm.Alu(AluOp.Subtract, Reg.Rcx, Frame, true);
                _asm.Alu(AluOp.Compare, Reg.Rcx, ExecutionSlot.FrameSize - access.Reach, true);
                _asm.Jump(Condition.Above, outside);
                break;
            case AccessCheck.CallerFrame:
                _asm.Move(Reg.Rcx, Reg.Rax);
                _asm.Alu(AluOp.Subtract, Reg.Rcx, Frame, true);
                _asm.Alu(AluOp.Compare, Reg.Rcx, ExecutionSlot.FrameSize - access.Size, true);
                _asm.Jump(Condition.Above, outside);
                break;
            case AccessCheck.Packet:
                Within(MachineOffsets.PacketLow, access.IsWrite ? MachineOffsets.PacketWriteLength : MachineOffsets.PacketLength);
                break;
            default:
                Within(MachineOffsets.ValueLow, access.IsWrite ? MachineOffsets.ValueWriteLength : MachineOffsets.ValueLength);
                break;
        }

        void Within(int low, int length)
        {
            _asm.LoadAddress(Reg.Rcx, new(Reg.Rax, -access.Before));
            _asm.Alu(AluOp.Subtract, Reg.Rcx, Field(low), true);
            _asm.Alu(AluOp.Add, Reg.Rcx, access.Reach, true);
            _asm.Jump(Condition.Below, outside);
            _asm.Alu(AluOp.Compare, Reg.Rcx, Field(length), true);
            _asm.Jump(Condition.Above, outside);
        }

        void Limit(Reg register, ulong limit)
        {
            if (limit <= int.MaxValue)
            {
                _asm.Alu(AluOp.Compare, register, (int)limit, true);
                return;
            }

            _asm.Move(Reg.Rdx, limit);
            _asm.Alu(AluOp.Compare, register, Reg.Rdx, true);
        }
    }

    private void Keep(List<KnownRegister> registers)
    {
        foreach (KnownRegister known in registers)
        {
            Put(RegisterField(known.Register), Node.Wide(known.Value));
        }
    }

    /// <summary>Stores all 64 bits of a value.</summary>
    private void Put(Mem to, Node value)
    {
        if (TryOperand(value, isWide: true) is { Kind: OperandKind.Immediate } constant)
        {
            _asm.Store(to, constant.Value, 8);
            return;
        }

        _asm.Store(to, RegisterOf(value, isWide: true, Reg.Rax), 8);
    }
}
