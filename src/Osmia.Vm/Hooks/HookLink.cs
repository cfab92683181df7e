using System.Diagnostics;
using System.Runtime.InteropServices;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Hooks;

/// <summary>What a program of a hook has done.</summary>
/// <param name="Nanoseconds">Time of all runs together; 0 unless <see cref="HookOptions.MeasuresTime"/>.</param>
public readonly record struct HookStatistics(long Runs, long Nanoseconds, long Traps);

/// <summary>A program attached to a <see cref="Hooks.Hook"/>.</summary>
public sealed class HookLink : Link
{
    private readonly Hook _hook;
    private readonly Counters[] _counters;
    private volatile VmProgram? _program;

    internal HookLink(VmProgram program, HookTarget target)
        : base(program, target)
    {
        _hook = target.Hook;
        Priority = target.Priority;
        _program = program;
        _counters = new Counters[_hook.Engine.Slots.Count];
    }

    public int Priority { get; }

    /// <summary>What runs now: <see cref="Link.Program"/>, or what it was replaced by. Null when the link is detached.</summary>
    public LoadedProgram? Current => _program;

    /// <summary>The trap that stopped it last; null when none did.</summary>
    public TrapException? LastTrap { get; private set; }

    public HookStatistics Statistics
    {
        get
        {
            long runs = 0;
            long ticks = 0;
            long traps = 0;
            for (int i = 0; i < _counters.Length; i++)
            {
                runs += Volatile.Read(ref _counters[i].Runs);
                ticks += Volatile.Read(ref _counters[i].Ticks);
                traps += Volatile.Read(ref _counters[i].Traps);
            }

            return new(runs, (long)(ticks * (1e9 / Stopwatch.Frequency)), traps);
        }
    }

    /// <summary>
    /// Puts another program into the place of this one: each event sees the one or the other, and none sees neither. When it returns, no event runs the
    /// old one any more. The statistics go on.
    /// </summary>
    /// <exception cref="UnsupportedFeatureException">The program is not of the hook's type (OSM6012).</exception>
    public void Replace(LoadedProgram program)
    {
        _hook.Engine.Slots.RefuseInsideRun();
        VmProgram next = _hook.Accept(program);
        VmProgram? before;
        lock (_counters)
        {
            before = _program;
            if (before is null)
            {
                next.Release();
                throw new ObjectDisposedException(nameof(HookLink));
            }

            _program = next;
        }

        _hook.Engine.Slots.WaitForRuns();
        before.Release();
    }

    internal int Run(ExecutionSlot slot, bool isTimed)
    {
        // Never null: detaching waits for the events that may still see the link. Counters are the slot's, which nobody else has.
        VmProgram program = _program!;
        ref Counters counters = ref _counters[slot.Index];
        counters.Runs++;
        if (!isTimed)
        {
            return Run(program, slot, ref counters);
        }

        long start = Stopwatch.GetTimestamp();
        try
        {
            return Run(program, slot, ref counters);
        }
        finally
        {
            counters.Ticks += Stopwatch.GetTimestamp() - start;
        }
    }

    /// <returns>False when the program was stopped.</returns>
    internal bool TryRun(ExecutionSlot slot, bool isTimed, out int result)
    {
        try
        {
            result = Run(slot, isTimed);
            return true;
        }
        catch (TrapException)
        {
            // Counted and kept below.
            result = 0;
            return false;
        }
    }

    private int Run(VmProgram program, ExecutionSlot slot, ref Counters counters)
    {
        try
        {
            return (int)program.RunIn(slot);
        }
        catch (TrapException trap)
        {
            counters.Traps++;
            LastTrap = trap;
            throw;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing || _program is null)
        {
            return;
        }

        _hook.Remove(this);
        VmProgram? last;
        lock (_counters)
        {
            last = _program;
            _program = null;
        }

        last?.Release();
    }

    // A cache line each: slots run on different processors.
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Counters
    {
        public long Runs;
        public long Ticks;
        public long Traps;
    }
}
