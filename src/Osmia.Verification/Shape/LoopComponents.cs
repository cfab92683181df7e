using Osmia.Bytecode;

namespace Osmia.Verification.Shape;

/// <summary>
/// The loops of a program: instructions that can reach each other by the jumps of their function are one strongly connected component.
/// </summary>
/// <remarks>Tarjan's algorithm with a stack of its own, as a program may be a million instructions deep.</remarks>
internal static class LoopComponents
{
    /// <summary>The number of each slot's loop, from 1; 0 for slots in none.</summary>
    /// <param name="again">Slots that go on to themselves: calls of callbacks, which are loops of one instruction.</param>
    public static int[] Of(ReadOnlySpan<Instruction> code, Func<int, bool> again)
    {
        int[] component = new int[code.Length];
        int[] order = new int[code.Length];
        int[] low = new int[code.Length];
        bool[] isOpen = new bool[code.Length];
        var open = new Stack<int>();
        var work = new Stack<(int Slot, int Edge)>();
        int clock = 0;
        int loops = 0;
        for (int root = 0; root < code.Length; root++)
        {
            if (order[root] != 0 || IsSecondHalf(code, root))
            {
                continue;
            }

            Push(root);
            while (work.TryPop(out (int Slot, int Edge) at))
            {
                int next = Successor(code, at.Slot, at.Edge);
                if (next >= 0)
                {
                    work.Push((at.Slot, at.Edge + 1));
                    if (order[next] == 0)
                    {
                        Push(next);
                    }
                    else if (isOpen[next])
                    {
                        low[at.Slot] = Math.Min(low[at.Slot], order[next]);
                    }

                    continue;
                }

                if (work.TryPeek(out (int Slot, int Edge) above))
                {
                    low[above.Slot] = Math.Min(low[above.Slot], low[at.Slot]);
                }

                if (low[at.Slot] == order[at.Slot])
                {
                    bool isLoop = open.Peek() != at.Slot || GoesToItself(code, at.Slot) || again(at.Slot);
                    loops += isLoop ? 1 : 0;
                    int slot;
                    do
                    {
                        slot = open.Pop();
                        isOpen[slot] = false;
                        component[slot] = isLoop ? loops : 0;
                    }
                    while (slot != at.Slot);
                }
            }
        }

        return component;

        void Push(int slot)
        {
            order[slot] = low[slot] = ++clock;
            isOpen[slot] = true;
            open.Push(slot);
            work.Push((slot, 0));
        }
    }

    /// <summary>Where an instruction may go on within its function: edge 0, then edge 1; -1 when there is no such edge.</summary>
    public static int Successor(ReadOnlySpan<Instruction> code, int slot, int edge)
    {
        Instruction instruction = code[slot];
        bool falls = !instruction.IsExit && instruction.Opcode.Value is not (Opcodes.Jump or Opcodes.JumpLong);
        int next = falls ? slot + (instruction.IsWide ? 2 : 1) : -1;
        int target = instruction.IsJump ? slot + 1 + instruction.JumpDistance : -1;
        int found = edge switch
        {
            0 => next >= 0 ? next : target,
            1 when next >= 0 => target,
            _ => -1,
        };
        return found < code.Length ? found : -1;
    }

    /// <summary>Where each instruction may be come to from within its function.</summary>
    public static int[][] Predecessors(ReadOnlySpan<Instruction> code)
    {
        int[] counts = new int[code.Length];
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            for (int edge = 0; Successor(code, slot, edge) is >= 0 and var next; edge++)
            {
                counts[next]++;
            }
        }

        int[][] before = Array.ConvertAll(counts, count => count == 0 ? [] : new int[count]);
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            for (int edge = 0; Successor(code, slot, edge) is >= 0 and var next; edge++)
            {
                before[next][--counts[next]] = slot;
            }
        }

        return before;
    }

    private static bool GoesToItself(ReadOnlySpan<Instruction> code, int slot) => Successor(code, slot, 0) == slot || Successor(code, slot, 1) == slot;

    private static bool IsSecondHalf(ReadOnlySpan<Instruction> code, int slot) => slot > 0 && code[slot].Opcode.Value == 0 && code[slot - 1].IsWide;
}
