using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ReaderTests
{
    private const int Pass = 2;

    [Fact]
    public void Ring_buffer_hands_over_every_record_without_allocating()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([Producer(Asm.Helper.RingBufferOutput)], [Linked.Counter(), Linked.Map(MapType.Ringbuf, 0, 0, 1 << 20) with { Index = 1 }]));
        using RecordReader reader = loaded.Maps[1].OpenReader();
        Assert.False(reader.Wait(TimeSpan.FromMilliseconds(10)));

        // More rounds than the buffer is long, so that records lie across its end.
        var check = new SequenceCheck(16);
        for (int round = 0; round < 30; round++)
        {
            int written = Run(loaded, 5000);
            Assert.True(reader.Wait(TimeSpan.FromSeconds(5)));
            Assert.Equal((written, 0L), Measure(reader, check, isFirst: round == 0));
        }

        Assert.Equal(Written(loaded), check.Next);
        Assert.InRange(check.Next, 150_000ul, ulong.MaxValue);
        Assert.Equal(0, reader.Lost);
        Assert.False(reader.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void Perf_buffer_hands_over_every_record_without_allocating()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([Producer(Asm.Helper.PerfEventOutput)], [Linked.Counter(), Linked.Map(MapType.PerfEventArray, 4, 4, 0) with { Index = 1 }]));
        using RecordReader reader = loaded.Maps[1].OpenReader();
        Assert.False(reader.Wait(TimeSpan.FromMilliseconds(10)));

        // 16 bytes are padded to 20: the next number that is 4 more than a multiple of 8.
        var check = new SequenceCheck(20, isOrdered: false);
        for (int round = 0; round < 30; round++)
        {
            int written = Run(loaded, 3000);
            Assert.True(reader.Wait(TimeSpan.FromSeconds(5)));
            Assert.Equal((written, 0L), Measure(reader, check, isFirst: round < 8));
        }

        ulong total = Written(loaded);
        Assert.Equal((total, total * (total - 1) / 2), (check.Next, check.Sum));
        Assert.Equal(0, reader.Lost);
    }

    [Fact]
    public void Perf_buffer_counts_what_a_slow_reader_lost()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([Producer(Asm.Helper.PerfEventOutput)], [Linked.Counter(), Linked.Map(MapType.PerfEventArray, 4, 4, 0) with { Index = 1 }]));
        using RecordReader reader = loaded.Maps[1].OpenReader();
        int records = 0;

        // The kernel reports a loss with the next record that fits.
        for (int round = 0; round < 50 && reader.Lost == 0; round++)
        {
            Run(loaded, 20_000);
            records += reader.Consume(static (_, _) => { });
            Run(loaded, 1);
            records += reader.Consume(static (_, _) => { });
        }

        Assert.True(reader.Lost > 0);
        Assert.True((ulong)records + (ulong)reader.Lost <= Written(loaded));
        Assert.True(records > 0);
    }

    [Fact]
    public void A_handler_that_throws_stops_the_drain_and_loses_only_its_own_record()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        foreach ((int helper, LinkedMap map) in new[] { (Asm.Helper.RingBufferOutput, Linked.Map(MapType.Ringbuf, 0, 0, 4096)), (Asm.Helper.PerfEventOutput, Linked.Map(MapType.PerfEventArray, 4, 4, 0)) })
        {
            using LoadedObject loaded = engine.Load(Linked.Object([Producer(helper)], [Linked.Counter(), map with { Index = 1 }]));
            using RecordReader reader = loaded.Maps[1].OpenReader();
            Run(loaded, 3);
            Assert.Throws<OperationCanceledException>(() => reader.Consume(static (_, _) => throw new OperationCanceledException()));
            Assert.True(reader.Wait(TimeSpan.FromSeconds(1)));
            Assert.Equal(2, reader.Consume(static (_, _) => { }));
        }
    }

    [Fact]
    public void A_buffer_has_one_reader_at_a_time_and_can_be_opened_again()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(MapType.Ringbuf, 0, 0, 4096, name: "ring"), Linked.Map(MapType.PerfEventArray, 4, 4, 0, name: "perf") with { Index = 1 }));
        foreach (Map map in loaded.Maps)
        {
            RecordReader first = map.OpenReader();
            Assert.Throws<InvalidOperationException>(map.OpenReader);
            first.Dispose();
            map.OpenReader().Dispose();
        }
    }

    /// <summary>Sends 16 bytes: the old value of the counter, then 8 zero bytes.</summary>
    private static LinkedProgram Producer(int helper)
    {
        Asm asm = new Asm().Copy(R6, R1).MapValue(R1, 0).Move(R2, 1).Add(0xdb, R1, R2, 0, 1).StoreLong(R10, -16, R2).StoreLong(R10, -8, 0);
        asm = helper == Asm.Helper.RingBufferOutput
            ? asm.Map(R1, 1).Copy(R2, R10).AddImmediate(R2, -16).Move(R3, 16).Move(R4, 0)
            : asm.Copy(R1, R6).Map(R2, 1).Add(0xb4, R3, immediate: -1).Copy(R4, R10).AddImmediate(R4, -16).Move(R5, 16);
        return asm.Call(helper).Move(R0, Pass).Exit().Build("produce", ProgramType.Xdp, AttachType.Xdp);
    }

    /// <returns>Records written, at least <paramref name="times"/>: a test run that a signal interrupts begins again.</returns>
    private static int Run(LoadedObject loaded, int times)
    {
        ulong before = Written(loaded);
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[64], Repeat = times });
        return (int)(Written(loaded) - before);
    }

    /// <summary>What the program counted.</summary>
    private static ulong Written(LoadedObject loaded)
    {
        byte[] value = new byte[loaded.Maps[0].ValueBufferSize];
        Assert.True(loaded.Maps[0].TryLookup(new byte[4], value));
        return BitConverter.ToUInt64(value);
    }

    /// <returns>Records of one drain, and bytes it allocated.</returns>
    private static (int Records, long Allocated) Measure(RecordReader reader, SequenceCheck check, bool isFirst)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        int records = reader.Consume(check.Handler);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The first rounds may compile code, and set up the one buffer for split records.
        return (records, isFirst ? 0 : allocated);
    }

    private sealed class SequenceCheck
    {
        private readonly int _length;
        private readonly bool _isOrdered;

        /// <param name="isOrdered">False for perf buffers, whose CPUs are drained one after another.</param>
        public SequenceCheck(int length, bool isOrdered = true)
        {
            _length = length;
            _isOrdered = isOrdered;
            Handler = OnRecord;
        }

        public RecordHandler Handler { get; }

        public ulong Next { get; private set; }

        public ulong Sum { get; private set; }

        private void OnRecord(ReadOnlySpan<byte> record, int cpu)
        {
            ulong number = MemoryMarshal.Read<ulong>(record);
            if (record.Length != _length || (_isOrdered && number != Next))
            {
                Assert.Fail($"record {Next} has {record.Length} bytes and number {number}");
            }

            Next++;
            Sum += number;
        }
    }
}
