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

    public ProgramFunctions(DecodedInstruction* code, int length, ProgramSurroundings around, CompilationMode mode)
    {
        _code = code;
        Length = length;
        _around = around;
        _mode = mode;
        _functions = new FlowGraph?[length];
        _arguments = new int[length];
        _effects = new RegisterEffects[length];
        FindFunctions();
        FindArguments();
    }

    public IReadOnlyList<FlowGraph> Graphs => _graphs;

    /// <summary>Slots of the whole program.</summary>
    public int Length { get; }

    /// <summary>Slots a call of each function counts for, by where it begins; 0 of what nothing calls.</summary>
    public int[] Lengths()
    {
        int[] lengths = new int[Length];
        _graphs.ForEach(graph => lengths[graph.Start] = IsEntryAlone(graph) ? 0 : graph.Length);
        return lengths;
    }

    public int LengthOf(int start) => _functions[start]!.Length;

    /// <param name="maxDepth">How deep a tree may grow before a variable takes its value.</param>
    public FunctionBody Build(FlowGraph graph, int maxDepth)
    {
        var webs = new Webs(_code, Length, graph);
        bool isEntry = IsEntryAlone(graph);
        new WebFacts(_code, graph, webs, _around).Find(isEntry);
        var builder = new StatementBuilder(_code, Length, graph, webs, _around, maxDepth);
        return new FunctionBody(graph, webs, Array.ConvertAll(graph.Blocks, builder.Build), _around, _mode, isEntry);
    }

    private bool IsEntryAlone(FlowGraph graph) => graph.Start == 0 && !_graphs.Exists(f => Array.Exists(f.Calls, slot => CalledAt(slot) == 0));

    private void FindFunctions()
    {
        Add(0);
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

    private int CalledAt(int slot) => _code[slot].Op == Op.CallLocal ? slot + _code[slot].Offset
        : FunctionPointer.TryRead((ulong)_code[slot].Immediate, out int function) ? function
        : throw new InvalidOperationException($"slot {slot} calls nothing");

    private int ArgumentsAt(int slot) => _code[slot].Op == Op.CallLocal ? _arguments[slot + _code[slot].Offset] : 0;

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
