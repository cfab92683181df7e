using System.Diagnostics;
using System.Runtime.CompilerServices;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Maps in files: several engines, and several processes, in one map.</summary>
public sealed class SharedMapTests : IDisposable
{
    private const string ChildVariable = "OSMIA_TEST_SHARED_CHILD";
    private const int Runs = 3000;

    /// <summary>Adds one to the array's element, the hash's value of its key and its CPU's value, and writes a record.</summary>
    private const string Count =
        """
        r6 = r1
        *(u32 *)(r10 - 4) = 1
        r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
        if r0 == 0 goto out
        r1 = 1; lock *(u64 *)(r0 + 0) += r1
        r1 = map[2]; r2 = r10; r2 += -4; call map_lookup_elem
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 + 0); r1 += 1; *(u64 *)(r0 + 0) = r1
        r7 = *(u32 *)(r6 + 0)
        *(u32 *)(r10 - 4) = r7
        *(u64 *)(r10 - 16) = 0
        r1 = map[1]; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 1; call map_update_elem
        r1 = map[1]; r2 = r10; r2 += -4; call map_lookup_elem
        if r0 == 0 goto out
        r1 = 1; lock *(u64 *)(r0 + 0) += r1
        r1 = map[3]; r2 = r6; r3 = 8; r4 = 0; call ringbuf_output
        exit
        out:
        r0 = 1
        exit
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-shared-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The test's own program as another process: it counts in the shared maps and ends.</summary>
    [ModuleInitializer]
    internal static void RunAsChild()
    {
        if (Environment.GetEnvironmentVariable(ChildVariable) is { Length: > 0 } folder)
        {
            RunCounter(folder, 1);
            Environment.Exit(0);
        }
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void Two_engines_share_what_one_of_them_wrote(VmTier tier)
    {
        using VmEngine first = Open(_folder, tier);
        using VmEngine second = Open(_folder, tier);
        using LoadedObject one = first.Load(Object(), LoadOptions.Default);
        using LoadedObject two = second.Load(Object(), LoadOptions.Default);
        byte[] data = new byte[8];
        using (RecordReader reader = two.Map("ring").OpenReader())
        {
            Assert.Throws<InvalidOperationException>(() => one.Map("ring").OpenReader());
            for (int i = 0; i < 5; i++)
            {
                Assert.Equal(0UL, one.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue);
                Assert.Equal(0UL, two.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue);
            }

            Assert.True(reader.Wait(TimeSpan.FromSeconds(10)));
            Assert.Equal(10, reader.Consume((_, _) => { }));
        }

        foreach (LoadedObject loaded in (LoadedObject[])[one, two])
        {
            Assert.Equal((10UL, 10UL), (ArrayValue(loaded), HashValue(loaded, 0)));

            // Both ran on their CPU 0, and no count was lost.
            Assert.Equal([5UL, 5UL], CpuValues(loaded).Where(value => value != 0));
        }
    }

    [Fact]
    public void A_map_outlives_the_engine_in_its_file()
    {
        for (int i = 1; i <= 3; i++)
        {
            using VmEngine engine = Open(_folder, VmTier.Interpreter);
            using LoadedObject loaded = engine.Load(Object(), LoadOptions.Default);
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);
            Assert.Equal(((ulong)i, (ulong)i), (ArrayValue(loaded), HashValue(loaded, 0)));
        }
    }

    [Fact]
    public void Another_process_counts_in_the_same_maps()
    {
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        using LoadedObject loaded = engine.Load(Object(), LoadOptions.Default);
        using Process child = StartChild(_folder);
        using RecordReader reader = loaded.Map("ring").OpenReader();
        int records = Run(loaded, 0, reader);
        while (!child.WaitForExit(1))
        {
            records += reader.Consume((_, _) => { });
        }

        records += reader.Consume((_, _) => { });
        Assert.Equal(0, child.ExitCode);
        Assert.Equal(2UL * Runs, ArrayValue(loaded));
        Assert.Equal(2UL * Runs, HashValue(loaded, 0) + HashValue(loaded, 1));
        Assert.Equal(2UL * Runs, CpuValues(loaded).Aggregate(0UL, (sum, value) => sum + value));
        Assert.Equal(2 * Runs, records);
    }

    [Theory]
    [InlineData(MapType.LruHash, "lru_hash")]
    [InlineData(MapType.PercpuHash, "percpu_hash")]
    [InlineData(MapType.ProgArray, "prog_array")]
    [InlineData(MapType.Queue, "queue")]
    [InlineData(MapType.TaskStorage, "task_storage")]
    public void Other_types_are_refused_by_name(MapType type, string name)
    {
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        MapException refusal = Assert.Throws<MapException>(() => engine.CreateMap(TestPrograms.Map(0, type, type == MapType.Queue ? 0 : 4u, 4, type == MapType.TaskStorage ? 0 : 4u, type == MapType.TaskStorage ? 1u : 0, "array")));
        Assert.Equal("OSM6022", refusal.Id);
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("r1 = r6; call spin_lock")]
    [InlineData("r1 = r6; r2 = map[0]; r3 = 1; call timer_init")]
    [InlineData("r1 = r6; r2 = 0; call kptr_xchg")]
    public void Locks_timers_and_pointers_without_types_are_refused_when_they_are_used(string call)
    {
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        TrapException trap = Assert.Throws<TrapException>(() => engine.Run($"*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; r6 = r0; {call}; r0 = 0; exit", [],
            TestPrograms.Map(0, MapType.Array, 4, 16, 1, 0, "array")));
        Assert.Equal("OSM6103", trap.Id);
    }

    [Fact]
    public void A_file_of_another_definition_is_refused()
    {
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        engine.CreateMap(TestPrograms.Map(0, MapType.Array, 4, 8, 4, 0, "array")).Dispose();
        MapException refusal = Assert.Throws<MapException>(() => engine.CreateMap(TestPrograms.Map(0, MapType.Array, 4, 8, 5, 0, "array")));
        Assert.Equal("OSM6022", refusal.Id);
        Assert.Contains("5", refusal.Message, StringComparison.Ordinal);
        File.WriteAllBytes(Path.Combine(_folder, "hash"), new byte[10_000]);
        Assert.Contains("no map", Assert.Throws<MapException>(() => engine.CreateMap(TestPrograms.Map(0, MapType.Hash, 4, 8, 4, 0, "hash"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_with_a_lock_or_pointer_are_refused_by_its_name()
    {
        BpfObject source = Toolchain.Read("clang-19", "../Osmia.EngineTests/Contracts/Sources/later.bpf.c", "-mcpu=v3");
        using var engine = new VmEngine(new VmOptions { Slots = 2, SharedMaps = new Dictionary<string, string> { ["timers"] = Path.Combine(_folder, "timers") } });
        MapException refusal = Assert.Throws<MapException>(() => engine.Load(source));
        Assert.Equal("OSM6022", refusal.Id);
        Assert.Contains("bpf_timer", refusal.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "timers")));
    }

    [Fact]
    public void A_program_reaches_the_values_of_its_own_cpus_alone()
    {
        using VmEngine first = Open(_folder, VmTier.Interpreter);
        using VmEngine second = Open(_folder, VmTier.Interpreter);
        const string Write = "r6 = *(u32 *)(r1 + 0); *(u32 *)(r10 - 4) = 3; r1 = map[0]; r2 = r10; r2 += -4; r3 = r6; call map_lookup_percpu_elem; if r0 == 0 goto none; r1 = 7; *(u64 *)(r0 + 0) = r1; r0 = 1\nnone:\nexit";
        LinkedMap map = TestPrograms.Map(0, MapType.PercpuArray, 4, 8, 4, 0, "cpus");
        using LoadedObject one = first.Load(Write, map);
        using LoadedObject two = second.Load(Write, map);
        byte[] values = new byte[one.Maps[0].ValueBufferSize];
        for (int cpu = 0; cpu < one.Maps[0].ValuesPerKey; cpu++)
        {
            Assert.Equal(cpu < 2 ? 1UL : 0, two.Programs[0].Run(new ProgramRun { Data = BitConverter.GetBytes(cpu) }).ReturnValue);
        }

        Assert.True(one.Maps[0].TryLookup(BitConverter.GetBytes(3), values));
        Assert.Equal([2, 3], Enumerable.Range(0, one.Maps[0].ValuesPerKey).Where(cpu => BitConverter.ToUInt64(values, 8 * cpu) == 7));
    }

    [Fact]
    public void Who_is_refused_takes_nobodys_cpus()
    {
        using VmEngine first = Open(_folder, VmTier.Interpreter);
        using VmEngine second = Open(_folder, VmTier.Interpreter);
        using LoadedObject one = first.Load(Object(), LoadOptions.Default);
        Assert.Throws<MapException>(() => second.CreateMap(TestPrograms.Map(0, MapType.PercpuArray, 4, 8, 5, 0, "cpus")));
        using LoadedObject two = second.Load(Object(), LoadOptions.Default);
        Assert.Equal(0UL, one.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);
        Assert.Equal(0UL, two.Programs[0].Run(new ProgramRun { Data = new byte[8] }).ReturnValue);
        Assert.Equal([1UL, 1UL], CpuValues(one).Where(value => value != 0));
    }

    [Fact]
    public void Values_too_large_for_all_processes_are_refused()
    {
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        MapException refusal = Assert.Throws<MapException>(() => engine.CreateMap(TestPrograms.Map(0, MapType.PercpuArray, 4, 1 << 27, 1, 0, "cpus")));
        Assert.Equal("OSM6007", refusal.Id);
        Assert.False(File.Exists(Path.Combine(_folder, "cpus")));
    }

    [Fact]
    public void A_map_larger_than_the_room_there_is_is_refused_before_it_is_used()
    {
        // There a file takes its room when it is made longer.
        Assert.SkipWhen(OperatingSystem.IsWindows(), "files have their room");
        long free = new DriveInfo(_folder).AvailableFreeSpace;
        Assert.SkipWhen(free > 1L << 39, $"{free} bytes are free");
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        MapException refusal = Assert.Throws<MapException>(() => engine.CreateMap(TestPrograms.Map(0, MapType.Array, 4, 4096, 1 << 27, 0, "array")));
        Assert.Equal("OSM6022", refusal.Id);
        Assert.Contains("free", refusal.Message, StringComparison.Ordinal);
        engine.CreateMap(TestPrograms.Map(0, MapType.Array, 4, 8, 4, 0, "array")).Dispose();
    }

    /// <summary>Another process writes nonsense over a hash's table: this one finds nothing, or something, and stays whole.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(0x7fffffff)]
    [InlineData(int.MinValue)]
    [InlineData(100)]
    [InlineData(0x01010101)]
    public void A_hash_written_over_from_outside_harms_nobody(int word)
    {
        using VmEngine engine = Open(_folder, VmTier.Interpreter);
        using LoadedObject loaded = engine.Load(Object(), LoadOptions.Default);
        Map<uint, ulong> map = loaded.Map<uint, ulong>("hash");
        for (uint key = 0; key < 64; key++)
        {
            map.Update(key, key);
        }

        Assert.True(map.Delete(5));
        using (var file = new FileStream(Path.Combine(_folder, "hash"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            byte[] bytes = new byte[file.Length - 4096];
            for (int at = 0; at < bytes.Length; at += 4)
            {
                // Locks stay free: who holds one for ever stops the others, here as in the kernel.
                bool isLock = at == 16 || at is >= 64 and < 64 + (32 * 64);
                BitConverter.TryWriteBytes(bytes.AsSpan(at), isLock ? 0 : word);
            }

            file.Position = 4096;
            file.Write(bytes);
        }

        byte[] data = new byte[8];
        for (uint key = 0; key < 8; key++)
        {
            Try(() => map.TryLookup(key, out _));
            Try(() => map.Update(key, 1));
            Try(() => map.Delete(key));
            Try(() => map.Update(key, 2));
            Try(() => loaded.Programs[0].Run(new ProgramRun { Data = data }));
        }

        Try(() => _ = map.Entries().Take(1000).Count());

        static void Try(Action action)
        {
            try
            {
                action();
            }
            catch (BpfException)
            {
                // The map is lost; the process is not.
            }
        }
    }

    private static void RunCounter(string folder, int key)
    {
        using VmEngine engine = Open(folder, VmTier.Interpreter);
        using LoadedObject loaded = engine.Load(Object(), LoadOptions.Default);
        Run(loaded, key, null);
    }

    private static int Run(LoadedObject loaded, int key, RecordReader? reader)
    {
        byte[] data = new byte[8];
        data[0] = (byte)key;
        int records = 0;
        for (int i = 0; i < Runs; i++)
        {
            var clock = Stopwatch.StartNew();
            ulong result = loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue;
            records += reader?.Consume((_, _) => { }) ?? 0;
            if (result != 0)
            {
                // The ring is full: counted, but without its record. The parent reads on.
                throw new InvalidOperationException($"run {i} failed with {(long)result} after {clock.Elapsed}");
            }
        }

        return records;
    }

    private static Process StartChild(string folder)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileName(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SharedMapTests).Assembly.Location);
        }

        start.Environment[ChildVariable] = folder;
        return Process.Start(start)!;
    }

    private static VmEngine Open(string folder, VmTier tier) => new(new VmOptions
    {
        Slots = 2,
        Tier = tier,
        SharedMaps = new[] { "array", "hash", "cpus", "ring" }.ToDictionary(name => name, name => Path.Combine(folder, name)),
    });

    // Large enough for all records: a run never waits for the reader.
    private static LinkedObject Object() => TestPrograms.Object([TestPrograms.Program(Count)],
        TestPrograms.Map(0, MapType.Array, 4, 8, 4, 0, "array"), TestPrograms.Map(1, MapType.Hash, 4, 8, 64, 0, "hash"), TestPrograms.Map(2, MapType.PercpuArray, 4, 8, 4, 0, "cpus"),
        TestPrograms.Map(3, MapType.Ringbuf, 0, 0, 1 << 18, 0, "ring"));

    private static ulong ArrayValue(LoadedObject loaded) => loaded.Map<uint, ulong>("array").TryLookup(1, out ulong value) ? value : 0;

    private static ulong HashValue(LoadedObject loaded, uint key) => loaded.Map<uint, ulong>("hash").TryLookup(key, out ulong value) ? value : 0;

    private static ulong[] CpuValues(LoadedObject loaded)
    {
        Map map = loaded.Map("cpus");
        byte[] values = new byte[map.ValueBufferSize];
        Assert.True(map.TryLookup(BitConverter.GetBytes(1), values));
        return [.. Enumerable.Range(0, map.ValuesPerKey).Select(cpu => BitConverter.ToUInt64(values, cpu * map.ValueStride))];
    }
}
