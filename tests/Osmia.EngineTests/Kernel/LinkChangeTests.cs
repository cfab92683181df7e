using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Links;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Links that change while they live, and streams of programs.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class LinkChangeTests
{
    private const int Frames = 13;

    [Fact]
    public void A_program_takes_the_place_of_another_without_a_gap() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([Counting("old", 0), Counting("new", 8)], [Linked.Map(MapType.Array, 4, 16, 1, name: "counter")]));
        using var link = (KernelLink)engine.Attach(loaded.Program("old"), new XdpTarget("v1", XdpMode.Generic));
        uint id = link.Id()!.Value;
        IsolatedNetwork.Send(Frames);
        KernelTest.Eventually(() => Counts(loaded) == (Frames, 0), "the old program saw every frame");

        KernelException other = Assert.Throws<KernelException>(() => link.Replace((KernelProgram)loaded.Program("new"), expected: (KernelProgram)loaded.Program("new")));
        Assert.Equal("OSM5038", other.Id);
        Assert.Contains("another program", other.Diagnostic.Why, StringComparison.Ordinal);
        link.Replace((KernelProgram)loaded.Program("new"), expected: (KernelProgram)loaded.Program("old"));
        IsolatedNetwork.Send(Frames);
        KernelTest.Eventually(() => Counts(loaded) == (Frames, Frames), "the new program saw every frame");
        Assert.Equal((id, ((KernelProgram)loaded.Program("new")).Id), (link.Describe().Id, link.Describe().ProgramId));
    });

    [Fact]
    public void A_pinned_link_outlives_its_holder_and_takes_the_next_version() => IsolatedNetwork.Run(() =>
    {
        using var pins = new BpfFolder();
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([Counting("old", 0), Counting("new", 8)], [Linked.Map(MapType.Array, 4, 16, 1, name: "counter")]));
        (var first, var second) = ((KernelProgram)loaded.Program("old"), (KernelProgram)loaded.Program("new"));
        var target = new XdpTarget("v1", XdpMode.Generic);
        string path = Path.Combine(pins.Path, "link");
        uint id;
        using (KernelLink link = engine.AttachPinned(first, target, path))
        {
            id = link.Id()!.Value;
        }

        IsolatedNetwork.Send(Frames);
        KernelTest.Eventually(() => Counts(loaded) == (Frames, 0), "the program runs although its link was disposed");
        KernelException busy = Assert.Throws<KernelException>(() => engine.AttachPinned(second, target, path));
        Assert.Equal("OSM5026", busy.Id);
        Assert.Contains($"link {id} with program {first.Id}", busy.Diagnostic.Why, StringComparison.Ordinal);

        using (KernelLink link = engine.AttachPinned(second, target, path, PinPolicy.Migrate))
        {
            Assert.Equal(id, link.Id());
        }

        IsolatedNetwork.Send(Frames);
        KernelTest.Eventually(() => Counts(loaded) == (Frames, Frames), "the new program took its place");
        using (KernelLink link = engine.AttachPinned(first, target, path, PinPolicy.Recreate))
        {
            Assert.NotEqual(id, link.Id());
        }

        File.Delete(path);
        KernelTest.Eventually(() => !KernelInventory.Links().Any(link => link.ProgramId == first.Id), "the link goes with its file");
        Assert.Equal("OSM5026", Assert.Throws<KernelException>(() => engine.AttachPinned(first, new XdpTarget("v0", XdpMode.Generic), "/proc/none")).Id);
        Assert.DoesNotContain(KernelInventory.Links(), link => link.ProgramId == first.Id);

        first.Pin(Path.Combine(pins.Path, "program"));
        Assert.Equal("OSM5026", Assert.Throws<KernelException>(() => second.Pin(Path.Combine(pins.Path, "program"))).Id);
        second.Pin(Path.Combine(pins.Path, "program"), PinPolicy.Recreate);
        Assert.Equal(["program"], Directory.GetFiles(pins.Path).Select(Path.GetFileName).Where(name => !name!.Contains(".debug", StringComparison.Ordinal)));
    });

    [Fact]
    public void An_attachment_without_a_link_says_so()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([new Asm().Move(R0, 0).Exit().Build("filter", ProgramType.SocketFilter)], []));
        using var link = (KernelLink)engine.Attach(loaded.Programs[0], new SocketFilterTarget("lo"));
        Assert.Null(link.Id());
        Assert.Equal("OSM5038", Assert.Throws<UnsupportedFeatureException>(() => link.Replace((KernelProgram)loaded.Programs[0])).Id);
    }

    [Fact]
    public void A_link_that_takes_no_replacement_is_refused_by_name()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([new Asm().Move(R0, 0).Exit().Build("raw", ProgramType.RawTracepoint)], []));
        using var link = (KernelLink)engine.Attach(loaded.Programs[0], new RawTracepointTarget("sched_process_exec"));
        KernelException refused = Assert.Throws<KernelException>(() => link.Replace((KernelProgram)loaded.Programs[0]));
        Assert.Equal(("OSM5038", 22), (refused.Id, refused.Errno));
        Assert.Contains("take no replacement", refused.Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Streams_of_a_program_are_empty_until_something_is_written_or_the_kernel_has_none()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([new Asm().Move(R0, 0).Exit().Build("quiet", ProgramType.SchedCls)], []));
        var program = (KernelProgram)loaded.Programs[0];
        if (engine.Target.KernelVersion >= 0x61100)
        {
            Assert.Equal(0, program.ReadStream(ProgramStreamKind.Error, new byte[64]));
            Assert.Equal(0, program.ReadStream(ProgramStreamKind.Output, new byte[64]));
        }
        else
        {
            KernelException old = Assert.Throws<KernelException>(() => program.ReadStream(ProgramStreamKind.Error, new byte[64]));
            Assert.Equal("OSM5025", old.Id);
            Assert.Contains("6.17", old.Diagnostic.Why, StringComparison.Ordinal);
        }

        Assert.Equal("OSM5025", Assert.Throws<KernelException>(() => program.ReadStream((ProgramStreamKind)9, new byte[64])).Id);
    }

    [Fact]
    public void A_token_is_refused_where_nothing_is_delegated()
    {
        KernelTest.OpenOrSkip().Dispose();
        using var folder = new BpfFolder();
        Assert.Equal("OSM5004", Assert.Throws<KernelException>(() => BpfToken.Create(folder.Path)).Id);
        Assert.Equal("OSM5004", Assert.Throws<KernelException>(() => BpfToken.Create("/proc")).Id);
        Assert.Equal("OSM5004", Assert.Throws<KernelException>(() => BpfToken.Create("/no/such/folder")).Id);
    }

    private static (ulong Old, ulong New) Counts(LoadedObject loaded)
    {
        byte[] value = new byte[16];
        loaded.Maps[0].TryLookup(new byte[4], value);
        return (BitConverter.ToUInt64(value), BitConverter.ToUInt64(value, 8));
    }

    /// <summary>Counts frames of the experimental type, and passes all.</summary>
    private static LinkedProgram Counting(string name, int offset) => new Asm()
        .LoadWord(R2, R1, 0).LoadWord(R3, R1, 4).Copy(R4, R2).AddImmediate(R4, 14).JumpIfGreater(R4, R3, "out")
        .LoadHalf(R4, R2, 12).JumpIfNotEqual(R4, ((IsolatedNetwork.ExperimentalType & 0xff) << 8) | (IsolatedNetwork.ExperimentalType >> 8), "out")
        .Count(0, offset).Label("out").Move(R0, 2).Exit().Build(name, ProgramType.Xdp, AttachType.Xdp);
}
