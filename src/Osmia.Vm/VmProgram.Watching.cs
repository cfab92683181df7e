using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm;

/// <summary>Sees the state before an instruction is done.</summary>
/// <param name="at">The instruction's slot in the program.</param>
internal delegate void StepWatcher(ExecutionSlot slot, int at);

// Watching a program instruction by instruction, in the interpreter. Engines whose programs nobody watches pay nothing.
public sealed unsafe partial class VmProgram
{
    private StepWatcher? _watcher;

    /// <summary>Before the first run, of an engine that interprets.</summary>
    internal void Watch(StepWatcher watcher)
    {
        _watcher = watcher;
        _engine.IsWatched = true;
    }

    /// <returns>What the instruction is.</returns>
    internal Op Watched(ExecutionSlot slot, DecodedInstruction* pc)
    {
        _watcher?.Invoke(slot, (int)(pc - Code));
        return pc->Op;
    }
}
