using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation.X64;

internal sealed unsafe partial class X64Emitter
{
    private readonly WordLoop?[] _loops;

    /// <summary>By block, behind the shortcut of the loop that is entered there.</summary>
    private readonly CodeLabel[] _turns;

    /// <summary>Where a block is gone to from another: turns of a loop do not try its shortcut again.</summary>
    private CodeLabel LabelOf(Block from, Block to) => _loops[to.Index] is { } loop && loop.Has(from) ? _turns[to.Index] : _labels[to.Index];

    /// <summary>Where a loop over words is entered: <see cref="ExecutionSlot.RunWords"/> does the turns before its last, if they are many.</summary>
    private void EmitShortcut(WordLoop loop, CodeLabel turn)
    {
        foreach ((int register, Node value) in loop.Inputs())
        {
            Put(RegisterField(register), Node.Wide(value));
        }

        _asm.Load(Reg.Rax, RegisterField(WordPlan.Limit(0)), 8);
        _asm.Alu(AluOp.Subtract, Reg.Rax, RegisterField(WordPlan.Value(0)), true);
        _asm.Alu(AluOp.Subtract, Reg.Rax, (int)loop.LeastDistance, true);
        _asm.Alu(AluOp.Compare, Reg.Rax, (int)(WordLoop.MaxBytes - loop.LeastDistance), true);
        _asm.Jump(Condition.Above, turn);
        List<Reg> live = _places.CallerSavedAt(_at, atItsEnd: false);
        Save(live);
        _asm.Move(Reg.Rsi, new WordPlan(loop, _body.Counts).Bits);
        CallHost(NativeCalls.RunWords);
        Restore(live);
        _asm.Move(Reg.Rcx, Reg.Rax);
        AddTo(loop.Index);
        if (loop.Sum is not null)
        {
            _asm.Load(Reg.Rcx, RegisterField(WordPlan.From), 8);
            AddTo(loop.Sum);
        }
    }

    /// <summary>Adds rcx.</summary>
    private void AddTo(Web web)
    {
        if (web.Place >= 0)
        {
            _asm.Alu(AluOp.Add, (Reg)web.Place, Reg.Rcx, !web.IsNarrow);
            return;
        }

        _asm.Alu(AluOp.Add, Reg.Rcx, StackFrame.Slot(~web.Place), !web.IsNarrow);
        _asm.Store(StackFrame.Slot(~web.Place), Reg.Rcx, 8);
    }
}
