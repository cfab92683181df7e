using System.Runtime.InteropServices;

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

    /// <summary>Samples that found no room.</summary>
    public long Full { get; private set; }

    /// <summary>Puts a sample in; false, and counted in <see cref="Full"/>, when there is no room for it now.</summary>
    /// <exception cref="ArgumentException">The sample is larger than the buffer.</exception>
    public bool TryWrite(ReadOnlySpan<byte> sample)
    {
        if (!TryReserve(sample.Length, out Span<byte> place))
        {
            return false;
        }

        sample.CopyTo(place);
        Submit(place);
        return true;
    }

    /// <summary>Room for a sample, to be filled and then submitted or discarded; the program stops at it until then. One at a time.</summary>
    /// <returns>False, and counted in <see cref="Full"/>, when there is no room for it now.</returns>
    /// <exception cref="ArgumentException">No buffer of that size holds such a sample.</exception>
    public bool TryReserve(int length, out Span<byte> place)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        long total = (RingBufferReader.HeaderSize + (long)length + 7) & ~7L;
        if (total > memory.Size)
        {
            throw new ArgumentException($"user ring buffer '{MapName}': a sample of {length} bytes does not fit into {memory.Size}", nameof(length));
        }

        long mask = memory.Size - 1;
        long producer = *memory.ProducerPosition;
        long consumer = Volatile.Read(ref *memory.ConsumerPosition);
        long position = producer & mask;
        long padding = !memory.IsMappedTwice && position + total > memory.Size ? memory.Size - position : 0;
        place = default;
        if (memory.Size - (producer - consumer) < padding + total)
        {
            Full++;
            return false;
        }

        if (padding != 0)
        {
            *(ulong*)(memory.Data + position) = (uint)(padding - RingBufferReader.HeaderSize) | RingBufferReader.DiscardBit;
            producer += padding;
            position = 0;
        }

        byte* header = memory.Data + position;
        *(uint*)(header + 4) = 0;
        Volatile.Write(ref *(uint*)header, (uint)length | RingBufferReader.BusyBit);
        Volatile.Write(ref *memory.ProducerPosition, producer + total);
        place = new Span<byte>(header + RingBufferReader.HeaderSize, length);
        return true;
    }

    /// <summary>Hands over what <see cref="TryReserve"/> gave.</summary>
    public void Submit(Span<byte> reserved) => Commit(reserved, 0);

    /// <summary>The program will not see the sample.</summary>
    public void Discard(Span<byte> reserved) => Commit(reserved, RingBufferReader.DiscardBit);

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            memory.Dispose();
        }
    }

    private void Commit(Span<byte> reserved, uint flag)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        fixed (byte* start = &MemoryMarshal.GetReference(reserved))
        {
            // Reserved room is in the area, and a header stands before it.
            if (start < memory.Data + RingBufferReader.HeaderSize || start > memory.Data + (memory.IsMappedTwice ? 2 : 1) * memory.Size)
            {
                throw new ArgumentException($"the span was not reserved in user ring buffer '{MapName}'", nameof(reserved));
            }

            Volatile.Write(ref *(uint*)(start - RingBufferReader.HeaderSize), (uint)reserved.Length | flag);
        }
    }
}
