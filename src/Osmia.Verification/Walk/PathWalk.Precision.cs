using System.Numerics;
using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Numbers that matter. Whoever decides something from a number (bounds of an offset or size, which way a jump goes, that it is null, that
// it is in a range) calls RequirePrecise with the register before the instruction changes it; whoever decides from a number that stands on
// the stack calls RequirePreciseSlots. Pointers need nothing: they are always compared. Forgetting it is unsound, doing it twice is not.
internal sealed partial class PathWalk
{
    /// <summary>The present instruction's verdict or result depends on the number in a register of the current frame.</summary>
    private void RequirePrecise(Register register)
    {
        if (this[register].IsNumber && _state.Parent is { } parent)
        {
            int frame = _state.Frames.Count - 1;
            _precision.Want(frame, (int)register);
            _precision.Trace(_trail.End - 1, parent, frame);
        }
    }

    /// <summary>The same of registers spilled to the stack.</summary>
    /// <param name="slots">A bit for each slot, 0 the one below r10.</param>
    private void RequirePreciseSlots(Frame frame, ulong slots)
    {
        if (slots == 0 || _state.Parent is not { } parent)
        {
            return;
        }

        for (; slots != 0; slots &= slots - 1)
        {
            _precision.WantSlot(frame.Number, BitOperations.TrailingZeroCount(slots));
        }

        _precision.Trace(_trail.End - 1, parent, _state.Frames.Count - 1);
    }

    /// <summary>Gives a number an id before it is copied, so that copies learn together.</summary>
    private void LinkCopies(ref RegisterState number)
    {
        if (number.IsSum)
        {
            // Already a constant away from another: links of links are not followed.
            Unlink(ref number);
        }

        if (number.Id == 0 && !number.Number.IsConstant)
        {
            number.Id = NewId();
        }
    }

    /// <summary>A number moved by a constant is still known by what it was copied from. A second step is not followed.</summary>
    private static void LinkSum(ref RegisterState sum, in RegisterState copy, Scalar by, Opcode opcode)
    {
        bool isLow = !opcode.Is64Bit;
        long step = isLow ? (int)(uint)by.Value : (long)by.Value;
        // Of a number that does not fit 32 bits the low half says too little.
        bool isKnown = isLow ? by.Bits.Low.IsConstant && copy.Number.Wide.UMax <= uint.MaxValue : by.IsConstant;
        bool isSub = opcode.Arithmetic == ArithmeticOperation.Sub;
        if (isKnown && step is >= int.MinValue and <= int.MaxValue && !(isSub && step == int.MinValue))
        {
            (sum.Id, sum.Offset, sum.IsSum, sum.LinksLow) = (copy.Id, (int)(isSub ? -step : step), true, isLow);
        }
    }

    /// <summary>
    /// All numbers with the ids, for the trail: what is learned of one is learned of all. There is room for six, as in Linux; further ones
    /// are no copies any more; registers that nobody reads take none. Both operands may be copies of one number, and then each place takes room twice.
    /// </summary>
    private void NoteLinked(int firstId, int secondId)
    {
        LinkedPlaces places = AddLinked(AddLinked(default, firstId), secondId);
        if (places.Count > 1)
        {
            _trail.NoteLinked(places);
        }
    }

    private LinkedPlaces AddLinked(LinkedPlaces places, int id)
    {
        for (int i = _state.Frames.Count - 1; i >= 0 && id != 0; i--)
        {
            Frame frame = _state.Frames[i];
            int alive = _liveness.Before(i == _state.Frames.Count - 1 ? Slot : _state.Frames[i + 1].CallSlot);
            for (int register = 0; register < 10; register++)
            {
                if ((alive & (1 << register)) == 0)
                {
                    continue;
                }

                places = AddLinked(places, ref frame.Registers[register], id, i, false, register);
            }

            for (int slot = 0; slot < frame.Stack.Length; slot++)
            {
                if (frame.Stack[slot].IsSpill)
                {
                    places = AddLinked(places, ref frame.Stack[slot].Spilled, id, i, true, slot);
                }
            }
        }

        return places;
    }

    private static void Unlink(ref RegisterState number) => (number.Id, number.Offset, number.IsSum, number.LinksLow) = (0, 0, false, false);

    private static LinkedPlaces AddLinked(LinkedPlaces places, ref RegisterState register, int id, int frame, bool isStack, int index)
    {
        if (!register.IsNumber || register.Id != id)
        {
            return places;
        }

        if (places.IsFull)
        {
            Unlink(ref register);
            return places;
        }

        return places.With(frame, isStack, index);
    }
}
