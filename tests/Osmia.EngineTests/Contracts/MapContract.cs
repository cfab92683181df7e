using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Contracts;

/// <summary>
/// What every engine's maps do, through <see cref="Map"/> alone: the kernel's semantics. A subclass for each engine
/// says how to open it.
/// </summary>
public abstract class MapContract : IDisposable
{
    private const uint NoPreallocation = 1;
    private const int Exists = 17;
    private const int NoEntry = 2;
    private const int Invalid = 22;
    private const int TooBig = 7;
    private const int NotPermitted = 1;

    private readonly List<IDisposable> _open = [];

    /// <summary>Opens the engine, or skips the test by name.</summary>
    protected abstract IEngine OpenEngine();

    public void Dispose()
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            _open[i].Dispose();
        }

        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(MapType.Hash)]
    [InlineData(MapType.LruHash)]
    public void Hash_finds_what_was_put_in_and_nothing_else(MapType type)
    {
        Map<uint, ulong> map = new(Create(type, 4, 8, 16));
        Assert.False(map.TryLookup(1, out _));
        map.Update(1, 10);
        map.Update(2, 20);
        map.Update(1, 11);
        Assert.True(map.TryLookup(1, out ulong one));
        Assert.True(map.TryLookup(2, out ulong two));
        Assert.Equal((11UL, 20UL), (one, two));
        Assert.True(map.Delete(1));
        Assert.False(map.Delete(1));
        Assert.False(map.TryLookup(1, out _));
    }

    [Fact]
    public void Hash_keys_of_odd_sizes_are_told_apart_by_every_byte()
    {
        const int Size = 13;
        Map map = Create(MapType.Hash, Size, 1, 64);
        byte[] key = new byte[Size];
        map.Update(key, [99]);
        for (byte i = 0; i < Size; i++)
        {
            Array.Clear(key);
            key[i] = 1;
            map.Update(key, [i]);
        }

        byte[] value = new byte[1];
        for (byte i = 0; i < Size; i++)
        {
            Array.Clear(key);
            key[i] = 1;
            Assert.True(map.TryLookup(key, value));
            Assert.Equal(i, value[0]);
        }
    }

    [Fact]
    public void Modes_say_whether_a_key_must_be_new_or_there()
    {
        Map<uint, uint> map = new(Create(MapType.Hash, 4, 4, 4));
        Assert.Equal(NoEntry, ErrnoOf(() => map.Update(1, 1, UpdateMode.Exist)));
        map.Update(1, 1, UpdateMode.NoExist);
        Assert.Equal(Exists, ErrnoOf(() => map.Update(1, 2, UpdateMode.NoExist)));
        map.Update(1, 3, UpdateMode.Exist);
        Assert.True(map.TryLookup(1, out uint value));
        Assert.Equal(3u, value);
        Assert.Equal(Invalid, ErrnoOf(() => map.Update(1, 3, (UpdateMode)77)));
    }

    [Fact]
    public void A_full_hash_refuses_new_keys_and_takes_changes_of_old_ones()
    {
        const uint Entries = 37;
        Map<uint, uint> map = new(Create(MapType.Hash, 4, 4, Entries));
        for (uint i = 0; i < Entries; i++)
        {
            map.Update(i, i);
        }

        Assert.Equal(TooBig, ErrnoOf(() => map.Update(Entries, 0)));
        map.Update(5, 55);
        Assert.True(map.Delete(6));
        map.Update(Entries, 1);
        Assert.Equal(TooBig, ErrnoOf(() => map.Update(Entries + 1, 0)));
        Assert.Equal((int)Entries, map.Entries().Count());
    }

    [Fact]
    public void A_full_lru_hash_makes_room_and_keeps_the_newest()
    {
        const uint Entries = 512;
        Map<uint, uint> map = new(Create(MapType.LruHash, 4, 4, Entries));
        for (uint i = 0; i < Entries * 3; i++)
        {
            map.Update(i, i);
            Assert.True(map.TryLookup(i, out uint value));
            Assert.Equal(i, value);
        }

        int left = map.Entries().Count();
        Assert.InRange(left, 1, (int)Entries);
    }

    [Fact]
    public void Keys_are_walked_once_each_and_a_vanished_key_starts_over()
    {
        Map<uint, uint> map = new(Create(MapType.Hash, 4, 4, 200));
        for (uint i = 0; i < 101; i++)
        {
            map.Update(i, i * 2);
        }

        KeyValuePair<uint, uint>[] entries = [.. map.Entries()];
        Assert.Equal(Enumerable.Range(0, 101).Select(i => (uint)i), entries.Select(e => e.Key).Order());
        Assert.All(entries, e => Assert.Equal(e.Key * 2, e.Value));
    }

    [Fact]
    public void The_next_key_after_one_that_is_not_there_is_the_first()
    {
        Map map = Create(MapType.Hash, 4, 4, 8);
        Assert.False(map.TryNextKey([], new byte[4]));
        map.Update(Word(1), Word(1));
        map.Update(Word(2), Word(1));
        byte[] first = new byte[4];
        byte[] again = new byte[4];
        Assert.True(map.TryNextKey([], first));
        Assert.True(map.TryNextKey(Word(77), again));
        Assert.Equal(first, again);
    }

    [Fact]
    public void Array_elements_are_there_from_the_start_and_stay()
    {
        Map<uint, ulong> map = new(Create(MapType.Array, 4, 8, 5));
        Assert.True(map.TryLookup(4, out ulong value));
        Assert.Equal(0UL, value);
        Assert.False(map.TryLookup(5, out _));
        map.Update(4, 44);
        Assert.Equal(TooBig, ErrnoOf(() => map.Update(5, 1)));
        Assert.Equal(Exists, ErrnoOf(() => map.Update(1, 1, UpdateMode.NoExist)));
        Assert.Equal(Invalid, ErrnoOf(() => map.Delete(1)));
        Assert.Equal([0, 1, 2, 3, 4], map.Entries().Select(e => (int)e.Key));
        Assert.Equal(44UL, map.Entries().Last().Value);
    }

    [Fact]
    public void Array_values_of_odd_sizes_do_not_touch_each_other()
    {
        const int Size = 7;
        Map map = Create(MapType.Array, 4, Size, 3);
        map.Update(Word(0), Enumerable.Repeat((byte)1, Size).ToArray());
        map.Update(Word(1), Enumerable.Repeat((byte)2, Size).ToArray());
        map.Update(Word(2), Enumerable.Repeat((byte)3, Size).ToArray());
        byte[] value = new byte[Size];
        for (byte i = 0; i < 3; i++)
        {
            Assert.True(map.TryLookup(Word(i), value));
            Assert.All(value, b => Assert.Equal(i + 1, b));
        }
    }

    [Theory]
    [InlineData(MapType.PercpuArray)]
    [InlineData(MapType.PercpuHash)]
    [InlineData(MapType.LruPercpuHash)]
    public void Per_cpu_maps_hold_one_value_for_each_cpu(MapType type)
    {
        const int Size = 5;
        Map map = Create(type, 4, Size, 8);
        Assert.True(map.ValuesPerKey >= 1);
        Assert.Equal(8, map.ValueStride);
        byte[] values = new byte[map.ValueBufferSize];
        for (int cpu = 0; cpu < map.ValuesPerKey; cpu++)
        {
            values.AsSpan(cpu * map.ValueStride, Size).Fill((byte)(cpu + 1));
        }

        map.Update(Word(3), values);
        byte[] back = new byte[map.ValueBufferSize];
        Assert.True(map.TryLookup(Word(3), back));
        for (int cpu = 0; cpu < map.ValuesPerKey; cpu++)
        {
            Assert.All(back.AsSpan(cpu * map.ValueStride, Size).ToArray(), b => Assert.Equal(cpu + 1, b));
        }
    }

    [Fact]
    public void Lpm_trie_finds_the_longest_prefix()
    {
        Map map = Create(MapType.LpmTrie, 8, 4, 16, NoPreallocation);
        map.Update(Prefix(0, 0, 0, 0, 0), Word(1));
        map.Update(Prefix(8, 10, 0, 0, 0), Word(2));
        map.Update(Prefix(13, 10, 8, 0, 0), Word(3));
        map.Update(Prefix(32, 10, 9, 1, 1), Word(4));
        Assert.Equal(1u, Find(map, 11, 0, 0, 1));
        Assert.Equal(2u, Find(map, 10, 16, 0, 1));
        Assert.Equal(3u, Find(map, 10, 15, 255, 255));
        Assert.Equal(4u, Find(map, 10, 9, 1, 1));
        Assert.Equal(3u, Find(map, 10, 9, 1, 2));
        Assert.True(map.Delete(Prefix(13, 10, 8, 0, 0)));
        Assert.Equal(2u, Find(map, 10, 9, 1, 2));
        Assert.False(map.Delete(Prefix(13, 10, 8, 0, 0)));
        Assert.True(map.Delete(Prefix(0, 0, 0, 0, 0)));
        Assert.Null(Find(map, 11, 0, 0, 1));
    }

    [Fact]
    public void Lpm_trie_looks_no_further_than_the_prefix_asked_for()
    {
        Map map = Create(MapType.LpmTrie, 8, 4, 16, NoPreallocation);
        map.Update(Prefix(16, 10, 1, 0, 0), Word(16));
        map.Update(Prefix(24, 10, 1, 2, 0), Word(24));
        byte[] value = new byte[4];
        Assert.True(map.TryLookup(Prefix(20, 10, 1, 2, 0), value));
        Assert.Equal(16u, BinaryPrimitives.ReadUInt32LittleEndian(value));
        Assert.False(map.TryLookup(Prefix(15, 10, 1, 2, 0), value));
        Assert.Equal(Invalid, ErrnoOf(() => map.Update(Prefix(33, 10, 1, 2, 3), Word(1))));
    }

    [Fact]
    public void Lpm_trie_agrees_with_a_plain_search()
    {
        var random = new Random(20260);
        Map map = Create(MapType.LpmTrie, 8, 4, 4096, NoPreallocation);
        var prefixes = new Dictionary<(uint Bits, int Length), uint>();
        for (uint i = 1; i < 1500; i++)
        {
            int length = random.Next(33);
            uint bits = length == 0 ? 0 : (uint)random.NextInt64() & 0xf00f00ff & (uint.MaxValue << (32 - length));
            prefixes[(bits, length)] = i;
            map.Update(Prefix(length, bits), Word(i));
        }

        byte[] value = new byte[4];
        for (int i = 0; i < 5000; i++)
        {
            uint address = (uint)random.NextInt64() & 0xf00f00ff;
            uint? expected = null;
            for (int length = 32; length >= 0 && expected is null; length--)
            {
                expected = prefixes.TryGetValue((length == 0 ? 0 : address & (uint.MaxValue << (32 - length)), length), out uint found) ? found : null;
            }

            uint? actual = map.TryLookup(Prefix(32, address), value) ? BinaryPrimitives.ReadUInt32LittleEndian(value) : null;
            Assert.Equal(expected, actual);
        }
    }

    [Fact]
    public void A_queue_gives_back_the_oldest_and_a_stack_the_newest()
    {
        foreach ((MapType type, uint expected) in ((MapType, uint)[])[(MapType.Queue, 1), (MapType.Stack, 3)])
        {
            Map map = Create(type, 0, 4, 3);
            byte[] value = new byte[4];
            Assert.False(map.TryLookup([], value));
            map.Update([], Word(1));
            map.Update([], Word(2));
            map.Update([], Word(3));
            Assert.Equal(TooBig, ErrnoOf(() => map.Update([], Word(4))));
            Assert.True(map.TryLookup([], value));
            Assert.Equal(expected, BinaryPrimitives.ReadUInt32LittleEndian(value));
        }
    }

    [Fact]
    public void Data_sections_begin_with_their_initial_value()
    {
        byte[] initial = [1, 2, 3, 4, 5, 6, 7, 8];
        LinkedMap definition = new(0, ".data", MapType.Array, 4, 8, 1, 0) { DataSection = DataSectionKind.Data, InitialData = initial };
        Map map = Create(definition);
        byte[] value = new byte[8];
        Assert.True(map.TryLookup(Word(0), value));
        Assert.Equal(initial, value);
        map.Update(Word(0), [8, 7, 6, 5, 4, 3, 2, 1]);
        Assert.True(map.TryLookup(Word(0), value));
        Assert.Equal(8, value[0]);
    }

    [Fact]
    public void Constant_data_is_frozen()
    {
        const uint ReadOnlyForProgram = 1 << 7;
        LinkedMap definition = new(0, ".rodata", MapType.Array, 4, 8, 1, ReadOnlyForProgram) { DataSection = DataSectionKind.ReadOnly, InitialData = new byte[8] };
        Map map = Create(definition);
        Assert.Equal(NotPermitted, ErrnoOf(() => map.Update(Word(0), new byte[8])));
    }

    [Fact]
    public void Keys_and_values_of_the_wrong_size_are_the_callers_mistake()
    {
        Map map = Create(MapType.Hash, 4, 8, 8);
        Assert.Throws<ArgumentException>(() => map.Update(new byte[3], new byte[8]));
        Assert.Throws<ArgumentException>(() => map.Update(new byte[4], new byte[4]));
        Assert.Throws<ArgumentException>(() => map.TryLookup(new byte[4], new byte[9]));
        Assert.Throws<ArgumentException>(() => map.Delete(new byte[5]));
    }

    [Theory]
    [InlineData(MapType.Hash, 0u, 8u, 1u)]
    [InlineData(MapType.Hash, 4u, 8u, 0u)]
    [InlineData(MapType.Array, 8u, 8u, 1u)]
    [InlineData(MapType.LpmTrie, 8u, 4u, 8u)]
    [InlineData(MapType.Queue, 4u, 4u, 4u)]
    public void Definitions_that_make_no_sense_are_refused(MapType type, uint keySize, uint valueSize, uint entries) =>
        Assert.Equal(Invalid, ErrnoOf(() => Create(type, keySize, valueSize, entries)));

    [Fact]
    public void Many_threads_may_change_a_hash_at_once()
    {
        const int Threads = 4;
        const uint PerThread = 2000;
        Map map = Create(MapType.Hash, 4, 8, Threads * PerThread);
        Parallel.For(0, Threads, new ParallelOptions { MaxDegreeOfParallelism = Threads }, thread =>
        {
            byte[] value = new byte[8];
            for (uint i = 0; i < PerThread; i++)
            {
                uint key = (uint)thread * PerThread + i;
                BinaryPrimitives.WriteUInt64LittleEndian(value, key);
                map.Update(Word(key), value);
                if (i % 3 == 0)
                {
                    map.Delete(Word(key));
                }
            }
        });
        var typed = new Map<uint, ulong>(map);
        KeyValuePair<uint, ulong>[] entries = [.. typed.Entries()];
        Assert.Equal(Threads * ((int)PerThread - (((int)PerThread + 2) / 3)), entries.Length);
        Assert.All(entries, e => Assert.Equal(e.Key, e.Value));
    }

    protected Map Create(MapType type, uint keySize, uint valueSize, uint entries, uint flags = 0) =>
        Create(new LinkedMap(0, "contract", type, keySize, valueSize, entries, flags));

    protected Map Create(LinkedMap definition)
    {
        IEngine engine = OpenEngine();
        _open.Add(engine);
        LoadedObject loaded = engine.Load(new LinkedObject("contract", [], [definition], []), LoadOptions.Default);
        _open.Add(loaded);
        return loaded.Maps[0];
    }

    protected static byte[] Word(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Prefix(int length, params ReadOnlySpan<byte> address) => [.. Word((uint)length), .. address];

    private static byte[] Prefix(int length, uint address)
    {
        byte[] key = [.. Word((uint)length), 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(4), address);
        return key;
    }

    private static uint? Find(Map map, params ReadOnlySpan<byte> address)
    {
        uint value = 0;
        return map.TryLookup(Prefix(32, address), MemoryMarshal.AsBytes(new Span<uint>(ref value))) ? value : null;
    }

    /// <summary>The error number an engine's refusal carries.</summary>
    private static int ErrnoOf(Action act)
    {
        BpfException refusal = Assert.ThrowsAny<BpfException>(act);
        return refusal switch
        {
            KernelException kernel => kernel.Errno,
            MapException map => map.Errno,
            _ => throw refusal,
        };
    }
}
