using System.Runtime.InteropServices;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Readers;

/// <summary>Holds the one record that was split by the end of a ring while it is handed over; a record is shorter than 64 KiB.</summary>
internal sealed class PerfRecordBuffer
{
    private byte[] _bytes = [];

    public Span<byte> Take(int length)
    {
        if (_bytes.Length < length)
        {
            _bytes = new byte[ushort.MaxValue + 1];
        }

        return _bytes.AsSpan(0, length);
    }
}

/// <summary>
/// The buffer of one perf event: a control page with head and tail, then the data pages. Records are 8-byte aligned, so a header is never split.
/// </summary>
/// <remarks>
/// Source: perf_event_open(2), "MMAP layout". Safe although unsafe: every length read from the buffer is checked against the bytes
/// between tail and head, which are checked against the size.
/// </remarks>
internal sealed unsafe class PerfRing : IDisposable
{
    private const int HeadOffset = 1024;
    private const int TailOffset = 1032;
    private const int HeaderSize = 8;
    private const uint LostRecord = 2;
    private const uint SampleRecord = 9;

    private readonly Mapping _mapping;
    private readonly string _mapName;
    private readonly long _size;
    private readonly bool _isOverwritable;
    private long _next;

    public PerfRing(KernelMap map, BpfHandle handle, int cpu, int pages, bool isOverwritable)
    {
        _isOverwritable = isOverwritable;
        Handle = handle;
        Cpu = cpu;
        _mapName = map.Name;
        _size = (long)pages * Environment.SystemPageSize;
        try
        {
            _mapping = Mapping.Create(map, handle, Environment.SystemPageSize + _size, 0, isWritable: !isOverwritable);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public BpfHandle Handle { get; }

    public int Cpu { get; }

    /// <summary>Records the kernel could not write because the ring was full.</summary>
    public long Lost { get; private set; }

    public bool HasRecords => Volatile.Read(ref *Head) != *Tail;

    private long* Head => (long*)(_mapping.Start + HeadOffset);

    private long* Tail => (long*)(_mapping.Start + TailOffset);

    public int Consume(RecordHandler handler, PerfRecordBuffer buffer)
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        if (_isOverwritable)
        {
            return Recall(handler, buffer);
        }

        _next = *Tail;
        try
        {
            return Drain(handler, buffer);
        }
        finally
        {
            // A handler that throws has had its record.
            Volatile.Write(ref *Tail, _next);
        }
    }

    // Apart from the finally clause: a variable that it reads would live in memory, and the loop wait for it at every record.
    private int Drain(RecordHandler handler, PerfRecordBuffer buffer)
    {
        byte* data = _mapping.Start + Environment.SystemPageSize;
        long mask = _size - 1;
        long* published = Tail;
        long tail = _next;
        long head = Volatile.Read(ref *Head);
        int samples = 0;
        while (tail < head)
        {
            long start = tail & mask;
            byte* header = data + start;
            uint type = *(uint*)header;
            int length = *(ushort*)(header + 6);
            if (length < HeaderSize || length > head - tail || length > _size)
            {
                throw new InvalidDataException($"perf buffer '{_mapName}', CPU {Cpu}: a record of {length} bytes at position {tail} leaves the {head - tail} bytes that are there");
            }

            ReadOnlySpan<byte> body = start + length <= _size
                ? new ReadOnlySpan<byte>(header + HeaderSize, length - HeaderSize)
                : Joined(data, (start + HeaderSize) & mask, length - HeaderSize, buffer);
            tail += length;
            _next = tail;
            samples += Dispatch(type, body, handler);
            Volatile.Write(ref *published, tail);
        }

        return samples;
    }

    /// <summary>What a ring that overwrites holds, newest first: from the head, which moves down, as far as whole records go.</summary>
    private int Recall(RecordHandler handler, PerfRecordBuffer buffer)
    {
        // While the kernel writes, the oldest record may go away under the reader.
        _ = PerfEvent.Pause(Handle.Descriptor, isPaused: true);
        try
        {
            byte* data = _mapping.Start + Environment.SystemPageSize;
            long mask = _size - 1;
            long head = Volatile.Read(ref *Head);
            int samples = 0;
            for (long at = head; at < head + _size;)
            {
                long start = at & mask;
                byte* header = data + start;
                int length = *(ushort*)(header + 6);
                if (length < HeaderSize || at + length > head + _size)
                {
                    break;
                }

                ReadOnlySpan<byte> body = start + length <= _size
                    ? new ReadOnlySpan<byte>(header + HeaderSize, length - HeaderSize)
                    : Joined(data, (start + HeaderSize) & mask, length - HeaderSize, buffer);
                samples += Dispatch(*(uint*)header, body, handler);
                at += length;
            }

            return samples;
        }
        finally
        {
            _ = PerfEvent.Pause(Handle.Descriptor, isPaused: false);
        }
    }

    public void Dispose()
    {
        _mapping.Dispose();
        Handle.Dispose();
    }

    private int Dispatch(uint type, ReadOnlySpan<byte> body, RecordHandler handler)
    {
        switch (type)
        {
            // u32 size, then the bytes.
            case SampleRecord when body.Length >= 4:
                int size = (int)Math.Min(MemoryMarshal.Read<uint>(body), (uint)body.Length - 4);
                handler(body.Slice(4, size), Cpu);
                return 1;

            // u64 id, u64 lost.
            case LostRecord when body.Length >= 16:
                Lost += MemoryMarshal.Read<long>(body[8..]);
                return 0;
            default:
                return 0;
        }
    }

    /// <summary>The bytes of a record that the end of the ring splits, put together.</summary>
    private Span<byte> Joined(byte* data, long start, int length, PerfRecordBuffer buffer)
    {
        int first = (int)Math.Min(length, _size - start);
        Span<byte> whole = buffer.Take(length);
        new ReadOnlySpan<byte>(data + start, first).CopyTo(whole);
        new ReadOnlySpan<byte>(data, length - first).CopyTo(whole[first..]);
        return whole;
    }
}
