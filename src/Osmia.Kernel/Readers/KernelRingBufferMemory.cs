using Osmia.Kernel.Maps;
using Osmia.Runtime;

namespace Osmia.Kernel.Readers;

/// <summary>
/// The kernel's ring buffer: a page with the consumer position that only we write, then a page with the producer position and the
/// data area twice in a row, so that no record is ever split.
/// </summary>
/// <remarks>Source: Documentation/bpf/ringbuf.rst. Safe although unsafe: the pointers stay inside mappings this object owns until it is disposed.</remarks>
internal sealed unsafe class KernelRingBufferMemory : RingBufferMemory
{
    private readonly KernelMap _map;
    private readonly Mapping _consumer;
    private readonly Mapping _producer;
    private readonly EpollSet _epoll;

    public KernelRingBufferMemory(KernelMap map)
    {
        long page = Environment.SystemPageSize;
        Size = map.Definition.MaxEntries;
        _map = map;
        map.TakeReader();
        try
        {
            _consumer = Mapping.Create(map, map.Handle, page, 0, isWritable: true);
            _producer = Mapping.Create(map, map.Handle, page + 2 * Size, page, isWritable: false);
            _epoll = new EpollSet(map.Name);
            _epoll.Add(map.Handle);
        }
        catch
        {
            Dispose(disposing: true);
            throw;
        }

        ConsumerPosition = (long*)_consumer.Start;
        ProducerPosition = (long*)_producer.Start;
        Data = _producer.Start + page;
        IsMappedTwice = true;
    }

    public override bool Wait(TimeSpan timeout) => _epoll.Wait(timeout);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // After a failed constructor some of these are missing.
            _epoll?.Dispose();
            _producer?.Dispose();
            _consumer?.Dispose();
            _map.ReturnReader();
        }
    }
}
