using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>BPF_MAP_TYPE_USER_RINGBUF: the host puts samples in, a program drains them.</summary>
internal sealed unsafe class UserRingMap : VmMap
{
    private const int PositionsSize = 128;

    private readonly long _size;
    private byte* _block;
    private int _isOpen;
    private int _isDrained;

    public UserRingMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _size = definition.MaxEntries;
        _block = AlignedMemory.Allocate((ulong)(_size + PositionsSize));
    }

    /// <summary>Samples can be read by the program that drains.</summary>
    public override ulong MemoryStart => (ulong)Data;

    public override ulong MemoryLength => (ulong)_size;

    private long* Consumer => (long*)_block;

    private long* Producer => (long*)(_block + 64);

    private byte* Data => _block + PositionsSize;

    /// <summary>One run drains at a time.</summary>
    public bool TryBeginDrain() => Interlocked.Exchange(ref _isDrained, 1) == 0;

    public void EndDrain() => Volatile.Write(ref _isDrained, 0);

    /// <summary>The next sample; false when there is none, or with an error number when the producer went wrong.</summary>
    /// <param name="error">0 or a negative error number.</param>
    public bool TryPeek(out byte* sample, out uint length, out int error)
    {
        sample = null;
        length = 0;
        error = 0;
        long consumer = *Consumer;
        while (true)
        {
            long producer = Volatile.Read(ref *Producer);
            if (consumer >= producer)
            {
                return false;
            }

            uint word = Volatile.Read(ref *(uint*)(Data + (consumer & (_size - 1))));
            if ((word & RingBufferReader.BusyBit) != 0)
            {
                error = -Errno.NoData;
                return false;
            }

            length = word & ~(RingBufferReader.BusyBit | RingBufferReader.DiscardBit);
            long total = (length + RingBufferReader.HeaderSize + 7L) & ~7L;
            if (total > producer - consumer || (consumer & (_size - 1)) + total > _size)
            {
                error = total > _size ? -Errno.TooBig : -Errno.Invalid;
                return false;
            }

            if ((word & RingBufferReader.DiscardBit) == 0)
            {
                sample = Data + (consumer & (_size - 1)) + RingBufferReader.HeaderSize;
                return true;
            }

            consumer += total;
            Volatile.Write(ref *Consumer, consumer);
        }
    }

    /// <summary>Gives the sample's room back.</summary>
    public void Free(uint length) => Volatile.Write(ref *Consumer, *Consumer + ((length + RingBufferReader.HeaderSize + 7L) & ~7L));

    public override UserRingWriter OpenWriter()
    {
        if (Interlocked.Exchange(ref _isOpen, 1) != 0)
        {
            throw new InvalidOperationException($"user ring buffer '{Name}' has a writer; it takes one at a time");
        }

        ObjectDisposedException.ThrowIf(!TryAcquire(), this);
        return new UserRingWriter(Name, new WriterMemory(this));
    }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => -Errno.NotSupportedHere;

    public override int Remove(byte* key) => -Errno.NotSupportedHere;

    /// <summary>A sample is read through its dynptr; a pointer into the buffer is the sample's, whose length the header in front of it says.</summary>
    public override bool TryLocate(ulong address, out MapRegion region)
    {
        region = new MapRegion((ulong)Data, (ulong)_size, IsWritable: false);
        return true;
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        Throw("lookup", Errno.NotSupportedHere, "a user ring buffer has samples, not elements");
        return false;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.NotSupportedHere, "a user ring buffer has samples, not elements");
        return false;
    }

    protected override void FreeMemory()
    {
        base.FreeMemory();
        AlignedMemory.Free(_block);
        _block = null;
    }

    private sealed class WriterMemory : RingBufferMemory
    {
        private readonly UserRingMap _map;

        public WriterMemory(UserRingMap map)
        {
            _map = map;
            ConsumerPosition = map.Consumer;
            ProducerPosition = map.Producer;
            Data = map.Data;
            Size = map._size;
        }

        public override bool Wait(TimeSpan timeout) => false;

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                Volatile.Write(ref _map._isOpen, 0);
                _map.Release();
            }
        }
    }
}
