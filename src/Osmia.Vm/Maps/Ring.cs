using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>Flags of bpf_ringbuf_submit, _discard and _output, and keys of bpf_ringbuf_query.</summary>
internal static class RingFlags
{
    public const ulong NoWakeup = 1;
    public const ulong ForceWakeup = 2;
    public const ulong QueryAvailable = 0;
    public const ulong QuerySize = 1;
    public const ulong QueryConsumer = 2;
    public const ulong QueryProducer = 3;
}

/// <summary>What a reader waits on; several rings may share one.</summary>
internal sealed class RingSignal : IDisposable
{
    private readonly ManualResetEventSlim _event = new(initialState: false);
    private int _isAwaited;

    public void Notify()
    {
        if (Volatile.Read(ref _isAwaited) != 0)
        {
            _event.Set();
        }
    }

    public bool Wait(TimeSpan timeout, Func<bool> hasRecord)
    {
        if (hasRecord())
        {
            return true;
        }

        _event.Reset();
        Interlocked.Exchange(ref _isAwaited, 1);
        try
        {
            return hasRecord() || _event.Wait(timeout) || hasRecord();
        }
        finally
        {
            Volatile.Write(ref _isAwaited, 0);
        }
    }

    public void Dispose() => _event.Dispose();
}

/// <summary>
/// A ring of records in the kernel's layout, written by any number of runs at once. The data area is not mapped twice, so a record
/// that would cross its end is preceded by a discarded record that fills the rest.
/// </summary>
/// <remarks>
/// The area has twice the declared size: padding never takes room from records, and a record fits exactly when the kernel's would.
/// </remarks>
internal sealed unsafe class Ring : IDisposable
{
    private const int PositionsSize = 128;
    private const int GateOffset = 72;
    private const int PaddingStartOffset = 80;
    private const int PaddingLengthOffset = 88;
    private const int ReaderOffset = 96;
    private const long MaxRecord = uint.MaxValue / 4;

    private readonly RingSignal _signal;
    private readonly long _areaMask;
    private readonly bool _isOwn;
    private byte* _block;

    /// <param name="size">The declared size, a power of two.</param>
    /// <param name="block">Zeroed, or another process's ring of the size (<see cref="BytesFor"/>); null for memory of its own.</param>
    public Ring(long size, RingSignal signal, byte* block = null)
    {
        DeclaredSize = size;
        AreaSize = size * 2;

        // Positions are multiples of 8; those that another process spoiled are made such.
        _areaMask = AreaSize - RingBufferReader.HeaderSize;
        _signal = signal;
        _isOwn = block == null;
        _block = block;
        if (_isOwn)
        {
            _block = AlignedMemory.Allocate(BytesFor(size));
        }
    }

    public static ulong BytesFor(long size) => (ulong)((size * 2) + PositionsSize);

    /// <summary>The process that reads, or 0.</summary>
    public int* Reader => (int*)(_block + ReaderOffset);

    public long DeclaredSize { get; }

    public long AreaSize { get; }

    public long* Consumer => (long*)_block;

    public long* Producer => (long*)(_block + 64);

    public byte* Data => _block + PositionsSize;

    /// <summary>Whether the next record is complete.</summary>
    public bool HasRecord
    {
        get
        {
            long consumer = Volatile.Read(ref *Consumer);
            return consumer < Volatile.Read(ref *Producer)
                && (Volatile.Read(ref *(uint*)(Data + (consumer & _areaMask))) & RingBufferReader.BusyBit) == 0;
        }
    }

    /// <summary>Room for a record, not yet visible to the reader; null when the ring is full.</summary>
    public byte* Reserve(ulong length)
    {
        if (length > MaxRecord)
        {
            return null;
        }

        long total = ((long)length + RingBufferReader.HeaderSize + 7) & ~7L;
        if (total > DeclaredSize)
        {
            return null;
        }

        var gate = (int*)(_block + GateOffset);
        var paddingStart = (long*)(_block + PaddingStartOffset);
        var paddingLength = (long*)(_block + PaddingLengthOffset);
        NativeGate.Enter(gate);
        long producer = *Producer;
        long consumer = Volatile.Read(ref *Consumer);
        long padding = consumer <= *paddingStart ? *paddingLength : 0;
        if (producer - consumer - padding + total > DeclaredSize - 1)
        {
            NativeGate.Exit(gate);
            return null;
        }

        long position = producer & _areaMask;
        if (position + total > AreaSize)
        {
            long rest = AreaSize - position;
            *(uint*)(Data + position) = (uint)(rest - RingBufferReader.HeaderSize) | RingBufferReader.DiscardBit;
            *paddingStart = producer;
            *paddingLength = rest;
            producer += rest;
            position = 0;
        }

        byte* record = Data + position;
        *(uint*)record = (uint)length | RingBufferReader.BusyBit;
        *(uint*)(record + 4) = (uint)(position >> 12);
        Volatile.Write(ref *Producer, producer + total);
        NativeGate.Exit(gate);
        return record + RingBufferReader.HeaderSize;
    }

    /// <summary>Makes a reserved record visible, or lets the reader skip it.</summary>
    public void Commit(byte* record, bool isDiscard, ulong flags)
    {
        ref uint header = ref *(uint*)(record - RingBufferReader.HeaderSize);
        uint length = header & ~RingBufferReader.BusyBit;

        // A full fence: the record before its length, and the length before asking who waits.
        Interlocked.Exchange(ref header, isDiscard ? length | RingBufferReader.DiscardBit : length);
        if ((flags & RingFlags.NoWakeup) == 0)
        {
            _signal.Notify();
        }
    }

    public ulong Query(ulong what) => what switch
    {
        RingFlags.QueryAvailable => (ulong)(Volatile.Read(ref *Producer) - Volatile.Read(ref *Consumer)),
        RingFlags.QuerySize => (ulong)DeclaredSize,
        RingFlags.QueryConsumer => (ulong)Volatile.Read(ref *Consumer),
        RingFlags.QueryProducer => (ulong)Volatile.Read(ref *Producer),
        _ => 0,
    };

    public void Dispose()
    {
        if (_isOwn)
        {
            AlignedMemory.Free(_block);
        }

        _block = null;
    }
}
