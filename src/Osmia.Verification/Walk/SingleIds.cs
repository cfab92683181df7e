using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>Takes ids from numbers that are linked to no other any more: states with and without such ids are alike.</summary>
internal sealed class SingleIds
{
    private readonly List<int> _seen = [];
    private readonly List<int> _seenAgain = [];

    public void Forget(PathState state)
    {
        _seen.Clear();
        _seenAgain.Clear();
        Visit(state, forget: false);
        if (_seen.Count > _seenAgain.Count)
        {
            Visit(state, forget: true);
        }
    }

    private void Visit(PathState state, bool forget)
    {
        for (int i = 0; i < state.Frames.Count; i++)
        {
            Frame frame = state.Frames[i];
            for (int register = 0; register < 10; register++)
            {
                Visit(ref frame.Registers[register], forget);
            }

            for (int slot = 0; slot < frame.Stack.Length; slot++)
            {
                if (frame.Stack[slot].IsSpill)
                {
                    Visit(ref frame.Stack[slot].Spilled, forget);
                }
            }
        }
    }

    private void Visit(ref RegisterState register, bool forget)
    {
        if (!register.IsNumber || register.Id == 0)
        {
            return;
        }

        if (forget)
        {
            if (!_seenAgain.Contains(register.Id))
            {
                register.Id = 0;
                register.Offset = 0;
            }
        }
        else if (!_seen.Contains(register.Id))
        {
            _seen.Add(register.Id);
        }
        else if (!_seenAgain.Contains(register.Id))
        {
            _seenAgain.Add(register.Id);
        }
    }
}
