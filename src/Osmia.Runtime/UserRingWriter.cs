namespace Osmia.Runtime;

/// <summary>
/// The producer of a user ring buffer (BPF_MAP_TYPE_USER_RINGBUF, Linux 6.1): samples that a program drains with
/// <c>bpf_user_ringbuf_drain</c>. One thread at a time.
/// </summary>
/// <remarks>
/// The layout is the ring buffer's with the sides exchanged. Where the data area is not mapped twice, a sample that would cross its end is
/// preceded by a discarded one. Positions are masked: what a consumer gone wrong writes cannot lead out of the area.
/// </remarks>
public sealed unsafe class UserRingWriter(string mapName, RingBufferMemory memory) : IDisposable
{
    private bool _isDisposed;

    public string MapName { get; } = mapName;

    /// <summary>Puts a sample in; false when there is no room for it now.</summary>
    /// <exception cref="ArgumentException">The sample is larger than the buffer.</exception>
    public bool TryWrite(ReadOnlySpan<byte> sample)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        long total = (RingBufferReader.HeaderSize + (long)sample.Length + 7) & ~7L;
        if (total > memory.Size)
        {
            throw new ArgumentException($"user ring buffer '{MapName}': a sample of {sample.Length} bytes does not fit into {memory.Size}", nameof(sample));
        }

        long mask = memory.Size - 1;
        long producer = *memory.ProducerPosition;
        long consumer = Volatile.Read(ref *memory.ConsumerPosition);
        long position = producer & mask;
        long padding = !memory.IsMappedTwice && position + total > memory.Size ? memory.Size - position : 0;
        if (memory.Size - (producer - consumer) < padding + total)
        {
            return false;
        }

        if (padding != 0)
        {
            *(ulong*)(memory.Data + position) = (uint)(padding - RingBufferReader.HeaderSize) | RingBufferReader.DiscardBit;
            producer += padding;
            position = 0;
        }

        byte* header = memory.Data + position;
        sample.CopyTo(new Span<byte>(header + RingBufferReader.HeaderSize, sample.Length));
        *(uint*)(header + 4) = 0;
        Volatile.Write(ref *(uint*)header, (uint)sample.Length);
        Volatile.Write(ref *memory.ProducerPosition, producer + total);
        return true;
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            memory.Dispose();
        }
    }
}
