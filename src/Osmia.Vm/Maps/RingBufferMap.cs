using System.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>BPF_MAP_TYPE_RINGBUF: one ring for all slots.</summary>
internal sealed unsafe class RingBufferMap : VmMap
{
    private readonly RingSignal _signal = new();

    public RingBufferMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId) =>
        Ring = new Ring(definition.MaxEntries, _signal, IsInFile ? Allocate(Ring.BytesFor(definition.MaxEntries)) : null);

    public Ring Ring { get; }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => -Errno.NotSupportedHere;

    public override int Remove(byte* key) => -Errno.NotSupportedHere;

    /// <summary>A record is written through its reservation, never by its address alone.</summary>
    public override ulong MemoryLength => 0;

    public override RecordReader OpenReader()
    {
        ObjectDisposedException.ThrowIf(!TryAcquire(), this);
        if (!TryTakeReader())
        {
            Release();
            throw new InvalidOperationException($"ring buffer '{Name}' has a reader; it takes one at a time");
        }

        return new RingBufferReader(Name, new ReaderMemory(this));
    }

    // Of all processes that share the ring; one that died reads no more.
    private bool TryTakeReader()
    {
        int holder = Interlocked.CompareExchange(ref *Ring.Reader, Environment.ProcessId, 0);
        return holder == 0 || (holder != Environment.ProcessId && !NativeGate.IsAlive(holder)
            && Interlocked.CompareExchange(ref *Ring.Reader, Environment.ProcessId, holder) == holder);
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        Throw("lookup", Errno.NotSupportedHere, "a ring buffer has records, not elements");
        return false;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.NotSupportedHere, "a ring buffer has records, not elements");
        return false;
    }

    protected override void FreeMemory()
    {
        Ring.Dispose();
        base.FreeMemory();
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

        public override bool Wait(TimeSpan timeout) => _map.IsInFile ? Poll(timeout) : _map._signal.Wait(timeout, _hasRecord);

        // Other processes cannot set this one's event.
        private bool Poll(TimeSpan timeout)
        {
            long start = Stopwatch.GetTimestamp();
            while (!_hasRecord())
            {
                if (Stopwatch.GetElapsedTime(start) >= timeout && timeout >= TimeSpan.Zero)
                {
                    return false;
                }

                Thread.Sleep(1);
            }

            return true;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_isDisposed)
            {
                _isDisposed = true;
                Volatile.Write(ref *_map.Ring.Reader, 0);
                _map.Release();
            }
        }
    }
}
