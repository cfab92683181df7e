using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>
/// The functions of a program, analysed together: blocks and live registers of all of them first, because a call reads what its callee
/// reads; then, a function at a time, webs, facts and widths, statements.
/// </summary>
internal sealed unsafe class ProgramFunctions
{
    private readonly DecodedInstruction* _code;
    private readonly ProgramSurroundings _around;
    private readonly CompilationMode _mode;
    private readonly FlowGraph?[] _functions;
    private readonly List<FlowGraph> _graphs = [];
    private readonly int[] _arguments;
    private readonly RegisterEffects[] _effects;
    private readonly Webs?[] _webs;

    /// <summary>By function, what those who call it hand to it as r1 to r5, as far as they are known.</summary>
    private readonly Fact[]?[] _handed;

    /// <summary>By function, how many frames lie above its own at least.</summary>
    private readonly int[] _callers;

    public ProgramFunctions(DecodedInstruction* code, int length, ProgramSurroundings around, CompilationMode mode)
    {
        _code = code;
        Length = length;
        _around = around;
        _mode = mode;
        _functions = new FlowGraph?[length];
        _arguments = new int[length];
        _effects = new RegisterEffects[length];
        _webs = new Webs?[length];
        _handed = new Fact[]?[length];
        _callers = new int[length];
        FindFunctions();
        FindArguments();
        FindFacts();
    }

    public IReadOnlyList<FlowGraph> Graphs => _graphs;

    /// <summary>Slots of the whole program.</summary>
    public int Length { get; }

    /// <summary>Slots a call of each function counts for, by where it begins.</summary>
    public int[] Lengths()
    {
        int[] lengths = new int[Length];
        _graphs.ForEach(graph => lengths[graph.Start] = graph.Length);
        return lengths;
    }

    public int LengthOf(int start) => _functions[start]!.Length;

    /// <param name="maxDepth">How deep a tree may grow before a variable takes its value.</param>
    public FunctionBody Build(FlowGraph graph, int maxDepth)
    {
        Webs webs = _webs[graph.Start]!;
        var builder = new StatementBuilder(_code, Length, graph, webs, _around, maxDepth, _callers[graph.Start]);
        return new FunctionBody(graph, webs, Array.ConvertAll(graph.Blocks, builder.Build), _around, _mode, IsEntry(graph.Start));
    }

    /// <summary>The function is where the program begins, and only that.</summary>
    private bool IsEntry(int start) => start == 0 && !_around.Callbacks[0] && !_graphs.Exists(f => Array.Exists(f.Calls, slot => CalledAt(slot) == 0));

    /// <summary>
    /// Facts of the functions, callers before those they call. What helpers may call too, or calls itself round about, knows nothing of its arguments.
    /// </summary>
    private void FindFacts()
    {
        int[] open = new int[Length];
        foreach (int slot in _graphs.SelectMany(graph => graph.Calls))
        {
            open[CalledAt(slot)]++;
        }

        var next = new Queue<FlowGraph>(_graphs.Where(graph => open[graph.Start] == 0));
        while (next.TryDequeue(out FlowGraph? graph))
        {
            int start = graph.Start;
            FindFacts(graph, IsEntry(start) ? [_around.EntryPointer, Fact.Unknown, .. Enumerable.Repeat(new Fact(FactKind.Constant, 0), 3)] : _around.Callbacks[start] ? null : _handed[start]);
            _callers[start] = _around.Callbacks[start] ? 0 : _callers[start];
            foreach (int called in graph.Calls.Select(CalledAt))
            {
                _callers[called] = _callers[called] == 0 ? _callers[start] + 1 : Math.Min(_callers[called], _callers[start] + 1);
                if (--open[called] == 0)
                {
                    next.Enqueue(_functions[called]!);
                }
            }
        }

        foreach (FlowGraph graph in _graphs.Where(graph => _webs[graph.Start] is null))
        {
            FindFacts(graph, arguments: null);
            _callers[graph.Start] = 0;
        }
    }

    private void FindFacts(FlowGraph graph, Fact[]? arguments)
    {
        Webs webs = _webs[graph.Start] = new Webs(_code, Length, graph);
        var facts = new WebFacts(_code, graph, webs, _around);
        facts.Find(arguments ?? [.. Enumerable.Repeat(Fact.Unknown, 5)]);
        if (graph.Calls.Length != 0)
        {
            facts.VisitCalls(Hand);
        }
    }

    private void Hand(int slot, Func<int, Fact> factOf)
    {
        int called = CalledAt(slot);
        Fact[] handed = _handed[called] ??= new Fact[5];
        for (int i = 0; i < handed.Length; i++)
        {
            handed[i] = (_arguments[called] & (1 << (i + 1))) == 0 ? Fact.Unknown : handed[i].Or(factOf(i + 1).Handed());
        }
    }

    private void FindFunctions()
    {
        Add(0);
        for (int slot = 0; slot < Length; slot++)
        {
            if (_around.Callbacks[slot])
            {
                Add(slot);
            }
        }

        for (int i = 0; i < _graphs.Count; i++)
        {
            foreach (int slot in _graphs[i].Calls)
            {
                Add(CalledAt(slot));
            }
        }

        void Add(int start)
        {
            if (_functions[start] is null)
            {
                _graphs.Add(_functions[start] = new FlowGraph(_code, start, _effects));
            }
        }
    }

    private int CalledAt(int slot) => slot + _code[slot].Offset;

    private int ArgumentsAt(int slot) => _code[slot].Op == Op.CallLocal ? _arguments[CalledAt(slot)] : 0;

    private void FindArguments()
    {
        bool changes = true;
        while (changes)
        {
            changes = false;
            foreach (FlowGraph graph in _graphs)
            {
                int reads = graph.FindLive(ArgumentsAt) & RegisterEffects.Arguments;
                changes |= reads != _arguments[graph.Start];
                _arguments[graph.Start] = reads;
            }
        }
    }
}
