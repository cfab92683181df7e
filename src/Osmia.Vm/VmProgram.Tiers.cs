using System.Diagnostics;
using System.Runtime.CompilerServices;
using Osmia.Vm.Compilation;
using Osmia.Vm.Compilation.X64;

namespace Osmia.Vm;

/// <summary>Interpreted at first, compiled in the background when it runs often, swapped between two runs.</summary>
public sealed unsafe partial class VmProgram
{
    /// <summary>Runs after which the interpreter has cost about as much as compiling would.</summary>
    private const int RunsToCompile = 64;

    private volatile CompiledFunctions? _compiled;
    private int _runsLeft = int.MaxValue;

    /// <summary>What runs the program now: <see cref="VmTier.Interpreter"/>, <see cref="VmTier.Il"/> or <see cref="VmTier.X64"/>.</summary>
    public VmTier Tier => _compiled switch
    {
        null => VmTier.Interpreter,
        NativeFunctions => VmTier.X64,
        _ => VmTier.Il,
    };

    /// <summary>Why the program stays in the interpreter, or why <see cref="VmTier.Auto"/> came to machine code; else null.</summary>
    public string? TierReason { get; private set; }

    /// <summary>Time spent on compiling, without what the runtime's own compiler takes at the first run.</summary>
    public TimeSpan CompileTime { get; private set; }

    internal CompiledFunctions? Compiled => _compiled;

    private void ChooseTier()
    {
        switch (_engine.Options.Tier)
        {
            case VmTier.Interpreter:
                TierReason = "the engine was told to interpret";
                break;
            case VmTier.Il:
                Compile(usesIl: true, usesMachineCode: false);
                break;
            case VmTier.X64:
                Compile(usesIl: false, usesMachineCode: true);
                break;
            default:
                _runsLeft = RunsToCompile;
                break;
        }
    }

    private void CountRuns(int repeat)
    {
        if (_runsLeft == int.MaxValue)
        {
            return;
        }

        // Runs in several threads may count as one; it does not matter.
        int left = _runsLeft -= Math.Min(repeat, RunsToCompile);
        if (left <= 0 && TryAcquire())
        {
            if (Interlocked.Exchange(ref _runsLeft, int.MaxValue) == int.MaxValue)
            {
                Release();
                return;
            }

            ThreadPool.UnsafeQueueUserWorkItem(static program => program.CompileInBackground(), this, preferLocal: false);
        }
    }

    private void CompileInBackground()
    {
        try
        {
            if (!_isDisposed)
            {
                Compile(usesIl: true, usesMachineCode: true);
            }
        }
        finally
        {
            Release();
        }
    }

    private void Compile(bool usesIl, bool usesMachineCode)
    {
        long start = Stopwatch.GetTimestamp();
        ProgramSurroundings around = Surroundings();
        CompilationMode mode = CompilationMode();
        int length = Definition.Instructions.Length;
        CompiledFunctions? compiled = null;
        string? reason = null;
        if (usesIl)
        {
            if (RuntimeFeature.IsDynamicCodeCompiled)
            {
                compiled = ProgramCompiler.Compile(Name, Code, length, around, mode, _engine.Slots.Count, out reason);
            }
            else
            {
                reason = "this build of the application has no dynamic code";
            }
        }

        if (compiled is null && usesMachineCode)
        {
            compiled = NativeCompiler.Compile(Code, length, around, mode, _engine.Slots.Count, out string? other);
            reason = other ?? reason;
        }

        CompileTime = Stopwatch.GetElapsedTime(start);
        TierReason = reason;
        _compiled = compiled;
    }

    private ProgramSurroundings Surroundings() => new(Kind, ContextLayout, ContextUsers, _maps, _proof?.Facts);

    private CompilationMode CompilationMode() => new(!_engine.Options.TrustsPrograms, Mode == VmMode.Metered);
}
