using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Timers;

/// <summary>Which of the two a map value holds: they are no substitute for each other.</summary>
internal enum DeferredKind
{
    Timer,
    WorkQueue,
}

/// <summary>One bpf_timer or bpf_wq that a program initialised: a callback of a program that runs later, on a thread of the pool.</summary>
/// <remarks>
/// States follow each other under the lock. A callback that is due asks under it whether it still may run; whoever cancels waits for one that
/// does. Memory of the value is never given back while its map lives, so a callback under way may use it.
/// </remarks>
internal sealed class DeferredWork : IDisposable
{
    private const long Never = -1;

    private readonly Lock _gate = new();
    private readonly Timer _clock;
    private readonly ulong _value;
    private VmProgram? _program;
    private int _function;
    private bool _isArmed;
    private bool _isForgotten;
    private int _runningThread;

    public DeferredWork(DeferredKind kind, VmMap map, ulong address, ulong value, bool isWallClock = false)
    {
        Kind = kind;
        IsWallClock = isWallClock;
        Map = map;
        Address = address;
        _value = value;
        _clock = new Timer(static work => ((DeferredWork)work!).Fire(), this, Never, Never);
    }

    public DeferredKind Kind { get; }

    /// <summary>Absolute times are those of CLOCK_REALTIME.</summary>
    public bool IsWallClock { get; }

    public VmMap Map { get; }

    /// <summary>Where the bpf_timer stands.</summary>
    public ulong Address { get; }

    public bool RunsOnThisThread => Volatile.Read(ref _runningThread) == Environment.CurrentManagedThreadId;

    public bool IsRunning => Volatile.Read(ref _runningThread) != 0;

    /// <returns>0 or a negative error number.</returns>
    public int SetCallback(VmProgram program, int function)
    {
        VmProgram? old;
        lock (_gate)
        {
            if (_isForgotten || !program.TryAcquire())
            {
                return -Errno.Perm;
            }

            old = _program;
            _program = program;
            _function = function;
        }

        ReleaseLater(old);
        return 0;
    }

    /// <returns>0, or -EINVAL without a callback.</returns>
    public int Start(TimeSpan delay)
    {
        lock (_gate)
        {
            if (_program is null || _isForgotten)
            {
                return -Errno.Invalid;
            }

            _isArmed = true;
            _clock.Change(delay, Timeout.InfiniteTimeSpan);
            return 0;
        }
    }

    /// <summary>It will not run, and as in the kernel it needs a callback before it is started again.</summary>
    /// <returns>Whether it was going to run.</returns>
    public bool Disarm()
    {
        VmProgram? program;
        bool wasArmed;
        lock (_gate)
        {
            wasArmed = _isArmed;
            _isArmed = false;
            program = _program;
            _program = null;
            if (!_isForgotten)
            {
                _clock.Change(Never, Never);
            }
        }

        ReleaseLater(program);
        return wasArmed;
    }

    /// <summary>It never runs again; one under way ends by itself.</summary>
    public void Dispose()
    {
        VmProgram? program;
        lock (_gate)
        {
            _isForgotten = true;
            _isArmed = false;
            program = _program;
            _program = null;
        }

        _clock.Dispose();
        ReleaseLater(program);
    }

    private void Fire()
    {
        VmProgram? program;
        int function;
        lock (_gate)
        {
            program = _program;
            function = _function;
            if (!_isArmed || program is null || !program.TryAcquire())
            {
                return;
            }

            _isArmed = false;
        }

        // One at a time: a callback that started itself again with no delay waits for its own end.
        var spin = new SpinWait();
        while (Interlocked.CompareExchange(ref _runningThread, Environment.CurrentManagedThreadId, 0) != 0)
        {
            spin.SpinOnce();
        }

        try
        {
            program.RunDeferred(function, Map, _value, Address);
        }
        finally
        {
            Volatile.Write(ref _runningThread, 0);
            program.Release();
        }
    }

    // A program is freed when no run is under way; this may be called from inside one.
    private static void ReleaseLater(VmProgram? program)
    {
        if (program is not null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static p => p.Release(), program, preferLocal: false);
        }
    }
}
