using System.Reflection.Emit;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class IlEmitter
{
    private readonly WordLoop?[] _loops;

    /// <summary>By block, behind the shortcut of the loop that is entered there.</summary>
    private readonly Label[] _turns;

    /// <summary>Where a block is gone to from another: turns of a loop do not try its shortcut again.</summary>
    private Label LabelOf(Block from, Block to) => _loops[to.Index] is { } loop && loop.Has(from) ? _turns[to.Index] : _labels[to.Index];

    /// <summary>Where a loop over words is entered: <see cref="ExecutionSlot.RunWords"/> does the turns before its last, if they are many.</summary>
    private void EmitShortcut(WordLoop loop, Label turn)
    {
        LoopBound first = loop.Bounds[0];
        Write(Node.Wide(first.Limit));
        Write(Node.Wide(first.Value));
        _il.Emit(OpCodes.Sub);
        _il.Constant64(loop.LeastDistance);
        _il.Emit(OpCodes.Sub);
        _il.Constant64(WordLoop.MaxBytes - loop.LeastDistance);
        _il.Branch(OpCodes.Bgt_Un, turn);
        foreach ((int register, Node value) in loop.Inputs())
        {
            FieldAddress(register * sizeof(ulong));
            Write(Node.Wide(value));
            _il.Emit(OpCodes.Stind_I8);
        }

        SaveFuel();
        LocalBuilder bytes = _il.Local(typeof(ulong));
        _il.Argument(Slot);
        _il.Argument(State);
        _il.Constant64(new WordPlan(loop, _body.Counts).Bits);
        _il.Call(Runtime.RunWords);
        _il.Store(bytes);
        LoadFuel();
        AddTo(loop.Index, () => _il.Load(bytes));
        if (loop.Sum is not null)
        {
            AddTo(loop.Sum, () => LoadField(WordPlan.From * sizeof(ulong)));
        }
    }

    private void AddTo(Web web, Action write)
    {
        _il.Load(LocalOf(web));
        write();
        if (web.IsNarrow)
        {
            _il.Emit(OpCodes.Conv_U4);
        }

        _il.Emit(OpCodes.Add);
        _il.Store(LocalOf(web));
    }
}
