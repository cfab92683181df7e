using System.Diagnostics.CodeAnalysis;
using System.Reflection.Emit;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Compiles a program to .NET methods, one for each of its functions. In this order: blocks and live registers of all functions (a call
/// reads what its callee reads), webs, facts and widths, statements, IL.
/// </summary>
[RequiresDynamicCode("writes .NET methods at run time")]
internal sealed unsafe class ProgramCompiler
{
    private static readonly Type[] s_parameters = [typeof(ExecutionSlot), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong)];

    private readonly string _name;
    private readonly DecodedInstruction* _code;
    private readonly int _length;
    private readonly ProgramSurroundings _around;
    private readonly CompilationMode _mode;
    private readonly FlowGraph?[] _functions;
    private readonly List<FlowGraph> _graphs = [];
    private readonly int[] _arguments;

    private int _frameBytes;

    private ProgramCompiler(string name, DecodedInstruction* code, int length, ProgramSurroundings around, CompilationMode mode)
    {
        _name = name;
        _code = code;
        _length = length;
        _around = around;
        _mode = mode;
        _functions = new FlowGraph?[length];
        _arguments = new int[length];
    }

    /// <param name="code">Decoded, and kept until nothing runs the result any more.</param>
    /// <param name="reason">Why there is no result.</param>
    public static CompiledFunctions? Compile(string name, DecodedInstruction* code, int length, ProgramSurroundings around, CompilationMode mode, int slots, out string? reason) =>
        new ProgramCompiler(name, code, length, around, mode).Compile(slots, out reason);

    private CompiledFunctions? Compile(int slots, out string? reason)
    {
        FindFunctions();
        FindArguments();
        var methods = new DynamicMethod?[_length];
        foreach (FlowGraph graph in _graphs)
        {
            methods[graph.Start] = new DynamicMethod($"{_name}@{graph.Start}", typeof(ulong), s_parameters, typeof(ExecutionSlot).Module, skipVisibility: true);
        }

        var largest = default(CompiledSize);
        int[] lengths = new int[_length];
        bool needsMachine = false;
        foreach (FlowGraph graph in _graphs)
        {
            lengths[graph.Start] = graph.Length;
            needsMachine |= Emit(graph, methods, out CompiledSize size);
            if (size.Excess is { } excess)
            {
                reason = $"too large to be compiled well: {excess}";
                return null;
            }

            largest = new(Math.Max(largest.Bytes, size.Bytes), Math.Max(largest.Instructions, size.Instructions), Math.Max(largest.Blocks, size.Blocks),
                Math.Max(largest.Locals, size.Locals), Math.Max(largest.LocalReferences, size.LocalReferences));
        }

        reason = null;
        return new CompiledFunctions(methods, slots, largest) { Lengths = lengths, NeedsMachine = needsMachine, FrameBytes = _frameBytes };
    }

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
                _graphs.Add(_functions[start] = new FlowGraph(_code, _length, start));
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

    /// <returns>Whether the function touches more of the machine than registers and the packet.</returns>
    private bool Emit(FlowGraph graph, DynamicMethod?[] methods, out CompiledSize size)
    {
        var webs = new Webs(_code, _length, graph, ArgumentsAt);
        bool isEntry = graph.Start == 0 && !_graphs.Exists(f => Array.Exists(f.Calls, slot => CalledAt(slot) == 0));
        new WebFacts(_code, graph, webs, _around).Find(isEntry);
        var builder = new StatementBuilder(_code, _length, graph, webs, _around, _mode.IsChecked);
        List<Statement>[] blocks = Array.ConvertAll(graph.Blocks, builder.Build);
        var il = new IlWriter(methods[graph.Start]!.GetILGenerator(graph.Length * 16));
        var emitter = new IlEmitter(il, _code, graph, webs, blocks, _around, _mode, start => methods[start]!, start => _functions[start]!.Length);
        emitter.Emit();
        _frameBytes = Math.Max(_frameBytes, graph.Start == 0 ? emitter.FrameBytes : 0);
        size = new(il.Size, il.Instructions, il.Blocks, il.Locals, il.LocalReferences);
        return emitter.NeedsMachine;
    }
}
