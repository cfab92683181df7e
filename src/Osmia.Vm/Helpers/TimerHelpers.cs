using Osmia.Vm.Execution;
using Osmia.Vm.Maps;
using Osmia.Vm.Timers;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_timer_* and bpf_wq_*: callbacks that run later. The clock of the process has milliseconds.</summary>
internal static unsafe class TimerHelpers
{
    private const int TimerSize = 16;
    private const int Deadlock = 35;

    public static ulong Init(ExecutionSlot slot, ulong* r)
    {
        const ulong Realtime = 0;
        const ulong Monotonic = 1;
        const ulong Boottime = 7;
        (VmMap map, ulong value) = Place(slot, 2);
        return r[3] is not (Realtime or Monotonic or Boottime)
            ? Errno.Negative(Errno.Invalid)
            : (ulong)(long)slot.Engine.Deferred.Add(new DeferredWork(DeferredKind.Timer, map, r[1], value, isWallClock: r[3] == Realtime));
    }

    public static ulong SetCallback(ExecutionSlot slot, ulong* r)
    {
        int function = slot.CallbackArgument(2);
        return Find(slot, DeferredKind.Timer) is { } timer ? (ulong)(long)timer.SetCallback(slot.Program, function) : Errno.Negative(Errno.Invalid);
    }

    public static ulong Start(ExecutionSlot slot, ulong* r)
    {
        const ulong Absolute = 1;
        const ulong PinnedToCpu = 2;
        if (Find(slot, DeferredKind.Timer) is not { } timer || (r[3] & ~(Absolute | PinnedToCpu)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ulong delay = r[2];
        if ((r[3] & Absolute) != 0)
        {
            ulong now = timer.IsWallClock ? HostHelpers.AtomicTime(slot, r) : HostHelpers.MonotonicTime(slot, r);
            delay = delay > now ? delay - now : 0;
        }

        return (ulong)(long)timer.Start(DelayOf(delay));
    }

    public static ulong Cancel(ExecutionSlot slot, ulong* r)
    {
        if (Find(slot, DeferredKind.Timer) is not { } timer)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (timer.RunsOnThisThread)
        {
            return Errno.Negative(Deadlock);
        }

        bool wasArmed = timer.Disarm();
        var spin = new SpinWait();
        while (timer.IsRunning)
        {
            wasArmed = true;
            spin.SpinOnce();
            if (!slot.TryCharge(64))
            {
                slot.Trap(DiagnosticIds.BudgetExhausted, "bpf_timer_cancel: the timer's callback ran until the run's budget was used up", "the callback waits for this run, or does not end");
            }
        }

        return wasArmed ? 1u : 0;
    }

    public static ulong InitWork(ExecutionSlot slot, ulong* r)
    {
        (VmMap map, ulong value) = Place(slot, 2);
        return r[3] != 0 ? Errno.Negative(Errno.Invalid) : (ulong)(long)slot.Engine.Deferred.Add(new DeferredWork(DeferredKind.WorkQueue, map, r[1], value));
    }

    public static ulong SetWork(ExecutionSlot slot, ulong* r)
    {
        int function = slot.CallbackArgument(2);
        return r[3] == 0 && Find(slot, DeferredKind.WorkQueue) is { } work ? (ulong)(long)work.SetCallback(slot.Program, function) : Errno.Negative(Errno.Invalid);
    }

    public static ulong StartWork(ExecutionSlot slot, ulong* r) =>
        r[2] == 0 && Find(slot, DeferredKind.WorkQueue) is { } work ? (ulong)(long)work.Start(TimeSpan.Zero) : Errno.Negative(Errno.Invalid);

    private static DeferredWork? Find(ExecutionSlot slot, DeferredKind kind)
    {
        _ = Place(slot, 0);
        return slot.Engine.Deferred.Find(slot.State->Registers[1]) is { } found && found.Kind == kind ? found : null;
    }

    /// <summary>The map and the value that r1, a bpf_timer or bpf_wq, lies in.</summary>
    /// <param name="mapArgument">Where the program names the map; 0 when it does not.</param>
    private static (VmMap Map, ulong Value) Place(ExecutionSlot slot, int mapArgument)
    {
        ulong address = slot.State->Registers[1];
        if (address % sizeof(ulong) != 0 || !slot.Engine.MapMemory.TryFind(address, slot.Program, out VmMap? map)
            || !map.TryLocate(address, out MapRegion value) || address + TimerSize > value.Low + value.Length || !value.IsWritable || map is not (ArrayMap or HashMap) || map.IsPerCpu || map.IsInFile)
        {
            slot.TrapArgument(1, "is no bpf_timer or bpf_wq in a map value");
            throw new InvalidOperationException();
        }

        if (mapArgument != 0 && slot.MapArgument(mapArgument) != map)
        {
            slot.TrapArgument(mapArgument, $"is another map than '{map.Name}', which holds the timer");
        }

        return (map, value.Low);
    }

    private static TimeSpan DelayOf(ulong nanoseconds)
    {
        const ulong PerMillisecond = 1_000_000;
        const ulong Longest = uint.MaxValue - 1;
        return TimeSpan.FromMilliseconds(Math.Min((nanoseconds / PerMillisecond) + (nanoseconds % PerMillisecond == 0 ? 0u : 1u), Longest));
    }
}
