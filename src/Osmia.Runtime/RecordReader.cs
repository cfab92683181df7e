namespace Osmia.Runtime;

/// <summary>Receives one record. The span is valid only during the call.</summary>
/// <param name="record">The bytes the program wrote.</param>
/// <param name="cpu">The CPU of a perf buffer; -1 for a ring buffer, which has no CPUs.</param>
public delegate void RecordHandler(ReadOnlySpan<byte> record, int cpu);

/// <summary>Consumer of a ring buffer or perf buffer. One thread at a time; no heap allocation per record.</summary>
/// <remarks>
/// Disposing while a call is under way, by another thread or by the handler itself, ends that call soon; the memory goes when it has
/// returned. Later calls throw <see cref="ObjectDisposedException"/>.
/// </remarks>
public abstract class RecordReader(string mapName) : IDisposable
{
    private int _uses = 1;
    private int _isDisposed;

    public string MapName { get; } = mapName;

    /// <summary>Records the buffer itself reported lost (perf buffers); a ring buffer's losses are seen only by the program.</summary>
    public abstract long Lost { get; }

    /// <summary>Hands every record that is there to <paramref name="handler"/>, which may stop by throwing.</summary>
    /// <returns>Records handed over.</returns>
    public abstract int Consume(RecordHandler handler);

    /// <summary>Waits until a record may be there; false after <paramref name="timeout"/>.</summary>
    public abstract bool Wait(TimeSpan timeout);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            Leave();
        }

        GC.SuppressFinalize(this);
    }

    protected bool IsDisposed => Volatile.Read(ref _isDisposed) != 0;

    /// <summary>Keeps the reader's memory until <see cref="Leave"/>.</summary>
    /// <exception cref="ObjectDisposedException">The reader is disposed.</exception>
    protected void Enter()
    {
        int seen = Volatile.Read(ref _uses);
        while (true)
        {
            ObjectDisposedException.ThrowIf(seen == 0 || IsDisposed, this);
            int before = Interlocked.CompareExchange(ref _uses, seen + 1, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }

    protected void Leave()
    {
        if (Interlocked.Decrement(ref _uses) == 0)
        {
            Dispose(disposing: true);
        }
    }

    protected abstract void Dispose(bool disposing);
}
