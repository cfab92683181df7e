using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// What a round of a loop without a bound changes in a number is forgotten, so that the rounds come to an end: the next then starts from
/// more than any of them could. It only ever makes a state wider, so nothing that is possible is lost.
/// </summary>
internal static class Widening
{
    /// <param name="earlier">The state one round before, with the same frames.</param>
    public static void Widen(PathState earlier, PathState state)
    {
        for (int i = 0; i < state.Frames.Count; i++)
        {
            Frame before = earlier.Frames[i];
            Frame frame = state.Frames[i];
            for (int register = 0; register < 10; register++)
            {
                Widen(before.Registers[register], ref frame.Registers[register]);
            }

            for (int slot = 0; slot < frame.Stack.Length && slot < before.Stack.Length; slot++)
            {
                if (before.Stack[slot].IsFullSpill && frame.Stack[slot].IsFullSpill)
                {
                    Widen(before.Stack[slot].Spilled, ref frame.Stack[slot].Spilled);
                }
            }
        }
    }

    private static void Widen(in RegisterState before, ref RegisterState register)
    {
        if (before.IsNumber && register.IsNumber && before.Number != register.Number)
        {
            register = RegisterState.Unknown;
        }
    }
}
