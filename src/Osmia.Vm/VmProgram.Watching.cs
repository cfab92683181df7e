using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm;

/// <summary>Sees the state before an instruction is done.</summary>
/// <param name="at">The instruction's slot in the program.</param>
internal delegate void StepWatcher(ExecutionSlot slot, int at);

// Watching a program instruction by instruction, in the interpreter: each stands aside and the watcher in its place. Programs that
// nobody watches pay nothing.
public sealed unsafe partial class VmProgram
{
    private Op[]? _aside;
    private StepWatcher? _watcher;

    /// <summary>Before the first run, of an engine that interprets.</summary>
    internal void Watch(StepWatcher watcher)
    {
        _watcher = watcher;
        _aside = new Op[Definition.Instructions.Length];
        for (int slot = 0; slot < _aside.Length; slot++)
        {
            _aside[slot] = Code[slot].Op;
            Code[slot].Op = _aside[slot] == Op.Invalid ? Op.Invalid : Op.Watched;
        }
    }

    /// <returns>What the instruction is.</returns>
    internal Op Watched(ExecutionSlot slot, DecodedInstruction* pc)
    {
        int at = (int)(pc - Code);
        _watcher!(slot, at);
        return _aside![at];
    }
}
