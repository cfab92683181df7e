using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>The definitions and uses of a register that belong together: one variable of the compiled code.</summary>
internal sealed class Web(int register)
{
    public int Register { get; } = register;

    public int Definitions { get; set; }

    public int Uses { get; set; }

    /// <summary>It lives where blocks meet, or from the function's start on.</summary>
    public bool CrossesBlocks { get; set; }

    /// <summary>The upper half of every value is zero, so that 32 bits hold it.</summary>
    public bool IsNarrow { get; set; } = true;

    public Fact Fact { get; set; }

    public const int NoPlace = int.MinValue;

    /// <summary>Where the code of this machine keeps it: the number of a register, or ~n for place n on the stack.</summary>
    public int Place { get; set; } = NoPlace;

    /// <summary>Its value is written down again wherever it is used, and never stored.</summary>
    public bool IsRepeated => Fact.Kind is FactKind.Constant or FactKind.Frame;

    /// <summary>One use behind one definition in the same block: the value may stand at its use.</summary>
    public bool IsPassedOn => Definitions == 1 && Uses == 1 && !CrossesBlocks;
}

/// <summary>Splits the registers of a function into webs, and finds what holds of each.</summary>
internal sealed unsafe class Webs
{
    private const int Registers = 10;

    private readonly DecodedInstruction* _code;
    private readonly FlowGraph _graph;
    private readonly int[] _definitions;
    private readonly int[] _entries;
    private int[] _parents = new int[64];
    private byte[] _registers = new byte[64];
    private int _count;
    private Web[] _webs = [];

    /// <param name="length">Slots of the whole program.</param>
    public Webs(DecodedInstruction* code, int length, FlowGraph graph)
    {
        _code = code;
        _graph = graph;
        _definitions = new int[length];
        _entries = new int[graph.Blocks.Length * Registers];
        Split();
        Count();
    }

    public RegisterEffects EffectsAt(int slot) => _graph.EffectsAt(slot);

    /// <summary>The webs that live at a block's start, by register.</summary>
    public void Enter(Block block, Web?[] current)
    {
        for (int register = 0; register < Registers; register++)
        {
            current[register] = (block.LiveIn & (1 << register)) != 0 ? _webs[_entries[(block.Index * Registers) + register]] : null;
        }
    }

    /// <summary>The web that an instruction begins for a register it writes.</summary>
    public Web Defined(int slot, int register)
    {
        int definitions = EffectsAt(slot).Definitions;
        int index = System.Numerics.BitOperations.PopCount((uint)(definitions & ((1 << register) - 1)));
        return _webs[_definitions[slot] + index];
    }

    /// <summary>Replaces what an instruction writes.</summary>
    public void Step(int slot, Web?[] current)
    {
        int definitions = EffectsAt(slot).Definitions;
        for (int next = definitions == 0 ? 0 : _definitions[slot]; definitions != 0; definitions &= definitions - 1)
        {
            current[RegisterEffects.First(definitions)] = _webs[next++];
        }
    }

    private void Split()
    {
        foreach (Block block in _graph.Blocks)
        {
            for (int register = 0; register < Registers; register++)
            {
                if ((block.LiveIn & (1 << register)) != 0)
                {
                    _entries[(block.Index * Registers) + register] = Add(register);
                }
            }
        }

        int[] current = new int[Registers];
        int entries = _count;
        foreach (Block block in _graph.Blocks)
        {
            Array.Copy(_entries, block.Index * Registers, current, 0, Registers);
            for (int slot = block.Start; slot <= block.Last; slot += _graph.LengthOf(slot))
            {
                int definitions = EffectsAt(slot).Definitions;
                if (definitions != 0)
                {
                    _definitions[slot] = _count;
                }

                for (; definitions != 0; definitions &= definitions - 1)
                {
                    int register = RegisterEffects.First(definitions);
                    current[register] = Add(register);
                }
            }

            Join(current, block.Taken);
            Join(current, block.Next);
        }

        _webs = new Web[_count];
        for (int i = 0; i < _webs.Length; i++)
        {
            int root = Root(i);
            Web web = _webs[root] ??= new Web(_registers[root]);
            web.CrossesBlocks |= i < entries;
            _webs[i] = web;
        }

        void Join(int[] values, Block? to)
        {
            for (int live = to?.LiveIn ?? 0; live != 0; live &= live - 1)
            {
                int register = RegisterEffects.First(live);
                int a = Root(values[register]);
                int b = Root(_entries[(to!.Index * Registers) + register]);
                _parents[Math.Max(a, b)] = Math.Min(a, b);
            }
        }
    }

    private void Count()
    {
        var current = new Web?[Registers];
        Enter(_graph.Entry, current);
        foreach (Web? web in current)
        {
            if (web is not null)
            {
                web.Definitions++;
            }
        }

        foreach (Block block in _graph.Blocks)
        {
            Enter(block, current);
            for (int slot = block.Start; slot <= block.Last; slot += _graph.LengthOf(slot))
            {
                RegisterEffects effects = EffectsAt(slot);
                for (int uses = effects.Uses; uses != 0; uses &= uses - 1)
                {
                    current[RegisterEffects.First(uses)]!.Uses++;
                }

                // Instructions that read a register twice count two uses.
                DecodedInstruction* i = _code + slot;
                if (i->Destination == i->Source && i->Destination < Registers && ReadsBoth(i->Op))
                {
                    current[i->Source]!.Uses++;
                }

                if (i->Op is Op.AtomicCompareExchange32 or Op.AtomicCompareExchange64 && (i->Destination == 0 || i->Source == 0))
                {
                    current[0]!.Uses++;
                }

                Step(slot, current);
                for (int definitions = effects.Definitions; definitions != 0; definitions &= definitions - 1)
                {
                    current[RegisterEffects.First(definitions)]!.Definitions++;
                }
            }
        }
    }

    private static bool ReadsBoth(Op op) => op switch
    {
        Op.Mov32X or Op.Mov64X => false,
        >= Op.Add32K and <= Op.SMod64X => RegisterEffects.UsesSource(op),
        >= Op.Jeq32K and <= Op.Jsle64X => ((op - Op.Ja32K) & 1) != 0,
        (>= Op.StoreB and <= Op.StoreDw) or (>= Op.AtomicAdd32 and <= Op.AtomicCompareExchange64) or (>= Op.StoreReleaseB and <= Op.StoreReleaseDw) => true,
        _ => false,
    };

    private int Add(int register)
    {
        if (_count == _parents.Length)
        {
            Array.Resize(ref _parents, _count * 2);
            Array.Resize(ref _registers, _count * 2);
        }

        _parents[_count] = _count;
        _registers[_count] = (byte)register;
        return _count++;
    }

    private int Root(int id)
    {
        while (_parents[id] != id)
        {
            _parents[id] = _parents[_parents[id]];
            id = _parents[id];
        }

        return id;
    }
}
