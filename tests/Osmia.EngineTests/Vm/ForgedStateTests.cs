using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;
using Osmia.Vm.Kfuncs;

namespace Osmia.Tests.Vm;

/// <summary>Programs that nobody verified write what they like into dynptrs, iterators and objects: the process stays whole.</summary>
public sealed class ForgedStateTests : IDisposable
{
    private const int Depth = 100_000;

    private readonly VmEngine _engine = new(new VmOptions { Slots = 1, Seed = 1, Tier = VmTier.Interpreter });

    public void Dispose() => _engine.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_dynptr_ends_with_its_run(bool isUnloaded)
    {
        LoadedObject maker = _engine.Load("r1 = map[0][0]; r2 = 32; r3 = 0; r4 = r10; r4 += -16; call dynptr_from_mem; r0 = *(u64 *)(r10 - 16); exit", TestPrograms.Map(0, MapType.Array, 4, 64, 1));
        ulong mark = maker.Programs[0].Run(new ProgramRun()).ReturnValue;
        if (isUnloaded)
        {
            maker.Dispose();
        }

        byte[] memory = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(memory, mark);
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run(
            "r2 = *(u64 *)(r1 + 0); *(u64 *)(r10 - 16) = r2; *(u64 *)(r10 - 8) = 32; r1 = r10; r1 += -32; r2 = 8; r3 = r10; r3 += -16; r4 = 0; r5 = 0; call dynptr_read; r0 = 0; exit", memory));
        Assert.Equal("OSM6103", trap.Id);
        Assert.Contains("is no dynptr", trap.Message, StringComparison.Ordinal);
        maker.Dispose();
    }

    [Fact]
    public void An_iterator_of_bits_reads_whole_words_of_its_memory_alone()
    {
        using LoadedObject loaded = _engine.Load($"r1 = map[0][0]; *(u64 *)(r10 - 16) = r1; *(u32 *)(r10 - 8) = 65; *(u32 *)(r10 - 4) = -1; r1 = r10; r1 += -16; {Kfunc("bpf_iter_bits_next")}; if r0 == 0 goto none; r0 = 1\nnone:\nexit",
            TestPrograms.Map(0, MapType.Array, 4, 8, 2));

        // The bit stands in the element behind the one whose memory the iterator names.
        new Map<uint, ulong>(loaded.Maps[0]).Update(1, 1);
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
    }

    [Fact]
    public void A_walk_over_many_bits_counts_against_the_budget()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Interpreter, InstructionBudget = 1000 });
        TrapException trap = Assert.Throws<TrapException>(() => engine.Run(
            $"r1 = map[0][0]; *(u64 *)(r10 - 16) = r1; *(u32 *)(r10 - 8) = 0x800000; *(u32 *)(r10 - 4) = -1; r1 = r10; r1 += -16; {Kfunc("bpf_iter_bits_next")}; r0 = 0; exit", [],
            TestPrograms.Map(0, MapType.Array, 4, 1 << 20, 1)));
        Assert.Equal("OSM6104", trap.Id);
    }

    [Fact]
    public void Objects_that_hold_each_other_are_let_go_one_after_another()
    {
        using LoadedObject loaded = _engine.Load(
            $"""
            r6 = 0
            r7 = {Depth}
            next:
            {Kfunc("bpf_cpumask_create")}
            if r0 == 0 goto out
            r8 = r0
            r1 = r8; r2 = r6; call kptr_xchg
            r6 = r8
            r7 += -1
            if r7 != 0 goto next
            r1 = r6
            {Kfunc("bpf_cpumask_release")}
            r0 = 0
            exit
            out:
            r0 = 1
            exit
            """);
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.Equal(0, _engine.ObjectCount);
    }

    [Fact]
    public void An_object_held_twice_may_stand_in_two_values()
    {
        using LoadedObject loaded = _engine.Load(
            $"""
            {Kfunc("bpf_cpumask_create")}
            r6 = r0
            r1 = r6
            {Kfunc("bpf_cpumask_acquire")}
            r7 = r0
            r1 = map[0][0]; r2 = r6; call kptr_xchg
            r8 = r0
            r1 = map[0][8]; r2 = r7; call kptr_xchg
            r8 |= r0
            if r8 != 0 goto wrong
            r1 = map[0][0]; r2 = 0; call kptr_xchg
            if r0 != r6 goto wrong
            r1 = r0
            {Kfunc("bpf_cpumask_release")}
            r1 = map[0][8]; r2 = 0; call kptr_xchg
            if r0 != r6 goto wrong
            r1 = r0
            {Kfunc("bpf_cpumask_release")}
            r0 = 0
            exit
            wrong:
            r0 = 1
            exit
            """, TestPrograms.Map(0, MapType.Array, 4, 16, 1));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.Equal(0, _engine.ObjectCount);
    }

    [Fact]
    public void An_object_kept_twice_goes_with_the_values_that_keep_it()
    {
        LoadedObject loaded = _engine.Load(
            $"{Kfunc("bpf_cpumask_create")}; r6 = r0; r1 = r6; {Kfunc("bpf_cpumask_acquire")}; r1 = map[0][0]; r2 = r6; call kptr_xchg; r1 = map[0][8]; r2 = r6; call kptr_xchg; r0 = 0; exit",
            TestPrograms.Map(0, MapType.Array, 4, 16, 1));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        Assert.Equal(1, _engine.ObjectCount);
        loaded.Maps[0].Update(new byte[4], new byte[16]);
        Assert.Equal(0, _engine.ObjectCount);
        loaded.Dispose();
    }

    [Fact]
    public void Disposing_a_program_that_is_being_compiled_in_the_background_leaves_nothing()
    {
        // Long enough that compiling it is under way when it is disposed.
        string code = $"{Kfunc("bpf_cpumask_create")}; r2 = r0; r1 = map[0][0]; call kptr_xchg; if r0 == 0 goto first; r1 = r0; {Kfunc("bpf_cpumask_release")}\nfirst:\nr0 = 0; "
            + string.Concat(Enumerable.Repeat("r0 += 7; r0 ^= r10; ", 4000)) + "r0 = 0; exit";
        using var engine = new VmEngine(new VmOptions { Slots = 1, Seed = 1 });
        for (int runs = 250; runs < 300; runs += 10)
        {
            LoadedObject loaded = engine.Load(code, TestPrograms.Map(0, MapType.Array, 4, 8, 1));
            Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Repeat = runs }).ReturnValue);
            Assert.Equal(1, engine.ObjectCount);
            loaded.Dispose();
            Assert.Equal(0, engine.ObjectCount);
        }
    }

    /// <summary>Threads put objects into one value and take out what was there, another writes the value over: each object has one owner at a time.</summary>
    [Fact]
    public void Objects_that_many_exchange_are_neither_lost_nor_let_go_twice()
    {
        const int Rounds = 2000;
        using var engine = new VmEngine(new VmOptions { Slots = 3, Tier = VmTier.Interpreter });
        using LoadedObject loaded = engine.Load(Toolchain.Read("clang-19", "../Osmia.EngineTests/Contracts/Sources/kept.bpf.c", "-mcpu=v3"));
        Map map = loaded.Map("elements");
        byte[] key = [1, 0, 0, 0];
        byte[] value = new byte[map.ValueSize];
        int ended = 0;
        Thread[] threads = [.. Enumerable.Range(0, 3).Select(thread => new Thread(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                if (thread == 0)
                {
                    map.Update(key, value);
                }
                else if (loaded.Program("fill_array").Run(new ProgramRun { Data = new byte[64] }).ReturnValue != 0)
                {
                    return;
                }
            }

            Interlocked.Increment(ref ended);
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => Assert.True(thread.Join(TimeSpan.FromSeconds(60))));
        Assert.Equal(threads.Length, ended);
        Assert.InRange(engine.ObjectCount, 0, 1);
        map.Update(key, value);
        Assert.Equal(0, engine.ObjectCount);
    }

    [Fact]
    public void A_mask_of_cpus_is_aligned()
    {
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run($"r2 = map[0][1]; r1 = 0; {Kfunc("bpf_cpumask_set_cpu")}; r0 = 0; exit", [], TestPrograms.Map(0, MapType.Array, 4, 256, 1)));
        Assert.Equal("OSM6103", trap.Id);
    }

    [Fact]
    public void Maps_of_sockets_are_no_targets_of_redirect_map()
    {
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run(ProgramType.Xdp, "r1 = map[0]; r2 = 0; r3 = 0; call redirect_map; exit", new byte[64], TestPrograms.Map(0, MapType.Sockhash, 64, 4, 4)));
        Assert.Equal("OSM6103", trap.Id);
    }

    private static string Kfunc(string name) => $"hex 85 20 00 00 {Convert.ToHexString(BitConverter.GetBytes(VmKfuncs.NumberOf(name)!.Value))}\n";
}
