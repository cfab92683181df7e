using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm;

/// <summary>Callbacks of timers and work queues: runs that nobody called.</summary>
public sealed unsafe partial class VmProgram
{
    /// <summary>Runs a function with the map, the key and the value its timer stands in. What traps is counted and told; the process goes on.</summary>
    internal void RunDeferred(int function, VmMap map, ulong value, ulong timer)
    {
        if (!map.TryAcquire())
        {
            return;
        }

        ExecutionSlot slot;
        try
        {
            slot = _engine.Slots.Lease();
        }
        catch (ObjectDisposedException)
        {
            // The engine went away while the callback was due.
            map.Release();
            return;
        }

        RunClock clock = default;
        try
        {
            if (_engine.Options is { TimeBudget: { } time, Mode: VmMode.Metered })
            {
                clock = RunClock.Start(slot, time);
            }

            slot.RunDeferred(this, function, map, value);
        }
        catch (TrapException trap)
        {
            _engine.Deferred.CountTrap();
            _engine.Options.DeferredTrap?.Invoke(trap);
        }
        finally
        {
            clock.Dispose();
            slot.AllowToRun();
            slot.Return();
            map.Release();
        }
    }
}
