using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Ring buffers and perf event arrays, written by programs and read by the host.</summary>
public sealed class VmRecordTests : IDisposable
{
    private const string Output = "r3 = r2; r2 = r1; r1 = map[0]; r4 = 0; call ringbuf_output; exit";

    private readonly VmEngine _engine = new(new VmOptions { Slots = 4, Seed = 2, PerfBufferSize = 4096 });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Records_arrive_in_order_with_their_bytes()
    {
        using LoadedObject loaded = _engine.Load(Output, Ring(4096));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        for (int i = 0; i < 7; i++)
        {
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = Enumerable.Repeat((byte)i, i + 1).ToArray() }).ReturnValue);
        }

        int next = 0;
        Assert.True(reader.Wait(TimeSpan.Zero));
        Assert.Equal(7, reader.Consume((record, cpu) =>
        {
            Assert.Equal(-1, cpu);
            Assert.Equal(Enumerable.Repeat((byte)next, next + 1), record.ToArray());
            next++;
        }));
        Assert.False(reader.Wait(TimeSpan.Zero));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(1000)]
    [InlineData(1501)]
    [InlineData(4080)]
    public void Records_of_any_size_go_round_the_ring(int size)
    {
        using LoadedObject loaded = _engine.Load(Output, Ring(4096));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        byte[] data = new byte[size];
        int total = 0;
        for (int i = 0; i < 300; i++)
        {
            data.AsSpan().Fill((byte)i);
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue);
            total += reader.Consume((record, _) =>
            {
                Assert.Equal(size, record.Length);
                Assert.Equal(-1, record.IndexOfAnyExcept((byte)i));
            });
        }

        Assert.Equal(300, total);
    }

    [Fact]
    public void A_full_ring_takes_nothing_until_it_is_read()
    {
        using LoadedObject loaded = _engine.Load(Output, Ring(4096));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        byte[] data = new byte[56];
        for (int round = 0; round < 5; round++)
        {
            int written = 0;
            while (loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue == 0)
            {
                written++;
            }

            // 64 records of 64 bytes would fill it to the last byte, which the kernel does not allow.
            Assert.Equal(63, written);
            Assert.Equal(unchecked((ulong)-11L), loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue);
            Assert.Equal(63, reader.Consume((_, _) => { }));
        }
    }

    [Fact]
    public void A_record_is_written_in_place_and_submitted_or_discarded()
    {
        using LoadedObject loaded = _engine.Load(
            """
            r7 = *(u32 *)(r1 + 0)
            r1 = map[0]; r2 = 16; r3 = 0; call ringbuf_reserve
            if r0 == 0 goto full
            *(u64 *)(r0 + 0) = 77
            *(u64 *)(r0 + 8) = r7
            r1 = r0; r2 = 0
            if r7 & 1 goto odd
            call ringbuf_submit
            r0 = 0
            exit
            odd:
            call ringbuf_discard
            r0 = 0
            exit
            full:
            r0 = 1
            exit
            """, Ring(4096));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        for (int i = 0; i < 10; i++)
        {
            loaded.Programs[0].Run(new ProgramRun { Data = BitConverter.GetBytes(i) });
        }

        var seen = new List<long>();
        reader.Consume((record, _) => seen.Add(BinaryPrimitives.ReadInt64LittleEndian(record[8..])));
        Assert.Equal([0, 2, 4, 6, 8], seen);
    }

    [Theory]
    [InlineData("*(u64 *)(r0 + 16) = 1; r1 = r6; r2 = 0; call ringbuf_discard; r0 = 0; exit", "OSM6100")]
    [InlineData("*(u32 *)(r0 - 8) = 1; r1 = r6; r2 = 0; call ringbuf_discard; r0 = 0; exit", "OSM6100")]
    [InlineData("r1 = r6; r2 = 0; call ringbuf_submit; *(u64 *)(r6 + 0) = 1; r0 = 0; exit", "OSM6100")]
    [InlineData("r1 = r6; r2 = 0; call ringbuf_submit; r1 = r6; r2 = 0; call ringbuf_submit; r0 = 0; exit", "OSM6103")]
    [InlineData("r1 = r6; r1 += 8; r2 = 0; call ringbuf_submit; r0 = 0; exit", "OSM6103")]
    [InlineData("r0 = 0; exit", "OSM6107")]
    public void A_record_misused_traps_and_does_not_block_the_ring(string misuse, string id)
    {
        const string Reserve = "r1 = map[0]; r2 = 16; r3 = 0; call ringbuf_reserve; r6 = r0\n";
        using LoadedObject loaded = _engine.Load(
            TestPrograms.Object([TestPrograms.Program(Reserve + misuse, name: "bad"), TestPrograms.Program(Output, name: "good")], Ring(4096)), LoadOptions.Default);
        using RecordReader reader = loaded.Maps[0].OpenReader();
        Assert.Equal(id, Assert.Throws<TrapException>(() => loaded.Program("bad").Run(new ProgramRun())).Id);
        loaded.Program("good").Run(new ProgramRun { Data = new byte[] { 5 } });
        byte last = 0;
        reader.Consume((record, _) => last = record[0]);
        Assert.Equal(5, last);
    }

    [Fact]
    public void Many_producers_lose_and_mix_nothing()
    {
        const int Threads = 4;
        const int PerThread = 3000;
        using LoadedObject loaded = _engine.Load(Output, Ring(65536));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        int done = 0;
        Thread[] producers = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            byte[] data = new byte[8 + (t * 13)];
            for (int i = 0; i < PerThread; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(data, t);
                BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(4), i);
                while (loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue != 0)
                {
                    Thread.Yield();
                }
            }

            Interlocked.Increment(ref done);
        }) { IsBackground = true })];
        foreach (Thread producer in producers)
        {
            producer.Start();
        }

        int[] next = new int[Threads];
        int total = 0;
        while (total < Threads * PerThread)
        {
            Assert.True(reader.Wait(TimeSpan.FromSeconds(10)));
            total += reader.Consume((record, _) =>
            {
                int thread = BinaryPrimitives.ReadInt32LittleEndian(record);
                Assert.Equal(8 + (thread * 13), record.Length);
                Assert.Equal(next[thread]++, BinaryPrimitives.ReadInt32LittleEndian(record[4..]));
            });
        }

        foreach (Thread producer in producers)
        {
            Assert.True(producer.Join(TimeSpan.FromSeconds(60)), "a producer hangs");
        }

        Assert.Equal(Threads, done);
        Assert.All(next, n => Assert.Equal(PerThread, n));
    }

    [Fact]
    public void A_waiting_reader_is_woken_by_a_record()
    {
        using LoadedObject loaded = _engine.Load(Output, Ring(4096));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        Assert.False(reader.Wait(TimeSpan.FromMilliseconds(5)));
        var producer = new Thread(() =>
        {
            Thread.Sleep(20);
            loaded.Programs[0].Run(new ProgramRun { Data = new byte[] { 1 } });
        }) { IsBackground = true };
        producer.Start();
        Assert.True(reader.Wait(TimeSpan.FromSeconds(10)));
        Assert.True(producer.Join(TimeSpan.FromSeconds(60)), "the producer hangs");
        Assert.Equal(1, reader.Consume((_, _) => { }));
    }

    [Fact]
    public void A_ring_tells_how_full_it_is()
    {
        using LoadedObject loaded = _engine.Load("r6 = *(u8 *)(r1 + 0); r3 = r2; r2 = r1; r1 = map[0]; r4 = 0; call ringbuf_output; r1 = map[0]; r2 = r6; call ringbuf_query; exit", Ring(4096));
        Assert.Equal(16UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[] { 0 } }).ReturnValue);
        Assert.Equal(4096UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[] { 1 } }).ReturnValue);
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[] { 2 } }).ReturnValue);
        Assert.Equal(64UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[] { 3 } }).ReturnValue);
    }

    [Fact]
    public void One_reader_at_a_time()
    {
        using LoadedObject loaded = _engine.Load("r0 = 0; exit", Ring(4096), TestPrograms.Map(1, MapType.Hash, 4, 4, 4), TestPrograms.Map(2, MapType.PerfEventArray, 4, 4, 0));
        using (loaded.Maps[0].OpenReader())
        {
            Assert.Throws<InvalidOperationException>(() => loaded.Maps[0].OpenReader());
        }

        loaded.Maps[0].OpenReader().Dispose();
        loaded.Maps[2].OpenReader().Dispose();
        loaded.Maps[2].OpenReader().Dispose();
        Assert.Equal("OSM6021", Assert.Throws<UnsupportedFeatureException>(() => loaded.Maps[1].OpenReader()).Id);
    }

    [Fact]
    public void A_reader_outlives_its_map()
    {
        LoadedObject loaded = _engine.Load(Output, Ring(4096));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[] { 9 } });
        loaded.Dispose();
        Assert.Equal(1, reader.Consume((_, _) => { }));
    }

    [Fact]
    public void Perf_records_have_a_cpu_and_the_kernels_padding()
    {
        // One execution slot, so that every record is of CPU 0.
        using var engine = new VmEngine(new VmOptions { Slots = 1, Seed = 2, PerfBufferSize = 4096 });
        using LoadedObject loaded = engine.Load("r5 = r2; r4 = r1; r2 = map[0]; r3 = 0xffffffff ll; call perf_event_output; exit", TestPrograms.Map(0, MapType.PerfEventArray, 4, 4, 0));
        LoadedProgram program = loaded.Programs[0];
        Assert.Equal(-2, (long)program.Run(new ProgramRun { Data = new byte[] { 1 } }).ReturnValue);
        using RecordReader reader = loaded.Maps[0].OpenReader();
        Assert.Equal(0UL, program.Run(new ProgramRun { Data = new byte[] { 1, 2, 3, 4, 5 } }).ReturnValue);
        var records = new List<byte[]>();
        Assert.Equal(1, reader.Consume((record, cpu) =>
        {
            Assert.Equal(0, cpu);
            records.Add(record.ToArray());
        }));
        Assert.Equal([1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0], records[0]);

        int written = 0;
        while ((long)program.Run(new ProgramRun { Data = new byte[500] }).ReturnValue == 0)
        {
            written++;
        }

        Assert.Equal(7, written);
        Assert.Equal(1, reader.Lost);
    }

    [Fact]
    public void Perf_records_may_carry_a_piece_of_the_packet()
    {
        byte[] packet = Enumerable.Range(0, 60).Select(i => (byte)i).ToArray();
        using LoadedObject loaded = _engine.Load(ProgramType.Xdp, "*(u64 *)(r10 - 8) = 1; r2 = map[0]; r3 = 0x4ffffffff ll; r4 = r10; r4 += -8; r5 = 8; call perf_event_output; exit", TestPrograms.Map(0, MapType.PerfEventArray, 4, 4, 4));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue);
        reader.Consume((record, _) => Assert.Equal([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3], record.ToArray()));
    }

    [Fact]
    public void Reading_records_allocates_nothing()
    {
        // One tier: when the other takes over, code is bound to the slot once.
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter });
        using LoadedObject loaded = engine.Load(Output, Ring(65536));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        byte[] data = new byte[48];
        long bytes = 0;
        RecordHandler handler = (record, _) => bytes += record.Length;
        LoadedProgram program = loaded.Programs[0];
        void Round()
        {
            for (int i = 0; i < 100; i++)
            {
                program.Run(new ProgramRun { Data = data });
            }

            reader.Consume(handler);
        }

        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
        {
            Round();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(51 * 100 * 48, bytes);
    }

    private static LinkedMap Ring(uint size) => TestPrograms.Map(0, MapType.Ringbuf, 0, 0, size, name: "events");
}
