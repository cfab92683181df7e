namespace Osmia.Vm.Compilation.X64;

/// <summary>
/// Gives each web of a function a register, or a place on the stack. The longest go first; one that finds no register free takes it from
/// those that are read and written less.
/// </summary>
/// <remarks>At most ten registers of the program are alive at once, and eleven of the machine's are given out: little ends on the stack.</remarks>
internal sealed class RegisterAllocation
{
    public static readonly Reg[] CallerSaved = [Reg.Rsi, Reg.Rdi, Reg.R8, Reg.R9, Reg.R10, Reg.R11];
    public static readonly Reg[] CalleeSaved = [Reg.Rbx, Reg.R12, Reg.R13, Reg.Rbp, Reg.R14];

    private const int RegisterCount = 16;
    private const int MaxLoopWeight = 4;

    private readonly FunctionBody _body;
    private readonly Dictionary<Web, LiveRange> _ranges = [];
    private readonly PositionSet?[] _busy = new PositionSet?[RegisterCount];
    private readonly List<LiveRange>[] _owners = new List<LiveRange>[RegisterCount];
    private readonly List<PositionSet> _slots = [];
    private readonly Reg[] _order;
    private readonly int[] _firstOf;
    private readonly int _positions;

    public RegisterAllocation(FunctionBody body, bool keepsFrame)
    {
        _body = body;
        _order = [.. CallerSaved, .. keepsFrame ? CalleeSaved[..^1] : CalleeSaved];
        _firstOf = new int[body.Blocks.Length + 1];
        for (int i = 0; i < body.Blocks.Length; i++)
        {
            _firstOf[i + 1] = _firstOf[i] + body.Blocks[i].Count;
        }

        _positions = _firstOf[^1] * LiveRange.PositionsPerStatement;
        foreach (Reg register in _order)
        {
            _busy[(int)register] = new PositionSet(_positions);
            _owners[(int)register] = [];
        }

        FindRanges();
        Assign();
    }

    /// <summary>Stack places of 8 bytes that webs took.</summary>
    public int Slots => _slots.Count;

    /// <summary>Registers that webs took, as bits.</summary>
    public int Used { get; private set; }

    /// <summary>The first statement of a block, counted through the function.</summary>
    public int FirstStatement(Block block) => _firstOf[block.Index];

    /// <summary>Registers that hold nothing while a statement is done, as bits.</summary>
    public int FreeAt(int statement)
    {
        int free = 0;
        int at = statement * LiveRange.PositionsPerStatement;
        foreach (Reg register in _order)
        {
            // What the caller owns can be had only when it is put back anyway.
            bool isOurs = Array.IndexOf(CallerSaved, register) >= 0 || (Used & (1 << (int)register)) != 0;
            if (isOurs && !_busy[(int)register]!.HasAny(at, at + 2))
            {
                free |= 1 << (int)register;
            }
        }

        return free;
    }

    /// <summary>Registers that a call overwrites and that hold something while a statement is done, or only when it is done.</summary>
    public List<Reg> CallerSavedAt(int statement, bool atItsEnd)
    {
        var live = new List<Reg>();
        int at = statement * LiveRange.PositionsPerStatement;
        foreach (Reg register in CallerSaved)
        {
            if (_owners[(int)register].Count != 0 && _busy[(int)register]!.HasAny(atItsEnd ? at + 2 : at, at + 2))
            {
                live.Add(register);
            }
        }

        return live;
    }

    private static bool Calls(Statement statement) => statement.Kind switch
    {
        StatementKind.CallHelper or StatementKind.CallRegister or StatementKind.HashLookup or StatementKind.CallLocal or StatementKind.TailCall or StatementKind.PacketLoad => true,
        StatementKind.Load or StatementKind.Store or StatementKind.Atomic => statement.Access!.Check == AccessCheck.Ask,
        _ => false,
    };

    private void FindRanges()
    {
        double[] weights = LoopWeights();
        var live = new List<(LiveRange Range, int To)>();
        var entries = new Web?[10];
        foreach (Block block in _body.Graph.Blocks)
        {
            List<Statement> statements = _body.Blocks[block.Index];
            int first = _firstOf[block.Index];
            double weight = weights[block.Index];
            live.Clear();
            foreach (Block? next in new[] { block.Taken, block.Next })
            {
                if (next is null)
                {
                    continue;
                }

                _body.Webs.Enter(next, entries);
                foreach (Web? web in entries)
                {
                    Begin(web, End(first + statements.Count - 1), 0);
                }
            }

            for (int i = statements.Count - 1; i >= 0; i--)
            {
                Statement statement = statements[i];
                int at = (first + i) * LiveRange.PositionsPerStatement;
                if (Calls(statement))
                {
                    foreach (Reg register in CallerSaved)
                    {
                        _busy[(int)register]!.Add(at + 1);
                    }
                }

                if (statement.Result is { } result)
                {
                    LiveRange range = Begin(result, at + 2, weight)!;
                    Finish(range, at + 2);
                    if (statement is { Kind: StatementKind.Assign, A: { } value } && FirstLeaf(value) is { } source)
                    {
                        range.Partner ??= RangeOf(source);
                    }
                }

                // An atomic operation that asks first reads its operands behind the call.
                int operands = statement.Kind == StatementKind.Atomic && Calls(statement) ? at + 1 : at;
                Read(statement.A, at, weight);
                Read(statement.B, operands, weight);
                Read(statement.C, operands, weight);
                Read(statement.Access?.Pointer, at, weight);
                foreach (Node argument in statement.Arguments)
                {
                    Read(argument, at, weight);
                }

                foreach (KnownRegister known in statement.Known)
                {
                    Read(known.Value, at, 0);
                }
            }

            while (live.Count != 0)
            {
                Finish(live[^1].Range, first * LiveRange.PositionsPerStatement);
            }
        }

        static int End(int statement) => (statement * LiveRange.PositionsPerStatement) + 2;

        LiveRange? Begin(Web? web, int to, double weight)
        {
            if (web is null or { IsRepeated: true })
            {
                return null;
            }

            LiveRange range = RangeOf(web);
            range.Weight += weight;
            if (!live.Exists(one => one.Range == range))
            {
                live.Add((range, to));
            }

            return range;
        }

        void Finish(LiveRange range, int from)
        {
            int index = live.FindIndex(one => one.Range == range);
            range.Add(from, live[index].To);
            live.RemoveAt(index);
        }

        void Read(Node? node, int at, double weight)
        {
            for (; node is not null; node = node.Left)
            {
                _ = Begin(node.Web, at, weight);
                Read(node.Right, at, weight);
            }
        }
    }

    private static Web? FirstLeaf(Node node)
    {
        while (node.Left is not null && node.Kind != NodeKind.Load)
        {
            node = node.Left;
        }

        return node.Web;
    }

    private LiveRange RangeOf(Web web)
    {
        if (!_ranges.TryGetValue(web, out LiveRange? range))
        {
            _ranges.Add(web, range = new LiveRange(web));
        }

        return range;
    }

    // A block counts eight times for each loop it lies in.
    private double[] LoopWeights() => Array.ConvertAll(_body.Graph.LoopDepths(), depth => Math.Pow(8, Math.Min(depth, MaxLoopWeight)));

    private void Assign()
    {
        var queue = new Stack<LiveRange>(_ranges.Values.OrderBy(range => range.Length).ThenBy(range => range.Weight));
        while (queue.TryPop(out LiveRange? range))
        {
            Reg register = FindFree(range);
            if (register == Reg.None)
            {
                register = Evict(range, queue);
            }

            if (register == Reg.None)
            {
                range.Web.Place = ~FindSlot(range);
                continue;
            }

            Give(register, range);
        }
    }

    private Reg FindFree(LiveRange range)
    {
        if (range.Partner?.Web.Place is { } place and >= 0 && _busy[place] is { } likely && !range.Overlaps(likely))
        {
            return (Reg)place;
        }

        foreach (Reg register in _order)
        {
            if (!range.Overlaps(_busy[(int)register]!))
            {
                return register;
            }
        }

        return Reg.None;
    }

    /// <summary>Frees the register whose owners in the way matter least, when they matter less than the range.</summary>
    private Reg Evict(LiveRange range, Stack<LiveRange> queue)
    {
        Reg best = Reg.None;
        double least = range.Weight;
        var own = new PositionSet(_positions);
        foreach ((int from, int to) in range.Pieces)
        {
            own.Add(from, to);
        }

        foreach (Reg register in _order)
        {
            double sum = 0;
            foreach (LiveRange owner in _owners[(int)register])
            {
                sum += owner.Overlaps(own) ? owner.Weight : 0;
                if (sum >= least)
                {
                    break;
                }
            }

            // Nothing in the way is a call, which cannot be moved.
            if (sum < least && sum > 0 && !CrossesCall(range, register))
            {
                least = sum;
                best = register;
            }
        }

        if (best != Reg.None)
        {
            foreach (LiveRange owner in _owners[(int)best].FindAll(owner => owner.Overlaps(own)))
            {
                _owners[(int)best].Remove(owner);
                owner.Web.Place = Web.NoPlace;
                foreach ((int from, int to) in owner.Pieces)
                {
                    _busy[(int)best]!.Remove(from, to);
                }

                queue.Push(owner);
            }
        }

        return best;
    }

    private bool CrossesCall(LiveRange range, Reg register)
    {
        if (Array.IndexOf(CallerSaved, register) < 0)
        {
            return false;
        }

        _calls ??= FindCalls();
        return range.Overlaps(_calls);
    }

    private PositionSet? _calls;

    private PositionSet FindCalls()
    {
        var calls = new PositionSet(_positions);
        for (int i = 0; i < _body.All.Count; i++)
        {
            if (Calls(_body.All[i]))
            {
                calls.Add((i * LiveRange.PositionsPerStatement) + 1);
            }
        }

        return calls;
    }

    private int FindSlot(LiveRange range)
    {
        int slot = _slots.FindIndex(taken => !range.Overlaps(taken));
        if (slot < 0)
        {
            slot = _slots.Count;
            _slots.Add(new PositionSet(_positions));
        }

        foreach ((int from, int to) in range.Pieces)
        {
            _slots[slot].Add(from, to);
        }

        return slot;
    }

    private void Give(Reg register, LiveRange range)
    {
        range.Web.Place = (int)register;
        Used |= 1 << (int)register;
        _owners[(int)register].Add(range);
        foreach ((int from, int to) in range.Pieces)
        {
            _busy[(int)register]!.Add(from, to);
        }
    }
}
