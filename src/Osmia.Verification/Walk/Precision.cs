using System.Collections.Immutable;
using System.Numerics;
using Osmia.Bytecode;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// Finds which numbers of kept states matter. A number is taken for unimportant until a check depends on its value; then the path is read
/// backwards, instruction by instruction, to where the number came from, and it is marked in every kept state on the way. States are
/// held against a kept one by its marked numbers only.
/// </summary>
/// <remarks>
/// What is marked too much costs patience, what is marked too little is unsound: wherever a decision is made from a number (an offset, a
/// size, a jump that is decided, a null, a key), it must be wanted first.
/// </remarks>
internal sealed class Precision(ImmutableArray<Instruction> code, Trail trail)
{
    /// <summary>The registers that may hold numbers: r0 to r9.</summary>
    public const ushort All = 0x3ff;

    private const int CallerSaved = 0x3f;
    private const int Arguments = 0x3e;

    private readonly PreciseMarks[] _wanted = new PreciseMarks[PathState.MaximumFrames];
    private int _frame;
    private int _at;
    private bool _isAny;

    public void Want(int frame, int register)
    {
        if (register < 10)
        {
            _wanted[frame].Registers |= (ushort)(1 << register);
            _isAny = true;
        }
    }

    public void WantSlot(int frame, int slot)
    {
        _wanted[frame].Slots |= 1UL << slot;
        _isAny = true;
    }

    /// <summary>Everything a kept state has marked: what a path that ends at it depends on too.</summary>
    public void WantAllOf(KeptState kept)
    {
        for (int i = 0; i < kept.State.Frames.Count; i++)
        {
            ref PreciseMarks marks = ref kept.Precise(i);
            _wanted[i].Registers |= marks.Registers;
            _wanted[i].Slots |= marks.Slots;
            _isAny |= !marks.IsEmpty;
        }
    }

    /// <summary>Marks what is wanted in the kept states that the path came through.</summary>
    /// <param name="end">Where on the trail it is wanted: before this instruction.</param>
    /// <param name="parent">The kept state the path came through last.</param>
    /// <param name="frame">The frame the path is in there.</param>
    /// <returns>Whether a mark is new.</returns>
    public bool Trace(int end, KeptState? parent, int frame)
    {
        bool isNew = false;
        _frame = frame;
        _at = -1;
        for (; parent is not null && _isAny; parent = parent.Parent)
        {
            bool isBeginning = false;
            while (_isAny && end != parent.TrailEnd)
            {
                int after = _at;
                if (!trail.TryStepBack(ref end, parent.TrailEnd, out int slot, out TrailNote note))
                {
                    isBeginning = end != parent.TrailEnd;
                    break;
                }

                _at = slot;
                Undo(code[slot], note, after);
            }

            if (!_isAny || isBeginning)
            {
                break;
            }

            isNew |= Mark(parent);
            _frame = parent.State.Frames.Count - 1;
        }

        Array.Clear(_wanted);
        _isAny = false;
        return isNew;
    }

    private bool Mark(KeptState kept)
    {
        bool isNew = false;
        for (int i = 0; i < _wanted.Length; i++)
        {
            ref PreciseMarks wanted = ref _wanted[i];
            if (wanted.IsEmpty)
            {
                continue;
            }

            if (i >= kept.State.Frames.Count)
            {
                wanted = default;
                continue;
            }

            Frame frame = kept.State.Frames[i];
            ref PreciseMarks marks = ref kept.Precise(i);
            // What is marked already was followed from here on before.
            wanted.Registers &= (ushort)~marks.Registers;
            wanted.Slots &= ~marks.Slots;
            for (int left = wanted.Registers; left != 0; left &= left - 1)
            {
                int register = BitOperations.TrailingZeroCount(left);
                if (!frame.Registers[register].IsNumber)
                {
                    wanted.Registers &= (ushort)~(1 << register);
                }
            }

            for (ulong left = wanted.Slots; left != 0; left &= left - 1)
            {
                int slot = BitOperations.TrailingZeroCount(left);
                if (slot >= frame.Stack.Length || !frame.Stack[slot].IsSpill || !frame.Stack[slot].Spilled.IsNumber)
                {
                    wanted.Slots &= ~(1UL << slot);
                }
            }

            marks.Registers |= wanted.Registers;
            marks.Slots |= wanted.Slots;
            isNew |= !wanted.IsEmpty;
        }

        _isAny = isNew;
        return isNew;
    }

    /// <summary>From what is wanted behind an instruction to what is wanted before it.</summary>
    private void Undo(Instruction instruction, TrailNote note, int after)
    {
        if (note.Depth != _frame)
        {
            ChangeFrame(instruction, note.Depth, isCallback: after < 0 || (code[after].IsCall && !code[after].IsLocalCall));
            return;
        }

        ref PreciseMarks here = ref _wanted[_frame];
        switch (instruction.Opcode.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64:
                UndoArithmetic(ref here, instruction);
                break;
            case InstructionClass.Ld:
                here.Registers &= (ushort)~(instruction.IsWide ? Bit(instruction.Destination) : CallerSaved);
                break;
            case InstructionClass.Ldx:
                UndoLoad(ref here, Bit(instruction.Destination), note);
                break;
            case InstructionClass.St:
                TakeSlot(note);
                break;
            case InstructionClass.Stx when instruction.Opcode.Mode == Mode.Atomic && instruction.Immediate != AtomicOperation.StoreRelease:
                int loaded = instruction.Immediate switch
                {
                    AtomicOperation.LoadAcquire => Bit(instruction.Destination),
                    AtomicOperation.CompareExchange => Bit(Register.R0),
                    _ => (instruction.Immediate & AtomicOperation.Fetch) != 0 ? Bit(instruction.Source) : 0,
                };
                UndoLoad(ref here, loaded, note);
                break;
            case InstructionClass.Stx:
                if (TakeSlot(note))
                {
                    here.Registers |= (ushort)(Bit(instruction.Source) & All);
                }

                break;
            default:
                UndoJump(ref here, instruction, note);
                break;
        }

        if (here.IsEmpty)
        {
            _isAny = false;
            foreach (ref readonly PreciseMarks wanted in _wanted.AsSpan())
            {
                _isAny |= !wanted.IsEmpty;
            }
        }
    }

    private static void UndoArithmetic(ref PreciseMarks here, Instruction instruction)
    {
        int destination = Bit(instruction.Destination);
        if ((here.Registers & destination) == 0)
        {
            return;
        }

        ArithmeticOperation operation = instruction.Opcode.Arithmetic;
        if (operation == ArithmeticOperation.Mov)
        {
            here.Registers &= (ushort)~destination;
        }

        if (instruction.Opcode.UsesRegister && operation is not (ArithmeticOperation.Neg or ArithmeticOperation.End))
        {
            here.Registers |= (ushort)(Bit(instruction.Source) & All);
        }
    }

    private void UndoLoad(ref PreciseMarks here, int loaded, TrailNote note)
    {
        if ((here.Registers & loaded) != 0)
        {
            here.Registers &= (ushort)~loaded;
            if (note.IsStack)
            {
                _wanted[note.Frame].Slots |= 1UL << note.StackSlot;
            }
        }
    }

    /// <summary>A store: the slot is wanted no more, what was stored is.</summary>
    private bool TakeSlot(TrailNote note)
    {
        if (!note.IsStack || (_wanted[note.Frame].Slots & (1UL << note.StackSlot)) == 0)
        {
            return false;
        }

        _wanted[note.Frame].Slots &= ~(1UL << note.StackSlot);
        return true;
    }

    private void UndoJump(ref PreciseMarks here, Instruction instruction, TrailNote note)
    {
        if (instruction.IsCall)
        {
            // What a call leaves depends on what was wanted when it was checked, and on nothing else.
            here.Registers &= unchecked((ushort)~CallerSaved);
            return;
        }

        LinkedPlaces linked = note.HasLinked ? trail.LinkedAt(note) : default;
        WantLinked(linked);
        if (instruction.IsJump && instruction.Opcode.UsesRegister && instruction.Opcode.Jump is not (JumpOperation.Ja or JumpOperation.Jcond))
        {
            int both = (Bit(instruction.Destination) | Bit(instruction.Source)) & All;
            if ((here.Registers & both) != 0)
            {
                here.Registers |= (ushort)both;
                WantLinked(linked);
            }
        }
    }

    private void WantLinked(LinkedPlaces linked)
    {
        bool isWanted = false;
        for (int i = 0; i < linked.Count; i++)
        {
            (int frame, bool isStack, int index) = linked[i];
            isWanted |= isStack ? (_wanted[frame].Slots & (1UL << index)) != 0 : (_wanted[frame].Registers & (1 << index)) != 0;
        }

        for (int i = 0; isWanted && i < linked.Count; i++)
        {
            (int frame, bool isStack, int index) = linked[i];
            if (isStack)
            {
                WantSlot(frame, index);
            }
            else
            {
                Want(frame, index);
            }
        }
    }

    /// <summary>Between an exit and the call it returned to, or a call and the function it entered, the wanted registers change their names.</summary>
    /// <param name="isCallback">The function may have been called back: it returned to the call itself, before which all registers are as they were.</param>
    private void ChangeFrame(Instruction instruction, int depth, bool isCallback)
    {
        if (depth > _frame)
        {
            // Back into a function that returned: what it left in r0.
            ref PreciseMarks caller = ref _wanted[_frame];
            _wanted[depth].Registers |= (ushort)(caller.Registers & 1);
            caller.Registers &= isCallback ? ushort.MaxValue : unchecked((ushort)~CallerSaved);
        }
        else
        {
            int arguments = _wanted[_frame].Registers & Arguments;
            // A helper hands its callback arguments made of its own.
            _wanted[depth].Registers |= (ushort)(instruction.IsLocalCall || arguments == 0 ? arguments : Arguments);
            for (int i = depth + 1; i < _wanted.Length; i++)
            {
                _wanted[i] = default;
            }
        }

        _frame = depth;
        _isAny = false;
        foreach (ref readonly PreciseMarks wanted in _wanted.AsSpan())
        {
            _isAny |= !wanted.IsEmpty;
        }
    }

    private static int Bit(Register register) => 1 << (int)register;
}
