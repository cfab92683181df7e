using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Loops that have no counter of their own: open-coded iterators, may_goto and callbacks.
//
// How to model one. (1) ProgramShape.LoopPoints has the instruction as Iterator, Callback or MayGoto (iterators: shape.MarkIterator before
// the walk), so that a state is kept each time it is reached, before it is walked. (2) At the instruction two ways go on: into another
// round, and out. Before the state that goes into another round is put aside or followed, ++Rounds it (an iterator counts in its slot) and call Widen on it: numbers
// that change from round to round and on which nothing depends become unknown. Where a round is a function of its own (a callback),
// call WidenAfterRound instead, when it has returned and before the instruction is reached again. (3) Nothing else: the next time a path reaches
// the instruction with a state inside one of an earlier round, KeptStates ends it, and LoopVisits carries round the loop what
// mattered behind it. For iterators _kept.IteratorIsActive tells whether the iterator in the state is inside its loop.
internal sealed partial class PathWalk
{
    /// <summary>
    /// Makes unknown, in a state about to begin another round of the loop at the present instruction, each number that differs from what it was
    /// in the round before and on which no check has depended so far.
    /// </summary>
    private void Widen(PathState next)
    {
        // The last state kept is the present round's own.
        if (_kept.EarlierRound(_state, Slot, except: _state.Parent) is { } earlier)
        {
            Widen(earlier, next);
        }
    }

    /// <summary>The same for the path itself, which is about to come back to an instruction.</summary>
    private void WidenAfterRound(int slot)
    {
        if (_kept.EarlierRound(_state, slot, except: null) is { } earlier)
        {
            Widen(earlier, _state);
        }
    }

    private static void Widen(KeptState earlier, PathState next)
    {

        for (int i = 0; i < next.Frames.Count && i < earlier.State.Frames.Count; i++)
        {
            Frame before = earlier.State.Frames[i];
            Frame now = next.Frames[i];
            PreciseMarks precise = earlier.Precise(i);
            for (int register = 0; register < 10; register++)
            {
                if ((precise.Registers & (1 << register)) == 0)
                {
                    Widen(before.Registers[register], ref now.Registers[register]);
                }
            }

            for (int slot = 0; slot < before.Stack.Length && slot < now.Stack.Length; slot++)
            {
                if (before.Stack[slot].IsFullSpill && now.Stack[slot].IsFullSpill && (precise.Slots & (1UL << slot)) == 0)
                {
                    Widen(before.Stack[slot].Spilled, ref now.Stack[slot].Spilled);
                }
            }
        }
    }

    private static void Widen(in RegisterState before, ref RegisterState now)
    {
        if (before.IsNumber && now.IsNumber && before.Number != now.Number)
        {
            now = RegisterState.Unknown;
        }
    }
}
