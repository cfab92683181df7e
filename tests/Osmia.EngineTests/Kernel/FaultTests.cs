using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>What goes wrong, or is done very often, and what is left of it.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class FaultTests(ITestOutputHelper output)
{
    private const int Frame = 64;

    [Fact]
    public void A_thousand_rounds_of_loading_and_attaching_leave_nothing_behind()
    {
        const int Rounds = 1000;
        const int TracepointRounds = 10;
        using KernelEngine engine = KernelTest.OpenOrSkip();
        string name = $"rounds_{Environment.ProcessId}"[..Math.Min(15, $"rounds_{Environment.ProcessId}".Length)];
        LinkedMap map = Linked.Map(MapType.Array, 4, 8, 1, name: name);
        LinkedProgram raw = new Asm().Count(0).Move(R0, 0).Exit().Build(name, ProgramType.RawTracepoint);
        LinkedProgram tracepoint = new Asm().Count(0).Move(R0, 0).Exit().Build(name, ProgramType.Tracepoint);
        Round(engine, raw, map, new RawTracepointTarget("sched_process_exec"));
        Round(engine, tracepoint, map, new TracepointTarget("syscalls", "sys_enter_getpgid"));
        KernelTest.Eventually(() => Ours(name) == (0, 0), "the first rounds are gone");
        int before = Descriptors();
        long memory = GC.GetTotalMemory(forceFullCollection: true);
        for (int i = 0; i < Rounds; i++)
        {
            Round(engine, raw, map, new RawTracepointTarget("sched_process_exec"));
        }

        // The kernel waits a grace period for each of these.
        for (int i = 0; i < TracepointRounds; i++)
        {
            Round(engine, tracepoint, map, new TracepointTarget("syscalls", "sys_enter_getpgid"));
        }

        KernelTest.Eventually(() => Ours(name) == (0, 0), "programs and maps are gone");
        KernelTest.Eventually(() => Descriptors() <= before, "descriptors are closed");
        long grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        output.WriteLine($"{Rounds + TracepointRounds} rounds, {Descriptors() - before} descriptors more, heap {grown / 1024} KiB more");
        Assert.InRange(grown, long.MinValue, 2 * 1024 * 1024);
    }

    [Fact]
    public void A_full_ring_loses_records_only_with_a_count()
    {
        const int Sent = 20_000;
        using KernelEngine engine = KernelTest.OpenOrSkip();

        // Sends a number; map 0 counts what was sent in its first 8 bytes and what was refused in the next.
        LinkedProgram sender = new Asm().MapValue(R7, 0).Move(R1, 1).Add(0xdb, R7, R1, 0, 1).StoreLong(R10, -8, R1)
            .Map(R1, 1).Copy(R2, R10).AddImmediate(R2, -8).Move(R3, 8).Move(R4, 1).Call(Asm.Helper.RingBufferOutput)
            .JumpIfEqual(R0, 0, "out").Count(0, 8).Label("out").Move(R0, 0).Exit().Build("sender", ProgramType.SchedCls);
        using LoadedObject loaded = engine.Load(Linked.Object([sender], [Linked.Map(MapType.Array, 4, 16, 1, name: "counter"), Linked.Map(MapType.Ringbuf, 0, 0, 4096, name: "ring") with { Index = 1 }]));
        using RecordReader reader = loaded.Map("ring").OpenReader();
        long read = 0;
        ulong last = 0;
        bool isOrdered = true;
        for (int round = 0; round < 10; round++)
        {
            loaded.Programs[0].Run(new ProgramRun { Data = new byte[Frame], Repeat = Sent / 10 });
            read += reader.Consume((record, _) =>
            {
                ulong number = MemoryMarshal.Read<ulong>(record);
                isOrdered &= read + (long)number == 0 || number >= last;
                last = number;
            });
        }

        byte[] counts = new byte[16];
        Assert.True(loaded.Map("counter").TryLookup(new byte[4], counts));
        (long sent, long lost) = (BitConverter.ToInt64(counts), BitConverter.ToInt64(counts, 8));
        output.WriteLine($"{sent} sent, {read} read, {lost} lost");
        Assert.Equal((Sent, Sent), (sent, read + lost));
        // The ring keeps one place free.
        Assert.InRange(read, 10 * ((4096 / 16) - 1), 10 * 4096 / 16);
        Assert.True(isOrdered);
    }

    [Theory]
    [InlineData(MapType.Hash)]
    [InlineData(MapType.LruHash)]
    [InlineData(MapType.Array)]
    public void Eight_threads_share_a_map(MapType type)
    {
        const int Threads = 8;
        const int Keys = 64;
        const int Rounds = 60;
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(type, 4, 8, type == MapType.LruHash ? 100_000u : Threads * Keys)));
        var map = (KernelMap)loaded.Maps[0];
        var typed = new Map<uint, ulong>(map);
        using var start = new Barrier(Threads);
        int wrong = 0;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(() =>
        {
            start.SignalAndWait();
            for (ulong round = 1; round <= Rounds; round++)
            {
                for (uint i = 0; i < Keys; i++)
                {
                    uint key = i * Threads + (uint)number;
                    typed.Update(key, round * 1000 + key);
                    if (!typed.TryLookup(key, out ulong value) || value != round * 1000 + key)
                    {
                        Interlocked.Increment(ref wrong);
                    }

                    if (type == MapType.Hash && round % 2 == 0 && !typed.Delete(key))
                    {
                        Interlocked.Increment(ref wrong);
                    }
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        foreach (Thread thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a thread hangs");
        }

        Assert.Equal(0, wrong);
        int left = typed.Entries().Count();
        Assert.Equal(type == MapType.Hash ? 0 : Threads * Keys, left);
    }

    [Fact]
    public void A_load_that_fails_in_the_middle_leaves_nothing_behind()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        string name = $"half_{Environment.ProcessId}";
        LinkedProgram good = new Asm().Count(0).Move(R0, 0).Exit().Build(name, ProgramType.SchedCls);
        LinkedProgram bad = new Asm().LoadLong(R0, R1, 4096).Exit().Build("bad", ProgramType.SchedCls);
        int before = Descriptors();
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal("OSM5020", Assert.Throws<KernelException>(() => engine.Load(Linked.Object([good, bad], [Linked.Map(MapType.Array, 4, 8, 1, name: name)]))).Id);
        }

        KernelTest.Eventually(() => Ours(name) == (0, 0), "programs and maps are gone");
        Assert.InRange(Descriptors(), 0, before);
    }

    private static void Round(KernelEngine engine, LinkedProgram program, LinkedMap map, AttachTarget target)
    {
        using LoadedObject loaded = engine.Load(Linked.Object([program], [map]));
        using Link link = engine.Attach(loaded.Programs[0], target);
    }

    private static (int Programs, int Maps) Ours(string name) =>
        (KernelInventory.Programs().Count(program => program.Name == name), KernelInventory.Maps().Count(map => map.Name == name));

    private static int Descriptors() => Directory.EnumerateFiles("/proc/self/fd").Count(path => (new FileInfo(path).LinkTarget ?? "").Contains("bpf", StringComparison.Ordinal)
        || (new FileInfo(path).LinkTarget ?? "").Contains("perf_event", StringComparison.Ordinal));
}
