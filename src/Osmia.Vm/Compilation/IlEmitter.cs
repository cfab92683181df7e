using System.Reflection;
using System.Reflection.Emit;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Writes one function as IL: <c>ulong (ExecutionSlot, MachineState*, r1, r2, r3, r4, r5)</c>. What is unlikely (an access that misses the region it was
/// compared with, a used-up portion of the budget) stands behind the function's end.
/// </summary>
/// <remarks>
/// Safe because nothing is dereferenced but what <see cref="StatementBuilder"/> found to need no check, or what the check before it
/// passed; the regions are those of the interpreter, read from <see cref="MachineState"/>, where helpers keep them.
/// </remarks>
internal sealed unsafe partial class IlEmitter
{
    private const int Slot = 0;
    private const int State = 1;
    private const int FirstRegister = 2;

    private readonly IlWriter _il;
    private readonly DecodedInstruction* _code;
    private readonly FunctionBody _body;
    private readonly FlowGraph _graph;
    private readonly ProgramSurroundings _around;
    private readonly Func<int, DynamicMethod> _methodAt;
    private readonly Func<int, int> _lengthOf;
    private readonly Dictionary<Web, LocalBuilder> _locals = [];
    private readonly Label[] _labels;
    private readonly List<OutOfLine> _outside = [];
    private LocalBuilder? _address;

    /// <summary>Of the statement being written.</summary>
    private int _slot;
    private LocalBuilder? _frame;
    private LocalBuilder? _fuel;
    private LocalBuilder? _packetLow;

    // How many addresses of the packet bytes of a length may begin at, to be read or to be written.
    private readonly List<(int Reach, bool IsWrite, LocalBuilder Places)> _packetPlaces = [];

    public IlEmitter(IlWriter il, DecodedInstruction* code, FunctionBody body, Func<int, DynamicMethod> methodAt, Func<int, int> lengthOf)
    {
        _il = il;
        _code = code;
        _body = body;
        _graph = body.Graph;
        _around = body.Around;
        _methodAt = methodAt;
        _lengthOf = lengthOf;
        _starts = new Leave?[_graph.Blocks.Length];
        _labels = new Label[_graph.Blocks.Length];
        _turns = new Label[_labels.Length];
        _loops = WordLoop.FindAll(body);
        for (int i = 0; i < _labels.Length; i++)
        {
            _labels[i] = il.Label();
        }
    }

    public void Emit()
    {
        _il.At(CompiledPiece.Frame, isAside: false);
        Begin();
        if (_graph.Entry.Index != 0)
        {
            _il.Branch(OpCodes.Br, _labels[_graph.Entry.Index]);
        }

        foreach (Block block in _graph.Blocks)
        {
            _il.Mark(_labels[block.Index]);
            if (_loops[block.Index] is { } loop)
            {
                _il.At(block.Start, isAside: false);
                _turns[block.Index] = _il.Label();
                EmitShortcut(loop, _turns[block.Index]);
                _il.Mark(_turns[block.Index]);
            }

            List<Statement> statements = _body.Blocks[block.Index];
            EnterLeaves(block, statements);
            for (int i = 0; i < statements.Count; i++)
            {
                _slot = statements[i].Slot;
                _il.At(_slot, isAside: false);
                if (statements[i].Kind == StatementKind.ArrayLookup && i + 2 == statements.Count && FunctionBody.TestsNull(statements[i + 1], statements[i].Result))
                {
                    EmitLookupAndTest(statements[i], (ArrayMap)_around.Map(statements[i].Target), statements[i + 1], block);
                    break;
                }

                Emit(statements[i], block);
                PassLeave(statements[i]);
            }
        }

        for (int i = 0; i < _outside.Count; i++)
        {
            _slot = _outside[i].Slot;
            _il.At(_slot, isAside: true);
            _il.Mark(_outside[i].Start);
            _outside[i].Write();
        }

        WriteLeaves();
    }

    private void Begin()
    {
        LoadBases();
        if (_body.UsesFrame)
        {
            _frame = _il.Local(typeof(ulong));
            LoadField(MachineOffsets.FrameLow);
            _il.Constant64(ExecutionSlot.FrameSize);
            _il.Emit(OpCodes.Add);
            _il.Store(_frame);
        }

        foreach (Statement statement in _body.All)
        {
            if (statement.Access is { Check: AccessCheck.Packet } access)
            {
                _packetLow ??= _il.Local(typeof(ulong));
                if (!_packetPlaces.Exists(places => places.Reach == access.Reach && places.IsWrite == access.IsWrite))
                {
                    _packetPlaces.Add((access.Reach, access.IsWrite, _il.Local(typeof(ulong))));
                }
            }
        }

        LoadPacketRegion();
        if (_body.Counts)
        {
            _fuel = _il.Local(typeof(long));
            LoadFuel();
        }

        var entries = new Web?[10];
        _body.Webs.Enter(_graph.Entry, entries);
        for (int register = 0; register < entries.Length; register++)
        {
            if (entries[register] is not { Uses: > 0, IsRepeated: false } web)
            {
                continue;
            }

            if (register is >= 1 and <= 5)
            {
                _il.Argument(FirstRegister + register - 1);
            }
            else
            {
                EmitConstant(0, !web.IsNarrow);
            }

            _il.Store(LocalOf(web));
        }
    }

    private LocalBuilder LocalOf(Web web)
    {
        if (!_locals.TryGetValue(web, out LocalBuilder? local))
        {
            local = _il.Local(web.IsNarrow ? typeof(uint) : typeof(ulong));
            _locals.Add(web, local);
        }

        return local;
    }

    private void LoadField(int offset)
    {
        FieldAddress(offset);
        _il.Emit(OpCodes.Ldind_I8);
    }

    private void FieldAddress(int offset)
    {
        _il.Argument(State);
        if (offset != 0)
        {
            _il.Constant32((uint)offset);
            _il.Emit(OpCodes.Add);
        }
    }

    /// <summary>Where the packet is now; helpers may move it.</summary>
    private void LoadPacketRegion()
    {
        if (_packetLow is null)
        {
            return;
        }

        LoadField(MachineOffsets.PacketLow);
        _il.Store(_packetLow);
        foreach ((int reach, bool isWrite, LocalBuilder places) in _packetPlaces)
        {
            LoadField(isWrite ? MachineOffsets.PacketWriteLength : MachineOffsets.PacketLength);
            if (reach > 1)
            {
                // No place, where the packet is shorter. Without a branch: they cost the runtime's compiler.
                _il.Constant64((ulong)reach - 1);
                _il.Emit(OpCodes.Sub);
                _il.Store(places);
                _il.Load(places);
                _il.Load(places);
                _il.Constant32(63);
                _il.Emit(OpCodes.Shr);
                _il.Emit(OpCodes.Not);
                _il.Emit(OpCodes.And);
            }

            _il.Store(places);
        }
    }

    private void LoadFuel()
    {
        if (_fuel is not null)
        {
            LoadField(MachineOffsets.Budget);
            _il.Store(_fuel);
        }
    }

    private void SaveFuel()
    {
        if (_fuel is not null)
        {
            FieldAddress(MachineOffsets.Budget);
            _il.Load(_fuel);
            _il.Emit(OpCodes.Stind_I8);
        }
    }

    /// <summary>A helper may have used up the budget.</summary>
    private void CheckFuel(int slot)
    {
        Label empty = _il.Label();
        Label go = _il.Label();
        _il.Load(_fuel!);
        _il.Constant64(0);
        _il.Branch(OpCodes.Blt, empty);
        _il.Mark(go);
        Outside(empty, () =>
        {
            SetCurrent(slot);
            _il.Argument(Slot);
            _il.Argument(State);
            _il.Call(Runtime.Refuel);
            _il.Store(_fuel!);
            _il.Branch(OpCodes.Br, go);
        });
    }

    private void SetCurrent(int slot)
    {
        FieldAddress(MachineOffsets.Current);
        _il.Constant64((ulong)(_code + slot));
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Stind_I);
    }

    private void EmitConstant(ulong value, bool isWide)
    {
        if (isWide)
        {
            _il.Constant64(value);
        }
        else
        {
            _il.Constant32((uint)value);
        }
    }

    /// <param name="isOutside">What comes next in the code is not the next block.</param>
    private void Jump(Block from, Block to, int slot, bool isOutside = false)
    {
        if (_fuel is not null && to.Start <= slot)
        {
            SpendOrLeave(slot - to.Start + 1, StartOf(to));
        }

        Label label = LabelOf(from, to);
        if (isOutside || to.Index != from.Index + 1 || to.Start <= slot || label != _labels[to.Index])
        {
            _il.Branch(OpCodes.Br, label);
        }
    }

    /// <summary>
    /// Takes instructions from the budget. When it is used up, or the run is to stop, the interpreter goes on at a slot, and says so. No way
    /// leads back, so that the loop keeps its registers.
    /// </summary>
    private void SpendOrLeave(int instructions, Leave leave)
    {
        _il.Load(_fuel!);
        _il.Constant64((ulong)instructions);
        _il.Emit(OpCodes.Sub);
        _il.Store(_fuel!);

        // Both at once: each is negative when the run may not go on.
        _il.Load(_fuel!);
        FieldAddress(MachineOffsets.Cancel);
        _il.Emit(OpCodes.Volatile);
        _il.Emit(OpCodes.Ldind_I8);
        _il.Emit(OpCodes.Or);
        _il.Constant64(0);
        _il.Branch(OpCodes.Blt, LabelOf(leave));
    }

    private void Emit(Statement statement, Block block)
    {
        switch (statement.Kind)
        {
            case StatementKind.Assign:
                Write(statement.A!);
                _il.Store(LocalOf(statement.Result!));
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
                _il.Constant64((ulong)_around.Map(statement.Target).Reference);
                _il.Emit(OpCodes.Conv_I);
                _il.Emit(OpCodes.Ldind_Ref);
                Write(statement.A!);
                _il.Argument(Slot);
                _il.Call(Runtime.CpuIndex);
                _il.Call(_around.Map(statement.Target) is LpmTrieMap ? Runtime.PrefixLookup : Runtime.HashLookup);
                StoreResult(statement.Result, isWide: true);
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
                _il.Argument(State);
                _il.Call(Runtime.MayGo);
                Fork(OpCodes.Brfalse, OpCodes.Brtrue, block, statement.Slot);
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

                SaveFuel();
                Write(statement.A!);
                _il.Emit(OpCodes.Ret);
                break;
            default:
                SetCurrent(statement.Slot);
                _il.Argument(Slot);
                _il.Call(Runtime.Unresolved);
                _il.Constant64(0);
                _il.Emit(OpCodes.Ret);
                break;
        }
    }

    private void EmitBranch(Statement statement, Block block)
    {
        Write(statement.A!);
        if (statement.Comparison == Comparison.Shares)
        {
            Write(statement.B!);
            _il.Emit(OpCodes.And);
            Fork(OpCodes.Brtrue, OpCodes.Brfalse, block, statement.Slot);
            return;
        }

        if (statement.Comparison is Comparison.Equal or Comparison.NotEqual && statement.B is { IsConstant: true, Value: 0 })
        {
            bool isEqual = statement.Comparison == Comparison.Equal;
            Fork(isEqual ? OpCodes.Brfalse : OpCodes.Brtrue, isEqual ? OpCodes.Brtrue : OpCodes.Brfalse, block, statement.Slot);
            return;
        }

        Write(statement.B!);
        (OpCode jump, OpCode opposite) = statement.Comparison switch
        {
            Comparison.Equal => (OpCodes.Beq, OpCodes.Bne_Un),
            Comparison.NotEqual => (OpCodes.Bne_Un, OpCodes.Beq),
            Comparison.Above => (OpCodes.Bgt_Un, OpCodes.Ble_Un),
            Comparison.AboveOrEqual => (OpCodes.Bge_Un, OpCodes.Blt_Un),
            Comparison.Below => (OpCodes.Blt_Un, OpCodes.Bge_Un),
            Comparison.BelowOrEqual => (OpCodes.Ble_Un, OpCodes.Bgt_Un),
            Comparison.Greater => (OpCodes.Bgt, OpCodes.Ble),
            Comparison.GreaterOrEqual => (OpCodes.Bge, OpCodes.Blt),
            Comparison.Less => (OpCodes.Blt, OpCodes.Bge),
            _ => (OpCodes.Ble, OpCodes.Bgt),
        };
        Fork(jump, opposite, block, statement.Slot);
    }

    /// <summary>Goes to Taken on the jump, else to Next.</summary>
    private void Fork(OpCode jump, OpCode opposite, Block block, int slot)
    {
        Block taken = block.Taken!;
        if (_fuel is not null && taken.Start <= slot)
        {
            _il.Branch(opposite, LabelOf(block, block.Next!));
            Jump(block, taken, slot);
            return;
        }

        _il.Branch(jump, LabelOf(block, taken));
        Jump(block, block.Next!, slot);
    }

    private void Outside(Label start, Action write) => _outside.Add(new(start, _slot, write));

    private sealed record OutOfLine(Label Start, int Slot, Action Write);
}
