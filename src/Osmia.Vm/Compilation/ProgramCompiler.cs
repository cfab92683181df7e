using System.Diagnostics.CodeAnalysis;
using System.Reflection.Emit;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>Compiles a program to .NET methods, one for each of its functions.</summary>
[RequiresDynamicCode("writes .NET methods at run time")]
internal static unsafe class ProgramCompiler
{
    private const int MaxDepth = 12;

    private static readonly Type[] s_parameters = [typeof(ExecutionSlot), typeof(MachineState*), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong), typeof(ulong)];

    public static string NameOf(string program, int function) => $"{program}@{function}";

    /// <param name="code">Decoded, and kept until nothing runs the result any more.</param>
    /// <param name="reason">Why there is no result.</param>
    /// <param name="log">Makes the log of a function's IL, by the slot it begins at.</param>
    public static MethodFunctions? Compile(string name, DecodedInstruction* code, int length, ProgramSurroundings around, CompilationMode mode, int slots, out string? reason,
        Func<int, IlLog>? log = null)
    {
        var functions = new ProgramFunctions(code, length, around, mode);
        var methods = new DynamicMethod?[length];
        foreach (FlowGraph graph in functions.Graphs)
        {
            methods[graph.Start] = new DynamicMethod(NameOf(name, graph.Start), typeof(ulong), s_parameters, typeof(ExecutionSlot).Module, skipVisibility: true);
        }

        var largest = default(CompiledSize);
        bool needsMachine = false;
        int frameBytes = 0;
        foreach (FlowGraph graph in functions.Graphs)
        {
            FunctionBody body = functions.Build(graph, MaxDepth);
            var il = new IlWriter(methods[graph.Start]!.GetILGenerator(graph.Length * 16), log?.Invoke(graph.Start));
            new IlEmitter(il, code, body, start => methods[start]!, functions.LengthOf).Emit();
            CompiledSize size = new(il.Size, il.Instructions, il.Blocks, il.Locals, il.LocalReferences);
            if (size.Excess is { } excess)
            {
                reason = $"too large to be compiled well: {excess}";
                return null;
            }

            needsMachine |= body.NeedsMachine;
            frameBytes = Math.Max(frameBytes, graph.Start == 0 ? body.FrameBytes : 0);
            largest = new(Math.Max(largest.Bytes, size.Bytes), Math.Max(largest.Instructions, size.Instructions), Math.Max(largest.Blocks, size.Blocks),
                Math.Max(largest.Locals, size.Locals), Math.Max(largest.LocalReferences, size.LocalReferences));
        }

        reason = null;
        return new MethodFunctions(methods, slots, largest) { Lengths = functions.Lengths(), NeedsMachine = needsMachine, FrameBytes = frameBytes };
    }
}
