namespace Osmia.Vm.Execution;

/// <summary>bpf_res_spin_lock: locks that fail instead of waiting for ever, and of which a run may hold several.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const int MaxResilientLocks = 31;
    private const int Deadlock = 35;
    private const int TimedOut = 110;
    private const int PatienceInSpins = 100_000;

    private readonly ulong[] _resilient = new ulong[MaxResilientLocks];
    private int _resilientCount;

    /// <returns>0, -EDEADLK for a lock the run holds already, or -ETIMEDOUT when it stayed taken.</returns>
    internal int AcquireResilient(int* word)
    {
        if (Array.IndexOf(_resilient, (ulong)word, 0, _resilientCount) >= 0)
        {
            return -Deadlock;
        }

        if (_resilientCount == MaxResilientLocks)
        {
            return -TimedOut;
        }

        var spin = new SpinWait();
        for (int spins = 0; Interlocked.CompareExchange(ref *word, 1, 0) != 0; spins++)
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (spins > PatienceInSpins || !TryCharge(64))
            {
                return -TimedOut;
            }
        }

        _resilient[_resilientCount++] = (ulong)word;
        return 0;
    }

    internal bool TryReleaseResilient(int* word)
    {
        int at = Array.IndexOf(_resilient, (ulong)word, 0, _resilientCount);
        if (at < 0)
        {
            return false;
        }

        _resilient[at] = _resilient[--_resilientCount];
        Volatile.Write(ref *word, 0);
        return true;
    }

    private void ReleaseResilient()
    {
        while (_resilientCount > 0)
        {
            Volatile.Write(ref *(int*)_resilient[--_resilientCount], 0);
        }
    }
}
