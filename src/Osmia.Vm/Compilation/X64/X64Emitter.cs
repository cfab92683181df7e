using System.Numerics;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation.X64;

/// <summary>
/// Writes one function as machine code. The state is in r15, the frame pointer in r14 where the function reads it; rax, rcx and rdx are at
/// hand within a statement; the other registers hold webs. Arguments come in the state's r1 to r5, the result goes in rax. What is unlikely
/// stands behind the function's end.
/// </summary>
/// <remarks>
/// Safe for the same reason as <see cref="IlEmitter"/>: both write the statements of <see cref="StatementBuilder"/>, with the checks that
/// stand in them.
/// </remarks>
internal sealed unsafe partial class X64Emitter
{
    public const Reg State = Reg.R15;
    private const Reg Frame = Reg.R14;

    private readonly X64Assembler _asm;
    private readonly DecodedInstruction* _code;
    private readonly FunctionBody _body;
    private readonly FlowGraph _graph;
    private readonly ProgramSurroundings _around;
    private readonly Func<int, CodeLabel> _functionAt;
    private readonly Func<int, int> _lengthOf;
    private readonly RegisterAllocation _places;
    private readonly CodeLabel[] _labels;
    private readonly List<OutOfLine> _outside = [];
    private readonly CodeLabel _end;
    private readonly Reg[] _saved;
    private readonly StackFrame _stack;

    private readonly List<CodeMark> _marks;

    /// <summary>The statement being written, counted through the function.</summary>
    private int _at;

    /// <summary>Its slot in the program.</summary>
    private int _slot;

    public X64Emitter(X64Assembler assembler, DecodedInstruction* code, FunctionBody body, Func<int, CodeLabel> functionAt, Func<int, int> lengthOf, List<CodeMark> marks)
    {
        _marks = marks;
        _asm = assembler;
        _code = code;
        _body = body;
        _graph = body.Graph;
        _around = body.Around;
        _functionAt = functionAt;
        _lengthOf = lengthOf;
        _places = new RegisterAllocation(body, body.UsesFrame);
        _labels = Array.ConvertAll(_graph.Blocks, _ => assembler.Label());
        _loops = WordLoop.FindAll(body);
        _turns = Array.ConvertAll(_loops, loop => loop is null ? default : assembler.Label());
        _end = assembler.Label();
        _saved = Array.FindAll(RegisterAllocation.CalleeSaved, register => (_places.Used & (1 << (int)register)) != 0 || (register == Frame && body.UsesFrame));
        _stack = new StackFrame(_places.Slots, _saved.Length);
    }

    public void Emit()
    {
        Mark(CompiledPiece.Frame, isAside: false);
        Begin();
        if (_graph.Entry.Index != 0)
        {
            _asm.Jump(_labels[_graph.Entry.Index]);
        }

        foreach (Block block in _graph.Blocks)
        {
            _asm.Place(_labels[block.Index]);
            if (_loops[block.Index] is { } loop)
            {
                _at = _places.FirstStatement(block);
                _slot = block.Start;
                Mark(_slot, isAside: false);
                EmitShortcut(loop, _turns[block.Index]);
                _asm.Place(_turns[block.Index]);
            }

            List<Statement> statements = _body.Blocks[block.Index];
            for (int i = 0; i < statements.Count; i++)
            {
                _at = _places.FirstStatement(block) + i;
                _slot = statements[i].Slot;
                Mark(_slot, isAside: false);
                if (statements[i].Kind == StatementKind.ArrayLookup && i + 2 == statements.Count && FunctionBody.TestsNull(statements[i + 1], statements[i].Result))
                {
                    EmitLookupAndTest(statements[i], (ArrayMap)_around.Map(statements[i].Target), statements[i + 1], block);
                    break;
                }

                Emit(statements[i], block);
            }
        }

        for (int i = 0; i < _outside.Count; i++)
        {
            OutOfLine outside = _outside[i];
            _at = outside.At;
            _slot = outside.Slot;
            Mark(_slot, isAside: true);
            _held = outside.Held;
            _asm.Place(outside.Start);
            outside.Write();
        }

        Mark(CompiledPiece.Frame, isAside: true);
        _asm.Place(_end);
        End();
    }

    private void Mark(int slot, bool isAside)
    {
        if (_marks.Count == 0 || _marks[^1].Slot != slot || _marks[^1].IsAside != isAside)
        {
            _marks.Add(new(_asm.Length, slot, isAside));
        }
    }

    private void Begin()
    {
        foreach (Reg register in _saved)
        {
            _asm.Push(register);
        }

        _asm.Alu(AluOp.Subtract, Reg.Rsp, _stack.Size, true);
        if (_body.UsesFrame)
        {
            _asm.Load(Frame, Field(MachineOffsets.FrameLow), 8);
            _asm.Alu(AluOp.Add, Frame, ExecutionSlot.FrameSize, true);
        }

        var entries = new Web?[10];
        _body.Webs.Enter(_graph.Entry, entries);
        for (int register = 0; register < entries.Length; register++)
        {
            if (entries[register] is not { IsRepeated: false } web || web.Place == Web.NoPlace)
            {
                continue;
            }

            if (register is >= 1 and <= 5)
            {
                Reg to = web.Place >= 0 ? (Reg)web.Place : Reg.Rax;
                _asm.Load(to, RegisterField(register), 8);
                StoreInto(web, to, isWide: true);
            }
            else
            {
                Reg to = web.Place >= 0 ? (Reg)web.Place : Reg.Rax;
                _asm.Move(to, 0);
                StoreInto(web, to, isWide: true);
            }
        }
    }

    private void End()
    {
        _asm.Alu(AluOp.Add, Reg.Rsp, _stack.Size, true);
        for (int i = _saved.Length - 1; i >= 0; i--)
        {
            _asm.Pop(_saved[i]);
        }

        _asm.Return();
    }

    private static Mem Field(int offset) => new(State, offset);

    private static Mem RegisterField(int register) => new(State, register * sizeof(ulong));

    private void SetCurrent(int slot)
    {
        _asm.Move(Reg.Rax, (ulong)(_code + slot));
        _asm.Store(Field(MachineOffsets.Current), Reg.Rax, 8);
    }

    private void CallHost(nint function)
    {
        _asm.Move(Reg.Rdi, State);
        _asm.Move(Reg.Rax, (ulong)function);
        _asm.Call(Reg.Rax);
        CheckFault();
    }

    private void CheckFault()
    {
        _asm.Alu(AluOp.Compare, Field(MachineOffsets.Fault), 0, false);
        _asm.Jump(Condition.NotEqual, _end);
    }

    /// <summary>A helper may have used up the budget.</summary>
    private void CheckFuel(int slot)
    {
        if (!_body.Counts)
        {
            return;
        }

        CodeLabel empty = _asm.Label();
        CodeLabel go = _asm.Label();
        _asm.Alu(AluOp.Compare, Field(MachineOffsets.Budget), 0, true);
        _asm.Jump(Condition.Less, empty);
        _asm.Place(go);
        Outside(empty, () =>
        {
            List<Reg> live = _places.CallerSavedAt(_at, atItsEnd: true);
            Save(live);
            SetCurrent(slot);
            CallHost(NativeCalls.Refuel);
            Restore(live);
            _asm.Jump(go);
        });
    }

    private void Jump(Block from, Block to, int slot, bool isOutside = false)
    {
        if (_body.Counts && to.Start <= slot)
        {
            SpendOrLeave(slot - to.Start + 1, to.Start, _body.LiveIn(to));
        }

        CodeLabel label = LabelOf(from, to);
        if (isOutside || to.Index != from.Index + 1 || to.Start <= slot || label != _labels[to.Index])
        {
            _asm.Jump(label);
        }
    }

    /// <summary>Takes instructions from the budget; when it is used up, or the run is to stop, the interpreter goes on, and says so.</summary>
    private void SpendOrLeave(int instructions, int resumeAt, List<KnownRegister> live)
    {
        CodeLabel leave = _asm.Label();
        _asm.Alu(AluOp.Subtract, Field(MachineOffsets.Budget), instructions, true);
        _asm.Jump(Condition.Less, leave);
        _asm.Alu(AluOp.Compare, Field(MachineOffsets.Cancel), 0, false);
        _asm.Jump(Condition.NotEqual, leave);
        Outside(leave, () => Leave(resumeAt, live));
    }

    /// <summary>The interpreter does the rest of the function.</summary>
    private void Leave(int slot, List<KnownRegister> live)
    {
        Keep(live);
        _asm.Move(Reg.Rsi, (ulong)(_code + slot));
        CallHost(NativeCalls.Resume);
        _asm.Jump(_end);
    }

    private void Outside(CodeLabel start, Action write) => _outside.Add(new(start, _at, _slot, _held, write));

    private void Save(List<Reg> registers)
    {
        foreach (Reg register in registers)
        {
            _asm.Store(_stack.SaveOf(register), register, 8);
        }
    }

    private void Restore(List<Reg> registers)
    {
        foreach (Reg register in registers)
        {
            _asm.Load(register, _stack.SaveOf(register), 8);
        }
    }

    private void Emit(Statement statement, Block block)
    {
        switch (statement.Kind)
        {
            case StatementKind.Assign:
                Assign(statement.Result!, statement.A!);
                break;
            case StatementKind.Load:
                EmitLoad(statement);
                break;
            case StatementKind.Store:
                EmitStore(statement);
                break;
            case StatementKind.Atomic:
                EmitAtomic(statement);
                break;
            case StatementKind.CallHelper:
                EmitHelper(statement);
                break;
            case StatementKind.CallRegister:
                EmitRegisterCall(statement);
                break;
            case StatementKind.ArrayLookup:
                EmitArrayLookup(statement, (ArrayMap)_around.Map(statement.Target));
                break;
            case StatementKind.HashLookup:
                Eval(statement.A!, Reg.Rdx);
                _asm.Move(Reg.Rsi, (ulong)_around.Map(statement.Target).Reference);
                CallHost(_around.Map(statement.Target) is LpmTrieMap ? NativeCalls.PrefixLookup : NativeCalls.HashLookup);
                StoreInto(statement.Result, Reg.Rax, isWide: true);
                break;
            case StatementKind.CallLocal:
                EmitLocalCall(statement);
                break;
            case StatementKind.TailCall:
                EmitTailCall(statement);
                break;
            case StatementKind.PacketLoad:
                EmitPacketLoad(statement);
                break;
            case StatementKind.Branch:
                EmitBranch(statement, block);
                break;
            case StatementKind.MayGoto:
                _asm.Alu(AluOp.Subtract, Field(MachineOffsets.MayGotos), 1, false);
                Fork(Condition.Negative, block, statement.Slot);
                break;
            case StatementKind.Jump:
                Jump(block, block.Taken ?? block.Next!, statement.Slot);
                break;
            case StatementKind.Next:
                Jump(block, block.Next!, statement.Slot);
                break;
            case StatementKind.Exit:
                if (_body.MayOwe)
                {
                    // What is found only at the end is told of this instruction.
                    SetCurrent(statement.Slot);
                }

                Eval(statement.A!, Reg.Rax);
                End();
                break;
            default:
                SetCurrent(statement.Slot);
                CallHost(NativeCalls.Unresolved);
                _asm.Jump(_end);
                break;
        }
    }

    private void EmitBranch(Statement statement, Block block)
    {
        Node left = statement.A!;
        Node right = statement.B!;
        bool isWide = left.IsWide;
        Comparison comparison = statement.Comparison;
        Waiting? held = null;
        Operand? direct = TryOperand(right, isWide);
        if (direct is null && !right.IsConstant)
        {
            held = Hold(right);
            direct = held.Value.Operand;
        }

        Reg tested = RegisterOf(left, isWide, Reg.Rax);
        if (direct is not { } operand)
        {
            _asm.Move(Reg.Rdx, right.Value);
            operand = Operand.Of(Reg.Rdx);
        }

        if (comparison == Comparison.Shares)
        {
            if (operand.Kind == OperandKind.Immediate)
            {
                _asm.Test(tested, operand.Value, isWide);
            }
            else
            {
                Alu(AluOp.And, MoveTo(Reg.Rcx, tested), operand, isWide);
            }
        }
        else if (operand is { Kind: OperandKind.Immediate, Value: 0 } && comparison is Comparison.Equal or Comparison.NotEqual)
        {
            _asm.Test(tested, tested, isWide);
        }
        else
        {
            Alu(AluOp.Compare, tested, operand, isWide);
        }

        Release(held);
        Fork(comparison switch
        {
            Comparison.Equal => Condition.Equal,
            Comparison.NotEqual or Comparison.Shares => Condition.NotEqual,
            Comparison.Above => Condition.Above,
            Comparison.AboveOrEqual => Condition.AboveOrEqual,
            Comparison.Below => Condition.Below,
            Comparison.BelowOrEqual => Condition.BelowOrEqual,
            Comparison.Greater => Condition.Greater,
            Comparison.GreaterOrEqual => Condition.GreaterOrEqual,
            Comparison.Less => Condition.Less,
            _ => Condition.LessOrEqual,
        }, block, statement.Slot);
    }

    private Reg MoveTo(Reg to, Reg from)
    {
        _asm.Move(to, from);
        return to;
    }

    /// <summary>Goes to Taken on the condition, else to Next.</summary>
    private void Fork(Condition condition, Block block, int slot)
    {
        Block taken = block.Taken!;
        if (_body.Counts && taken.Start <= slot)
        {
            _asm.Jump((Condition)((int)condition ^ 1), LabelOf(block, block.Next!));
            Jump(block, taken, slot);
            return;
        }

        _asm.Jump(condition, LabelOf(block, taken));
        Jump(block, block.Next!, slot);
    }

    private sealed record OutOfLine(CodeLabel Start, int At, int Slot, int Held, Action Write);

    /// <summary>The machine's stack of a function: places of webs, of registers that a call overwrites, of values that wait.</summary>
    private readonly struct StackFrame(int slots, int pushed)
    {
        // As many as a tree is deep, and two operands besides.
        private const int Waiting = NativeCompiler.MaxDepth + 3;

        private readonly int _saves = slots * 8;

        /// <summary>The stack is a multiple of 16 where something is called; the return address is on it already.</summary>
        public int Size { get; } = (((slots + RegisterAllocation.CallerSaved.Length + 1 + Waiting) * 8) + ((pushed + 1) * 8) + 15 & ~15) - ((pushed + 1) * 8);

        /// <summary>The address of an access that is looked at.</summary>
        public Mem Address => new(Reg.Rsp, _saves + (RegisterAllocation.CallerSaved.Length * 8));

        public static Mem Slot(int number) => new(Reg.Rsp, number * 8);

        public Mem Wait(int place) => new(Reg.Rsp, _saves + ((RegisterAllocation.CallerSaved.Length + 1 + place) * 8));

        public Mem SaveOf(Reg register) => new(Reg.Rsp, _saves + (Array.IndexOf(RegisterAllocation.CallerSaved, register) * 8));
    }
}
