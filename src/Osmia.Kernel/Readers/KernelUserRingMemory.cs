using Osmia.Kernel.Maps;
using Osmia.Runtime;

namespace Osmia.Kernel.Readers;

/// <summary>The kernel's user ring buffer: the consumer's page is the kernel's, the producer's page and the data area (twice in a row) are ours.</summary>
internal sealed unsafe class KernelUserRingMemory : RingBufferMemory
{
    private readonly KernelMap _map;
    private readonly Mapping? _consumer;
    private readonly Mapping? _producer;

    public KernelUserRingMemory(KernelMap map)
    {
        long page = Environment.SystemPageSize;
        Size = map.Definition.MaxEntries;
        _map = map;
        map.TakeReader();
        try
        {
            _consumer = Mapping.Create(map, map.Handle, page, 0, isWritable: false);
            _producer = Mapping.Create(map, map.Handle, page + (2 * Size), page, isWritable: true);
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

    /// <summary>There is nothing to wait for: the program drains when it runs.</summary>
    public override bool Wait(TimeSpan timeout) => false;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _producer?.Dispose();
            _consumer?.Dispose();
            _map.ReturnReader();
        }
    }
}
