using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Readers;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Packets that go past the kernel's stack into this process.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class XdpSocketTests
{
    private const int RedirectMap = 51;
    private const int Pass = 2;
    private const int Frames = 17;
    private const int ReceiveQueue = 16;

    [Theory]
    [InlineData(XdpMode.Generic)]
    [InlineData(XdpMode.Native)]
    public void Every_frame_that_is_redirected_comes_whole_and_in_order(XdpMode mode) => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = Load(engine);
        using XdpSocket socket = OpenOrSkip((KernelMap)loaded.Maps[0], new XdpSocketOptions(Frames: 64));
        using Link link = engine.AttachOrSkip(loaded.Programs[0], new XdpTarget("v1", mode), "XDP");
        // More frames than there is memory for at once: each goes back to the kernel.
        for (int round = 0; round < 5; round++)
        {
            for (byte number = 0; number < Frames; number++)
            {
                byte[] frame = new byte[60 + number];
                frame.AsSpan(0, 6).Fill(0xff);
                (frame[6], frame[12], frame[13]) = (2, IsolatedNetwork.ExperimentalType >> 8, IsolatedNetwork.ExperimentalType & 0xff);
                frame[^1] = number;
                IsolatedNetwork.SendRaw(frame);
            }

            var seen = new List<(int Length, byte Last)>();
            for (int attempt = 0; attempt < 100 && seen.Count < Frames; attempt++)
            {
                socket.Wait(TimeSpan.FromMilliseconds(100));
                socket.Consume((packet, _) =>
                {
                    if (packet[12] == IsolatedNetwork.ExperimentalType >> 8 && packet[13] == (IsolatedNetwork.ExperimentalType & 0xff))
                    {
                        seen.Add((packet.Length, packet[^1]));
                    }
                });
            }

            Assert.Equal(Enumerable.Range(0, Frames).Select(number => (60 + number, (byte)number)), seen);
        }

        Assert.Equal(0, socket.Lost);
    });

    [Fact]
    public void Frames_without_room_are_counted() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = Load(engine);
        using XdpSocket socket = OpenOrSkip((KernelMap)loaded.Maps[0], new XdpSocketOptions(Frames: 16));
        using Link link = engine.AttachOrSkip(loaded.Programs[0], new XdpTarget("v1", XdpMode.Generic), "XDP");
        IsolatedNetwork.Send(100);
        KernelTest.Eventually(() => socket.Lost >= 84, "what did not fit was counted");
        Assert.InRange(Consume(socket), 1, 16);
        IsolatedNetwork.Send(1);
        KernelTest.Eventually(() => socket.Wait(TimeSpan.Zero), "there is room again");
    });

    [Fact]
    public void Every_frame_that_is_sent_arrives_at_the_other_end() => IsolatedNetwork.Run(() =>
    {
        const int Count = 500;
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = Load(engine);
        using LoadedObject sending = Load(engine);
        using XdpSocket receiver = OpenOrSkip((KernelMap)loaded.Maps[0], new XdpSocketOptions(Frames: 1024));
        using Link link = engine.AttachOrSkip(loaded.Programs[0], new XdpTarget("v1", XdpMode.Native), "XDP");
        using XdpSocket sender = XdpSocket.Open((KernelMap)sending.Maps[0], "v0", new XdpSocketOptions(Frames: 16, SendFrames: 32));
        byte[] frame = new byte[200];
        frame.AsSpan(0, 6).Fill(0xff);
        (frame[6], frame[12], frame[13]) = (2, IsolatedNetwork.ExperimentalType >> 8, IsolatedNetwork.ExperimentalType & 0xff);
        var seen = new List<int>();
        for (int number = 0; number < Count; number++)
        {
            BitConverter.TryWriteBytes(frame.AsSpan(14), number);
            for (int attempt = 0; !sender.TrySend(frame.AsSpan(0, 60 + (number % 140))); attempt++)
            {
                Assert.InRange(attempt, 0, 1000);
                sender.Flush();
                Read(receiver, seen);
            }
        }

        // Each that found no room was counted, and went with a later attempt.
        Assert.InRange(sender.Refused, 1, int.MaxValue);
        for (int attempt = 0; attempt < 200 && (sender.Flush() > 0 || sender.UnderWay > 0 || seen.Count < Count); attempt++)
        {
            receiver.Wait(TimeSpan.FromMilliseconds(20));
            Read(receiver, seen);
        }

        Assert.Equal(Enumerable.Range(0, Count), seen);
        Assert.Equal((Count, 0, 0, 0), (sender.Sent, sender.UnderWay, sender.SendLost, receiver.Lost));
        Assert.Throws<ArgumentException>(() => sender.TrySend(new byte[2049]));
        Assert.Throws<InvalidOperationException>(() => receiver.TrySend(frame));
    });

    [Fact]
    public void What_cannot_be_is_refused_by_name() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = Load(engine);
        var map = (KernelMap)loaded.Maps[0];
        using (OpenOrSkip(map, new XdpSocketOptions()))
        {
            Assert.Equal("OSM5027", Assert.Throws<KernelException>(() => XdpSocket.Open(map, "v1")).Id);
        }

        XdpSocket.Open(map, "v1").Dispose();
        Assert.Equal("OSM5027", Assert.Throws<KernelException>(() => XdpSocket.Open(map, "v1", new XdpSocketOptions(Queue: 7))).Id);
        Assert.Equal("OSM5027", Assert.Throws<KernelException>(() => XdpSocket.Open(map, "none")).Id);
        Assert.Throws<ArgumentOutOfRangeException>(() => XdpSocket.Open(map, "v1", new XdpSocketOptions(Frames: 100)));
        using LoadedObject other = engine.Load(Linked.Maps(Linked.Counter()));
        Assert.Equal("OSM5015", Assert.Throws<UnsupportedFeatureException>(() => XdpSocket.Open((KernelMap)other.Maps[0], "v1")).Id);
    });

    private static LoadedObject Load(KernelEngine engine) => engine.Load(Linked.Object(
        [new Asm().LoadWord(R2, R1, ReceiveQueue).Map(R1, 0).Move(R3, Pass).Call(RedirectMap).Exit().Build("to_socket", ProgramType.Xdp, AttachType.Xdp)],
        [Linked.Map(MapType.Xskmap, 4, 4, 4, name: "sockets")]));

    /// <summary>Numbers of the frames of the experimental type, whose lengths must be theirs.</summary>
    private static void Read(XdpSocket socket, List<int> seen) => socket.Consume((packet, _) =>
    {
        if (packet[12] == IsolatedNetwork.ExperimentalType >> 8 && packet[13] == (IsolatedNetwork.ExperimentalType & 0xff))
        {
            int number = BitConverter.ToInt32(packet[14..]);
            Assert.Equal(60 + (number % 140), packet.Length);
            seen.Add(number);
        }
    });

    private static int Consume(XdpSocket socket) => socket.Consume(static (_, _) => { });

    private static XdpSocket OpenOrSkip(KernelMap map, XdpSocketOptions options)
    {
        try
        {
            return XdpSocket.Open(map, "v1", options);
        }
        catch (KernelException e) when (e.Errno is 97 or 1)
        {
            Assert.Skip($"needs AF_XDP: {e.Diagnostic.Why}");
            throw;
        }
    }
}
