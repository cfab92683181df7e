using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Several threads in the same programs and maps, while a host thread changes the maps under them.</summary>
public sealed class VmConcurrencyTests : IDisposable
{
    private const int Threads = 4;
    private const int Rounds = 4000;

    private readonly VmEngine _engine = new(new VmOptions { Slots = Threads, Seed = 1 });

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData(MapType.Hash)]
    [InlineData(MapType.LruHash)]
    [InlineData(MapType.PercpuHash)]
    [InlineData(MapType.LruPercpuHash)]
    public void A_value_belongs_to_its_key_whatever_others_insert_and_delete(MapType type)
    {
        // The value is the key twice.
        const string Code =
            """
            r6 = *(u64 *)(r1 + 0)
            *(u64 *)(r10 - 8) = r6
            *(u64 *)(r10 - 24) = r6
            *(u64 *)(r10 - 16) = r6
            r1 = map[0]; r2 = r10; r2 += -8; r3 = r10; r3 += -24; r4 = 0; call map_update_elem
            r7 = r6; r7 &= 7
            if r7 != 0 goto look
            r1 = map[0]; r2 = r10; r2 += -8; call map_delete_elem
            look:
            r1 = map[0]; r2 = r10; r2 += -8; call map_lookup_elem
            r0 = 0
            exit
            """;
        using LoadedObject loaded = _engine.Load(Code, TestPrograms.Map(0, type, 8, 16, 64));
        Map map = loaded.Maps[0];
        bool isPlain = type == MapType.Hash;
        int done = 0;
        Action host = () =>
        {
            byte[] key = new byte[8];
            byte[] value = new byte[map.ValueBufferSize];
            while (Volatile.Read(ref done) < Threads)
            {
                byte[] from = [];
                for (int i = 0; i < 200 && map.TryNextKey(from, key); i++)
                {
                    if (map.TryLookup(key, value) && !map.IsPerCpu)
                    {
                        Assert.Equal(key, value[..8]);
                        Assert.Equal(key, value[8..16]);
                    }

                    from = [.. key];
                }
            }
        };
        Run(t =>
        {
            byte[] data = new byte[8];
            var random = new Random(t);
            for (int i = 0; i < Rounds; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(data, random.Next(isPlain ? 64 : 500));
                loaded.Programs[0].Run(new ProgramRun { Data = data });
            }

            Interlocked.Increment(ref done);
        }, host);

        // Nothing is left over of the entries that came and went.
        byte[] last = new byte[8];
        byte[] all = new byte[map.ValueBufferSize];
        int count = 0;
        byte[] at = [];
        while (map.TryNextKey(at, last))
        {
            at = [.. last];
            count++;
            Assert.True(map.TryLookup(at, all));
        }

        Assert.InRange(count, 1, 64);
        foreach (byte[] key in Keys(map))
        {
            Assert.True(map.Delete(key));
        }

        for (int i = 0; i < 64; i++)
        {
            map.Update(BitConverter.GetBytes((long)i), all);
        }

        Assert.Equal(64, Keys(map).Count);
    }

    [Fact]
    public void Threads_fill_a_hash_to_its_last_place_and_no_further()
    {
        const uint Entries = 1000;
        const string Insert = "r6 = *(u64 *)(r1 + 0); *(u64 *)(r10 - 8) = r6; r1 = map[0]; r2 = r10; r2 += -8; r3 = r2; r4 = 1; call map_update_elem; exit";
        using LoadedObject loaded = _engine.Load(Insert, TestPrograms.Map(0, MapType.Hash, 8, 8, Entries));
        int taken = 0;
        int refused = 0;
        Run(t =>
        {
            byte[] data = new byte[8];
            for (int i = 0; i < 600; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(data, (t * 1000) + i);
                long result = (long)loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue;
                Interlocked.Increment(ref result == 0 ? ref taken : ref refused);
                Assert.True(result is 0 or -7, $"{result}");
            }
        }, () => { });
        Assert.Equal(((int)Entries, (Threads * 600) - (int)Entries), (taken, refused));
        Assert.Equal((int)Entries, new Map<ulong, ulong>(loaded.Maps[0]).Entries().Count());
    }

    [Fact]
    public void Elements_taken_in_batches_are_taken_once()
    {
        const string Insert = "r6 = *(u64 *)(r1 + 0); *(u64 *)(r10 - 8) = r6; r1 = map[0]; r2 = r10; r2 += -8; r3 = r2; r4 = 0; call map_update_elem; exit";
        using LoadedObject loaded = _engine.Load(Insert, TestPrograms.Map(0, MapType.Hash, 8, 8, 1 << 16));
        Map map = loaded.Maps[0];
        var seen = new HashSet<long>();
        int done = 0;
        void Drain()
        {
            byte[] keys = new byte[8 * 256];
            byte[] values = new byte[8 * 256];
            var cursor = new MapCursor(map);
            while (!cursor.IsAtEnd)
            {
                int count = map.ReadBatch(cursor, keys, values, remove: true);
                for (int i = 0; i < count; i++)
                {
                    Assert.Equal(keys[(i * 8)..((i * 8) + 8)], values[(i * 8)..((i * 8) + 8)]);
                    Assert.True(seen.Add(BinaryPrimitives.ReadInt64LittleEndian(keys.AsSpan(i * 8))));
                }
            }
        }

        Run(t =>
        {
            byte[] data = new byte[8];
            for (int i = 0; i < Rounds; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(data, ((long)t << 32) + i);
                Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue);
            }

            Interlocked.Increment(ref done);
        }, () =>
        {
            while (Volatile.Read(ref done) < Threads)
            {
                Drain();
            }
        });
        Drain();
        Assert.Equal(Threads * Rounds, seen.Count);
    }

    [Fact]
    public void Host_and_programs_change_a_value_under_its_lock()
    {
        using LoadedObject loaded = _engine.Load(Toolchain.Read("clang-19", "../Osmia.EngineTests/Vm/Sources/locked.bpf.c", "-mcpu=v3"));
        Map map = loaded.Map("pairs");
        byte[] pair = new byte[24];
        const UpdateMode Locked = (UpdateMode)4;
        map.Update(new byte[4], pair);
        int done = 0;
        Run(_ =>
        {
            byte[] packet = new byte[64];
            for (int i = 0; i < Rounds; i++)
            {
                Assert.Equal(0UL, loaded.Program("step").Run(new ProgramRun { Data = packet }).ReturnValue);
            }

            Interlocked.Increment(ref done);
        }, () =>
        {
            for (ulong i = 0; Volatile.Read(ref done) < Threads; i += 1000)
            {
                BitConverter.TryWriteBytes(pair, i);
                BitConverter.TryWriteBytes(pair.AsSpan(16), i);
                map.Update(new byte[4], pair, Locked);
            }
        });
        Assert.True(map.TryLookup(new byte[4], pair));
        Assert.Equal(BitConverter.ToUInt64(pair), BitConverter.ToUInt64(pair, 16));
    }

    [Fact]
    public void Lists_and_trees_of_many_threads_lose_no_object()
    {
        using (LoadedObject loaded = _engine.Load(Toolchain.Read("clang-19", "../Osmia.EngineTests/Contracts/Sources/graphs.bpf.c", "-mcpu=v3")))
        {
            string[] names = ["lists", "trees", "counted", "kept_pointers", "twice_in_a_list"];
            Run(t =>
            {
                byte[] packet = new byte[64];
                for (int i = 0; i < Rounds / 8; i++)
                {
                    loaded.Program(names[(i + t) % names.Length]).Run(new ProgramRun { Data = packet });
                }
            }, () => { });
        }

        Assert.Equal(0, _engine.ObjectCount);
    }

    [Fact]
    public void Atomic_counts_and_per_cpu_counts_are_exact()
    {
        const string Code =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r1 = 1
            lock *(u64 *)(r0 + 0) += r1
            r2 = 1
            r2 = atomic_fetch_add((u64 *)(r0 + 8), r2)
            r1 = map[1]; r2 = r10; r2 += -4; call map_lookup_elem
            r1 = *(u64 *)(r0 + 0); r1 += 1; *(u64 *)(r0 + 0) = r1
            r0 = 0
            exit
            """;
        using LoadedObject loaded = _engine.Load(Code, TestPrograms.Map(0, MapType.Array, 4, 16, 1), TestPrograms.Map(1, MapType.PercpuArray, 4, 8, 1));
        Run(_ =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                loaded.Programs[0].Run(new ProgramRun());
            }
        });
        byte[] value = new byte[16];
        Assert.True(loaded.Maps[0].TryLookup(new byte[4], value));
        Assert.Equal((Threads * Rounds, Threads * Rounds), (BitConverter.ToInt64(value), BitConverter.ToInt64(value, 8)));
        byte[] values = new byte[loaded.Maps[1].ValueBufferSize];
        Assert.True(loaded.Maps[1].TryLookup(new byte[4], values));
        Assert.Equal(Threads * Rounds, values.Chunk(8).Sum(word => BitConverter.ToInt64(word)));
    }

    [Fact]
    public void A_spin_lock_guards_what_it_guards()
    {
        const string Code =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = r6; call spin_lock
            r1 = *(u64 *)(r6 + 8); r1 += 1; *(u64 *)(r6 + 8) = r1
            r1 = r6; call spin_unlock
            r0 = 0
            exit
            """;
        using LoadedObject loaded = _engine.Load(Code, TestPrograms.Map(0, MapType.Array, 4, 16, 1));
        Run(_ =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                loaded.Programs[0].Run(new ProgramRun());
            }
        });
        byte[] value = new byte[16];
        Assert.True(loaded.Maps[0].TryLookup(new byte[4], value));
        Assert.Equal((0, Threads * Rounds), (BitConverter.ToInt32(value), BitConverter.ToInt64(value, 8)));
    }

    [Fact]
    public void Inner_maps_may_be_replaced_and_freed_while_programs_use_them()
    {
        LinkedMap inner = TestPrograms.Map(1, MapType.Hash, 4, 8, 4, name: "inner");
        LinkedMap outer = TestPrograms.Map(0, MapType.HashOfMaps, 4, 4, 3, name: "outer") with { InnerMap = inner };
        const string Code =
            """
            *(u32 *)(r10 - 4) = 0
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            if r0 == 0 goto none
            r1 = r0; r2 = r10; r2 += -4; call map_lookup_elem
            if r0 == 0 goto none
            r6 = 200
            again:
            r1 = *(u64 *)(r0 + 0)
            if r1 != 4711 goto bad
            r6 += -1
            if r6 != 0 goto again
            none:
            r0 = 0
            exit
            bad:
            r0 = 1
            exit
            """;
        using LoadedObject loaded = _engine.Load(Code, outer, inner);
        int done = 0;
        Action host = () =>
        {
            while (Volatile.Read(ref done) < Threads)
            {
                using Map map = _engine.CreateMap(inner with { Index = 0 });
                new Map<uint, ulong>(map).Update(0, 4711);
                loaded.Maps[0].Update(new byte[4], BitConverter.GetBytes(VmEngine.IdOf(map)));
            }
        };
        Run(_ =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
            }

            Interlocked.Increment(ref done);
        }, host);
    }

    [Fact]
    public void Tail_called_programs_may_be_replaced_and_freed_while_they_run()
    {
        LinkedMap table = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 1, name: "table");
        using LoadedObject caller = _engine.Load("r2 = map[0]; r3 = 0; call tail_call; r0 = 5; exit", table);
        int done = 0;
        Action host = () =>
        {
            while (Volatile.Read(ref done) < Threads)
            {
                using LoadedObject callee = _engine.Load("r6 = 100\nagain:\nr6 += -1\nif r6 != 0 goto again\nr0 = 9; exit");
                caller.Maps[0].Update(new byte[4], BitConverter.GetBytes(((VmProgram)callee.Programs[0]).Id));
            }
        };
        Run(_ =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                Assert.True(caller.Programs[0].Run(new ProgramRun()).ReturnValue is 5 or 9);
            }

            Interlocked.Increment(ref done);
        }, host);
    }

    [Fact]
    public void Objects_may_be_disposed_while_others_run_them()
    {
        for (int round = 0; round < 20; round++)
        {
            LoadedObject loaded = _engine.Load(
                "*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -4; r4 = 0; call map_update_elem; exit",
                TestPrograms.Map(0, MapType.LruHash, 4, 4, 4));
            Action host = () =>
            {
                Thread.Sleep(1);
                loaded.Dispose();
            };
            Run(_ =>
            {
                try
                {
                    while (true)
                    {
                        loaded.Programs[0].Run(new ProgramRun());
                        loaded.Maps[0].TryLookup(new byte[4], new byte[4]);
                    }
                }
                catch (ObjectDisposedException)
                {
                }
            }, host);
        }
    }

    [Fact]
    public void Perf_records_of_many_threads_are_read_whole_or_counted_as_lost()
    {
        using LoadedObject loaded = _engine.Load("r5 = r2; r4 = r1; r2 = map[0]; r3 = 0xffffffff ll; call perf_event_output; exit", TestPrograms.Map(0, MapType.PerfEventArray, 4, 4, 0));
        using RecordReader reader = loaded.Maps[0].OpenReader();
        int done = 0;
        int written = 0;
        int read = 0;
        void Consume() => reader.Consume((record, _) =>
        {
            read++;
            int length = BinaryPrimitives.ReadInt32LittleEndian(record);
            Assert.InRange(record.Length, length, length + 7);
            Assert.False(record[4..length].ContainsAnyExcept((byte)length));
        });
        Action host = () =>
        {
            while (Volatile.Read(ref done) < Threads)
            {
                Consume();
            }
        };
        Run(t =>
        {
            byte[] data = new byte[20 + (t * 31)];
            data.AsSpan().Fill((byte)data.Length);
            BinaryPrimitives.WriteInt32LittleEndian(data, data.Length);
            for (int i = 0; i < Rounds; i++)
            {
                if (loaded.Programs[0].Run(new ProgramRun { Data = data }).ReturnValue == 0)
                {
                    Interlocked.Increment(ref written);
                }
            }

            Interlocked.Increment(ref done);
        }, host);
        Consume();
        Assert.Equal(written, read);
        Assert.Equal((Threads * Rounds) - written, reader.Lost);
    }

    private static List<byte[]> Keys(Map map)
    {
        var keys = new List<byte[]>();
        byte[] next = new byte[map.KeySize];
        byte[] at = [];
        while (map.TryNextKey(at, next))
        {
            at = [.. next];
            keys.Add(at);
        }

        return keys;
    }

    /// <summary>Runs the work on every thread, and passes on the first failure of any.</summary>
    private static void Run(Action<int> work, Action? hostWork = null)
    {
        Exception? failure = null;
        Thread? host = hostWork is null ? null : new Thread(() =>
        {
            try
            {
                hostWork();
            }
            catch (Exception e)
            {
                Volatile.Write(ref failure, e);
            }
        }) { IsBackground = true };
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            try
            {
                work(t);
            }
            catch (Exception e)
            {
                Volatile.Write(ref failure, e);
            }
        }) { IsBackground = true })];
        host?.Start();
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a thread hangs");
        }

        Assert.True(host is null || failure is not null || host.Join(TimeSpan.FromSeconds(60)), "the host thread hangs");
        Assert.True(failure is null, failure?.ToString());
    }
}
