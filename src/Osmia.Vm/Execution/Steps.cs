using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>How the interpreter comes to the next instruction; the loop is compiled for each way.</summary>
internal unsafe interface ISteps
{
    /// <returns>The form to do there.</returns>
    static abstract Op Next(ExecutionSlot slot, DecodedInstruction* pc);
}

internal unsafe struct PlainSteps : ISteps
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Op Next(ExecutionSlot slot, DecodedInstruction* pc) => pc->Form;
}

/// <summary>One instruction at a time, and whoever watches the program sees the state before each.</summary>
internal unsafe struct WatchedSteps : ISteps
{
    public static Op Next(ExecutionSlot slot, DecodedInstruction* pc) => slot.Program.Watched(slot, pc);
}
