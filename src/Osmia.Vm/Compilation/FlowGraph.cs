using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>Instructions that run one after another.</summary>
/// <param name="Start">Slot of the first instruction.</param>
internal sealed class Block(int start)
{
    public int Start { get; } = start;

    /// <summary>Slot of the last instruction.</summary>
    public int Last { get; set; }

    public int Index { get; set; }

    /// <summary>Where its jump goes; null without one.</summary>
    public Block? Taken { get; set; }

    /// <summary>What it goes on with; null when it ends the function or always jumps.</summary>
    public Block? Next { get; set; }

    public int LiveIn { get; set; }

    public int LiveOut { get; set; }
}

/// <summary>The reachable blocks of one function in the order of their slots, and the registers that live across them.</summary>
internal sealed unsafe class FlowGraph
{
    private readonly DecodedInstruction* _code;
    private readonly Dictionary<int, Block> _byStart = [];

    public FlowGraph(DecodedInstruction* code, int start)
    {
        _code = code;
        Start = start;
        FindBlocks();
        Blocks = [.. _byStart.Values.OrderBy(block => block.Start)];
        for (int i = 0; i < Blocks.Length; i++)
        {
            Blocks[i].Index = i;
        }

        Entry = _byStart[start];
    }

    public int Start { get; }

    public Block[] Blocks { get; }

    public Block Entry { get; }

    /// <summary>Slots of the local calls and of the addresses of functions taken.</summary>
    public List<int> Calls { get; } = [];

    public bool HasLoop { get; private set; }

    /// <summary>Slots its reachable instructions take.</summary>
    public int Length { get; private set; }

    public int LengthOf(int slot) => _code[slot].Op == Op.LoadImmediate ? 2 : 1;

    /// <summary>Finds the registers that live at the ends of the blocks.</summary>
    /// <param name="argumentsOf">Which of r1 to r5 the function called at a slot reads.</param>
    /// <returns>The registers that live at the start.</returns>
    public int FindLive(Func<int, int> argumentsOf)
    {
        bool changes = true;
        while (changes)
        {
            changes = false;
            for (int i = Blocks.Length - 1; i >= 0; i--)
            {
                Block block = Blocks[i];
                block.LiveOut = (block.Taken?.LiveIn ?? 0) | (block.Next?.LiveIn ?? 0);
                int live = block.LiveOut;
                foreach (int slot in Backwards(block))
                {
                    RegisterEffects effects = RegisterEffects.Of(_code[slot], argumentsOf(slot));
                    live = (live & ~effects.Definitions) | effects.Uses;
                }

                changes |= live != block.LiveIn;
                block.LiveIn = live;
            }
        }

        return Entry.LiveIn;
    }

    private IEnumerable<int> Backwards(Block block)
    {
        int[] slots = new int[block.Last - block.Start + 1];
        int count = 0;
        for (int slot = block.Start; slot <= block.Last; slot += LengthOf(slot))
        {
            slots[count++] = slot;
        }

        while (count > 0)
        {
            yield return slots[--count];
        }
    }

    private void FindBlocks()
    {
        // First where blocks begin, then how far they go.
        var seen = new HashSet<int>();
        var open = new Stack<int>();
        Add(Start);
        while (open.TryPop(out int slot))
        {
            while (seen.Add(slot))
            {
                DecodedInstruction* i = _code + slot;
                Length += LengthOf(slot);
                if (i->Op is Op.CallLocal || (i->Op is Op.LoadImmediate && FunctionPointer.TryRead((ulong)i->Immediate, out _)))
                {
                    Calls.Add(slot);
                }

                if (IsJump(i->Op))
                {
                    Add(slot + i->Offset);
                    HasLoop |= i->Offset <= 0;
                }

                if (IsEnd(i->Op))
                {
                    break;
                }

                slot += LengthOf(slot);
                if (IsJump(i->Op))
                {
                    Add(slot);
                    break;
                }
            }
        }

        foreach (Block block in _byStart.Values)
        {
            int slot = block.Start;
            while (!IsJump(_code[slot].Op) && !IsEnd(_code[slot].Op) && !_byStart.ContainsKey(slot + LengthOf(slot)))
            {
                slot += LengthOf(slot);
            }

            block.Last = slot;
            block.Taken = IsJump(_code[slot].Op) ? _byStart[slot + _code[slot].Offset] : null;
            block.Next = IsEnd(_code[slot].Op) ? null : _byStart[slot + LengthOf(slot)];
        }

        void Add(int start)
        {
            if (_byStart.TryAdd(start, new Block(start)))
            {
                open.Push(start);
            }
        }
    }

    private static bool IsJump(Op op) => op is >= Op.Ja32K and <= Op.MayGoto;

    private static bool IsEnd(Op op) => op is Op.Ja64K or Op.Exit or Op.Unresolved or Op.Invalid;
}
