using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation.X64;

internal sealed unsafe partial class X64Emitter
{
    private void EmitHelper(Statement statement)
    {
        KeepArguments(statement);
        SetCurrent(statement.Slot);
        _asm.Move(Reg.Rsi, (ulong)_code[statement.Slot].Immediate);
        CallHost(NativeCalls.Helper);
        StoreInto(statement.Result, Reg.Rax, isWide: true);
        CheckFuel(statement.Slot);
    }

    private void EmitRegisterCall(Statement statement)
    {
        KeepArguments(statement);
        SetCurrent(statement.Slot);
        Eval(statement.A!, Reg.Rax);
        _asm.Move(Reg.Rsi, Reg.Rax);
        CallHost(NativeCalls.Register);
        StoreInto(statement.Result, Reg.Rax, isWide: true);
        CheckFuel(statement.Slot);
    }

    private void KeepArguments(Statement statement)
    {
        for (int i = 0; i < statement.Arguments.Length; i++)
        {
            Put(RegisterField(i + 1), statement.Arguments[i]);
        }
    }

    /// <summary>Puts the element's address into rax; its index, below the count, is in eax.</summary>
    private void ElementAddress(ArrayMap map)
    {
        _asm.Move(Reg.Rdx, map.MemoryStart);
        if (map.IsPerCpu)
        {
            _asm.Load(Reg.Rcx, Field(MachineOffsets.Cpu), 4);
            Scale(Reg.Rcx, map.CpuStride);
            _asm.Alu(AluOp.Add, Reg.Rdx, Reg.Rcx, true);
        }

        Scale(Reg.Rax, map.Stride);
        _asm.Alu(AluOp.Add, Reg.Rax, Reg.Rdx, true);
    }

    private void Scale(Reg register, ulong by)
    {
        if (System.Numerics.BitOperations.IsPow2(by))
        {
            _asm.Shift(ShiftOp.Left, register, System.Numerics.BitOperations.Log2(by), true);
        }
        else if (by <= int.MaxValue)
        {
            _asm.Multiply(register, register, (int)by, true);
        }
        else
        {
            // Only rdx, which holds the start, is taken.
            Reg factor = register == Reg.Rax ? Reg.Rcx : Reg.Rax;
            _asm.Push(factor);
            _asm.Move(factor, by);
            _asm.Multiply(register, factor, true);
            _asm.Pop(factor);
        }
    }

    private void EmitArrayLookup(Statement statement, ArrayMap map)
    {
        if (statement.Result is null)
        {
            return;
        }

        CodeLabel missing = _asm.Label();
        CodeLabel done = _asm.Label();
        Eval(Low(statement.A!), Reg.Rax);
        CompareIndex(map, missing);
        ElementAddress(map);
        _asm.Place(done);
        StoreInto(statement.Result, Reg.Rax, isWide: true);
        Outside(missing, () =>
        {
            _asm.Move(Reg.Rax, 0);
            _asm.Jump(done);
        });
    }

    private void CompareIndex(ArrayMap map, CodeLabel missing)
    {
        _asm.Move(Reg.Rax, Reg.Rax, false);
        _asm.Alu(AluOp.Compare, Reg.Rax, (int)map.Count, false);
        _asm.Jump(Condition.AboveOrEqual, missing);
    }

    /// <summary>A lookup whose result is compared with null at once: the comparison of the index decides.</summary>
    private void EmitLookupAndTest(Statement lookup, ArrayMap map, Statement test, Block block)
    {
        Web result = lookup.Result!;
        bool takenIsNull = test.Comparison == Comparison.Equal;
        Block absent = takenIsNull ? block.Taken! : block.Next!;
        Block found = takenIsNull ? block.Next! : block.Taken!;
        CodeLabel missing = _asm.Label();
        Eval(Low(lookup.A!), Reg.Rax);
        CompareIndex(map, missing);
        ElementAddress(map);
        StoreInto(result, Reg.Rax, isWide: true);

        // The branch is where the lookup's result is alive and what the lookup alone read no longer is.
        _at++;
        Jump(block, found, test.Slot);
        Outside(missing, () =>
        {
            _asm.Move(Reg.Rax, 0);
            StoreInto(result, Reg.Rax, isWide: true);
            Jump(block, absent, test.Slot, isOutside: true);
        });
    }

    private void EmitLocalCall(Statement statement)
    {
        if (_body.Counts)
        {
            SpendOrLeave(_lengthOf(statement.Target), statement.Slot, statement.Known);
        }

        KeepArguments(statement);
        SetCurrent(statement.Slot);
        CallHost(NativeCalls.EnterCall);
        _asm.Call(_functionAt(statement.Target));
        CheckFault();
        _asm.Alu(AluOp.Subtract, Field(MachineOffsets.Depth), 1, false);
        _asm.Alu(AluOp.Add, Field(MachineOffsets.FrameLow), ExecutionSlot.FrameSize, true);
        StoreInto(statement.Result, Reg.Rax, isWide: true);
        CheckFuel(statement.Slot);
    }

    private void EmitTailCall(Statement statement)
    {
        KeepArguments(statement);
        SetCurrent(statement.Slot);
        CallHost(NativeCalls.TailCall);
        CodeLabel leave = _asm.Label();
        _asm.Test(Reg.Rax, Reg.Rax, false);
        _asm.Jump(Condition.NotEqual, leave);
        Outside(leave, () =>
        {
            _asm.Load(Reg.Rax, RegisterField(0), 8);
            _asm.Jump(_end);
        });
    }

    private void EmitPacketLoad(Statement statement)
    {
        SetCurrent(statement.Slot);
        Eval(Low(statement.A!), Reg.Rax);
        _asm.Store(_stack.Address, Reg.Rax, 8);
        Eval(statement.B!, Reg.Rax);
        _asm.Move(Reg.Rcx, Reg.Rax);
        _asm.Load(Reg.Rsi, _stack.Address, 4);
        _asm.Move(Reg.Rdx, (ulong)statement.Target);
        CallHost(NativeCalls.PacketLoad);
        CodeLabel tooShort = _asm.Label();
        _asm.Test(Reg.Rax, Reg.Rax, true);
        _asm.Jump(Condition.Negative, tooShort);
        StoreInto(statement.Result, Reg.Rax, isWide: true);
        Outside(tooShort, () =>
        {
            _asm.Move(Reg.Rax, 0);
            _asm.Jump(_end);
        });
    }
}
