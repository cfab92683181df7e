using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Programs on sockets and in the ways of packets to them, in a network namespace of the test's own.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public unsafe class SocketAttachTests
{
    private const int Messages = 9;
    private const int Pass = 1;

    [Fact]
    public void Netfilter_counts_every_packet_of_its_hook() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([Count(ProgramType.Netfilter, AttachType.Netfilter, 1)], [Linked.Counter()]), "netfilter programs");
        using Link link = engine.AttachOrSkip(loaded.Programs[0], new NetfilterTarget(NetfilterHook.LocalIn, 7), "netfilter links");
        SendDatagrams();
        Assert.Equal((ulong)Messages, loaded.Counter());
        var busy = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new NetfilterTarget(NetfilterHook.LocalIn, 7)));
        Assert.Contains("priority 7", busy.Diagnostic.Why, StringComparison.Ordinal);
        var kept = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new NetfilterTarget(NetfilterHook.LocalIn, int.MinValue)));
        Assert.Contains("first and the last", kept.Diagnostic.Why, StringComparison.Ordinal);
    });

    [Fact]
    public void Sk_lookup_counts_every_connection_to_the_namespace() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([Count(ProgramType.SkLookup, AttachType.SkLookup, Pass)], [Linked.Counter()]), "sk_lookup programs");
        using (engine.AttachOrSkip(loaded.Programs[0], new NetworkNamespaceTarget(), "links of network namespaces"))
        {
            SendDatagrams();
            Assert.Equal((ulong)Messages, loaded.Counter());
        }

        SendDatagrams();
        Assert.Equal((ulong)Messages, loaded.Counter());
        var missing = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new NetworkNamespaceTarget("/run/netns/none")));
        Assert.Equal("OSM5037", missing.Id);
    });

    [Fact]
    public void Flow_dissector_runs_for_packets_of_a_hashed_fanout() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([Count(ProgramType.FlowDissector, AttachType.FlowDissector, 0)], [Linked.Counter()]), "flow dissectors");
        using Link link = engine.AttachOrSkip(loaded.Programs[0], new NetworkNamespaceTarget(), "links of network namespaces");
        using BpfHandle first = Fanout();
        using BpfHandle second = Fanout();
        IsolatedNetwork.Send(Messages);
        KernelTest.Eventually(() => loaded.Counter() >= Messages, $"{Messages} packets were dissected");
    });

    [Fact]
    public void Program_of_a_sockmap_sees_the_data_of_its_sockets() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([Count(ProgramType.SkSkb, AttachType.SkSkbStreamVerdict, Pass)],
            [Linked.Counter(), new LinkedMap(1, "sockets", MapType.Sockmap, 4, 4, 4, 0)]), "sk_skb programs");
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        using (engine.AttachOrSkip(loaded.Programs[0], new SockmapTarget(loaded.Map("sockets")), "sockmaps"))
        {
            loaded.Map<uint, uint>("sockets").Update(0, (uint)server.Handle);
            byte[] buffer = new byte[16];
            for (int i = 0; i < Messages; i++)
            {
                client.Send("hello"u8);
                Assert.Equal(5, server.Receive(buffer));
            }

            Assert.Equal((ulong)Messages, loaded.Counter());
        }

        var wrong = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new SockmapTarget(loaded.Map("counter"))));
        Assert.Contains("neither a sockmap", wrong.Diagnostic.Why, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(ProgramType.SocketFilter)]
    [InlineData(ProgramType.SkReuseport)]
    public void Program_on_an_open_socket_sees_its_packets_until_it_is_detached(ProgramType type) => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        bool isChooser = type == ProgramType.SkReuseport;
        using LoadedObject loaded = engine.LoadOrSkip(Linked.Object([Count(type, isChooser ? AttachType.SkReuseportSelect : null, isChooser ? Pass : 0xffff)], [Linked.Counter()]), "programs on sockets");
        using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        int one = 1;
        Assert.Equal(0, Libc.SetSocketOption((int)receiver.Handle, 1, 15, &one, sizeof(int)));
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using (engine.AttachOrSkip(loaded.Programs[0], new SocketTarget(receiver.SafeHandle), "programs on sockets"))
        {
            Exchange(receiver);
            Assert.Equal((ulong)Messages, loaded.Counter());
        }

        Exchange(receiver);
        Assert.Equal((ulong)Messages, loaded.Counter());
        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle("/dev/null");
        var wrong = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new SocketTarget(file)));
        Assert.Contains("not a socket", wrong.Diagnostic.Why, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Classifier_counts_every_frame_and_takes_its_queue_away(bool isEgress) => IsolatedNetwork.Run(() =>
    {
        const int wireType = ((IsolatedNetwork.ExperimentalType & 0xff) << 8) | (IsolatedNetwork.ExperimentalType >> 8);
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedProgram program = new Asm().LoadWord(R5, R1, 16).JumpIfNotEqual(R5, wireType, "out").Count(0).Label("out").Move(R0, 0).Exit().Build("count_frames", ProgramType.SchedCls);
        using LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter()]));
        var target = new TrafficControlTarget(isEgress ? "v0" : "v1", isEgress, TrafficControlMode.Classifier);
        using (engine.AttachOrSkip(loaded.Programs[0], target, "clsact"))
        using (engine.Attach(loaded.Programs[0], target))
        {
            IsolatedNetwork.Send(Messages);
            KernelTest.Eventually(() => loaded.Counter() >= Messages, $"{Messages} frames were seen");
            Assert.Contains("clsact", ReferenceTool.Run("tc", "qdisc", "show", "dev", target.Device), StringComparison.Ordinal);
        }

        ulong seen = loaded.Counter();
        Assert.DoesNotContain("clsact", ReferenceTool.Run("tc", "qdisc", "show", "dev", target.Device), StringComparison.Ordinal);
        IsolatedNetwork.Send(Messages);
        Thread.Sleep(20);
        Assert.Equal(seen, loaded.Counter());
    });

    private static void SendDatagrams()
    {
        using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Exchange(receiver);
    }

    private static void Exchange(Socket receiver)
    {
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] buffer = new byte[16];
        receiver.ReceiveTimeout = 10_000;
        for (int i = 0; i < Messages; i++)
        {
            sender.SendTo("hello"u8, receiver.LocalEndPoint!);
            Assert.Equal(5, receiver.Receive(buffer));
        }
    }

    /// <summary>A packet socket of a group that deals packets out by their hash.</summary>
    private static BpfHandle Fanout()
    {
        var socket = new BpfHandle(Libc.Socket(17, 3, 0x0300));
        int group = 77;
        Assert.Equal(0, Libc.SetSocketOption(socket.Descriptor, 263, 18, &group, sizeof(int)));
        return socket;
    }

    private static LinkedProgram Count(ProgramType type, AttachType? attach, int result) => new Asm().Count(0).Move(R0, result).Exit().Build("count", type, attach);
}
