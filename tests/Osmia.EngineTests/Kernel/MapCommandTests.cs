using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Readers;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>The commands of bpf(2) for maps beyond single elements.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class MapCommandTests
{
    private const uint NoPrealloc = 1;
    private const uint Mmapable = 1 << 10;
    private const int Frame = 64;

    [Theory]
    [InlineData(MapType.Hash, 4)]
    [InlineData(MapType.LruHash, 4)]
    [InlineData(MapType.PercpuHash, 4)]
    [InlineData(MapType.Array, 4)]
    public void Batches_write_read_and_remove_every_element(MapType type, uint keySize)
    {
        const int Count = 500;
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(type, keySize, 8, type == MapType.LruHash ? 100u * Count : Count)));
        var map = (KernelMap)loaded.Maps[0];
        uint[] keys = [.. Enumerable.Range(0, Count).Select(number => (uint)number)];
        ulong[] values = [.. keys.SelectMany(key => Enumerable.Repeat(key * 3ul, map.ValuesPerKey))];
        map.UpdateBatch(MemoryMarshal.AsBytes<uint>(keys), MemoryMarshal.AsBytes<ulong>(values), out int written);
        Assert.Equal(Count, written);

        var read = new Dictionary<uint, ulong>();
        var cursor = new MapCursor(map);
        byte[] keyBytes = new byte[128 * 4];
        byte[] valueBytes = new byte[128 * map.ValueBufferSize];
        int calls = 0;
        for (int found; (found = map.ReadBatch(cursor, keyBytes, valueBytes)) > 0; calls++)
        {
            for (int i = 0; i < found; i++)
            {
                read[MemoryMarshal.Read<uint>(keyBytes.AsSpan(i * 4))] = MemoryMarshal.Read<ulong>(valueBytes.AsSpan(i * map.ValueBufferSize));
            }
        }

        IEnumerable<uint> mapped = read.Keys.Order();
        Assert.Equal(type == MapType.Array ? map.Definition.MaxEntries : Count, (uint)read.Count);
        Assert.Equal(keys, mapped.Take(Count));
        Assert.All(keys, key => Assert.Equal(key * 3ul, read[key]));
        Assert.InRange(calls, 2, Count);
        if (type == MapType.Array)
        {
            UnsupportedFeatureException refused = Assert.Throws<UnsupportedFeatureException>(() => map.DeleteBatch(MemoryMarshal.AsBytes<uint>(keys), out _));
            Assert.Equal("OSM5019", refused.Id);
            Assert.Contains("hash", refused.Diagnostic.Why, StringComparison.Ordinal);
            return;
        }

        Assert.True(map.DeleteBatch(MemoryMarshal.AsBytes<uint>(keys.AsSpan(0, 10)), out int deleted));
        Assert.Equal(10, deleted);
        Assert.False(map.DeleteBatch(MemoryMarshal.AsBytes<uint>(keys.AsSpan(5, 10)), out deleted));
        Assert.Equal(0, deleted);
        int taken = 0;
        cursor = new MapCursor(map);
        for (int found; (found = map.ReadBatch(cursor, keyBytes, valueBytes, remove: true)) > 0;)
        {
            taken += found;
        }

        Assert.Equal(Count - 10, taken);
        Assert.False(map.TryNextKey(default, new byte[4]));
    }

    [Fact]
    public void An_array_is_memory_that_a_program_and_this_process_share()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object(
            [new Asm().Count(0).Move(R0, 0).Exit().Build("count", ProgramType.SchedCls)], [Linked.Counter() with { Flags = Mmapable }]), "maps that can be mapped");
        using MapMemory memory = MapMemory.Open((KernelMap)loaded.Maps[0]);
        Assert.Equal(8, memory.Stride);
        MemoryMarshal.Write(memory.Value(0), 40ul);
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[Frame], Repeat = 2 });
        Assert.Equal(42ul, MemoryMarshal.Read<ulong>(memory.Value(0)));
        Assert.Equal(42ul, loaded.Counter());

        using LoadedObject plain = engine.Load(Linked.Maps(Linked.Map(MapType.Hash, 4, 8, 2)));
        Assert.Equal("OSM5019", Assert.Throws<UnsupportedFeatureException>(() => MapMemory.Open((KernelMap)plain.Maps[0])).Id);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Value(0).Length);
    }

    [Fact]
    public void Storage_maps_have_elements_of_processes_cgroups_files_and_sockets()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(Source()));
        using StorageOwner process = StorageOwner.Process(Environment.ProcessId);
        using StorageOwner file = StorageOwner.Path(Environment.ProcessPath!);
        using StorageOwner cgroup = StorageOwner.Path(KernelTest.CgroupRootOrSkip());
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using StorageOwner ofSocket = StorageOwner.Socket(socket.SafeHandle);
        foreach ((string name, StorageOwner owner) in ((string, StorageOwner)[])[("of_task", process), ("of_inode", file), ("of_cgroup", cgroup), ("of_socket", ofSocket)])
        {
            var map = (KernelMap)loaded.Map(name);
            byte[] value = new byte[8];
            Assert.False(map.TryLookup(owner, value), name);
            map.Update(owner, [7, 0, 0, 0, 0, 0, 0, 0]);
            Assert.True(map.TryLookup(owner, value), name);
            Assert.Equal(7, value[0]);
            Assert.True(map.Delete(owner));
            Assert.False(map.TryLookup(owner, value), name);
        }

        Assert.Equal("OSM5024", Assert.Throws<KernelException>(() => StorageOwner.Process(int.MaxValue)).Id);
        Assert.Equal("OSM5024", Assert.Throws<KernelException>(() => StorageOwner.Path("/no/such/file")).Id);
        Assert.Equal("OSM5019", Assert.Throws<UnsupportedFeatureException>(() => ((KernelMap)loaded.Map("first")).Delete(process)).Id);
    }

    [Fact]
    public void An_exclusive_map_is_of_one_program_alone()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedObject linked = Linked.Object([Counting("owner", 1)], [Linked.Counter()]);
        var options = new LoadOptions { ExclusiveMaps = new Dictionary<string, string> { ["counter"] = "owner" } };
        LoadedObject loaded;
        try
        {
            loaded = engine.Load(linked, options);
        }
        catch (KernelException e) when (e is { Id: "OSM5011", Errno: 7 or 22 })
        {
            Assert.Skip("needs exclusive maps (Linux 6.18)");
            throw;
        }

        loaded.Programs[0].Run(new ProgramRun { Data = new byte[Frame], Repeat = 3 });
        Assert.Equal(3ul, loaded.Counter());
        loaded.Dispose();

        KernelException refused = Assert.Throws<KernelException>(() => engine.Load(Linked.Object([Counting("owner", 1), Counting("other", 2)], [Linked.Counter()]), options));
        Assert.Contains("'other'", refused.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => engine.Load(linked, options with { ExclusiveMaps = new Dictionary<string, string> { ["counter"] = "nobody" } }));
    }

    [Fact]
    public void Records_to_a_program_arrive_in_order_and_a_full_ring_is_counted()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(Source()));
        using UserRingWriter orders = loaded.Map("orders").OpenWriter();
        ulong written = 0;
        ulong sum = 0;
        for (ulong round = 1; round <= 20; round++)
        {
            for (ulong number = 1; orders.TryWrite(MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in number))); number++)
            {
                written++;
                sum += number;
            }

            Assert.Equal((long)round, orders.Full);
            loaded.Program("drain").Run(new ProgramRun { Data = new byte[Frame] });
            Assert.Equal((written, sum), (loaded.ReadVariable<ulong>("taken"), loaded.ReadVariable<ulong>("sum")));
        }

        Assert.Equal(20ul * (4096 / 16), written);
        Assert.True(orders.TryReserve(8, out Span<byte> place));
        orders.Discard(place);
        loaded.Program("drain").Run(new ProgramRun { Data = new byte[Frame] });
        Assert.Equal(written, loaded.ReadVariable<ulong>("taken"));
        Assert.Throws<ArgumentException>(() => orders.TryWrite(new byte[4096]));
        Assert.Throws<InvalidOperationException>(() => loaded.Map("orders").OpenWriter());
        Assert.Equal("OSM5015", Assert.Throws<UnsupportedFeatureException>(() => loaded.Map("first").OpenWriter()).Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Several_rings_are_read_in_one_loop(bool byTheClock)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(Source()));
        using var set = new ReaderSet();
        int[] seen = new int[3];
        set.Add((KernelMap)loaded.Map("first"), (record, _) => seen[MemoryMarshal.Read<int>(record)]++);
        set.Add((KernelMap)loaded.Map("second"), (record, _) => seen[MemoryMarshal.Read<int>(record)]++);
        using var stop = new CancellationTokenSource();
        Task<long> loop = set.RunAsync(byTheClock ? TimeSpan.FromMilliseconds(5) : null, stop.Token);
        for (int round = 0; round < 50; round++)
        {
            loaded.Program("send").Run(new ProgramRun { Data = new byte[Frame], Repeat = 7 });
        }

        KernelTest.Eventually(() => Volatile.Read(ref seen[1]) == 350 && Volatile.Read(ref seen[2]) == 350, "all records were read");
        await stop.CancelAsync();
        Assert.Equal(700, await loop);
        Assert.Equal(0, set.Lost);
    }

    [Fact]
    public async Task Records_come_as_an_asynchronous_sequence()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(Source()));
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        loaded.Program("send").Run(new ProgramRun { Data = new byte[Frame], Repeat = 5 });
        int count = 0;
        await foreach (byte[] record in ReaderSet.ReadAllAsync((KernelMap)loaded.Map("second"), stop.Token))
        {
            Assert.Equal(2, record[0]);
            if (++count == 5)
            {
                break;
            }
        }

        Assert.Equal(5, count);
    }

    [Fact]
    public void A_flight_recorder_keeps_the_newest_records()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram numbered = new Asm().Copy(R6, R1).MapValue(R7, 0).Move(R1, 1).Add(0xdb, R7, R1, 0, 1).StoreLong(R10, -8, R1)
            .Copy(R1, R6).Map(R2, 1).Add(0x18, R3, 0, 0, -1).Add(0).Copy(R4, R10).AddImmediate(R4, -8).Move(R5, 8).Call(Asm.Helper.PerfEventOutput).Move(R0, 0).Exit()
            .Build("numbered", ProgramType.SchedCls);
        using LoadedObject loaded = engine.Load(Linked.Object([numbered], [Linked.Counter(), Linked.Map(MapType.PerfEventArray, 4, 4, 0) with { Index = 1 }]));
        using RecordReader recorder = ((KernelMap)loaded.Maps[1]).OpenReader(new PerfBufferOptions(PagesPerCpu: 1, IsOverwritable: true));
        const int Sent = 5000;
        for (int i = 0; i < Sent; i++)
        {
            loaded.Programs[0].Run(new ProgramRun { Data = new byte[Frame] });
        }

        for (int reading = 0; reading < 2; reading++)
        {
            var numbers = new Dictionary<int, List<ulong>>();
            int records = recorder.Consume((record, cpu) => (numbers.TryGetValue(cpu, out List<ulong>? list) ? list : numbers[cpu] = []).Add(MemoryMarshal.Read<ulong>(record)));
            Assert.InRange(records, 50, numbers.Count * 4096 / 16);
            Assert.Equal(Sent - 1ul, numbers.Values.SelectMany(list => list).Max());
            Assert.All(numbers.Values, list => Assert.Equal(list.OrderDescending(), list));
        }
    }

    [Fact]
    public void A_map_resized_under_an_old_pin_is_refused_made_anew_or_filled_from_it()
    {
        KernelTest.OpenOrSkip().Dispose();
        using var pins = new BpfFolder();
        using KernelEngine engine = KernelEngine.Open(pins.Path);
        LinkedObject small = Shared(16);
        using (LoadedObject first = engine.Load(small))
        {
            for (uint key = 0; key < 16; key++)
            {
                first.Map<uint, ulong>("shared").Update(key, key * 2);
            }
        }

        Assert.Equal("OSM5013", Assert.Throws<KernelException>(() => engine.Load(Shared(64))).Id);
        KernelException tooSmall = Assert.Throws<KernelException>(() => engine.Load(Shared(8), new LoadOptions { OnPinMismatch = PinPolicy.Migrate }));
        Assert.Contains("max_entries 8", tooSmall.Diagnostic.Why, StringComparison.Ordinal);
        KernelException wider = Assert.Throws<KernelException>(() => engine.Load(Linked.Maps(Linked.Map(MapType.Hash, 4, 16, 16, name: "shared") with { PinByName = true }), new LoadOptions { OnPinMismatch = PinPolicy.Migrate }));
        Assert.Contains("4 and 8 bytes", wider.Diagnostic.Why, StringComparison.Ordinal);

        // A load that fails later leaves the old map under its name.
        LinkedObject broken = Linked.Maps(Linked.Map(MapType.Hash, 4, 8, 64, name: "shared") with { PinByName = true }, Linked.Map(MapType.Hash, 4, 8, 0, name: "broken") with { Index = 1 });
        Assert.Throws<KernelException>(() => engine.Load(broken, new LoadOptions { OnPinMismatch = PinPolicy.Migrate }));
        Assert.Equal(["shared"], Directory.GetFiles(pins.Path).Select(Path.GetFileName).Where(name => !name!.Contains(".debug", StringComparison.Ordinal)));
        using (LoadedObject kept = engine.Load(small))
        {
            Assert.Equal(16, kept.Map<uint, ulong>("shared").Entries().Count());
        }

        using (LoadedObject grown = engine.Load(Shared(64), new LoadOptions { OnPinMismatch = PinPolicy.Migrate }))
        {
            Assert.Equal(Enumerable.Range(0, 16).Select(key => (ulong)key * 2), grown.Map<uint, ulong>("shared").Entries().OrderBy(entry => entry.Key).Select(entry => entry.Value));
        }

        using (LoadedObject again = engine.Load(Shared(64)))
        {
            Assert.Equal(16, again.Map<uint, ulong>("shared").Entries().Count());
        }

        using LoadedObject anew = engine.Load(small, new LoadOptions { OnPinMismatch = PinPolicy.Recreate });
        Assert.Empty(anew.Map<uint, ulong>("shared").Entries());
        Assert.Equal(["shared"], Directory.GetFiles(pins.Path).Select(Path.GetFileName).Where(name => !name!.Contains(".debug", StringComparison.Ordinal)));
    }

    private static LinkedObject Shared(uint entries) => Linked.Maps(Linked.Map(MapType.Hash, 4, 8, entries, name: "shared") with { PinByName = true });

    private static LinkedProgram Counting(string name, int result) => new Asm().Count(0).Move(R0, result).Exit().Build(name, ProgramType.SchedCls);

    private static BpfObject Source() => Toolchain.Read("clang-19", "../Osmia.EngineTests/Kernel/Sources/commands.bpf.c", "-mcpu=v3");
}

/// <summary>A BPF file system of the test's own, empty again after it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class BpfFolder : IDisposable
{
    public BpfFolder()
    {
        if (Run("mount", "-t", "bpf", "bpf", Path) != 0)
        {
            Directory.Delete(Path);
            Assert.Skip("needs the right to mount a BPF file system");
        }
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("osmia-bpffs-").FullName;

    public void Dispose()
    {
        Run("umount", Path);
        Directory.Delete(Path);
    }

    private static int Run(string command, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
