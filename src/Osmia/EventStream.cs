using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Runtime;

namespace Osmia;

/// <summary>Records of one buffer as values of <typeparamref name="T"/>, a blittable struct of the record's layout.</summary>
public sealed class EventStream<T>(RecordReader reader) : IDisposable
    where T : unmanaged
{
    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(100);

    /// <summary>Records lost by the buffer, where the buffer itself can know (perf buffers).</summary>
    public long Lost => reader.Lost;

    /// <summary>Records shorter than <typeparamref name="T"/>, which are not handed out.</summary>
    public long TooShort { get; private set; }

    /// <summary>Yields records as they come until <paramref name="cancellation"/> is signalled.</summary>
    public async IAsyncEnumerable<T> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var batch = new List<T>();
        RecordHandler collect = (record, _) =>
        {
            if (record.Length >= Unsafe.SizeOf<T>())
            {
                batch.Add(MemoryMarshal.Read<T>(record));
            }
            else
            {
                TooShort++;
            }
        };
        while (!cancellation.IsCancellationRequested)
        {
            reader.Consume(collect);
            foreach (T record in batch)
            {
                yield return record;
            }

            if (batch.Count == 0)
            {
                await Task.Run(() => reader.Wait(s_wait), CancellationToken.None).ConfigureAwait(false);
            }

            batch.Clear();
        }
    }

    public void Dispose() => reader.Dispose();
}
