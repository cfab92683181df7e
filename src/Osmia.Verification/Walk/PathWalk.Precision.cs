using System.Numerics;
using Osmia.Bytecode;
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
        if (number.Offset != 0)
        {
            // Already a constant away from another: links of links are not followed.
            number.Id = 0;
            number.Offset = 0;
        }

        if (number.Id == 0 && !number.Number.IsConstant)
        {
            number.Id = NewId();
        }
    }

    /// <summary>All numbers with the ids, for the trail: what is learned of one is learned of all.</summary>
    private void NoteLinked(int firstId, int secondId)
    {
        if (firstId == 0 && secondId == 0)
        {
            return;
        }

        LinkedPlaces places = default;
        for (int i = _state.Frames.Count - 1; i >= 0; i--)
        {
            Frame frame = _state.Frames[i];
            for (int register = 0; register < 10; register++)
            {
                places = AddLinked(places, ref frame.Registers[register], firstId, secondId, i, false, register);
            }

            for (int slot = 0; slot < frame.Stack.Length; slot++)
            {
                if (frame.Stack[slot].IsSpill)
                {
                    places = AddLinked(places, ref frame.Stack[slot].Spilled, firstId, secondId, i, true, slot);
                }
            }
        }

        if (places.Count > 1)
        {
            _trail.NoteLinked(places);
        }
    }

    private static LinkedPlaces AddLinked(LinkedPlaces places, ref RegisterState register, int firstId, int secondId, int frame, bool isStack, int index)
    {
        if (!register.IsNumber || register.Id == 0 || (register.Id != firstId && register.Id != secondId))
        {
            return places;
        }

        if (places.IsFull)
        {
            register.Id = 0;
            register.Offset = 0;
            return places;
        }

        return places.With(frame, isStack, index);
    }
}
