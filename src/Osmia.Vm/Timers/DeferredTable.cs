using System.Collections.Concurrent;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Timers;

/// <summary>The timers and work queues of an engine's maps, by where they stand.</summary>
internal sealed class DeferredTable : IDisposable
{
    private readonly ConcurrentDictionary<ulong, DeferredWork> _work = new();
    private long _traps;

    /// <summary>Callbacks that trapped.</summary>
    public long Traps => Volatile.Read(ref _traps);

    public DeferredWork? Find(ulong address) => _work.GetValueOrDefault(address);

    /// <returns>0, -EBUSY when one is there, or -EPERM when the host has given the map up: nobody would end it.</returns>
    public int Add(DeferredWork work)
    {
        if (!_work.TryAdd(work.Address, work))
        {
            work.Dispose();
            return -Errno.Busy;
        }

        work.Map.HasDeferredWork = true;

        // Whoever gives the map up says so before it looks for work: one of the two sees the other.
        Interlocked.MemoryBarrier();
        if (!work.Map.IsGivenUp)
        {
            return 0;
        }

        Forget(work.Map);
        return -Errno.Perm;
    }

    /// <summary>Ends what stands in a value that was deleted or written over.</summary>
    public void Forget(ulong low, ulong length)
    {
        for (ulong address = low; address < low + length; address += sizeof(ulong))
        {
            if (_work.TryRemove(address, out DeferredWork? work))
            {
                work.Dispose();
            }
        }
    }

    public void Forget(VmMap map)
    {
        foreach ((ulong address, DeferredWork work) in _work)
        {
            if (work.Map == map && _work.TryRemove(address, out _))
            {
                work.Dispose();
            }
        }
    }

    public void CountTrap() => Interlocked.Increment(ref _traps);

    public void Dispose()
    {
        foreach ((ulong address, DeferredWork work) in _work)
        {
            _ = _work.TryRemove(address, out _);
            work.Dispose();
        }
    }
}
