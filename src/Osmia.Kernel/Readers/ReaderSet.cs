using System.Runtime.CompilerServices;
using Osmia.Kernel.Maps;
using Osmia.Runtime;

namespace Osmia.Kernel.Readers;

/// <summary>
/// Several buffers in one loop of one thread: one wait for all of them, then each is drained. With an interval the loop sleeps and drains by the clock, and
/// programs need wake nobody (BPF_RB_NO_WAKEUP): fewer system calls, records that come later.
/// </summary>
public sealed class ReaderSet : IDisposable
{
    private readonly List<(RecordReader Reader, RecordHandler Handler)> _readers = [];
    private readonly EpollSet _epoll = new("reader set");

    /// <summary>Records the buffers reported lost, of all.</summary>
    public long Lost => _readers.Sum(entry => entry.Reader.Lost);

    /// <summary>Opens a map's reader; the set owns it from then on.</summary>
    public RecordReader Add(KernelMap map, RecordHandler handler)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(handler);
        RecordReader reader = map.OpenReader();
        _readers.Add((reader, handler));
        if (reader is PerfBufferReader perf)
        {
            perf.WatchedBy(_epoll);
        }
        else
        {
            _epoll.Add(map.Handle);
        }

        return reader;
    }

    /// <summary>Drains every buffer once, in the order they were added.</summary>
    /// <returns>Records handed over.</returns>
    public int Consume()
    {
        int records = 0;
        foreach ((RecordReader reader, RecordHandler handler) in _readers)
        {
            records += reader.Consume(handler);
        }

        return records;
    }

    /// <summary>Waits until one of the buffers may hold a record, then drains all; 0 after <paramref name="timeout"/>.</summary>
    public int Poll(TimeSpan timeout)
    {
        int records = Consume();
        return records > 0 || !_epoll.Wait(timeout) ? records : Consume();
    }

    /// <summary>Drains until <paramref name="cancellation"/> is signalled, then once more.</summary>
    /// <param name="interval">Null: as soon as there is something (low latency). Else every so often, without waiting for wake-ups (batches).</param>
    /// <returns>Records handed over.</returns>
    public async Task<long> RunAsync(TimeSpan? interval = null, CancellationToken cancellation = default)
    {
        TimeSpan look = TimeSpan.FromMilliseconds(100);
        long records = 0;
        while (!cancellation.IsCancellationRequested)
        {
            if (interval is { } pause)
            {
                records += Consume();
                await Task.Delay(pause, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            else
            {
                records += await Task.Run(() => Poll(look), CancellationToken.None).ConfigureAwait(false);
            }
        }

        return records + Consume();
    }

    /// <summary>Records of one map as arrays of their own, as they come, until <paramref name="cancellation"/> is signalled.</summary>
    public static async IAsyncEnumerable<byte[]> ReadAllAsync(KernelMap map, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(map);
        using RecordReader reader = map.OpenReader();
        var batch = new Queue<byte[]>();
        RecordHandler keep = (record, _) => batch.Enqueue(record.ToArray());
        while (!cancellation.IsCancellationRequested)
        {
            reader.Consume(keep);
            while (batch.TryDequeue(out byte[]? record))
            {
                yield return record;
            }

            await Task.Run(() => reader.Wait(TimeSpan.FromMilliseconds(100)), CancellationToken.None).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        foreach ((RecordReader reader, RecordHandler _) in _readers)
        {
            reader.Dispose();
        }

        _epoll.Dispose();
    }
}
