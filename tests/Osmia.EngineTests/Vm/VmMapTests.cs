using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Contracts;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

public sealed class VmMapContract : MapContract
{
    protected override IEngine OpenEngine() => new VmEngine(new VmOptions { Slots = 3, Seed = 7 });
}

/// <summary>Maps as programs see them.</summary>
public sealed class VmMapTests : IDisposable
{
    private readonly VmEngine _engine = new(new VmOptions { Slots = 2, Seed = 3 });

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData(MapType.Hash)]
    [InlineData(MapType.Array)]
    [InlineData(MapType.PercpuHash)]
    [InlineData(MapType.PercpuArray)]
    [InlineData(MapType.LruHash)]
    [InlineData(MapType.LruPercpuHash)]
    public void A_program_counts_in_a_value_it_looked_up(MapType type)
    {
        const int Runs = 13;
        using LoadedObject loaded = _engine.Load(
            """
            *(u32 *)(r10 - 4) = 3
            *(u64 *)(r10 - 16) = 0
            r1 = map[0]; r2 = r10; r2 += -4
            call map_lookup_elem
            if r0 != 0 goto count
            r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 0
            call map_update_elem
            r1 = map[0]; r2 = r10; r2 += -4
            call map_lookup_elem
            count:
            r1 = 1
            lock *(u64 *)(r0 + 0) += r1
            r0 = 0
            exit
            """, TestPrograms.Map(0, type, 4, 8, 8));
        for (int i = 0; i < Runs; i++)
        {
            loaded.Programs[0].Run(new ProgramRun());
        }

        Map map = loaded.Maps[0];
        byte[] value = new byte[map.ValueBufferSize];
        Assert.True(map.TryLookup(BitConverter.GetBytes(3), value));
        Assert.Equal(Runs, Enumerable.Range(0, map.ValuesPerKey).Sum(cpu => BitConverter.ToInt64(value, cpu * 8)));
    }

    [Fact]
    public void A_prog_array_says_what_is_wrong_with_a_value()
    {
        using var engine = new VmEngine();
        using LoadedObject loaded = engine.Load("r0 = 0; exit", TestPrograms.Map(0, MapType.ProgArray, 4, 4, 2));
        using LoadedObject other = engine.Load(ProgramType.Xdp, "r0 = 2; exit");
        Map map = loaded.Maps[0];
        MapException missing = Assert.Throws<MapException>(() => map.Update(new byte[4], BitConverter.GetBytes(999)));
        Assert.Equal(2, missing.Errno);
        Assert.Contains("no program of this engine has that id", missing.Message, StringComparison.Ordinal);
        map.Update(new byte[4], BitConverter.GetBytes(((VmProgram)loaded.Programs[0]).Id));
        Assert.Contains("all of one type", Assert.Throws<MapException>(() => map.Update([1, 0, 0, 0], BitConverter.GetBytes(((VmProgram)other.Programs[0]).Id))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_is_left_neither_at_its_end_nor_at_its_start()
    {
        LinkedMap map = TestPrograms.Map(0, MapType.Array, 4, 12, 4);
        const string Lookup = "*(u32 *)(r10 - 4) = 1; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem\n";
        Assert.Equal(0UL, _engine.Run(Lookup + "r0 = *(u32 *)(r0 + 8); exit", [], map));
        TrapException past = Assert.Throws<TrapException>(() => _engine.Run(Lookup + "r0 = *(u32 *)(r0 + 12); exit", [], map));
        Assert.Equal("OSM6100", past.Id);
        Assert.Contains("value of map 'map0' (12 bytes)", past.Message, StringComparison.Ordinal);
        Assert.Throws<TrapException>(() => _engine.Run(Lookup + "r0 = *(u64 *)(r0 + 8); exit", [], map));
        Assert.Throws<TrapException>(() => _engine.Run(Lookup + "r0 = *(u32 *)(r0 - 4); exit", [], map));
        Assert.Throws<TrapException>(() => _engine.Run(Lookup + "*(u8 *)(r0 + 12) = 1; r0 = 0; exit", [], map));
    }

    [Fact]
    public void A_hash_value_is_not_left_towards_its_key_or_neighbour()
    {
        LinkedMap map = TestPrograms.Map(0, MapType.Hash, 4, 8, 4);
        const string Lookup =
            """
            *(u32 *)(r10 - 4) = 1; *(u64 *)(r10 - 16) = 5
            r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 0; call map_update_elem
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem

            """;
        Assert.Equal(5UL, _engine.Run(Lookup + "r0 = *(u64 *)(r0 + 0); exit", [], map));
        Assert.Throws<TrapException>(() => _engine.Run(Lookup + "*(u32 *)(r0 - 8) = 1; r0 = 0; exit", [], map));
        Assert.Throws<TrapException>(() => _engine.Run(Lookup + "r0 = *(u64 *)(r0 + 1); exit", [], map));
        Assert.Throws<TrapException>(() => _engine.Run(Lookup + "r0 = *(u64 *)(r0 - 32); exit", [], map));
    }

    [Fact]
    public void Constant_data_can_be_read_and_not_written()
    {
        LinkedMap map = new(0, ".rodata", MapType.Array, 4, 8, 1, 1 << 7) { DataSection = DataSectionKind.ReadOnly, InitialData = new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 } };
        Assert.Equal(0x08070605UL, _engine.Run("r1 = map[0][4]; r0 = *(u32 *)(r1 + 0); exit", [], map));
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run("r1 = map[0][4]; *(u32 *)(r1 + 0) = 1; r0 = 0; exit", [], map));
        Assert.Equal("OSM6101", trap.Id);
        Assert.Throws<TrapException>(() => _engine.Run("r1 = map[0][4]; r0 = *(u32 *)(r1 + 1); exit", [], map));
        BpfException refusal = Assert.ThrowsAny<BpfException>(() => _engine.Load("r1 = map[0][8]; r0 = 0; exit", map));
        Assert.Equal("OSM6005", refusal.Id);
    }

    [Fact]
    public void Global_variables_are_read_back_by_name()
    {
        LinkedMap data = new(0, ".bss", MapType.Array, 4, 8, 1, 0) { DataSection = DataSectionKind.ZeroInitialised, InitialData = new byte[8] };
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program("r1 = map[0][4]; *(u32 *)(r1 + 0) = 77; r0 = 0; exit")], data) with
        {
            Variables = [new LinkedVariable("seen", 0, 4, 4, default, [])],
        };
        using LoadedObject loaded = _engine.Load(linked, LoadOptions.Default);
        loaded.Programs[0].Run(new ProgramRun());
        Assert.Equal(77, loaded.ReadVariable<int>("seen"));
    }

    [Fact]
    public void The_map_itself_is_no_memory()
    {
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run("r1 = map[0]; r0 = *(u64 *)(r1 + 0); exit", [], TestPrograms.Map(0, MapType.Array, 4, 8, 1)));
        Assert.Contains("it is map 'map0' itself", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_cannot_forge_another_objects_map()
    {
        using LoadedObject victim = _engine.Load("r0 = 0; exit", TestPrograms.Map(0, MapType.Array, 4, 8, 1));
        using LoadedObject attacker = _engine.Load(
            "r6 = map[0]; r6 += -1; *(u32 *)(r10 - 4) = 0; r1 = r6; r2 = r10; r2 += -4; call map_lookup_elem; exit", TestPrograms.Map(0, MapType.Array, 4, 8, 1));
        TrapException trap = Assert.Throws<TrapException>(() => attacker.Programs[0].Run(new ProgramRun()));
        Assert.Equal("OSM6103", trap.Id);
        Assert.Contains("bpf_map_lookup_elem: argument 1", trap.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MapType.Hash)]
    [InlineData(MapType.Array)]
    public void For_each_visits_every_element(MapType type)
    {
        using LoadedObject loaded = _engine.Load(
            """
            *(u64 *)(r10 - 8) = 0
            r1 = map[0]; r2 = func body ll; r3 = r10; r3 += -8; r4 = 0
            call for_each_map_elem
            r1 = *(u64 *)(r10 - 8)
            r0 <<= 32
            r0 |= r1
            exit
            body:
            r5 = *(u32 *)(r2 + 0); r3 = *(u64 *)(r3 + 0); r5 += r3
            r3 = *(u64 *)(r4 + 0); r5 += r3
            *(u64 *)(r4 + 0) = r5
            r0 = 0
            exit
            """, TestPrograms.Map(0, type, 4, 8, 5));
        var map = new Map<uint, ulong>(loaded.Maps[0]);
        for (uint i = 0; i < 5; i++)
        {
            map.Update(i, i * 100);
        }

        Assert.Equal((5UL << 32) | 1010UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
    }

    [Fact]
    public void For_each_may_delete_what_it_visits()
    {
        using LoadedObject loaded = _engine.Load(
            """
            r1 = map[0]; r2 = func body ll; r3 = 0; r4 = 0
            call for_each_map_elem
            exit
            body:
            call map_delete_elem
            r0 = 0
            exit
            """, TestPrograms.Map(0, MapType.Hash, 4, 8, 64));
        var map = new Map<uint, ulong>(loaded.Maps[0]);
        for (uint i = 0; i < 50; i++)
        {
            map.Update(i, i);
        }

        Assert.Equal(50UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.Empty(map.Entries());
    }

    [Fact]
    public void A_key_shown_to_a_callback_cannot_be_written()
    {
        LinkedMap map = TestPrograms.Map(0, MapType.Array, 4, 8, 2);
        Assert.Throws<TrapException>(() => _engine.Run(
            "r1 = map[0]; r2 = func body ll; r3 = 0; r4 = 0; call for_each_map_elem; exit\nbody:\n*(u32 *)(r2 + 0) = 1; r0 = 0; exit", [], map));
    }

    [Fact]
    public void Queues_are_pushed_and_popped_by_programs()
    {
        const string Code =
            """
            *(u64 *)(r10 - 8) = 7
            r1 = map[0]; r2 = r10; r2 += -8; r3 = 0; call map_push_elem
            *(u64 *)(r10 - 8) = 8
            r1 = map[0]; r2 = r10; r2 += -8; r3 = 0; call map_push_elem
            r1 = map[0]; r2 = r10; r2 += -8; call map_peek_elem
            r6 = *(u64 *)(r10 - 8)
            r1 = map[0]; r2 = r10; r2 += -8; call map_pop_elem
            r7 = *(u64 *)(r10 - 8)
            r1 = map[0]; r2 = r10; r2 += -8; call map_pop_elem
            r8 = *(u64 *)(r10 - 8)
            r1 = map[0]; r2 = r10; r2 += -8; call map_pop_elem
            r0 += 2
            r6 *= 100; r7 *= 10; r0 += r6; r0 += r7; r0 += r8
            exit
            """;
        Assert.Equal(778UL, _engine.Run(Code, [], TestPrograms.Map(0, MapType.Queue, 0, 8, 4)));
        Assert.Equal(887UL, _engine.Run(Code, [], TestPrograms.Map(0, MapType.Stack, 0, 8, 4)));
    }

    [Fact]
    public void A_bloom_filter_never_denies_what_was_pushed()
    {
        using LoadedObject loaded = _engine.Load(
            "r6 = r1; r1 = map[0]; r2 = r6; call map_peek_elem; exit", TestPrograms.Map(0, MapType.BloomFilter, 0, 8, 1000));
        for (ulong i = 0; i < 500; i++)
        {
            loaded.Maps[0].Update([], BitConverter.GetBytes(i));
        }

        int falsely = 0;
        for (ulong i = 0; i < 1000; i++)
        {
            ulong answer = loaded.Programs[0].Run(new ProgramRun { Data = BitConverter.GetBytes(i) }).ReturnValue;
            Assert.True(answer is 0 or unchecked((ulong)-2L));
            Assert.True(i >= 500 || answer == 0);
            falsely += i >= 500 && answer == 0 ? 1 : 0;
        }

        Assert.InRange(falsely, 0, 100);
    }

    [Fact]
    public void Inner_maps_are_reached_through_outer_ones()
    {
        LinkedMap inner = TestPrograms.Map(1, MapType.Array, 4, 8, 2, name: "inner");
        LinkedMap outer = TestPrograms.Map(0, MapType.ArrayOfMaps, 4, 4, 3, name: "outer") with { InnerMap = inner, Slots = [new MapSlot(2, "inner")] };
        using LoadedObject loaded = _engine.Load(
            """
            r6 = *(u32 *)(r1 + 0)
            *(u32 *)(r10 - 4) = r6
            r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            if r0 == 0 goto none
            *(u32 *)(r10 - 4) = 1
            r1 = r0; r2 = r10; r2 += -4; call map_lookup_elem
            if r0 == 0 goto none
            r0 = *(u64 *)(r0 + 0)
            exit
            none:
            r0 = -1
            exit
            """, outer, inner);
        new Map<uint, ulong>(loaded.Map("inner")).Update(1, 4711);
        LoadedProgram program = loaded.Programs[0];
        Assert.Equal(4711UL, program.Run(new ProgramRun { Data = BitConverter.GetBytes(2) }).ReturnValue);
        Assert.Equal(ulong.MaxValue, program.Run(new ProgramRun { Data = BitConverter.GetBytes(0) }).ReturnValue);

        using Map other = _engine.CreateMap(inner with { Index = 0, Name = "other" });
        new Map<uint, ulong>(other).Update(1, 15);
        byte[] id = BitConverter.GetBytes(VmEngine.IdOf(other));
        loaded.Map("outer").Update(BitConverter.GetBytes(0), id);
        Assert.Equal(15UL, program.Run(new ProgramRun { Data = BitConverter.GetBytes(0) }).ReturnValue);
        Assert.True(loaded.Map("outer").Delete(BitConverter.GetBytes(2)));
        Assert.Equal(ulong.MaxValue, program.Run(new ProgramRun { Data = BitConverter.GetBytes(2) }).ReturnValue);

        using Map unlike = _engine.CreateMap(inner with { Index = 0, ValueSize = 16 });
        Assert.Throws<MapException>(() => loaded.Map("outer").Update(BitConverter.GetBytes(1), BitConverter.GetBytes(VmEngine.IdOf(unlike))));
    }

    [Fact]
    public void Elements_of_maps_of_maps_are_set_without_modes()
    {
        LinkedMap inner = TestPrograms.Map(1, MapType.Array, 4, 8, 2, name: "inner");
        LinkedMap outer = TestPrograms.Map(0, MapType.ArrayOfMaps, 4, 4, 3, name: "outer") with { InnerMap = inner };
        using LoadedObject loaded = _engine.Load("r0 = 0; exit", outer, inner);
        byte[] id = BitConverter.GetBytes(VmEngine.IdOf(loaded.Map("inner")));
        foreach (UpdateMode mode in (UpdateMode[])[UpdateMode.NoExist, UpdateMode.Exist])
        {
            Assert.Equal(22, Assert.Throws<MapException>(() => loaded.Map("outer").Update(new byte[4], id, mode)).Errno);
        }

        Assert.Equal(7, Assert.Throws<MapException>(() => loaded.Map("outer").Update([3, 0, 0, 0], id)).Errno);
    }

    [Theory]
    [InlineData(MapType.BloomFilter, 0u, 16ul)]
    [InlineData(MapType.Hash, 4u, 1ul)]
    public void What_map_extra_means_nothing_to_is_refused(MapType type, uint keySize, ulong extra)
    {
        MapException refusal = Assert.Throws<MapException>(() => _engine.CreateMap(TestPrograms.Map(0, type, keySize, 4, 4) with { Extra = extra }));
        Assert.Equal("OSM6007", refusal.Id);
        Assert.Contains("map_extra", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MapType.ProgArray, 4u)]
    [InlineData(MapType.StackTrace, 80u)]
    public void Many_elements_cost_nothing_before_they_are_there(MapType type, uint valueSize)
    {
        long before = GC.GetTotalMemory(forceFullCollection: false);
        try
        {
            using Map map = _engine.CreateMap(TestPrograms.Map(0, type, 4, valueSize, int.MaxValue - 4096));
            Assert.InRange(GC.GetTotalMemory(forceFullCollection: false) - before, long.MinValue, 1 << 28);
        }
        catch (MapException refusal)
        {
            Assert.Equal(12, refusal.Errno);
        }
    }

    [Fact]
    public void A_stack_trace_that_is_not_there_starts_the_walk_over()
    {
        using LoadedObject loaded = _engine.Load("r1 = r10; r2 = map[0]; r3 = 256; call get_stackid; exit", TestPrograms.Map(0, MapType.StackTrace, 4, 80, 4096));
        uint id = (uint)loaded.Programs[0].Run(new ProgramRun()).ReturnValue;
        byte[] next = new byte[4];
        Assert.True(id < 4095);
        Assert.True(loaded.Maps[0].TryNextKey(BitConverter.GetBytes(id + 1), next));
        Assert.Equal(id, BitConverter.ToUInt32(next));
        Assert.False(loaded.Maps[0].TryNextKey(BitConverter.GetBytes(id), next));
    }

    [Fact]
    public void Tail_calls_go_to_the_program_in_the_slot_and_end_after_33()
    {
        LinkedMap table = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 4, name: "table") with { Slots = [new MapSlot(1, "second"), new MapSlot(3, "again")] };
        LinkedProgram first = TestPrograms.Program("r6 = *(u32 *)(r1 + 0); r2 = map[0]; r3 = r6; call tail_call; r0 = 5; exit", name: "first");
        LinkedProgram second = TestPrograms.Program("r0 = 22; exit", name: "second");
        LinkedProgram again = TestPrograms.Program("r3 = *(u32 *)(r1 + 4); r3 += 1; *(u32 *)(r1 + 4) = r3; r2 = map[0]; r3 = 3; call tail_call; r0 = *(u32 *)(r1 + 4); exit", name: "again");
        using LoadedObject loaded = _engine.Load(TestPrograms.Object([first, second, again], table), LoadOptions.Default);
        LoadedProgram program = loaded.Program("first");
        Assert.Equal(22UL, program.Run(new ProgramRun { Data = new byte[] { 1, 0, 0, 0, 0, 0, 0, 0 } }).ReturnValue);
        Assert.Equal(5UL, program.Run(new ProgramRun { Data = new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 } }).ReturnValue);
        Assert.Equal(5UL, program.Run(new ProgramRun { Data = new byte[] { 99, 0, 0, 0, 0, 0, 0, 0 } }).ReturnValue);
        Assert.Equal(33UL, program.Run(new ProgramRun { Data = new byte[] { 3, 0, 0, 0, 0, 0, 0, 0 } }).ReturnValue);
    }

    [Fact]
    public void A_tail_called_program_outlives_its_object_while_it_is_in_the_array()
    {
        LinkedMap table = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 4, name: "table");
        using LoadedObject caller = _engine.Load("r2 = map[0]; r3 = 0; call tail_call; r0 = 5; exit", table);
        LoadedObject callee = _engine.Load("r0 = map[0][0]; r0 = *(u32 *)(r0 + 0); exit",
            new LinkedMap(0, ".data", MapType.Array, 4, 4, 1, 0) { DataSection = DataSectionKind.Data, InitialData = new byte[] { 9, 0, 0, 0 } });
        caller.Maps[0].Update(BitConverter.GetBytes(0), BitConverter.GetBytes(((VmProgram)callee.Programs[0]).Id));
        Assert.Equal(9UL, caller.Programs[0].Run(new ProgramRun()).ReturnValue);
        callee.Dispose();
        Assert.Equal(9UL, caller.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.True(caller.Maps[0].Delete(BitConverter.GetBytes(0)));
        Assert.Equal(5UL, caller.Programs[0].Run(new ProgramRun()).ReturnValue);
    }

    [Fact]
    public void A_trap_after_a_tail_call_in_a_function_names_the_right_program()
    {
        LinkedMap table = TestPrograms.Map(0, MapType.ProgArray, 4, 4, 1, name: "table") with { Slots = [new MapSlot(0, "callee")] };
        LinkedMap ring = TestPrograms.Map(1, MapType.Ringbuf, 0, 0, 4096);
        LinkedProgram caller = TestPrograms.Program("call sub; exit\nsub:\nr2 = map[0]; r3 = 0; call tail_call; r0 = 5; exit", name: "caller");
        LinkedProgram callee = TestPrograms.Program(string.Concat(Enumerable.Repeat("r0 = 1; ", 50)) + "r1 = map[1]; r2 = 8; r3 = 0; call ringbuf_reserve; r0 = 0; exit", name: "callee");
        using LoadedObject loaded = _engine.Load(TestPrograms.Object([caller, callee], table, ring), LoadOptions.Default);
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Program("caller").Run(new ProgramRun()));
        Assert.Equal(("OSM6107", "caller", 1), (trap.Id, trap.Program, trap.Slot));
    }

    [Fact]
    public void A_spin_lock_that_is_kept_traps_and_is_given_back()
    {
        LinkedMap map = TestPrograms.Map(0, MapType.Array, 4, 8, 1);
        using LoadedObject loaded = _engine.Load("*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; r1 = r0; call spin_lock; r0 = 0; exit", map);
        for (int i = 0; i < 2; i++)
        {
            TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun()));
            Assert.Equal("OSM6107", trap.Id);
        }
    }

    [Fact]
    public void A_map_type_the_vm_lacks_is_refused_by_name()
    {
        UnsupportedFeatureException refusal = Assert.Throws<UnsupportedFeatureException>(() => _engine.Load("r0 = 0; exit", TestPrograms.Map(0, MapType.CgroupArray, 4, 4, 100, name: "groups")));
        Assert.Equal("OSM6006", refusal.Id);
        Assert.Contains("cgroup_array", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("'groups'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lookups_race_updates_and_deletes_without_harm()
    {
        using LoadedObject loaded = _engine.Load(
            """
            r6 = *(u32 *)(r1 + 0)
            r7 = 0
            again:
            *(u32 *)(r10 - 4) = r7
            r1 = map[0]; r2 = r10; r2 += -4
            call map_lookup_elem
            if r0 == 0 goto next
            r1 = *(u32 *)(r0 + 4)
            next:
            r7 += 1
            if r7 < 200 goto again
            r0 = 0
            exit
            """, TestPrograms.Map(0, MapType.Hash, 4, 8, 256));
        var map = new Map<uint, ulong>(loaded.Maps[0]);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        Task writer = Task.Run(() =>
        {
            for (uint i = 0; !stop.IsCancellationRequested; i++)
            {
                map.Update(i % 200, i);
                map.Delete((i + 77) % 200);
            }
        }, TestContext.Current.CancellationToken);
        while (!stop.IsCancellationRequested)
        {
            loaded.Programs[0].Run(new ProgramRun { Data = new byte[4] });
        }

        await writer;
    }
}
