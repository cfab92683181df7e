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
    private readonly Block?[] _byStart;
    private readonly RegisterEffects[] _effects;
    private readonly List<Block>[] _waysTo;

    /// <param name="effects">By slot of the whole program; <see cref="FindLive"/> fills in those of this function.</param>
    public FlowGraph(DecodedInstruction* code, int start, RegisterEffects[] effects)
    {
        _code = code;
        _effects = effects;
        _byStart = new Block?[effects.Length];
        Start = start;
        FindBlocks();
        var blocks = new List<Block>();
        foreach (Block? block in _byStart)
        {
            if (block is not null)
            {
                block.Index = blocks.Count;
                blocks.Add(block);
            }
        }

        Blocks = [.. blocks];
        Entry = _byStart[start]!;
        _waysTo = Array.ConvertAll(Blocks, _ => new List<Block>());
        foreach (Block block in Blocks)
        {
            AddWay(block, block.Taken);
            AddWay(block, block.Next);
        }

        void AddWay(Block from, Block? to)
        {
            if (to is not null)
            {
                _waysTo[to.Index].Add(from);
            }
        }
    }

    public int Start { get; }

    public Block[] Blocks { get; }

    public Block Entry { get; }

    /// <summary>Slots of the local calls.</summary>
    public int[] Calls { get; private set; } = [];

    public bool HasLoop { get; private set; }

    /// <summary>Slots its reachable instructions take.</summary>
    public int Length { get; private set; }

    /// <summary>The blocks a block is gone to from; twice, where both ways of one lead there.</summary>
    public List<Block> WaysTo(Block block) => _waysTo[block.Index];

    public int LengthOf(int slot) => _code[slot].Op == Op.LoadImmediate ? 2 : 1;

    /// <summary>Finds the registers that live at the ends of the blocks.</summary>
    /// <param name="argumentsOf">Which of r1 to r5 the function called at a slot reads.</param>
    /// <returns>The registers that live at the start.</returns>
    public int FindLive(Func<int, int> argumentsOf)
    {
        var used = new int[Blocks.Length];
        var kept = new int[Blocks.Length];
        foreach (Block block in Blocks)
        {
            int untouched = ~0;
            for (int slot = block.Start; slot <= block.Last; slot += LengthOf(slot))
            {
                RegisterEffects effects = _effects[slot] = RegisterEffects.Of(_code[slot], argumentsOf(slot));
                used[block.Index] |= effects.Uses & untouched;
                untouched &= ~effects.Definitions;
            }

            kept[block.Index] = untouched;
        }

        bool changes = true;
        while (changes)
        {
            changes = false;
            for (int i = Blocks.Length - 1; i >= 0; i--)
            {
                Block block = Blocks[i];
                block.LiveOut = (block.Taken?.LiveIn ?? 0) | (block.Next?.LiveIn ?? 0);
                int live = (block.LiveOut & kept[i]) | used[i];
                changes |= live != block.LiveIn;
                block.LiveIn = live;
            }
        }

        return Entry.LiveIn;
    }

    /// <summary>What an instruction of the function reads and writes, once <see cref="FindLive"/> went over it.</summary>
    public RegisterEffects EffectsAt(int slot) => _effects[slot];

    /// <summary>How many loops each block lies in: between a jump back and where it goes.</summary>
    public int[] LoopDepths()
    {
        int[] change = new int[Blocks.Length + 1];
        foreach (Block block in Blocks)
        {
            if (block.Taken is { } taken && taken.Index <= block.Index)
            {
                change[taken.Index]++;
                change[block.Index + 1]--;
            }
        }

        int[] depths = new int[Blocks.Length];
        for (int i = 0, depth = 0; i < depths.Length; i++)
        {
            depths[i] = depth += change[i];
        }

        return depths;
    }

    /// <summary>Slots of a block's instructions, the last one first.</summary>
    public int[] Backwards(Block block)
    {
        int count = 0;
        for (int slot = block.Start; slot <= block.Last; slot += LengthOf(slot))
        {
            count++;
        }

        int[] slots = new int[count];
        for (int slot = block.Start; slot <= block.Last; slot += LengthOf(slot))
        {
            slots[--count] = slot;
        }

        return slots;
    }

    private void FindBlocks()
    {
        // First where blocks begin, then how far they go. A slot is put aside once at most.
        var seen = new bool[_byStart.Length];
        int[] open = new int[_byStart.Length];
        int count = 0;
        Add(Start);
        while (count > 0)
        {
            int slot = open[--count];
            while (!seen[slot])
            {
                seen[slot] = true;
                DecodedInstruction* i = _code + slot;
                Length += LengthOf(slot);
                if (i->Op == Op.CallLocal)
                {
                    Calls = [.. Calls, slot];
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

        foreach (Block? block in _byStart)
        {
            if (block is null)
            {
                continue;
            }

            int slot = block.Start;
            while (!IsJump(_code[slot].Op) && !IsEnd(_code[slot].Op) && _byStart[slot + LengthOf(slot)] is null)
            {
                slot += LengthOf(slot);
            }

            block.Last = slot;
            block.Taken = IsJump(_code[slot].Op) ? _byStart[slot + _code[slot].Offset] : null;
            block.Next = IsEnd(_code[slot].Op) ? null : _byStart[slot + LengthOf(slot)];
        }

        void Add(int start)
        {
            if (_byStart[start] is null)
            {
                _byStart[start] = new Block(start);
                open[count++] = start;
            }
        }
    }

    private static bool IsJump(Op op) => op is >= Op.Ja32K and <= Op.MayGoto;

    private static bool IsEnd(Op op) => op is Op.Ja64K or Op.Exit or Op.Unresolved or Op.Invalid;
}
