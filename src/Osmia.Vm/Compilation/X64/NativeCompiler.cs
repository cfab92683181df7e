using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation.X64;

/// <summary>Compiles a program to machine code: all its functions in one piece, behind the way in from managed code.</summary>
internal static unsafe class NativeCompiler
{
    /// <summary>How deep a tree may grow before a variable takes its value.</summary>
    public const int MaxDepth = 7;

    /// <param name="code">Decoded, and kept until nothing runs the result any more.</param>
    /// <param name="reason">Why there is no result.</param>
    public static NativeFunctions? Compile(DecodedInstruction* code, int length, ProgramSurroundings around, CompilationMode mode, int slots, out string? reason)
    {
        if (!ExecutableMemory.IsSupported)
        {
            reason = "machine code is written for x86-64 with the System V calling convention only";
            return null;
        }

        reason = null;
        var functions = new ProgramFunctions(code, length, around, mode);
        var assembler = new X64Assembler();
        WriteWayIn(assembler);
        var labels = new CodeLabel?[functions.Length];
        foreach (FlowGraph graph in functions.Graphs)
        {
            labels[graph.Start] = assembler.Label();
        }

        List<CodeMark> marks = [new(0, CompiledPiece.Frame, false)];
        bool needsMachine = false;
        int frameBytes = 0;
        foreach (FlowGraph graph in functions.Graphs)
        {
            FunctionBody body = functions.Build(graph, MaxDepth);
            assembler.Place(labels[graph.Start]!.Value);
            new X64Emitter(assembler, code, body, start => labels[start]!.Value, functions.LengthOf, marks).Emit();
            needsMachine |= body.NeedsMachine;
            frameBytes = Math.Max(frameBytes, graph.Start == 0 ? body.FrameBytes : 0);
        }

        assembler.Finish();
        int[] offsets = Array.ConvertAll(labels, label => label is { } placed ? assembler.OffsetOf(placed) : NativeFunctions.NoFunction);
        ExecutableMemory memory;
        try
        {
            memory = new ExecutableMemory(assembler.Code);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            reason = $"the system gives no memory for machine code: {e.Message}";
            return null;
        }

        return new NativeFunctions(memory, offsets, [.. marks], slots) { Lengths = functions.Lengths(), NeedsMachine = needsMachine, FrameBytes = frameBytes };
    }

    // ulong (MachineState*, function): the arguments are in the state. Functions keep what the caller owns, but for r15.
    private static void WriteWayIn(X64Assembler assembler)
    {
        assembler.Push(X64Emitter.State);
        assembler.Move(X64Emitter.State, Reg.Rdi);
        assembler.Call(Reg.Rsi);
        assembler.Pop(X64Emitter.State);
        assembler.Return();
    }
}
