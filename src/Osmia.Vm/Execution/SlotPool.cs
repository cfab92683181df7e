namespace Osmia.Vm.Execution;

/// <summary>The engine's execution slots. A run leases one; waiting for runs to end is waiting for leases.</summary>
internal sealed class SlotPool : IDisposable
{
    [ThreadStatic]
    private static int t_lastIndex;

    private readonly ExecutionSlot[] _slots;
    private volatile bool _isDisposed;

    public SlotPool(VmEngine engine, int count)
    {
        _slots = new ExecutionSlot[count];
        for (int i = 0; i < count; i++)
        {
            _slots[i] = new ExecutionSlot(engine, i);
        }
    }

    public int Count => _slots.Length;

    /// <summary>A thread gets the slot it had last when that is free, so that a single thread always runs on one CPU.</summary>
    public ExecutionSlot Lease()
    {
        var spin = new SpinWait();
        while (true)
        {
            int start = t_lastIndex;
            for (int i = 0; i < _slots.Length; i++)
            {
                int index = start + i;
                index = index >= _slots.Length ? index % _slots.Length : index;
                ExecutionSlot slot = _slots[index];
                if (slot.TryLease())
                {
                    if (_isDisposed)
                    {
                        slot.Return();
                        throw new ObjectDisposedException(nameof(VmEngine));
                    }

                    t_lastIndex = index;
                    return slot;
                }
            }

            if (IsHeldByThisThread())
            {
                throw new NoSlotException(
                    $"a run started inside another run needs an execution slot of its own, and all {_slots.Length} are taken; raise VmOptions.Slots");
            }

            spin.SpinOnce();
        }
    }

    /// <summary>Called before anything is given up: a run cannot wait for its own end.</summary>
    public void RefuseInsideRun()
    {
        if (IsHeldByThisThread())
        {
            throw new InvalidOperationException("an engine, program or map cannot be disposed from inside a run of the same engine");
        }
    }

    /// <summary>Returns when every run that was under way at the call has ended.</summary>
    public void WaitForRuns()
    {
        Interlocked.MemoryBarrier();
        RefuseInsideRun();
        foreach (ExecutionSlot slot in _slots)
        {
            long lease = slot.LeaseCount;
            var spin = new SpinWait();
            while (slot.IsLeased && slot.LeaseCount == lease)
            {
                spin.SpinOnce();
            }
        }
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        RefuseInsideRun();
        _isDisposed = true;
        WaitForRuns();
        foreach (ExecutionSlot slot in _slots)
        {
            slot.Dispose();
        }
    }

    private bool IsHeldByThisThread()
    {
        int thread = Environment.CurrentManagedThreadId;
        foreach (ExecutionSlot slot in _slots)
        {
            if (slot.IsLeased && slot.OwnerThread == thread)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>A thread that is inside a run asked for a slot, and none is free: it would wait for itself.</summary>
internal sealed class NoSlotException(string message) : InvalidOperationException(message);
