namespace Osmia.Runtime;

/// <summary>The memory of one ring buffer, in the kernel's layout, and how to wait for it.</summary>
public abstract unsafe class RingBufferMemory : IDisposable
{
    /// <summary>Consumer position in bytes, written by the reader only.</summary>
    public long* ConsumerPosition { get; protected set; }

    /// <summary>Producer position in bytes, written by the producers only.</summary>
    public long* ProducerPosition { get; protected set; }

    public byte* Data { get; protected set; }

    /// <summary>Bytes of the data area, a power of two.</summary>
    public long Size { get; protected set; }

    /// <summary>False when a record never crosses the end of the data area (producers pad), true when the area is mapped twice.</summary>
    public bool IsMappedTwice { get; protected set; }

    public abstract bool Wait(TimeSpan timeout);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>
/// Reads the kernel's ring buffer layout: an 8-byte header (length with a busy and a discard bit, page offset), the record,
/// padding to 8 bytes. One reader serves both engines.
/// </summary>
/// <remarks>
/// Source: Documentation/bpf/ringbuf.rst. Safe although unsafe: positions are masked by the size, and a length that
/// leaves the data area ends the drain, so that a producer gone wrong cannot make the reader leave the mapping.
/// </remarks>
public sealed unsafe class RingBufferReader(string mapName, RingBufferMemory memory) : RecordReader(mapName)
{
    public const uint BusyBit = 1u << 31;
    public const uint DiscardBit = 1u << 30;
    public const int HeaderSize = 8;

    private long _next;

    public override long Lost => 0;

    public override bool Wait(TimeSpan timeout)
    {
        Enter();
        try
        {
            return memory.Wait(timeout);
        }
        finally
        {
            Leave();
        }
    }

    public override int Consume(RecordHandler handler)
    {
        Enter();
        try
        {
            return DrainFromHere(handler);
        }
        finally
        {
            Leave();
        }
    }

    private int DrainFromHere(RecordHandler handler)
    {
        _next = Volatile.Read(ref *memory.ConsumerPosition);
        try
        {
            return Drain(handler);
        }
        finally
        {
            // A handler that throws has had its record.
            Volatile.Write(ref *memory.ConsumerPosition, _next);
        }
    }

    // Apart from the finally clause: a variable that it reads would live in memory, and the loop wait for it at every record.
    private int Drain(RecordHandler handler)
    {
        byte* data = memory.Data;
        long* consumerPosition = memory.ConsumerPosition;

        // Positions are multiples of 8; one that a producer gone wrong wrote is made such.
        long mask = memory.Size - HeaderSize;
        long limit = memory.IsMappedTwice ? memory.Size * 2 : memory.Size;
        long consumer = _next;
        long producer;
        int records = 0;
        while (!IsDisposed && consumer < (producer = Volatile.Read(ref *memory.ProducerPosition)))
        {
            while (consumer < producer && !IsDisposed)
            {
                long position = consumer & mask;
                uint word = Volatile.Read(ref *(uint*)(data + position));
                if ((word & BusyBit) != 0)
                {
                    return records;
                }

                long length = word & ~(BusyBit | DiscardBit);
                if (position + HeaderSize + length > limit)
                {
                    throw Overrun(length, consumer);
                }

                consumer += (HeaderSize + length + 7) & ~7L;
                _next = consumer;
                if ((word & DiscardBit) == 0)
                {
                    records++;
                    handler(new ReadOnlySpan<byte>(data + position + HeaderSize, (int)length), -1);
                }

                // After each record, so that producers get its room back while the next one is handled.
                Volatile.Write(ref *consumerPosition, consumer);
            }
        }

        return records;
    }

    private InvalidDataException Overrun(long length, long position) =>
        new($"ring buffer '{MapName}': a record of {length} bytes at position {position} leaves the buffer of {memory.Size} bytes");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            memory.Dispose();
        }
    }
}
