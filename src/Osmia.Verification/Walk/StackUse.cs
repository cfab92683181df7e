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
    private const int LeastPrivate = 64;

    private readonly Dictionary<int, int> _depths = [];
    private readonly HashSet<int> _tailCallers = [];
    private readonly HashSet<int> _deferred = [];
    private readonly HashSet<(int Function, int Above, int Frames, bool HasPrivate, bool IsCalledBack)> _measured = [];
    private Func<Instruction, bool> _throws = _ => false;

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

    /// <summary>A callback that runs by itself, on a stack of its own.</summary>
    public void NoteDeferred(int function) => _deferred.Add(function);

    /// <param name="hasPrivateStacks">Functions that need much have a stack of their own, where no tail call is made.</param>
    /// <param name="throws">Whether a kernel function that is called throws.</param>
    /// <exception cref="VerdictException">Some chain of calls needs more than there is, or a callback throws.</exception>
    public void RequireRoom(ProgramShape shape, bool hasPrivateStacks, Func<Instruction, bool> throws, Action<int> at)
    {
        _throws = throws;
        // What a deferred callback calls, too, stays on the common stack: it may interrupt the program.
        var common = new HashSet<int>();
        _measured.Clear();
        foreach (int function in _deferred.OrderDescending())
        {
            Descend(shape, function, 0, 1, common, at, isCalledBack: true);
        }

        _measured.Clear();
        Descend(shape, 0, 0, 1, hasPrivateStacks && _tailCallers.Count == 0 ? null : common, at, common);
    }

    /// <param name="seen">Takes in the functions come by, all on the common stack; null where those with much stack have their own.</param>
    private void Descend(ProgramShape shape, int function, int above, int frames, HashSet<int>? seen, Action<int> at, HashSet<int>? common = null, bool isCalledBack = false)
    {
        seen?.Add(function);
        // Calls of calls can be told apart in more ways than can be counted, what matters of them in few.
        if (!_measured.Add((function, above, frames, seen is null, isCalledBack)))
        {
            return;
        }

        if (frames > PathState.MaximumFrames)
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"calls are nested deeper than {PathState.MaximumFrames} frames");
        }

        if (above >= LimitBelowTailCall && _tailCallers.Contains(function))
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"a function that makes tail calls is called with {above} bytes of stack above it; {LimitBelowTailCall} is too much");
        }

        int own = (Math.Max(_depths.GetValueOrDefault(function), 1) + Granularity - 1) / Granularity * Granularity;
        bool isPrivate = seen is null && own >= LeastPrivate && common?.Contains(function) != true;
        int total = isPrivate ? above : above + own;
        Deepest = Math.Max(Deepest, isPrivate ? own : total);
        if (Math.Max(total, own) > Frame.StackSize)
        {
            throw Stop.Reject(CheckFamily.StackSpace, $"the functions of a chain of calls need {total} bytes of stack together, {Frame.StackSize} are there");
        }

        ReadOnlySpan<Instruction> code = shape.Code.AsSpan();
        for (int slot = function; slot < code.Length && shape.FunctionAt(slot) == function; slot++)
        {
            // A function whose address is taken here is called from here, unless it runs by itself.
            int callee = slot + 1 + code[slot].Immediate;
            if (code[slot].IsLocalCall || (code[slot].IsFunctionAddress && !_deferred.Contains(callee)))
            {
                at(slot);
                Descend(shape, callee, total, frames + 1, seen, at, common, isCalledBack || !code[slot].IsLocalCall);
            }
            else if (code[slot].IsFunctionAddress && _tailCallers.Contains(callee))
            {
                at(slot);
                throw Stop.Reject(CheckFamily.Limits, "a callback that runs by itself makes a tail call");
            }

            else if (isCalledBack && code[slot].IsKfuncCall && _throws(code[slot]))
            {
                at(slot);
                throw Stop.Reject(CheckFamily.Allowance, "a callback, or what it calls, has a bpf_throw: exceptions leave no function of the kernel");
            }

            slot += code[slot].IsWide ? 1 : 0;
        }
    }
}
