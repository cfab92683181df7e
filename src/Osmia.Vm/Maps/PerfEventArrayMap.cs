using System.Runtime.CompilerServices;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>
/// BPF_MAP_TYPE_PERF_EVENT_ARRAY: a ring for each slot while somebody reads. As in the kernel, output without a reader fails, and what does
/// not fit is counted as lost.
/// </summary>
internal sealed unsafe class PerfEventArrayMap : VmMap
{
    private readonly RingSignal _signal = new();
    private Ring[]? _rings;
    private long _lost;
    private int _isOpen;

    public PerfEventArrayMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
    }

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => -Errno.NotSupported;

    /// <summary>The elements of the kernel's are events; here there are none, and <see cref="OpenReader"/> makes the buffers.</summary>
    public override int Remove(byte* key) => Unsafe.ReadUnaligned<uint>(key) >= Definition.MaxEntries ? -Errno.TooBig : -Errno.NoEntry;

    /// <summary>Writes a record made of two parts; 0 or a negative error number.</summary>
    public int Output(int cpu, ReadOnlySpan<byte> data, ReadOnlySpan<byte> packet)
    {
        Ring[]? rings = Volatile.Read(ref _rings);
        if (rings is null || Volatile.Read(ref _isOpen) == 0)
        {
            return -Errno.NoEntry;
        }

        // The kernel pads a sample so that it ends on 8 bytes after its 32-bit length; readers see the padding.
        int length = data.Length + packet.Length;
        int padded = ((length + sizeof(uint) + 7) & ~7) - sizeof(uint);
        byte* record = rings[cpu].Reserve((ulong)padded);
        if (record == null)
        {
            Interlocked.Increment(ref _lost);
            return -Errno.NoSpace;
        }

        var target = new Span<byte>(record, padded);
        data.CopyTo(target);
        packet.CopyTo(target[data.Length..]);
        target[length..].Clear();
        rings[cpu].Commit(record, isDiscard: false, flags: 0);
        return 0;
    }

    public override RecordReader OpenReader()
    {
        if (Interlocked.CompareExchange(ref _isOpen, 2, 0) != 0)
        {
            throw new InvalidOperationException($"perf event array '{Name}' has a reader; it takes one at a time");
        }

        if (!TryAcquire())
        {
            Volatile.Write(ref _isOpen, 0);
            throw new ObjectDisposedException(nameof(PerfEventArrayMap));
        }

        if (_rings is null)
        {
            Volatile.Write(ref _rings, MakeRings());
        }

        foreach (Ring ring in _rings)
        {
            Volatile.Write(ref *ring.Consumer, Volatile.Read(ref *ring.Producer));
        }

        Volatile.Write(ref _lost, 0);
        Volatile.Write(ref _isOpen, 1);
        return new Reader(this, _rings);
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        Throw("lookup", Errno.NotSupportedHere, "a perf event array has records, not elements");
        return false;
    }

    protected override bool Next(byte* key, Span<byte> next) => NextIndex(key, next, Definition.MaxEntries);

    protected override void FreeMemory()
    {
        base.FreeMemory();
        foreach (Ring ring in _rings ?? [])
        {
            ring.Dispose();
        }

        _signal.Dispose();
    }

    private Ring[] MakeRings()
    {
        var rings = new Ring[Engine.Slots.Count];
        int made = 0;
        try
        {
            for (; made < rings.Length; made++)
            {
                rings[made] = new Ring(Engine.Options.PerfBufferSize, _signal);
            }

            return rings;
        }
        catch (OutOfMemoryException)
        {
            foreach (Ring ring in rings.AsSpan(0, made))
            {
                ring.Dispose();
            }

            Volatile.Write(ref _isOpen, 0);
            Release();
            throw;
        }
    }

    private sealed class Reader(PerfEventArrayMap map, Ring[] rings) : RecordReader(map.Name)
    {
        private readonly Func<bool> _hasRecord = () => Array.Exists(rings, static ring => ring.HasRecord);

        public override long Lost => Volatile.Read(ref map._lost);

        public override int Consume(RecordHandler handler)
        {
            Enter();
            try
            {
                int records = 0;
                for (int cpu = 0; cpu < rings.Length; cpu++)
                {
                    records += Consume(rings[cpu], cpu, handler);
                }

                return records;
            }
            finally
            {
                Leave();
            }
        }

        public override bool Wait(TimeSpan timeout)
        {
            Enter();
            try
            {
                return map._signal.Wait(timeout, _hasRecord);
            }
            finally
            {
                Leave();
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                Volatile.Write(ref map._isOpen, 0);
                map.Release();
            }
        }

        private int Consume(Ring ring, int cpu, RecordHandler handler)
        {
            int records = 0;
            while (!IsDisposed && ring.HasRecord)
            {
                long consumer = *ring.Consumer;
                byte* header = ring.Data + (consumer & (ring.AreaSize - 1));
                uint word = *(uint*)header;
                int length = (int)(word & ~(RingBufferReader.BusyBit | RingBufferReader.DiscardBit));
                try
                {
                    if ((word & RingBufferReader.DiscardBit) == 0)
                    {
                        records++;
                        handler(new ReadOnlySpan<byte>(header + RingBufferReader.HeaderSize, length), cpu);
                    }
                }
                finally
                {
                    Volatile.Write(ref *ring.Consumer, consumer + ((RingBufferReader.HeaderSize + length + 7) & ~7));
                }
            }

            return records;
        }
    }
}
