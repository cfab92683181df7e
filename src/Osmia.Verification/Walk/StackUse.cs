using Osmia.Bytecode;
using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>How much stack each function was seen to use, and whether chains of calls have room for all of it.</summary>
internal sealed class StackUse
{
    // What a JIT compiler rounds each frame up to.
    private const int Granularity = 16;
    private const int LimitBelowTailCall = 256;

    private readonly Dictionary<int, int> _depths = [];
    private readonly HashSet<int> _tailCallers = [];

    public int Deepest { get; private set; }

    public void Note(PathState state)
    {
        foreach (Frame frame in state.Frames)
        {
            Note(frame);
        }
    }

    public void Note(Frame frame) => _depths[frame.Function] = Math.Max(_depths.GetValueOrDefault(frame.Function), frame.Depth);

    public void NoteTailCall(int function) => _tailCallers.Add(function);

    /// <exception cref="VerdictException">Some chain of calls needs more than there is.</exception>
    public void RequireRoom(ProgramShape shape, Action<int> at) => Descend(shape, 0, 0, 1, at);

    private void Descend(ProgramShape shape, int function, int above, int frames, Action<int> at)
    {
        if (frames > PathState.MaximumFrames)
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"calls are nested deeper than {PathState.MaximumFrames} frames");
        }

        if (above >= LimitBelowTailCall && _tailCallers.Contains(function))
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"a function that makes tail calls is called with {above} bytes of stack above it; {LimitBelowTailCall} is too much");
        }

        int own = Math.Max(_depths.GetValueOrDefault(function), 1);
        int total = above + (own + Granularity - 1) / Granularity * Granularity;
        Deepest = Math.Max(Deepest, total);
        if (total > Frame.StackSize)
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"the functions of a chain of calls need {total} bytes of stack together, {Frame.StackSize} are there");
        }

        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        for (int slot = function; slot < code.Length && shape.FunctionAt(slot) == function; slot++)
        {
            if (code[slot].IsLocalCall)
            {
                at(slot);
                Descend(shape, slot + 1 + code[slot].Immediate, total, frames + 1, at);
            }

            slot += code[slot].IsWide ? 1 : 0;
        }
    }
}
