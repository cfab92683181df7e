using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Osmia.Vm.Execution;

/// <summary>
/// How long a run may last. It is handed instructions in portions; whenever one is used up it asks for more, and only then are
/// the rest of the budget, the clock and a request to stop looked at.
/// </summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const long Portion = 1 << 20;
    public const long Unlimited = long.MaxValue / 4;

    private long _deadline;

    /// <summary>Asks the run under way to stop; called from any thread.</summary>
    public void Cancel() => Volatile.Write(ref State->Cancel, 1);

    public void AllowToRun() => Volatile.Write(ref State->Cancel, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StartBudget(MachineState* s)
    {
        long total = Engine.InstructionBudget;
        long first = Math.Min(total, Portion);
        s->Budget = first;
        s->Reserve = total - first;
        if (Engine.TimeBudget != 0)
        {
            _deadline = Stopwatch.GetTimestamp() + Engine.TimeBudget;
        }
    }

    /// <returns>The new portion, which is also <see cref="MachineState.Budget"/>.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Refuel(MachineState* s)
    {
        if (Volatile.Read(ref s->Cancel) != 0)
        {
            Trap(DiagnosticIds.Cancelled, "the run was cancelled", "its CancellationToken was cancelled while it was under way");
        }

        if (Engine.TimeBudget != 0 && Stopwatch.GetTimestamp() > _deadline)
        {
            Trap(DiagnosticIds.BudgetExhausted, $"the run took longer than {Engine.Options.TimeBudget}", "a loop may have no end", "raise VmOptions.TimeBudget if the program needs more");
        }

        if (!TryRefuel(s))
        {
            ThrowBudgetExhausted();
        }

        return s->Budget;
    }

    private static bool TryRefuel(MachineState* s)
    {
        long total = s->Budget + s->Reserve;
        if (total < 0)
        {
            return false;
        }

        s->Budget = Math.Min(total, Portion);
        s->Reserve = total - s->Budget;
        return true;
    }
}
