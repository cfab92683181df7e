using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>
/// How long a run may last. It is handed instructions in portions; whenever one is used up it asks for more, and only then are
/// the rest of the budget and a request to stop looked at.
/// </summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const long Portion = 1 << 20;
    public const long Unlimited = long.MaxValue / 4;

    private const long CancelledByToken = -1;
    private const long OutOfTime = -2;

    /// <summary>Asks the run under way to stop; called from any thread.</summary>
    public void Cancel() => Volatile.Write(ref State->Cancel, CancelledByToken);

    /// <summary>The same, because its time is over; a request that is there already stays.</summary>
    public void EndTime() => Interlocked.CompareExchange(ref State->Cancel, OutOfTime, 0);

    public void AllowToRun() => Volatile.Write(ref State->Cancel, 0);

    /// <summary>The time was that of one program of several: the next one has its own, and a request by a token is for all.</summary>
    public void ForgetTime() => Interlocked.CompareExchange(ref State->Cancel, 0, OutOfTime);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StartBudget(MachineState* s)
    {
        long total = Engine.InstructionBudget;
        long first = Math.Min(total, Portion);
        s->Budget = first;
        s->Reserve = total - first;
    }

    /// <summary>Compiled code looks at a request to stop whenever it counts: it needs no portions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void StartWholeBudget(MachineState* s)
    {
        s->Budget = Engine.InstructionBudget;
        s->Reserve = 0;
    }

    /// <summary>The interpreter in place of compiled code, which has its budget whole: it would not see a request to stop before that is used up.</summary>
    private ulong ExecuteInPortions(DecodedInstruction* at)
    {
        MachineState* s = State;
        bool isWhole = s->Reserve == 0;
        if (isWhole)
        {
            s->Reserve = Math.Max(0, s->Budget - Portion);
            s->Budget -= s->Reserve;
        }

        ulong result = Execute(at);
        if (isWhole)
        {
            s->Budget += s->Reserve;
            s->Reserve = 0;
        }

        return result;
    }

    /// <returns>The new portion, which is also <see cref="MachineState.Budget"/>.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Refuel(MachineState* s)
    {
        long cancel = Volatile.Read(ref s->Cancel);
        if (cancel == OutOfTime)
        {
            Trap(DiagnosticIds.BudgetExhausted, $"the run took longer than {Engine.Options.TimeBudget}", "a loop may have no end", "raise VmOptions.TimeBudget if the program needs more");
        }

        if (cancel != 0)
        {
            Trap(DiagnosticIds.Cancelled, "the run was cancelled", "its CancellationToken was cancelled while it was under way");
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
