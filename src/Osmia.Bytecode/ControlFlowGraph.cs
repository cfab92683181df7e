namespace Osmia.Bytecode;

/// <summary>
/// The basic blocks of one function and how they follow each other, in plain arrays. Blocks are numbered in the order of their slots;
/// block 0 is the entry. Calls do not end a block. A <c>gotox</c> ends one and has no successors here: where it goes stands in a map.
/// </summary>
public sealed class ControlFlowGraph
{
    // Edges in one array for each direction; block b owns [from[b], from[b + 1]).
    private readonly int[] _firstSlots;
    private readonly int[] _lastSlots;
    private readonly int[] _successorStarts;
    private readonly int[] _successors;
    private readonly int[] _predecessorStarts;
    private readonly int[] _predecessors;
    private readonly bool[] _fallsThrough;
    private readonly int[] _blockOfSlot;

    private ControlFlowGraph(int start, int[] firstSlots, int[] lastSlots, int[] successorStarts, int[] successors, bool[] fallsThrough, int[] blockOfSlot, bool hasIndirectJumps)
    {
        Start = start;
        _firstSlots = firstSlots;
        _lastSlots = lastSlots;
        _successorStarts = successorStarts;
        _successors = successors;
        _fallsThrough = fallsThrough;
        _blockOfSlot = blockOfSlot;
        HasIndirectJumps = hasIndirectJumps;
        _predecessorStarts = new int[BlockCount + 1];
        _predecessors = new int[successors.Length];
        FillPredecessors();
    }

    /// <summary>First slot of the function.</summary>
    public int Start { get; }

    /// <summary>The slot behind the function's last.</summary>
    public int End => Start + _blockOfSlot.Length;

    public int BlockCount => _firstSlots.Length;

    /// <summary>True when a <c>gotox</c> makes the edges incomplete.</summary>
    public bool HasIndirectJumps { get; }

    public int FirstSlot(int block) => _firstSlots[block];

    /// <summary>Slot of the block's last instruction (its first slot, if it is wide).</summary>
    public int LastSlot(int block) => _lastSlots[block];

    /// <summary>The slot behind the block.</summary>
    public int EndSlot(int block) => block + 1 < BlockCount ? _firstSlots[block + 1] : End;

    public int BlockAt(int slot) => _blockOfSlot[slot - Start];

    /// <summary>Blocks that may follow: the next one first, when it can, then the target of the jump. Both may be the same.</summary>
    public ReadOnlySpan<int> Successors(int block) => _successors.AsSpan(_successorStarts[block].._successorStarts[block + 1]);

    public ReadOnlySpan<int> Predecessors(int block) => _predecessors.AsSpan(_predecessorStarts[block].._predecessorStarts[block + 1]);

    /// <summary>Whether the first successor is the block behind this one, without a jump.</summary>
    public bool FallsThrough(int block) => _fallsThrough[block];

    /// <summary>Blocks that can be reached from the entry, each before those that follow it, but for loops.</summary>
    public int[] ReversePostorder()
    {
        var order = new int[BlockCount];
        int free = BlockCount;
        var seen = new bool[BlockCount];
        var stack = new Stack<(int Block, int Next)>();
        seen[0] = true;
        stack.Push((0, 0));
        while (stack.TryPop(out (int Block, int Next) top))
        {
            ReadOnlySpan<int> successors = Successors(top.Block);
            if (top.Next == successors.Length)
            {
                order[--free] = top.Block;
                continue;
            }

            stack.Push((top.Block, top.Next + 1));
            int successor = successors[top.Next];
            if (!seen[successor])
            {
                seen[successor] = true;
                stack.Push((successor, 0));
            }
        }

        return order[free..];
    }

    /// <summary>The graph of a function that fills the whole stream.</summary>
    /// <exception cref="ArgumentException">The code is not well formed; <see cref="TryBuild"/> says why without throwing.</exception>
    public static ControlFlowGraph Build(ReadOnlySpan<Instruction> code) => Build(code, 0, code.Length);

    /// <summary>The graph of the function in the slots [start, end).</summary>
    public static ControlFlowGraph Build(ReadOnlySpan<Instruction> code, int start, int end) =>
        TryBuild(code, start, end, out (int Slot, string Reason) problem) ?? throw new ArgumentException($"slot {problem.Slot}: {problem.Reason}", nameof(code));

    /// <returns>Null, with a reason, when a jump leaves the function or lands within an instruction, or its end is run past.</returns>
    public static ControlFlowGraph? TryBuild(ReadOnlySpan<Instruction> code, int start, int end, out (int Slot, string Reason) problem)
    {
        problem = default;
        if (start < 0 || end > code.Length || start >= end)
        {
            problem = (start, $"slots {start} to {end} are no function of {code.Length} slots");
            return null;
        }

        // What each slot is: an instruction, its second half, the first of a block.
        var marks = new byte[end - start];
        if (!FindInstructions(code, start, marks, ref problem) || !FindBlocks(code, start, marks, ref problem))
        {
            return null;
        }

        var firstSlots = new int[marks.AsSpan().Count(First)];
        var lastSlots = new int[firstSlots.Length];
        var blockOfSlot = new int[marks.Length];
        int block = -1;
        for (int i = 0; i < marks.Length; i++)
        {
            if (marks[i] == First)
            {
                firstSlots[++block] = start + i;
            }

            blockOfSlot[i] = block;
            lastSlots[block] = marks[i] == SecondHalf ? lastSlots[block] : start + i;
        }

        return Connect(code, start, firstSlots, lastSlots, blockOfSlot);
    }

    /// <summary>
    /// First slots of the functions in a stream: slot 0, and what calls and function addresses refer to. Sorted; targets outside the
    /// stream are left out.
    /// </summary>
    public static int[] FunctionStarts(ReadOnlySpan<Instruction> code)
    {
        var starts = new SortedSet<int> { 0 };
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            long target = slot + 1L + code[slot].Immediate;
            if ((code[slot].IsLocalCall || code[slot].IsFunctionAddress) && target >= 0 && target < code.Length)
            {
                starts.Add((int)target);
            }
        }

        return [.. starts];
    }

    private const byte Inner = 0;
    private const byte First = 1;
    private const byte SecondHalf = 2;

    private static bool FindInstructions(ReadOnlySpan<Instruction> code, int start, byte[] marks, ref (int Slot, string Reason) problem)
    {
        marks[0] = First;
        int last = 0;
        for (int i = 0; i < marks.Length; i++)
        {
            last = i;
            if (code[start + i].IsWide && ++i < marks.Length)
            {
                marks[i] = SecondHalf;
            }
            else if (i == marks.Length)
            {
                problem = (start + last, "the function ends within a wide instruction");
                return false;
            }
        }

        if (!EndsFlow(code[start + last]))
        {
            problem = (start + last, "the end of the function is run past: its last instruction is no exit and no goto");
            return false;
        }

        return true;
    }

    private static bool EndsFlow(Instruction instruction) =>
        instruction.IsExit || instruction.Opcode.Value is Opcodes.Jump or Opcodes.JumpLong or Opcodes.JumpIndirect;

    private static bool FindBlocks(ReadOnlySpan<Instruction> code, int start, byte[] marks, ref (int Slot, string Reason) problem)
    {
        for (int i = 0; i < marks.Length; i++)
        {
            Instruction instruction = code[start + i];
            if (marks[i] == SecondHalf || !(instruction.IsJump || EndsFlow(instruction)))
            {
                continue;
            }

            if (i + 1 < marks.Length)
            {
                marks[i + 1] = First;
            }

            if (!instruction.IsJump)
            {
                continue;
            }

            long target = i + 1L + instruction.JumpDistance;
            if (target < 0 || target >= marks.Length)
            {
                problem = (start + i, $"it jumps to slot {start + target}, out of the function [{start}, {start + marks.Length})");
                return false;
            }

            if (marks[target] == SecondHalf)
            {
                problem = (start + i, $"it jumps into the wide instruction at slot {start + target - 1}");
                return false;
            }

            marks[target] = First;
        }

        return true;
    }

    private static ControlFlowGraph Connect(ReadOnlySpan<Instruction> code, int start, int[] firstSlots, int[] lastSlots, int[] blockOfSlot)
    {
        var successorStarts = new int[firstSlots.Length + 1];
        var successors = new int[2 * firstSlots.Length];
        var fallsThrough = new bool[firstSlots.Length];
        bool hasIndirectJumps = false;
        int count = 0;
        for (int block = 0; block < firstSlots.Length; block++)
        {
            Instruction last = code[lastSlots[block]];
            hasIndirectJumps |= last.Opcode.Value == Opcodes.JumpIndirect;
            if (!EndsFlow(last))
            {
                fallsThrough[block] = true;
                successors[count++] = block + 1;
            }

            if (last.IsJump)
            {
                successors[count++] = blockOfSlot[lastSlots[block] + 1 + last.JumpDistance - start];
            }

            successorStarts[block + 1] = count;
        }

        return new(start, firstSlots, lastSlots, successorStarts, successors[..count], fallsThrough, blockOfSlot, hasIndirectJumps);
    }

    private void FillPredecessors()
    {
        foreach (int successor in _successors)
        {
            _predecessorStarts[successor + 1]++;
        }

        for (int block = 0; block < BlockCount; block++)
        {
            _predecessorStarts[block + 1] += _predecessorStarts[block];
        }

        int[] next = _predecessorStarts[..^1];
        for (int block = 0; block < BlockCount; block++)
        {
            foreach (int successor in Successors(block))
            {
                _predecessors[next[successor]++] = block;
            }
        }
    }
}
