using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>XDP, TCX and socket filters on a veth pair of the test's own network namespace.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class NetworkAttachTests
{
    private const int Frames = 23;

    // In the byte order of the wire, read as a little-endian number.
    private const int WireType = ((IsolatedNetwork.ExperimentalType & 0xff) << 8) | (IsolatedNetwork.ExperimentalType >> 8);

    [Theory]
    [InlineData(XdpMode.Default)]
    [InlineData(XdpMode.Generic)]
    [InlineData(XdpMode.Native)]
    public void Xdp_counts_every_frame_in_each_mode(XdpMode mode) => CountsFrames(CountXdp(), new XdpTarget("v1", mode), "XDP links");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tcx_counts_every_frame_in_each_direction(bool isEgress) =>
        CountsFrames(CountSkb(ProgramType.SchedCls, isEgress ? AttachType.TcxEgress : AttachType.TcxIngress), new TrafficControlTarget(isEgress ? "v0" : "v1", isEgress), "TCX");

    [Fact]
    public void Socket_filter_counts_every_frame_of_its_device() => CountsFrames(CountSkb(ProgramType.SocketFilter, null), new SocketFilterTarget("v1"), "packet sockets");

    [Fact]
    public void A_second_xdp_program_is_told_who_is_there() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountXdp()], [Linked.Counter()]));
        using Link first = engine.AttachOrSkip(loaded.Programs[0], new XdpTarget("v1"), "XDP links");
        var error = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new XdpTarget("v1")));
        Assert.Equal("OSM5034", error.Id);
        Assert.Contains($"program {((KernelProgram)loaded.Programs[0]).Id}", error.Diagnostic.Why, StringComparison.Ordinal);
    });

    [Fact]
    public void Devices_that_do_not_exist_or_cannot_are_explained() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([CountXdp()], [Linked.Counter()]));
        var missing = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new XdpTarget("eth77")));
        Assert.Equal("OSM5032", missing.Id);
        Assert.Contains("v0", missing.Diagnostic.Try, StringComparison.Ordinal);
        var native = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new XdpTarget("lo", XdpMode.Native)));
        Assert.Contains("generic mode", native.Diagnostic.Try, StringComparison.Ordinal);
    });

    private static void CountsFrames(LinkedProgram program, AttachTarget target, string feature) => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([program], [Linked.Counter()]), feature);
        uint id = ((KernelProgram)loaded.Programs[0]).Id;
        using (engine.AttachOrSkip(loaded.Programs[0], target, feature))
        {
            IsolatedNetwork.Send(Frames);
            KernelTest.Eventually(() => loaded.Counter() >= Frames, $"{Frames} frames were seen");
            Assert.Equal((ulong)Frames, loaded.Counter());
        }

        Assert.DoesNotContain(KernelInventory.Links(), link => link.ProgramId == id);
        IsolatedNetwork.Send(Frames);
        Thread.Sleep(20);
        Assert.Equal((ulong)Frames, loaded.Counter());
    });

    private static LinkedProgram CountXdp() => new Asm()
        .LoadWord(R2, R1, 0).LoadWord(R3, R1, 4).Copy(R4, R2).AddImmediate(R4, 14).JumpIfGreater(R4, R3, "out")
        .LoadHalf(R5, R2, 12).JumpIfNotEqual(R5, WireType, "out").Count(0)
        .Label("out").Move(R0, 2).Exit().Build("count_frames", ProgramType.Xdp, AttachType.Xdp);

    /// <summary>Counts by <c>__sk_buff.protocol</c>; 0 lets a frame pass in TC and keeps none of it in a socket.</summary>
    private static LinkedProgram CountSkb(ProgramType type, AttachType? attach) => new Asm()
        .LoadWord(R5, R1, 16).JumpIfNotEqual(R5, WireType, "out").Count(0)
        .Label("out").Move(R0, 0).Exit().Build("count_frames", type, attach);
}
