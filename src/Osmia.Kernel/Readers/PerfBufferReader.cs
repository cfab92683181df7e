using System.Buffers.Binary;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Readers;

/// <summary>
/// Consumer of a perf event array: one buffer for each online CPU, in CPU order within a drain. The kernel pads a record so that its size
/// is 4 more than a multiple of 8; the padding is handed over with it, because the program's own length is not kept.
/// </summary>
internal sealed class PerfBufferReader : RecordReader
{
    private readonly KernelMap _map;
    private readonly PerfBufferOptions _options;
    private readonly EpollSet _epoll;
    private readonly List<PerfRing> _rings = [];
    private readonly PerfRecordBuffer _buffer = new();

    public PerfBufferReader(KernelMap map, PerfBufferOptions options)
        : base(map.Name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.WakeupEvents, nameof(options));
        if (!int.IsPow2(options.PagesPerCpu))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.PagesPerCpu, "a perf buffer has a power of two of pages for each CPU");
        }

        _map = map;
        _options = options;
        map.TakeReader();
        _epoll = new EpollSet(map.Name);
        try
        {
            foreach (int cpu in PossibleCpus.Online())
            {
                if (cpu < map.Definition.MaxEntries)
                {
                    Add(cpu);
                }
            }
        }
        catch
        {
            Dispose(disposing: true);
            throw;
        }
    }

    public override long Lost
    {
        get
        {
            long lost = 0;
            foreach (PerfRing ring in _rings)
            {
                lost += ring.Lost;
            }

            return lost;
        }
    }

    public override int Consume(RecordHandler handler)
    {
        Enter();
        try
        {
            int records = 0;
            foreach (PerfRing ring in _rings)
            {
                records += IsDisposed ? 0 : ring.Consume(handler, _buffer);
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
            // The kernel reports a perf buffer as readable once per wake-up, not as long as records are left in it.
            foreach (PerfRing ring in _rings)
            {
                if (!_options.IsOverwritable && ring.HasRecords)
                {
                    return true;
                }
            }

            return _epoll.Wait(timeout);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Also wakes the waiter of another set.</summary>
    internal void WatchedBy(EpollSet set) => _rings.ForEach(ring => set.Add(ring.Handle));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Span<byte> key = stackalloc byte[4];
            foreach (PerfRing ring in _rings)
            {
                if (!_map.Handle.IsClosed)
                {
                    BinaryPrimitives.WriteInt32LittleEndian(key, ring.Cpu);
                    _map.Delete(key);
                }

                ring.Dispose();
            }

            _rings.Clear();
            _epoll.Dispose();
            _map.ReturnReader();
        }
    }

    private void Add(int cpu)
    {
        var attributes = new PerfEventAttributes
        {
            Type = PerfEvent.TypeSoftware,
            Config = PerfEvent.SoftwareBpfOutput,
            SampleType = PerfEvent.SampleRaw,
            SamplePeriodOrFrequency = 1,
            WakeupEvents = (uint)_options.WakeupEvents,
            Flags = _options.IsOverwritable ? PerfEventFlags.WriteBackward : PerfEventFlags.None,
        };
        int fd = PerfEvent.Open(ref attributes, pid: -1, cpu);
        if (fd < 0)
        {
            throw Refusal.Of("OSM5018", $"the perf buffer '{_map.Name}' cannot be opened on CPU {cpu}", "perf_event_open", fd, $"map '{_map.Name}'", needed: [Capability.PerfMon]);
        }

        var ring = new PerfRing(_map, new BpfHandle(fd), cpu, _options.PagesPerCpu, _options.IsOverwritable);
        _rings.Add(ring);
        _epoll.Add(ring.Handle);
        Span<byte> key = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(key, cpu);
        _map.SetElement(key, ring.Handle);
        int started = PerfEvent.Start(ring.Handle.Descriptor);
        if (started < 0)
        {
            throw Refusal.Of("OSM5018", $"the perf buffer '{_map.Name}' cannot be started on CPU {cpu}", "ioctl(PERF_EVENT_IOC_ENABLE)", started, $"map '{_map.Name}'");
        }
    }
}
