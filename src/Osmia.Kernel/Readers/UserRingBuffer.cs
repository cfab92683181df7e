using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Readers;

/// <summary>
/// The producer of a user ring buffer: this process writes records that a program takes with bpf_user_ringbuf_drain (Linux 6.1). One thread at a time.
/// </summary>
/// <remarks>
/// Layout as of a ring buffer, with the roles turned round: the page of the consumer position is read-only here. Safe although unsafe: positions are masked
/// by the size, and a record is written only where the consumer has been.
/// </remarks>
public sealed unsafe class UserRingBuffer : IDisposable
{
    private const uint BusyBit = 1u << 31;
    private const uint DiscardBit = 1u << 30;
    private const int HeaderSize = 8;

    private readonly KernelMap _map;
    private readonly long _size;
    private readonly Mapping _consumer;
    private readonly Mapping _producer;

    /// <exception cref="UnsupportedFeatureException">OSM5015: the map is no user ring buffer.</exception>
    public UserRingBuffer(KernelMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Type != MapType.UserRingbuf)
        {
            throw Refusal.Unsupported("OSM5015", $"map '{map.Name}' ({map.Type.ToKernelName()}) takes no records from a process", $"records to {map.Type.ToKernelName()}",
                "only a user ring buffer (user_ringbuf) does", "change the type of the map, or update its elements");
        }

        _map = map;
        _size = map.Definition.MaxEntries;
        map.TakeReader();
        try
        {
            long page = Environment.SystemPageSize;
            _consumer = Mapping.Create(map, map.Handle, page, 0, isWritable: false);
            _producer = Mapping.Create(map, map.Handle, page + 2 * _size, page, isWritable: true);
        }
        catch
        {
            _consumer?.Dispose();
            map.ReturnReader();
            throw;
        }
    }

    /// <summary>Records that were not written because there was no room.</summary>
    public long Full { get; private set; }

    /// <summary>Writes one record.</summary>
    /// <returns>False, and counted in <see cref="Full"/>, when the program has not made room for it yet.</returns>
    public bool TryWrite(ReadOnlySpan<byte> record)
    {
        if (!TryReserve(record.Length, out Span<byte> place))
        {
            return false;
        }

        record.CopyTo(place);
        Submit(place);
        return true;
    }

    /// <summary>Room for a record, to be filled and then submitted or discarded; the program stops at it until then. One at a time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No buffer of that size holds such a record.</exception>
    public bool TryReserve(int length, out Span<byte> place)
    {
        ObjectDisposedException.ThrowIf(_producer.Start == null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        long whole = (HeaderSize + (long)length + 7) & ~7L;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(whole, _size, nameof(length));
        long* position = (long*)_producer.Start;
        long producer = *position;
        long consumer = Volatile.Read(ref *(long*)_consumer.Start);
        place = default;
        if (producer - consumer + whole > _size)
        {
            Full++;
            return false;
        }

        byte* header = _producer.Start + Environment.SystemPageSize + (producer & (_size - 1));
        *(uint*)(header + 4) = 0;
        Volatile.Write(ref *(uint*)header, (uint)length | BusyBit);
        Volatile.Write(ref *position, producer + whole);
        place = new Span<byte>(header + HeaderSize, length);
        return true;
    }

    public void Submit(Span<byte> reserved) => Commit(reserved, 0);

    /// <summary>The program will not see the record.</summary>
    public void Discard(Span<byte> reserved) => Commit(reserved, DiscardBit);

    public void Dispose()
    {
        if (_producer.Start != null)
        {
            _producer.Dispose();
            _consumer.Dispose();
            _map.ReturnReader();
        }
    }

    private void Commit(Span<byte> reserved, uint flag)
    {
        ObjectDisposedException.ThrowIf(_producer.Start == null, this);
        fixed (byte* start = &MemoryMarshal.GetReference(reserved))
        {
            byte* data = _producer.Start + Environment.SystemPageSize;
            if (start < data + HeaderSize || start > data + 2 * _size)
            {
                throw new ArgumentException($"the span was not reserved in map '{_map.Name}'", nameof(reserved));
            }

            Volatile.Write(ref *(uint*)(start - HeaderSize), (uint)reserved.Length | flag);
        }
    }
}
