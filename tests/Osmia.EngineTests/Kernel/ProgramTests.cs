using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ProgramTests
{
    private const int Drop = 1;
    private const int Pass = 2;

    [Fact]
    public void Xdp_program_runs_on_a_packet_and_counts()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram program = new Asm().Count(0).Move(R0, Drop).Exit().Build("drop", ProgramType.Xdp, AttachType.Xdp);
        using LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter()]));

        byte[] packet = new byte[64];
        byte[] output = new byte[32];
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = packet, DataOut = output, Repeat = 7 });
        Assert.Equal((1ul, 64), (result.ReturnValue, result.DataLength));
        Assert.Equal(7ul, loaded.Counter());
        Assert.True(((KernelProgram)loaded.Programs[0]).VerifiedInstructions > 0);
    }

    [Fact]
    public void Packet_and_context_come_back_as_the_program_left_them()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();

        // Writes 0xab over the first byte of the packet.
        LinkedProgram program = new Asm().LoadWord(R2, R1, 0).LoadWord(R3, R1, 4).Copy(R4, R2).AddImmediate(R4, 1).JumpIfGreater(R4, R3, "out")
            .Add(0x72, R2, immediate: 0xab).Label("out").Move(R0, Pass).Exit().Build("write", ProgramType.Xdp, AttachType.Xdp);
        using LoadedObject loaded = engine.Load(Linked.Object([program], []));
        byte[] output = new byte[64];
        byte[] context = new byte[24];
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = new byte[60], DataOut = output, ContextOut = context });
        Assert.Equal((2ul, 60, 24), (result.ReturnValue, result.DataLength, result.ContextLength));
        Assert.Equal(0xab, output[0]);
        Assert.Equal(60, context[4]);
    }

    [Fact]
    public void Tail_call_goes_through_a_prog_array_that_the_loader_filled()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram first = new Asm().Map(R2, 0).Move(R3, 1).Call(Asm.Helper.TailCall).Move(R0, 0).Exit().Build("first", ProgramType.Xdp, AttachType.Xdp);
        LinkedProgram second = new Asm().Move(R0, Pass).Exit().Build("second", ProgramType.Xdp, AttachType.Xdp);
        LinkedMap array = Linked.Map(MapType.ProgArray, 4, 4, 4) with { Slots = [new MapSlot(1, "second")] };
        using LoadedObject loaded = engine.Load(Linked.Object([first, second], [array]));
        Assert.Equal((ulong)Pass, loaded.Program("first").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
    }

    [Fact]
    public void Refused_program_names_message_place_and_keeps_the_whole_log()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram program = new Asm().LoadWord(R1, R1, 0).LoadHalf(R0, R1, 12).Exit().Build("careless", ProgramType.Xdp, AttachType.Xdp);
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Object([program], [Linked.Map(MapType.Hash, 4, 4, 4, name: "osmia_left")])));
        Assert.Equal(("OSM5020", 13), (error.Id, error.Errno));
        Assert.Contains("invalid access to packet", error.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains("instruction 1", error.Diagnostic.Where, StringComparison.Ordinal);
        Assert.Contains("data_end", error.Diagnostic.Try, StringComparison.Ordinal);
        Assert.Contains("processed 2 insns", error.VerifierLog, StringComparison.Ordinal);
        KernelTest.Eventually(() => !KernelInventory.Maps().Any(map => map.Name == "osmia_left"), "the map is gone");
    }

    [Fact]
    public void A_log_longer_than_the_first_buffer_is_complete()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        var asm = new Asm();
        for (int i = 0; i < 20_000; i++)
        {
            asm.Move(R0, i);
        }

        LinkedProgram program = asm.LoadLong(R0, R5, 0).Exit().Build("long", ProgramType.SocketFilter);
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Object([program], [])));
        Assert.Contains("R5 !read_ok", error.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains("instruction 20000", error.Diagnostic.Where, StringComparison.Ordinal);
        Assert.True(error.VerifierLog!.Length > 500_000, $"{error.VerifierLog.Length} characters");
        Assert.Contains("\n1: (b7)", error.VerifierLog, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gpl_helper_without_the_licence_is_explained()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram program = new Asm().Copy(R2, R10).AddImmediate(R2, -8).Add(0x7a, R10, 0, -8).Copy(R1, R2).Move(R2, 8).Move(R3, 0).Call(4).Move(R0, 0).Exit().Build("reader", ProgramType.Tracepoint);
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Object([program], []) with { License = "Proprietary" }));
        Assert.Contains("GPL", error.Diagnostic.Try, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unresolved_relocation_that_is_reached_is_reported_by_its_own_diagnostic()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        var diagnostic = new Diagnostic("OSM2104", "field 'x' not found");
        LinkedProgram program = new Asm().Call(195896080).Move(R0, 0).Exit().Build("poisoned", ProgramType.SocketFilter) with { Unresolved = [new UnresolvedRelocation(0, diagnostic)] };
        Assert.Equal("OSM2104", Assert.Throws<KernelException>(() => engine.Load(Linked.Object([program], []))).Id);
    }

    [Fact]
    public void Programs_refused_before_the_verifier_say_so()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram empty = new Asm().Build("empty", ProgramType.SocketFilter);
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Object([empty], [])));
        Assert.Equal(("OSM5021", 7), (error.Id, error.Errno));
        Assert.Contains("0 slots", error.Diagnostic.Why, StringComparison.Ordinal);

        LinkedProgram typed = new Asm().Move(R0, 0).Exit().Build("typed", ProgramType.Tracing, AttachType.TraceRawTp);
        Assert.Contains("tp_btf/", Assert.Throws<KernelException>(() => engine.Load(Linked.Object([typed], []))).Diagnostic.Try, StringComparison.Ordinal);
    }

    [Fact]
    public void Types_without_a_test_run_are_refused_by_name()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram tracepoint = new Asm().Move(R0, 0).Exit().Build("tracepoint", ProgramType.Tracepoint);
        LinkedProgram raw = new Asm().Move(R0, 3).Exit().Build("raw", ProgramType.RawTracepoint);
        LinkedProgram xdp = new Asm().Move(R0, Pass).Exit().Build("xdp", ProgramType.Xdp, AttachType.Xdp);
        using LoadedObject loaded = engine.Load(Linked.Object([tracepoint, raw, xdp], []));
        var error = Assert.Throws<UnsupportedFeatureException>(() => loaded.Program("tracepoint").Run(new ProgramRun { Data = new byte[64] }));
        Assert.Equal(("OSM5023", "test run of tracepoint"), (error.Id, error.Feature));
        Assert.Throws<UnsupportedFeatureException>(() => loaded.Program("raw").Run(new ProgramRun { Context = new byte[16], Repeat = 5 }));
        Assert.Equal(3ul, loaded.Program("raw").Run(new ProgramRun { Context = new byte[16] }).ReturnValue);
        var runt = Assert.Throws<KernelException>(() => loaded.Program("xdp").Run(new ProgramRun { Data = new byte[13] }));
        Assert.Equal("OSM5022", runt.Id);
        Assert.Contains("13 bytes", runt.Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Inventory_lists_what_is_loaded_and_no_longer_after_disposal()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram program = new Asm().Count(0).Move(R0, Pass).Exit().Build("osmia_listed", ProgramType.Xdp, AttachType.Xdp);
        uint programId;
        uint mapId;
        using (LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter()])))
        {
            programId = ((KernelProgram)loaded.Programs[0]).Id;
            mapId = ((Osmia.Kernel.Maps.KernelMap)loaded.Maps[0]).Id;
            ProgramInfo info = KernelInventory.Programs().Single(p => p.Id == programId);
            Assert.Equal(("osmia_listed", ProgramType.Xdp, true), (info.Name, info.Type, info.IsGplCompatible));
            Assert.Equal([mapId], info.MapIds);
            Assert.True(info.LoadedAt > DateTimeOffset.Now.AddMinutes(-1) && info.LoadedAt < DateTimeOffset.Now.AddMinutes(1), $"{info.LoadedAt}");
            Assert.True(info.TranslatedSize > 0 && info.Tag.Length == 16);

            MapInfo map = KernelInventory.Maps().Single(m => m.Id == mapId);
            Assert.Equal(("counter", MapType.Array, 4u, 8u, 1u), (map.Name, map.Type, map.KeySize, map.ValueSize, map.MaxEntries));
            Assert.True(map.MemoryInBytes > 0);
            using var opened = KernelInventory.OpenMap(mapId);
            opened.Update(new byte[4], [5, 0, 0, 0, 0, 0, 0, 0]);
            Assert.Equal(5ul, loaded.Counter());
        }

        KernelTest.Eventually(() => !KernelInventory.Programs().Any(p => p.Id == programId) && !KernelInventory.Maps().Any(m => m.Id == mapId), "program and map are gone");
        Assert.Equal("OSM5041", Assert.Throws<KernelException>(() => KernelInventory.OpenMap(mapId)).Id);
    }
}
