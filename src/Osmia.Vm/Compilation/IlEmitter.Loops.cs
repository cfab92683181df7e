using System.Numerics;
using System.Reflection.Emit;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class IlEmitter
{
    /// <summary>By the index of the block where each is entered; null where none is.</summary>
    private Shortcut?[] _shortcuts = [];

    private void FindShortcuts()
    {
        _shortcuts = new Shortcut?[_graph.Blocks.Length];
        if (!_graph.HasLoop)
        {
            return;
        }

        foreach (Block[] ring in LoopRing.Find(_graph))
        {
            if (WordLoopFinder.Find(_body, ring) is { } loop)
            {
                _shortcuts[ring[0].Index] = new(loop, _il.Label());
            }
        }
    }

    /// <summary>Where a block is gone to from another: turns of a loop do not try its shortcut again.</summary>
    private Label LabelOf(Block from, Block to) => _shortcuts[to.Index] is { } shortcut && shortcut.Loop.Has(from) ? shortcut.Turn : _labels[to.Index];

    /// <summary>
    /// Where a loop over words is entered: the turns before its last at once, when they are many, all in the program's memory, and paid for.
    /// </summary>
    private void EmitShortcut(Shortcut shortcut)
    {
        WordLoop loop = shortcut.Loop;
        Label skip = shortcut.Turn;
        LocalBuilder bytes = _il.Local(typeof(ulong));
        bool isFirst = true;
        foreach (LoopBound bound in loop.Bounds)
        {
            EmitBytesBefore(bound, loop.Size, skip);
            if (isFirst)
            {
                _il.Store(bytes);
                _il.Load(bytes);
                _il.Constant64(WordLoop.MaxBytes);
                _il.Branch(OpCodes.Bgt_Un, skip);
                isFirst = false;
                continue;
            }

            _il.Load(bytes);
            _il.Call(Runtime.Least);
            _il.Store(bytes);
        }

        _il.Load(bytes);
        _il.Constant64(WordLoop.MinWords * (ulong)loop.Size);
        _il.Branch(OpCodes.Blt_Un, skip);
        if (loop.LeavesWholeTurn)
        {
            _il.Load(bytes);
            _il.Constant64((ulong)loop.Size);
            _il.Emit(OpCodes.Sub);
            _il.Store(bytes);
        }

        foreach ((Node address, bool isWrite) in loop.Checked)
        {
            _il.Argument(Slot);
            Write(address);
            _il.Load(bytes);
            _il.Constant32(isWrite ? 1u : 0u);
            _il.Call(Runtime.Covers);
            _il.Branch(OpCodes.Brfalse, skip);
        }

        if (loop.Work == WordWork.Compare)
        {
            Write(loop.From!);
            Write(loop.To!);
            _il.Load(bytes);
            _il.Constant32((uint)loop.Size);
            _il.Call(Runtime.CommonBytes);
            _il.Store(bytes);
        }

        if (_fuel is not null)
        {
            LocalBuilder left = _il.Local(typeof(long));
            _il.Load(_fuel);
            _il.Load(bytes);
            _il.Constant64((ulong)loop.Length);
            _il.Emit(OpCodes.Mul);
            _il.Constant32((uint)BitOperations.Log2((uint)loop.Size));
            _il.Emit(OpCodes.Shr_Un);
            _il.Emit(OpCodes.Sub);
            _il.Store(left);
            _il.Load(left);
            _il.Constant64(0);
            _il.Branch(OpCodes.Blt, skip);
            _il.Load(left);
            _il.Store(_fuel);
        }

        EmitWork(loop, bytes, skip);
        _il.Load(LocalOf(loop.Index));
        _il.Load(bytes);
        if (loop.Index.IsNarrow)
        {
            _il.Emit(OpCodes.Conv_U4);
        }

        _il.Emit(OpCodes.Add);
        _il.Store(LocalOf(loop.Index));
    }

    /// <summary>Leaves the bytes of the turns before the one that meets a bound; goes on at <paramref name="skip"/> when the first one does, or none.</summary>
    private void EmitBytesBefore(LoopBound bound, int size, Label skip)
    {
        LocalBuilder left = _il.Local(typeof(ulong));
        if (bound.Kind == LoopBoundKind.UntilEqual)
        {
            WriteDistance();
            if (size > 1)
            {
                _il.Load(left);
                _il.Emit(OpCodes.Conv_U4);
                _il.Constant32((uint)size - 1);
                _il.Emit(OpCodes.And);
                _il.Branch(OpCodes.Brtrue, skip);
            }

            _il.Load(left);
            return;
        }

        bool isBelow = bound.Kind == LoopBoundKind.WhileBelow;
        Write(bound.Value);
        Write(Node.Wide(bound.Limit));
        _il.Branch((isBelow, bound.IsSigned) switch
        {
            (true, false) => OpCodes.Bge_Un,
            (true, true) => OpCodes.Bge,
            (false, false) => OpCodes.Bgt_Un,
            _ => OpCodes.Bgt,
        }, skip);
        WriteDistance();
        _il.Load(left);
        if (isBelow)
        {
            _il.Constant64(1);
            _il.Emit(OpCodes.Sub);
        }

        _il.Constant64(0UL - (ulong)size);
        _il.Emit(OpCodes.And);
        _il.Constant64((ulong)size);
        _il.Emit(OpCodes.Add);

        void WriteDistance()
        {
            Write(Node.Wide(bound.Limit));
            Write(bound.Value);
            _il.Emit(OpCodes.Sub);
            _il.Store(left);
        }
    }

    private void EmitWork(WordLoop loop, LocalBuilder bytes, Label skip)
    {
        switch (loop.Work)
        {
            case WordWork.Sum:
                _il.Load(LocalOf(loop.Sum!));
                Write(loop.From!);
                _il.Load(bytes);
                _il.Call(Runtime.SumOf(loop.Size));
                if (loop.Sum!.IsNarrow)
                {
                    _il.Emit(OpCodes.Conv_U4);
                }

                _il.Emit(OpCodes.Add);
                _il.Store(LocalOf(loop.Sum));
                break;
            case WordWork.Copy:
                Write(loop.To!);
                Write(loop.From!);
                _il.Load(bytes);
                _il.Call(Runtime.TryCopy);
                _il.Branch(OpCodes.Brfalse, skip);
                break;
            case WordWork.Fill:
                Write(loop.To!);
                _il.Load(bytes);
                Write(Node.Wide(loop.Filler!));
                _il.Constant32((uint)loop.Size);
                _il.Call(Runtime.Fill);
                break;
        }
    }

    /// <param name="Turn">Behind the shortcut.</param>
    private sealed record Shortcut(WordLoop Loop, Label Turn);
}
