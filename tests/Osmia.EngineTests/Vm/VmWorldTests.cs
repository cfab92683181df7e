using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Helpers whose answers come from what the host describes: routes, sockets, objects, calls, arenas, CPU masks.</summary>
public sealed class VmWorldTests
{
    private static readonly byte[] s_nextHop = [2, 0, 0, 0, 0, 9];
    private static readonly byte[] s_ownAddress = [2, 0, 0, 0, 0, 7];

    private static readonly VmNetwork s_network = new()
    {
        Interfaces = [new VmInterface(1) { Mtu = 65536 }, new VmInterface(7) { Mtu = 1400, Address = new PhysicalAddress(s_ownAddress) }, new VmInterface(8) { Forwards = false }],
        Routes =
        [
            new VmRoute(IPNetwork.Parse("10.0.0.0/8"), 7) { Gateway = IPAddress.Parse("192.168.7.1"), Metric = 20, Source = IPAddress.Parse("192.168.7.2") },
            new VmRoute(IPNetwork.Parse("10.1.0.0/16"), 7) { Metric = 10 },
            new VmRoute(IPNetwork.Parse("10.2.0.0/16"), 7) { Kind = VmRouteKind.Blackhole },
            new VmRoute(IPNetwork.Parse("10.3.0.0/16"), 7) { Kind = VmRouteKind.Prohibit },
            new VmRoute(IPNetwork.Parse("10.4.0.0/16"), 7) { Kind = VmRouteKind.Unreachable },
            new VmRoute(IPNetwork.Parse("2001:db8::/32"), 7),
        ],
        Neighbors = [new VmNeighbor(7, IPAddress.Parse("192.168.7.1"), new PhysicalAddress(s_nextHop)), new VmNeighbor(7, IPAddress.Parse("2001:db8::5"), new PhysicalAddress(s_nextHop))],
    };

    [Theory]
    [InlineData("10.9.9.9", 1, 0, 100, 0, 7)]
    [InlineData("10.1.2.3", 1, 0, 100, 7, 7)]
    [InlineData("10.1.2.3", 1, 4, 100, 0, 7)]
    [InlineData("10.9.9.9", 1, 16, 100, 0, 7)]
    [InlineData("10.1.2.3", 1, 16, 100, 9, 7)]
    [InlineData("10.2.1.1", 1, 0, 100, 1, 1)]
    [InlineData("10.4.1.1", 1, 0, 100, 2, 1)]
    [InlineData("10.3.1.1", 1, 0, 100, 3, 1)]
    [InlineData("11.1.1.1", 1, 0, 100, 4, 1)]
    [InlineData("10.9.9.9", 8, 0, 100, 5, 8)]
    [InlineData("10.9.9.9", 8, 2, 100, 0, 7)]
    [InlineData("10.9.9.9", 1, 0, 1401, 8, 1)]
    [InlineData("2001:db8::5", 1, 0, 100, 0, 7)]
    [InlineData("2001:db8::6", 1, 0, 100, 7, 7)]
    public void Routes_are_found_by_the_longest_prefix(string destination, uint from, int flags, ushort length, int result, uint to)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Network = s_network });
        using LoadedObject loaded = engine.Load(ProgramType.Xdp, $"r2 = map[0][0]; r3 = 64; r4 = {flags}; call fib_lookup; exit", TestPrograms.Map(0, MapType.Array, 4, 64, 1));
        byte[] parameters = new byte[64];
        IPAddress address = IPAddress.Parse(destination);
        byte[] bytes = address.GetAddressBytes();
        parameters[0] = bytes.Length == 4 ? (byte)2 : (byte)10;
        BinaryPrimitives.WriteUInt16LittleEndian(parameters.AsSpan(6), length);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters.AsSpan(8), from);
        bytes.CopyTo(parameters, 32);
        loaded.Maps[0].Update(new byte[4], parameters);
        Assert.Equal((ulong)result, loaded.Programs[0].Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
        Assert.True(loaded.Maps[0].TryLookup(new byte[4], parameters));
        Assert.Equal(to, BinaryPrimitives.ReadUInt32LittleEndian(parameters.AsSpan(8)));
        if (result == 0 && (flags & 4) == 0)
        {
            Assert.Equal(s_ownAddress, parameters[52..58]);
            Assert.Equal(s_nextHop, parameters[58..64]);
        }

        if (flags == 16 && result == 0)
        {
            Assert.Equal(IPAddress.Parse("192.168.7.2"), new IPAddress(parameters.AsSpan(16, 4)));
        }
    }

    [Fact]
    public void Finding_a_route_allocates_nothing()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Network = s_network, Tier = VmTier.Interpreter });
        using LoadedObject loaded = engine.Load(ProgramType.Xdp,
            """
            *(u64 *)(r10 - 64) = 2; *(u64 *)(r10 - 56) = 1; *(u64 *)(r10 - 48) = 0; *(u64 *)(r10 - 40) = 0; *(u64 *)(r10 - 32) = 0; *(u64 *)(r10 - 24) = 0; *(u64 *)(r10 - 16) = 0; *(u64 *)(r10 - 8) = 0
            *(u32 *)(r10 - 32) = 0x0909090a
            r2 = r10; r2 += -64; r3 = 64; r4 = 0; call fib_lookup; exit
            """);
        byte[] packet = new byte[64];
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            loaded.Programs[0].Run(new ProgramRun { Data = packet });
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Copies_of_packets_go_to_the_application()
    {
        var copies = new List<(uint, bool, int)>();
        using var engine = new VmEngine(new VmOptions { Slots = 1, Network = s_network, Cloned = (index, isIngress, packet) => copies.Add((index, isIngress, packet.Length)) });
        Assert.Equal(0UL, engine.Run(ProgramType.SchedCls, "r6 = r1; r2 = 7; r3 = 0; call clone_redirect; r1 = r6; r2 = 1; r3 = 1; call clone_redirect; exit", new byte[60]));
        Assert.Equal([(7u, false, 60), (1u, true, 60)], copies);
    }

    [Fact]
    public void Sockets_are_found_by_their_flow_read_and_given_back()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1 });
        uint listener = engine.AddSocket(new VmSocket(VmSocket.Tcp, IPEndPoint.Parse("0.0.0.0:80")) { Mark = 5 });
        uint connection = engine.AddSocket(new VmSocket(VmSocket.Tcp, IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:1234")) { Mark = 6 });
        const string Find = "r2 = map[0][0]; r3 = 12; r4 = -1; r5 = 0; call sk_lookup_tcp; r6 = 0; if r0 == 0 goto none; r6 = *(u32 *)(r0 + 16); r7 = *(u32 *)(r0 + 72); r6 <<= 8; r6 |= r7; r1 = r0; call sk_release\nnone:\nr0 = r6; exit";
        using LoadedObject loaded = engine.Load(ProgramType.Xdp, Find, TestPrograms.Map(0, MapType.Array, 4, 12, 1));
        Assert.Equal(0x601UL, Lookup(loaded, "10.0.0.2:1234", "10.0.0.1:80"));
        Assert.Equal(0x50aUL, Lookup(loaded, "10.0.0.2:1235", "10.0.0.1:80"));
        Assert.Equal(0UL, Lookup(loaded, "10.0.0.2:1235", "10.0.0.1:81"));
        Assert.True(engine.RemoveSocket(connection));
        Assert.Equal(0x50aUL, Lookup(loaded, "10.0.0.2:1234", "10.0.0.1:80"));
        Assert.True(engine.RemoveSocket(listener));
        Assert.False(engine.RemoveSocket(listener));
        Assert.Equal(0UL, Lookup(loaded, "10.0.0.2:1234", "10.0.0.1:80"));
    }

    [Fact]
    public void A_socket_that_is_kept_traps()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1 });
        uint socket = engine.AddSocket(new VmSocket(VmSocket.Udp, IPEndPoint.Parse("0.0.0.0:53")));
        using LoadedObject loaded = engine.Load(ProgramType.Xdp, "*(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem; r0 = 0; exit", TestPrograms.Map(0, MapType.Sockmap, 4, 4, 4));
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
        loaded.Maps[0].Update(new byte[4], BitConverter.GetBytes(socket));
        TrapException trap = Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }));
        Assert.Equal("OSM6107", trap.Id);
        Assert.Contains("socket", trap.Message, StringComparison.Ordinal);
        Assert.Throws<MapException>(() => loaded.Maps[0].Update(new byte[4], BitConverter.GetBytes(99)));
    }

    [Theory]
    [InlineData(MapType.Sockmap, "r3 = 2; r4 = 0; call sk_redirect_map")]
    [InlineData(MapType.Sockmap, "r3 = 2; r4 = 0; call msg_redirect_map")]
    [InlineData(MapType.Sockhash, "*(u32 *)(r10 - 4) = 2; r3 = r10; r3 += -4; r4 = 0; call sk_redirect_hash")]
    [InlineData(MapType.Sockhash, "*(u32 *)(r10 - 4) = 2; r3 = r10; r3 += -4; r4 = 0; call msg_redirect_hash")]
    public void Socket_maps_are_targets_of_redirections(MapType type, string call)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1 });
        uint socket = engine.AddSocket(new VmSocket(VmSocket.Tcp, IPEndPoint.Parse("0.0.0.0:80")));
        using LoadedObject loaded = engine.Load($"r2 = map[0]; {call}; exit", TestPrograms.Map(0, type, 4, 4, 4, 0, "sockets"));
        var program = (VmProgram)loaded.Programs[0];
        Assert.Equal(0UL, program.Run(new ProgramRun(), out Redirection nowhere).ReturnValue);
        Assert.Equal(default, nowhere);
        loaded.Maps[0].Update(BitConverter.GetBytes(2), BitConverter.GetBytes(socket));
        Assert.Equal(1UL, program.Run(new ProgramRun(), out Redirection target).ReturnValue);
        Assert.Equal(new Redirection(socket, "sockets", 2, 0), target);
    }

    [Theory]
    [InlineData(MapType.InodeStorage, HostObjectKind.Inode, "inode")]
    [InlineData(MapType.CgrpStorage, HostObjectKind.Cgroup, "cgrp")]
    [InlineData(MapType.TaskStorage, HostObjectKind.Task, "task")]
    public void Values_belong_to_objects_the_host_names(MapType type, HostObjectKind kind, string name)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1 });
        using LoadedObject loaded = engine.Load($"r2 = *(u64 *)(r1 + 0); r1 = map[0]; r3 = 0; r4 = 1; call {name}_storage_get; r1 = *(u64 *)(r0 + 0); r1 += 1; *(u64 *)(r0 + 0) = r1; r0 = r1; exit",
            TestPrograms.Map(0, type, 4, 8, 0, 1, "values"));
        Map<uint, ulong> map = new(loaded.Maps[0]);
        map.Update(4, 40);
        Assert.Equal((41UL, 1UL, 42UL), (Count(4), Count(5), Count(4)));
        Assert.True(map.TryLookup(5, out ulong five));
        Assert.Equal(1UL, five);
        Assert.True(map.Delete(4));
        Assert.Equal(1UL, Count(4));
        byte[] other = BitConverter.GetBytes(HostObject.Handle(kind == HostObjectKind.Task ? HostObjectKind.Inode : HostObjectKind.Task, 4));
        Assert.Equal("OSM6103", Assert.Throws<TrapException>(() => loaded.Programs[0].Run(new ProgramRun { Data = other })).Id);

        ulong Count(uint id) => loaded.Programs[0].Run(new ProgramRun { Data = BitConverter.GetBytes(HostObject.Handle(kind, id)) }).ReturnValue;
    }

    [Fact]
    public void Socket_storage_is_keyed_by_the_socket()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1 });
        uint socket = engine.AddSocket(new VmSocket(VmSocket.Udp, IPEndPoint.Parse("0.0.0.0:53")));
        using LoadedObject loaded = engine.Load(ProgramType.Xdp,
            """
            *(u32 *)(r10 - 4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call map_lookup_elem
            r6 = r0
            r1 = map[1]; r2 = r6; r3 = 0; r4 = 1; call sk_storage_get
            r1 = 1; lock *(u64 *)(r0 + 0) += r1
            r7 = *(u64 *)(r0 + 0)
            r1 = r6; call sk_release
            r0 = r7; exit
            """, TestPrograms.Map(0, MapType.Sockmap, 4, 4, 1), TestPrograms.Map(1, MapType.SkStorage, 4, 8, 0, 1));
        loaded.Maps[0].Update(new byte[4], BitConverter.GetBytes(socket));
        loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] });
        Assert.Equal(2UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
        Assert.True(new Map<uint, ulong>(loaded.Maps[1]).TryLookup(socket, out ulong value));
        Assert.Equal(2UL, value);
    }

    [Theory]
    [InlineData(MapType.CgroupStorage)]
    [InlineData(MapType.PercpuCgroupStorage)]
    public void A_cgroup_program_has_its_own_value(MapType type)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, CgroupId = 77 });
        using LoadedObject loaded = engine.Load(ProgramType.CgroupSkb, "r1 = map[0]; r2 = 0; call get_local_storage; r1 = *(u64 *)(r0 + 0); r1 += 1; *(u64 *)(r0 + 0) = r1; r0 = r1; exit",
            TestPrograms.Map(0, type, 8, 8, 0));
        Assert.Equal(1UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
        Assert.Equal(2UL, loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue);
        byte[] value = new byte[8];
        Assert.True(loaded.Maps[0].TryLookup(BitConverter.GetBytes(77UL), value));
        Assert.Equal(2, value[0]);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void Stack_traces_are_the_programs_calls(VmTier tier)
    {
        const string Code =
            """
            r6 = r1
            call outer
            exit
            outer:
            call inner
            exit
            inner:
            r1 = 0; r2 = map[0]; r3 = 256; call get_stackid
            exit
            """;
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
        using LoadedObject loaded = engine.Load(Code.Replace("r1 = 0; r2", "r1 = r10; r2", StringComparison.Ordinal), TestPrograms.Map(0, MapType.StackTrace, 4, 80, 16));
        TrapException refused = Assert.Throws<TrapException>(() => engine.Run(ProgramType.Unspec, "r1 = 0; r2 = map[0]; r3 = 0; call get_stackid; exit", [], TestPrograms.Map(0, MapType.Hash, 4, 8, 4)));
        Assert.Equal("OSM6103", refused.Id);
        ulong id = loaded.Programs[0].Run(new ProgramRun()).ReturnValue;
        Assert.InRange(id, 0UL, 15UL);
        Assert.Equal(id, loaded.Programs[0].Run(new ProgramRun()).ReturnValue);
        byte[] trace = new byte[80];
        Assert.True(loaded.Maps[0].TryLookup(BitConverter.GetBytes((uint)id), trace));
        int[] slots = [.. MemoryMarshal.Cast<byte, ulong>(trace).ToArray().TakeWhile(frame => frame != 0).Select(frame => (int)frame)];
        Assert.Equal(3, slots.Length);
        Instruction[] code = [.. loaded.Programs[0].Definition.Instructions];
        Assert.True(code[slots[0]].IsCall && !code[slots[0]].IsLocalCall && code[slots[1]].IsLocalCall && code[slots[2]].IsLocalCall && slots[2] < slots[1] && slots[1] < slots[0]);
    }

    [Theory]
    [InlineData(VmTier.Interpreter)]
    [InlineData(VmTier.Il)]
    [InlineData(VmTier.X64)]
    public void An_arena_holds_pages_and_pointers(VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
        using LoadedObject loaded = engine.Load(Read());
        Assert.Equal(0UL, Run(loaded, "build"));
        long[] left = Out(loaded);
        Assert.Equal((0L, 1L), (left[0], left[1]));
        ulong expected = 0;
        for (ulong i = 5; i-- > 0;)
        {
            expected = (expected * 20) + (i * i);
        }

        Assert.Equal((uint)expected, (uint)Run(loaded, "walk"));
        TrapException trap = Assert.Throws<TrapException>(() => Run(loaded, "beyond"));
        Assert.Equal("OSM6100", trap.Id);
    }

    [Fact]
    public void Cpu_masks_count_the_engines_cpus()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 4 });
        using LoadedObject loaded = engine.Load(Read());
        Assert.Equal(0UL, Run(loaded, "masks"));
        Assert.Equal([1, 2, 10, 2, 2, 2, 2, 12, 1, 4], Out(loaded)[..10]);
        Assert.Equal(0, engine.ObjectCount);
        TrapException trap = Assert.Throws<TrapException>(() => Run(loaded, "kept"));
        Assert.Equal("OSM6107", trap.Id);
        Assert.Equal(0, engine.ObjectCount);
    }

    [Theory]
    [InlineData("graphs", VmTier.Interpreter)]
    [InlineData("graphs", VmTier.X64)]
    [InlineData("dynptrs", VmTier.Interpreter)]
    [InlineData("iterators", VmTier.Interpreter)]
    [InlineData("strings", VmTier.Interpreter)]
    [InlineData("storage", VmTier.Interpreter)]
    public void Helpers_and_kernel_functions_allocate_nothing_in_a_run(string source, VmTier tier)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
        using LoadedObject loaded = engine.Load(Toolchain.Read("clang-19", $"../Osmia.EngineTests/Contracts/Sources/{source}.bpf.c", "-mcpu=v3"));
        byte[] packet = new byte[64];
        void Round()
        {
            for (int i = 0; i < loaded.Programs.Count; i++)
            {
                loaded.Programs[i].Run(new ProgramRun { Data = packet });
            }
        }

        Round();
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
        {
            Round();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static ulong Run(LoadedObject loaded, string program) => loaded.Program(program).Run(new ProgramRun { Data = new byte[64] }).ReturnValue;

    private static BpfObject Read() => Toolchain.Read("clang-19", "../Osmia.EngineTests/Vm/Sources/world.bpf.c", "-mcpu=v3");

    private static long[] Out(LoadedObject loaded)
    {
        byte[] bytes = new byte[32 * sizeof(long)];
        loaded.ReadVariable(loaded.Definition.Variables.Single(variable => variable.Name == "out"), bytes);
        return MemoryMarshal.Cast<byte, long>(bytes).ToArray();
    }

    private static ulong Lookup(LoadedObject loaded, string source, string destination)
    {
        IPEndPoint from = IPEndPoint.Parse(source);
        IPEndPoint to = IPEndPoint.Parse(destination);
        byte[] tuple = new byte[12];
        from.Address.GetAddressBytes().CopyTo(tuple, 0);
        to.Address.GetAddressBytes().CopyTo(tuple, 4);
        BinaryPrimitives.WriteUInt16BigEndian(tuple.AsSpan(8), (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(tuple.AsSpan(10), (ushort)to.Port);
        loaded.Maps[0].Update(new byte[4], tuple);
        return loaded.Programs[0].Run(new ProgramRun { Data = new byte[60] }).ReturnValue;
    }
}
