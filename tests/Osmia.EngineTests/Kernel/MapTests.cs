using System.Buffers.Binary;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class MapTests
{
    private const uint NoPrealloc = 1;

    [Theory]
    [InlineData(MapType.Hash, 8, 16, 0)]
    [InlineData(MapType.Array, 4, 16, 0)]
    [InlineData(MapType.PercpuHash, 8, 12, 0)]
    [InlineData(MapType.PercpuArray, 4, 12, 0)]
    [InlineData(MapType.LruHash, 8, 16, 0)]
    [InlineData(MapType.LruPercpuHash, 8, 4, 0)]
    [InlineData(MapType.LpmTrie, 8, 16, NoPrealloc)]
    public void Every_keyed_type_stores_and_returns_values(MapType type, uint keySize, uint valueSize, uint flags)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(type, keySize, valueSize, 16, flags)));
        Map map = loaded.Maps[0];
        byte[] key = new byte[keySize];
        key[0] = 3;
        byte[] value = [.. Enumerable.Range(1, map.ValueBufferSize).Select(i => (byte)i)];
        map.Update(key, value);

        byte[] read = new byte[map.ValueBufferSize];
        Assert.True(map.TryLookup(key, read));
        for (int cpu = 0; cpu < map.ValuesPerKey; cpu++)
        {
            int start = cpu * map.ValueStride;
            Assert.Equal(value[start..(start + map.ValueSize)], read[start..(start + map.ValueSize)]);
        }
    }

    [Fact]
    public void Hash_walks_deletes_and_refuses_by_mode_and_size()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(MapType.Hash, 4, 8, 2)));
        Map<uint, ulong> map = loaded.Map<uint, ulong>("map");
        map.Update(1, 10);
        map.Update(2, 20);
        Assert.Equal([1u, 2u], map.Entries().Select(e => e.Key).Order());
        Assert.Equal([10ul, 20ul], map.Entries().Select(e => e.Value).Order());

        Assert.Contains("EEXIST", Assert.Throws<KernelException>(() => map.Update(1, 0, UpdateMode.NoExist)).Message, StringComparison.Ordinal);
        Assert.Contains("ENOENT", Assert.Throws<KernelException>(() => map.Update(3, 0, UpdateMode.Exist)).Message, StringComparison.Ordinal);
        KernelException full = Assert.Throws<KernelException>(() => map.Update(3, 30));
        Assert.Equal(("OSM5012", 7), (full.Id, full.Errno));
        Assert.Contains("max_entries 2", full.Diagnostic.Why, StringComparison.Ordinal);

        Assert.True(map.Delete(1));
        Assert.False(map.Delete(1));
        Assert.False(map.TryLookup(1, out _));
        Assert.Throws<ArgumentException>(() => loaded.Maps[0].TryLookup(new byte[3], new byte[8]));
        Assert.Throws<ArgumentException>(() => loaded.Maps[0].TryLookup(new byte[4], new byte[7]));
    }

    [Fact]
    public void Lpm_trie_finds_the_longest_prefix()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(MapType.LpmTrie, 8, 4, 16, NoPrealloc)));
        Map map = loaded.Maps[0];
        map.Update([8, 0, 0, 0, 10, 0, 0, 0], [1, 0, 0, 0]);
        map.Update([24, 0, 0, 0, 10, 1, 2, 0], [2, 0, 0, 0]);
        byte[] value = new byte[4];
        Assert.True(map.TryLookup([32, 0, 0, 0, 10, 1, 2, 3], value));
        Assert.Equal(2, value[0]);
        Assert.True(map.TryLookup([32, 0, 0, 0, 10, 9, 9, 9], value));
        Assert.Equal(1, value[0]);
        Assert.False(map.TryLookup([32, 0, 0, 0, 11, 0, 0, 0], value));
    }

    [Fact]
    public void Queue_and_stack_are_pushed_peeked_and_popped()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(MapType.Queue, 0, 4, 4, name: "queue"), Linked.Map(MapType.Stack, 0, 4, 4, name: "stack") with { Index = 1 }));
        byte[] value = new byte[4];
        foreach ((Map map, byte first) in new[] { (loaded.Maps[0], (byte)1), (loaded.Maps[1], (byte)2) })
        {
            Assert.False(map.TryLookup([], value));
            map.Update([], [1, 0, 0, 0]);
            map.Update([], [2, 0, 0, 0]);
            Assert.True(map.TryLookup([], value));
            Assert.Equal(first, value[0]);
            Assert.True(map.TryTake([], value));
            Assert.True(map.TryTake([], value));
            Assert.False(map.TryTake([], value));
        }
    }

    [Fact]
    public void Data_sections_are_filled_and_constants_frozen()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedMap section = Linked.Map(MapType.Array, 4, 8, 1, name: "x.rodata") with { DataSection = DataSectionKind.ReadOnly, InitialData = new byte[] { 1, 2, 3, 4 } };
        LinkedMap data = Linked.Map(MapType.Array, 4, 8, 1, name: "x.data") with { Index = 1, DataSection = DataSectionKind.Data, InitialData = new byte[] { 9, 0, 0, 0, 0, 0, 0, 0 } };
        var variable = new LinkedVariable("limit", 0, 1, 2, default, []);
        using LoadedObject loaded = engine.Load(Linked.Maps(section, data) with { Variables = [variable] });

        Assert.Equal(0x0302, loaded.ReadVariable<ushort>("limit"));
        KernelException frozen = Assert.Throws<KernelException>(() => loaded.Maps[0].Update(new byte[4], new byte[8]));
        Assert.Contains("frozen", frozen.Diagnostic.Why, StringComparison.Ordinal);
        Assert.True(KernelInventory.Describe((KernelMap)loaded.Maps[0]).IsFrozen);
        loaded.Maps[1].Update(new byte[4], new byte[8]);
    }

    [Theory]
    [InlineData(MapType.ArrayOfMaps)]
    [InlineData(MapType.HashOfMaps)]
    public void Maps_inside_maps_are_filled_from_the_initialiser(MapType type)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedMap inner = Linked.Map(MapType.Array, 4, 8, 1, name: "inner");
        LinkedMap outer = Linked.Map(type, 4, 4, 4, name: "outer") with { Index = 1, InnerMap = inner, Slots = [new MapSlot(2, "inner")] };
        using LoadedObject loaded = engine.Load(Linked.Maps(inner, outer));
        byte[] id = new byte[4];
        Assert.True(loaded.Map("outer").TryLookup([2, 0, 0, 0], id));
        Assert.Equal(((KernelMap)loaded.Map("inner")).Id, BinaryPrimitives.ReadUInt32LittleEndian(id));
        Assert.False(loaded.Map("outer").TryLookup([1, 0, 0, 0], id));
    }

    [Fact]
    public void Sizes_with_a_default_are_completed()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(
            Linked.Map(MapType.Ringbuf, 0, 0, 5000, name: "ring"),
            Linked.Map(MapType.PerfEventArray, 4, 4, 0, name: "perf") with { Index = 1 },
            Linked.Map(MapType.StackTrace, 4, 127 * 8, 64, name: "stacks") with { Index = 2 }));
        Assert.Equal(8192u, loaded.Map("ring").Definition.MaxEntries);
        Assert.Equal((uint)PossibleCpus.IndexLimit, loaded.Map("perf").Definition.MaxEntries);
    }

    [Theory]
    [InlineData(MapType.CgroupArray, 4, 4)]
    [InlineData(MapType.Devmap, 4, 4)]
    [InlineData(MapType.DevmapHash, 4, 8)]
    [InlineData(MapType.Cpumap, 4, 4)]
    [InlineData(MapType.Xskmap, 4, 4)]
    [InlineData(MapType.Sockmap, 4, 4)]
    [InlineData(MapType.Sockhash, 4, 8)]
    [InlineData(MapType.ReuseportSockarray, 4, 4)]
    [InlineData(MapType.CgroupStorage, 8, 4)]
    [InlineData(MapType.BloomFilter, 0, 4)]
    [InlineData(MapType.UserRingbuf, 0, 0)]
    public void Types_without_a_use_here_yet_can_still_be_created(MapType type, uint keySize, uint valueSize)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        uint entries = type switch
        {
            MapType.UserRingbuf => 4096,
            MapType.CgroupStorage => 0,
            MapType.Cpumap => (uint)PossibleCpus.IndexLimit,
            _ => 4,
        };
        try
        {
            using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(type, keySize, valueSize, entries)));
            Assert.Equal(type, KernelInventory.Describe((KernelMap)loaded.Maps[0]).Type);
        }
        catch (KernelException e) when (e.Id == "OSM5011")
        {
            Assert.Skip($"needs map type {type.ToKernelName()}: {e.Diagnostic.Why}");
        }
    }

    [Theory]
    [InlineData(MapType.LpmTrie, 8, 4, 16, 0, "BPF_F_NO_PREALLOC")]
    [InlineData(MapType.LpmTrie, 4, 4, 16, NoPrealloc, "5 to 260")]
    [InlineData(MapType.Hash, 4, 4, 0, 0, "sizes a map when it makes it")]
    [InlineData(MapType.Hash, 0, 4, 1, 0, "keys of hash")]
    [InlineData(MapType.Hash, 4, 0, 1, 0, "values of hash")]
    [InlineData(MapType.Array, 8, 4, 1, 0, "exactly 4")]
    [InlineData(MapType.LruHash, 4, 4, 1, NoPrealloc, "always preallocated")]
    [InlineData(MapType.PercpuArray, 4, 40000, 1, 0, "1 to 32768")]
    [InlineData(MapType.Ringbuf, 4, 0, 4096, 0, "exactly 0")]
    [InlineData(MapType.Ringbuf, 0, 0, 0, 0, "one page")]
    [InlineData(MapType.StackTrace, 4, 12, 16, 0, "a multiple of 8")]
    [InlineData(MapType.ArrayOfMaps, 4, 4, 1, 0, "inner")]
    public void Definitions_the_kernel_answers_with_bare_EINVAL_are_explained(MapType type, uint key, uint value, uint entries, uint flags, string expected)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Maps(Linked.Map(type, key, value, entries, flags))));
        Assert.Equal("OSM5010", error.Id);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Diagnostic.Try);
    }

    [Fact]
    public void A_map_type_that_cannot_be_made_is_refused_by_name()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        var error = Assert.Throws<UnsupportedFeatureException>(() => engine.Load(Linked.Maps(Linked.Map(MapType.StructOps, 4, 4, 1))));
        Assert.Equal(("OSM5014", "map type struct_ops"), (error.Id, error.Feature));
    }

    [Fact]
    public void A_map_the_kernel_refuses_says_its_shape_and_leaves_nothing_behind()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedMap first = Linked.Map(MapType.Hash, 4, 4, 4, name: "osmia_first");
        LinkedMap huge = Linked.Map(MapType.Array, 4, 1u << 30, 1u << 30, name: "huge") with { Index = 1 };
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Maps(first, huge)));
        Assert.Equal("OSM5011", error.Id);
        Assert.Contains("max_entries 1073741824", error.Diagnostic.Where, StringComparison.Ordinal);
        KernelTest.Eventually(() => !KernelInventory.Maps().Any(map => map.Name == "osmia_first"), "the first map is gone");
    }

    [Fact]
    public void A_map_without_records_refuses_a_reader()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Maps(Linked.Map(MapType.Hash, 4, 4, 4)));
        Assert.Equal("OSM5015", Assert.Throws<UnsupportedFeatureException>(() => loaded.Maps[0].OpenReader()).Id);
    }

    [Fact]
    public void A_missing_program_or_map_of_an_initialiser_is_named()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedMap array = Linked.Map(MapType.ProgArray, 4, 4, 4) with { Slots = [new MapSlot(0, "nowhere")] };
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Maps(array)));
        Assert.Equal("OSM5017", error.Id);
        Assert.Contains("'nowhere'", error.Message, StringComparison.Ordinal);
    }
}
