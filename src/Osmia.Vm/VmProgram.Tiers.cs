using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Osmia.Vm.Compilation;
using Osmia.Vm.Compilation.X64;

namespace Osmia.Vm;

/// <summary>
/// Interpreted at first; compiled in the background to machine code when it has run a few times, and to .NET code when it runs often. Whatever is there
/// when a run begins does it.
/// </summary>
public sealed unsafe partial class VmProgram
{
    /// <summary>Runs before the program is compiled to machine code: enough that a process that lives shortly does not pay for it.</summary>
    private const int RunsToMachineCode = 256;

    /// <summary>Runs in machine code before the program is compiled to .NET code: what that saves is then about what it costs.</summary>
    private const int RunsToDotnetCode = 20_000;

    /// <summary>Runs before a program is compiled to .NET code where there is no machine code.</summary>
    private const int RunsToDotnetCodeAtOnce = 64;

    private const int NotCounted = int.MaxValue;
    private const string NoDynamicCode = "this build of the application has no dynamic code";

    private static readonly string s_notOften = string.Create(CultureInfo.InvariantCulture, $"it has not run {RunsToDotnetCode:N0} times in machine code, after which it is compiled to .NET code");

    // Held while the program is compiled in the background: disposing waits for it, so that nothing is kept afterwards.
    private readonly Lock _compiling = new();

    private volatile CompiledFunctions? _compiled;

    /// <summary>What was swapped out: runs that began with it may still be under way.</summary>
    private CompiledFunctions? _replaced;
    private int _runsLeft = NotCounted;

    /// <summary>What runs the program now: <see cref="VmTier.Interpreter"/>, <see cref="VmTier.Il"/> or <see cref="VmTier.X64"/>.</summary>
    public VmTier Tier => _compiled switch
    {
        null => VmTier.Interpreter,
        NativeFunctions => VmTier.X64,
        _ => VmTier.Il,
    };

    /// <summary>Why the program stays in the interpreter, or why <see cref="VmTier.Auto"/> runs it as machine code; else null.</summary>
    public string? TierReason { get; private set; }

    /// <summary>
    /// Time spent on compiling, in all tiers the program came through. What the runtime's own compiler takes is part of it where that happened in the
    /// background or in <see cref="Prepare"/>; with <see cref="VmTier.Il"/> it happens at the first run otherwise.
    /// </summary>
    public TimeSpan CompileTime { get; private set; }

    /// <summary>Has the runtime compile now what it would compile at the first run (<see cref="VmTier.Il"/>): that run is then as fast as the others.</summary>
    public void Prepare()
    {
        Execution.ExecutionSlot slot = _engine.Slots.Lease();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_compiled is MethodFunctions methods)
            {
                long start = Stopwatch.GetTimestamp();
                methods.Prepare();
                CompileTime += Stopwatch.GetElapsedTime(start);
            }
        }
        finally
        {
            slot.Return();
        }
    }

    internal CompiledFunctions? Compiled => _compiled;

    private void ChooseTier()
    {
        switch (_engine.Options.Tier)
        {
            case VmTier.Interpreter:
                TierReason = "the engine was told to interpret";
                break;
            case VmTier.Il:
                CompileToMethods(isInBackground: false);
                break;
            case VmTier.X64:
                CompileToMachineCode();
                break;
            default:
                _runsLeft = ExecutableMemory.IsSupported ? RunsToMachineCode : RunsToDotnetCodeAtOnce;
                break;
        }
    }

    /// <summary>Counts runs that are about to begin.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountRuns(int runs)
    {
        int left = _runsLeft;
        if (left != NotCounted)
        {
            CountRuns(runs, left);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountRuns(int runs, int left)
    {
        // Of runs that several threads count at once some are lost; it does not matter.
        int rest = left - Math.Min(runs, left);
        if (Interlocked.CompareExchange(ref _runsLeft, rest == 0 ? NotCounted : rest, left) == left && rest == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static program => program.CompileInBackground(), this, preferLocal: false);
        }
    }

    private void CompileInBackground()
    {
        lock (_compiling)
        {
            if (_isDisposed)
            {
                return;
            }

            if (_compiled is not null || !ExecutableMemory.IsSupported)
            {
                CompileToMethods(isInBackground: true);
                return;
            }

            CompileToMachineCode();
            if (_compiled is null)
            {
                // The system forbids it.
                CompileToMethods(isInBackground: true);
                return;
            }

            if (!RuntimeFeature.IsDynamicCodeCompiled)
            {
                TierReason = NoDynamicCode;
                return;
            }

            TierReason = s_notOften;
            Volatile.Write(ref _runsLeft, RunsToDotnetCode);
        }
    }

    private void CompileToMethods(bool isInBackground)
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled)
        {
            TierReason = NoDynamicCode;
            return;
        }

        long start = Stopwatch.GetTimestamp();
        MethodFunctions? compiled = ProgramCompiler.Compile(Name, Code, Definition.Instructions.Length, Surroundings(), CompilationMode(), _engine.Slots.Count, out string? reason);
        if (isInBackground)
        {
            compiled?.Prepare();
        }

        SwapIn(compiled, reason, start);
    }

    private void CompileToMachineCode()
    {
        long start = Stopwatch.GetTimestamp();
        NativeFunctions? compiled = NativeCompiler.Compile(Code, Definition.Instructions.Length, Surroundings(), CompilationMode(), _engine.Slots.Count, out string? reason);
        SwapIn(compiled, reason, start);
    }

    private void SwapIn(CompiledFunctions? compiled, string? reason, long start)
    {
        CompileTime += Stopwatch.GetElapsedTime(start);
        TierReason = reason;
        if (compiled is not null)
        {
            _replaced = _compiled;
            _compiled = compiled;
        }
    }

    private ProgramSurroundings Surroundings() => new(Kind, ContextLayout, ContextUsers, _maps, _proof?.Facts, _callbacks, countsBytes: Mode == VmMode.Metered);

    private CompilationMode CompilationMode() => new(Mode == VmMode.Metered);
}
