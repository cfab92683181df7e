using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// Which stack slots may still be read from an instruction on. Reads are noted as the walk comes by them, each for the chain of calls it
/// happens in and the frame it reads, and carried backwards along the jumps to where the slot is written whole. When all paths from a kept
/// state have ended, every read that can follow it is known, and slots that are not among them match anything.
/// </summary>
/// <remarks>
/// The measure of Linux 6.18. Whatever of the program reads the stack through <see cref="PathWalk"/> must be noted; calls are noted in one
/// place, by what the helper table says they read, and where it says nothing everything above the pointer counts as read.
/// </remarks>
internal sealed class StackLiveness(ProgramShape shape)
{
    // A program of very many calls into large functions needs more than anyone would grant: then everything counts as read.
    private const long MostCells = 16 << 20;

    private readonly Dictionary<int, CallChain> _roots = [];
    private readonly ulong[] _written = WholeWrites(shape.Code);
    private long _cells;

    /// <summary>The instruction at a slot reads stack slots of a frame.</summary>
    /// <param name="slots">A bit for each, 0 the one below r10.</param>
    public void Read(PathState state, int at, int frame, ulong slots)
    {
        int depth = state.Frames.Count - 1;
        if (_cells > MostCells)
        {
            return;
        }

        Mark(ChainOf(state, depth), at, frame, slots);
    }

    /// <summary>Slots of a frame that may be read when the path goes on from an instruction in the innermost one.</summary>
    public ulong AliveAt(PathState state, int frame, int at)
    {
        ulong alive = _cells > MostCells ? ulong.MaxValue : 0;
        for (int i = frame; alive != ulong.MaxValue && i < state.Frames.Count; i++)
        {
            CallChain chain = ChainOf(state, i);
            if (i == state.Frames.Count - 1)
            {
                alive |= chain.Before(frame, at);
                continue;
            }

            // Callers go on behind their calls; those that call a function again and again, at the call.
            int call = state.Frames[i + 1].CallSlot;
            alive |= chain.Before(frame, call + 1) | (shape.Code[call].IsLocalCall ? 0 : chain.Before(frame, call));
        }

        return alive;
    }

    private CallChain ChainOf(PathState state, int depth)
    {
        Frame frame = state.Frames[depth];
        if (frame.Chain is { } known)
        {
            return known;
        }

        CallChain? outer = depth == 0 ? null : ChainOf(state, depth - 1);
        Dictionary<int, CallChain> siblings = outer is null ? _roots : outer.CalledFrom(frame.CallSlot);
        if (!siblings.TryGetValue(frame.Function, out CallChain? chain))
        {
            int end = frame.Function;
            while (end < shape.Code.Length && shape.FunctionAt(end) == frame.Function)
            {
                end++;
            }

            siblings[frame.Function] = chain = new CallChain(outer, frame.CallSlot, frame.Function, end, depth);
        }

        return frame.Chain = chain;
    }

    private void Mark(CallChain chain, int at, int frame, ulong slots)
    {
        var work = new Stack<(int Slot, ulong Slots)>();
        work.Push((at, slots));
        while (work.TryPop(out (int Slot, ulong Slots) read))
        {
            ulong added = chain.Add(frame, read.Slot, read.Slots, ref _cells);
            if (added == 0)
            {
                continue;
            }

            if (read.Slot == chain.Start && frame < chain.Depth && chain.Outer is { } outer)
            {
                Mark(outer, chain.CallSlot, frame, added);
            }

            foreach (int before in shape.Predecessors[read.Slot])
            {
                ulong through = frame == chain.Depth ? added & ~_written[before] : added;
                if (through != 0)
                {
                    work.Push((before, through));
                }
            }
        }
    }

    /// <summary>Slots of its own frame that each instruction writes whole, through r10.</summary>
    private static ulong[] WholeWrites(ImmutableArray<Instruction> code)
    {
        ulong[] written = new ulong[code.Length];
        for (int slot = 0; slot < code.Length; slot++)
        {
            Instruction instruction = code[slot];
            if (instruction.Opcode.Class is InstructionClass.St or InstructionClass.Stx && instruction.Opcode is { Mode: Mode.Mem, Size: Size.Dw }
                && instruction.Destination == Register.R10 && instruction.Offset is < 0 and >= -Frame.StackSize && instruction.Offset % StackSlot.Size == 0)
            {
                written[slot] = 1UL << Frame.Place(instruction.Offset).Slot;
            }

            slot += instruction.IsWide ? 1 : 0;
        }

        return written;
    }
}

/// <summary>A function as it was called through one chain of calls, and what may be read of the stacks of that chain at each instruction.</summary>
/// <param name="CallSlot">The call that led here, in <paramref name="Outer"/>.</param>
/// <param name="Start">The function's first slot.</param>
/// <param name="End">Behind its last.</param>
/// <param name="Depth">The frame of the function.</param>
internal sealed record CallChain(CallChain? Outer, int CallSlot, int Start, int End, int Depth)
{
    private readonly ulong[]?[] _alive = new ulong[]?[Depth + 1];
    private readonly Dictionary<int, Dictionary<int, CallChain>> _calls = [];

    public Dictionary<int, CallChain> CalledFrom(int slot)
    {
        if (!_calls.TryGetValue(slot, out Dictionary<int, CallChain>? functions))
        {
            _calls[slot] = functions = [];
        }

        return functions;
    }

    /// <summary>Slots that may be read from an instruction on.</summary>
    public ulong Before(int frame, int slot) => slot < End && _alive[frame] is { } alive ? alive[slot - Start] : 0;

    /// <param name="cells">Raised by what is allocated.</param>
    /// <returns>The slots that were not known to be read before.</returns>
    public ulong Add(int frame, int slot, ulong slots, ref long cells)
    {
        if (_alive[frame] is not { } alive)
        {
            cells += End - Start;
            _alive[frame] = alive = new ulong[End - Start];
        }

        ulong added = slots & ~alive[slot - Start];
        alive[slot - Start] |= added;
        return added;
    }
}
