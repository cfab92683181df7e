using System.Diagnostics;
using System.Runtime.CompilerServices;
using Osmia.Vm.Compilation;

namespace Osmia.Vm;

/// <summary>Interpreted at first, compiled in the background when it runs often, swapped between two runs.</summary>
public sealed unsafe partial class VmProgram
{
    /// <summary>Runs after which the interpreter has cost about as much as compiling would.</summary>
    private const int RunsToCompile = 64;

    private volatile CompiledFunctions? _compiled;
    private int _runsLeft = int.MaxValue;

    /// <summary>What runs the program now: <see cref="VmTier.Interpreter"/> or <see cref="VmTier.Il"/>.</summary>
    public VmTier Tier => _compiled is null ? VmTier.Interpreter : VmTier.Il;

    /// <summary>Why the program stays in the interpreter; null when it does not, or may still be compiled.</summary>
    public string? TierReason { get; private set; }

    /// <summary>Time spent on compiling, without what the runtime's own compiler takes at the first run.</summary>
    public TimeSpan CompileTime { get; private set; }

    internal CompiledFunctions? Compiled => _compiled;

    private void ChooseTier()
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled)
        {
            TierReason = "this build of the application has no dynamic code";
            return;
        }

        switch (_engine.Options.Tier)
        {
            case VmTier.Interpreter:
                TierReason = "the engine was told to interpret";
                break;
            case VmTier.Il:
                Compile();
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
            if (!_isDisposed && RuntimeFeature.IsDynamicCodeCompiled)
            {
                Compile();
            }
        }
        finally
        {
            Release();
        }
    }

    [System.Diagnostics.CodeAnalysis.RequiresDynamicCode("compiles the program to .NET code")]
    private void Compile()
    {
        long start = Stopwatch.GetTimestamp();
        var around = new ProgramSurroundings(Kind, ContextLayout, ContextUsers, _maps);
        var mode = new CompilationMode(!_engine.Options.TrustsPrograms, _engine.Options.Mode == VmMode.Metered);
        CompiledFunctions? compiled = ProgramCompiler.Compile(Name, Code, Definition.Instructions.Length, around, mode, _engine.Slots.Count, out string? reason);
        CompileTime = Stopwatch.GetElapsedTime(start);
        TierReason = reason;
        _compiled = compiled;
    }
}
