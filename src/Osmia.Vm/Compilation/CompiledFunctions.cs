using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

/// <summary>One function of a program, bound to the slot it runs in.</summary>
/// <param name="s">The slot's machine state. Where <see cref="MachineState.ResumeAt"/> is not null afterwards, the interpreter must do the rest.</param>
internal unsafe delegate ulong CompiledFunction(MachineState* s, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5);

/// <summary>The functions of one program, compiled.</summary>
internal abstract class CompiledFunctions(int length, int slots)
{
    private readonly CompiledFunction?[][] _bySlot = new CompiledFunction?[slots][];

    /// <summary>Slots a call of the function counts for in a metered run; 0 of what nothing calls.</summary>
    public required int[] Lengths { get; init; }

    /// <summary>The run must begin with a cleared frame and fresh counters: the program has more than registers.</summary>
    public required bool NeedsMachine { get; init; }

    /// <summary>Bytes of the entry's frame, from the top, that must be cleared before a run.</summary>
    public required int FrameBytes { get; init; }

    /// <summary>The function that begins at a slot of the program, for calls from outside.</summary>
    public CompiledFunction At(int start, ExecutionSlot slot) => _bySlot[slot.Index]?[start] ?? BindOnce(start, slot);

    /// <summary>
    /// Whether the function at a slot may be called. A program may make up the address of one that no instruction takes: such a function is not compiled, and the
    /// entry, when nothing calls it, only as the entry. The interpreter does those.
    /// </summary>
    public bool MayCall(int start) => Lengths[start] != 0;

    /// <summary>Nothing runs it any more.</summary>
    public virtual void Release()
    {
    }

    protected abstract CompiledFunction Bind(int start, ExecutionSlot slot);

    private CompiledFunction BindOnce(int start, ExecutionSlot slot)
    {
        // Only the thread that holds the slot comes here for it.
        CompiledFunction?[] functions = _bySlot[slot.Index] ??= new CompiledFunction?[length];
        return functions[start] = Bind(start, slot);
    }
}

/// <summary>The functions as .NET methods.</summary>
/// <param name="methods">By the slot at which each begins.</param>
internal sealed class MethodFunctions(DynamicMethod?[] methods, int slots, CompiledSize size) : CompiledFunctions(methods.Length, slots)
{
    public CompiledSize Size { get; } = size;

    /// <summary>Has the runtime compile the methods now, on this thread.</summary>
    public void Prepare()
    {
        foreach (DynamicMethod? method in methods)
        {
            if (method is not null)
            {
                RuntimeHelpers.PrepareDelegate(method.CreateDelegate<CompiledFunction>(null));
            }
        }
    }

    protected override CompiledFunction Bind(int start, ExecutionSlot slot) => methods[start]!.CreateDelegate<CompiledFunction>(slot);
}

/// <summary>What a program's largest function takes of the limits of the runtime's compiler.</summary>
internal readonly record struct CompiledSize(int Bytes, int Instructions, int Blocks, int Locals, int LocalReferences)
{
    // Above these, .NET 10 compiles without optimising (jitconfigvalues.h: DEFAULT_MIN_OPTS_*); above 1024 locals some live in memory.
    private const int MaxBytes = 60_000;
    private const int MaxInstructions = 20_000;
    private const int MaxBlocks = 2_000;
    private const int MaxLocals = 1_000;
    private const int MaxLocalReferences = 8_000;

    /// <summary>What is too large for optimised code; null when all fits.</summary>
    public string? Excess =>
        Bytes > MaxBytes ? $"{Bytes} bytes of IL (the limit of optimised code is {MaxBytes})"
        : Instructions > MaxInstructions ? $"{Instructions} IL instructions (the limit of optimised code is {MaxInstructions})"
        : Blocks > MaxBlocks ? $"{Blocks} basic blocks (the limit of optimised code is {MaxBlocks})"
        : Locals > MaxLocals ? $"{Locals} variables (the limit of optimised code is {MaxLocals})"
        : LocalReferences > MaxLocalReferences ? $"{LocalReferences} uses of variables (the limit of optimised code is {MaxLocalReferences})"
        : null;
}
