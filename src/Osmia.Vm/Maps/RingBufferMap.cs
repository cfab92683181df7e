using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>BPF_MAP_TYPE_RINGBUF: one ring for all slots.</summary>
internal sealed unsafe class RingBufferMap : VmMap
{
    private readonly RingSignal _signal = new();
    private int _isOpen;

    public RingBufferMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId) => Ring = new Ring(definition.MaxEntries, _signal);

    public Ring Ring { get; }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => -Errno.NotSupported;

    public override int Remove(byte* key) => -Errno.NotSupported;

    public override RecordReader OpenReader()
    {
        if (Interlocked.Exchange(ref _isOpen, 1) != 0)
        {
            throw new InvalidOperationException($"ring buffer '{Name}' has a reader; it takes one at a time");
        }

        ObjectDisposedException.ThrowIf(!TryAcquire(), this);
        return new RingBufferReader(Name, new ReaderMemory(this));
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        Throw("lookup", Errno.NotSupported, "a ring buffer has records, not elements");
        return false;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.NotSupported, "a ring buffer has records, not elements");
        return false;
    }

    protected override void FreeMemory()
    {
        base.FreeMemory();
        Ring.Dispose();
        _signal.Dispose();
    }

    private sealed class ReaderMemory : RingBufferMemory
    {
        private readonly RingBufferMap _map;
        private readonly Func<bool> _hasRecord;
        private bool _isDisposed;

        public ReaderMemory(RingBufferMap map)
        {
            _map = map;
            _hasRecord = () => map.Ring.HasRecord;
            ConsumerPosition = map.Ring.Consumer;
            ProducerPosition = map.Ring.Producer;
            Data = map.Ring.Data;
            Size = map.Ring.AreaSize;
            IsMappedTwice = false;
        }

        public override bool Wait(TimeSpan timeout) => _map._signal.Wait(timeout, _hasRecord);

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_isDisposed)
            {
                _isDisposed = true;
                Volatile.Write(ref _map._isOpen, 0);
                _map.Release();
            }
        }
    }
}
