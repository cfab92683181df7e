using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;
using static Osmia.Tests.Kernel.Attaching.AttachSteps;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>Programs on packets and sockets, in a network namespace of the test's own.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class NetworkCases
{
    private const int RedirectMap = 51;
    private const int Pass = 2;

    public static IEnumerable<AttachCase> All =>
    [
        Frames("xdp", "generic", Count(ProgramType.Xdp, AttachType.Xdp, Pass), new XdpTarget("v1", XdpMode.Generic)),
        Frames("xdp", "native", Count(ProgramType.Xdp, AttachType.Xdp, Pass), new XdpTarget("v1", XdpMode.Native)),
        Frames("xdp", "native, frags", Count(ProgramType.Xdp, AttachType.Xdp, Pass).In("xdp.frags", hasFrags: true), new XdpTarget("v1", XdpMode.Native)),
        new("xdp", "devmap element", engine => Redirected(engine, Linked.Map(MapType.Devmap, 4, 8, 4), AttachType.XdpDevmap, map => new DevmapTarget(map, 0, "v1"))),
        new("xdp", "cpumap element", engine => Redirected(engine, Linked.Map(MapType.Cpumap, 4, 8, 1), AttachType.XdpCpumap, map => new CpumapTarget(map, 0))),
        Frames("sched_cls", "TCX ingress", Count(ProgramType.SchedCls, AttachType.TcxIngress), new TrafficControlTarget("v1", false, TrafficControlMode.Tcx)),
        Frames("sched_cls", "TCX egress", Count(ProgramType.SchedCls, AttachType.TcxEgress), new TrafficControlTarget("v0", true, TrafficControlMode.Tcx)),
        Frames("sched_cls", "clsact ingress", Count(ProgramType.SchedCls), new TrafficControlTarget("v1", false, TrafficControlMode.Classifier)),
        Frames("sched_cls", "clsact egress", Count(ProgramType.SchedCls), new TrafficControlTarget("v0", true, TrafficControlMode.Classifier)),
        new("sched_cls", "netkit primary", engine => Netkit(engine, AttachType.NetkitPrimary)),
        new("sched_cls", "netkit peer", engine => Netkit(engine, AttachType.NetkitPeer)),
        Frames("socket_filter", "device", Count(ProgramType.SocketFilter, result: 0xffff), new SocketFilterTarget("v1")),
        new("socket_filter", "open socket", engine => OnSocket(engine, Count(ProgramType.SocketFilter, result: 0xffff))),
        new("sk_reuseport", "sk_reuseport_select", engine => OnSocket(engine, Count(ProgramType.SkReuseport, AttachType.SkReuseportSelect, 1))),
        new("sk_reuseport", "sk_reuseport_select_or_migrate", engine => OnSocket(engine, Count(ProgramType.SkReuseport, AttachType.SkReuseportSelectOrMigrate, 1))),
        new("sk_skb", "sk_skb_stream_parser", Parsed),
        new("sk_skb", "sk_skb_stream_verdict", engine => InSockmap(engine, Count(ProgramType.SkSkb, AttachType.SkSkbStreamVerdict, 1), ofSender: false)),
        new("sk_skb", "sk_skb_verdict", engine => InSockmap(engine, Count(ProgramType.SkSkb, AttachType.SkSkbVerdict, 1), ofSender: false)),
        new("sk_msg", "sk_msg_verdict", engine => InSockmap(engine, Count(ProgramType.SkMsg, AttachType.SkMsgVerdict, 1), ofSender: true)),
        new("sk_lookup", "network namespace", engine => Isolated(() => Attached(engine, Count(ProgramType.SkLookup, AttachType.SkLookup, 1), new NetworkNamespaceTarget(), SocketTraffic.Everything))),
        new("flow_dissector", "network namespace", Dissected),
        new("netfilter", "netfilter", engine => Isolated(() => Attached(engine, Count(ProgramType.Netfilter, AttachType.Netfilter, 1), new NetfilterTarget(NetfilterHook.LocalIn, 7), SocketTraffic.Everything))),
        new("lwt_in", "route", engine => Routed(engine, ProgramType.LwtIn)),
        new("lwt_out", "route", engine => Routed(engine, ProgramType.LwtOut)),
        new("lwt_xmit", "route", engine => Routed(engine, ProgramType.LwtXmit)),
        new("lwt_seg6local", "route", Segments),
    ];

    private static AttachCase Frames(string program, string kind, LinkedProgram counting, AttachTarget target) =>
        new(program, kind, engine => Isolated(() => Attached(engine, counting, target, () => IsolatedNetwork.Send(Hits))));

    /// <summary>A program on v1 sends every frame through element 0 of a map, in which the program of the case stands.</summary>
    private static ulong Redirected(KernelEngine engine, LinkedMap map, AttachType hook, Func<Map, AttachTarget> target) => Isolated(() =>
    {
        LinkedProgram sender = new Asm().Map(R1, 1).Move(R2, 0).Move(R3, 0).Call(RedirectMap).Exit().Build("send_on", ProgramType.Xdp, AttachType.Xdp);
        using LoadedObject loaded = engine.Load(Linked.Object([sender, Count(ProgramType.Xdp, hook, Pass)], [Linked.Counter(), map with { Index = 1 }]), LoadOptions.Default);
        using Link element = engine.Attach(loaded.Program("count"), target(loaded.Maps[1]));
        using Link device = engine.Attach(loaded.Program("send_on"), new XdpTarget("v1", XdpMode.Native));
        using LoadedObject plain = engine.Load(Linked.Object([new Asm().Move(R0, Pass).Exit().Build("pass", ProgramType.Xdp, AttachType.Xdp)], []), LoadOptions.Default);

        // A veth device takes redirected frames only while its other end has a program too.
        using Link other = engine.Attach(plain.Programs[0], new XdpTarget("v0", XdpMode.Native));
        IsolatedNetwork.Send(Hits);
        return Waited(loaded);
    });

    private static ulong Netkit(KernelEngine engine, AttachType hook) => Isolated(() =>
    {
        bool hasDevice = NetworkDevices.AddNetkit("nkprime", out string? peer);
        using LoadedObject loaded = engine.Load(Linked.Object([Count(ProgramType.SchedCls, hook)], [Linked.Counter()]), LoadOptions.Default);
        using Link link = engine.Attach(loaded.Programs[0], new NetkitTarget(hasDevice ? "nkprime" : "v0", hook == AttachType.NetkitPeer));
        IsolatedNetwork.Send(Hits, hook == AttachType.NetkitPeer ? peer! : "nkprime");
        return Waited(loaded);
    });

    private static ulong OnSocket(KernelEngine engine, LinkedProgram program) => Isolated(() =>
    {
        using var receiver = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        int one = 1;
        Assert.Equal(0, Libc.SetSocketOption((int)receiver.Handle, 1, 15, &one, sizeof(int)));
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return Attached(engine, program, new SocketTarget(receiver.SafeHandle), () =>
        {
            using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            for (int i = 0; i < Hits; i++)
            {
                sender.SendTo("hello"u8, receiver.LocalEndPoint!);
            }
        });
    });

    private static ulong InSockmap(KernelEngine engine, LinkedProgram program, bool ofSender) => Isolated(() =>
    {
        (Socket client, Socket server) = SocketTraffic.Pair();
        using (client)
        using (server)
        using (LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter(), Linked.Map(MapType.Sockmap, 4, 4, 4, name: "sockets") with { Index = 1 }]), LoadOptions.Default))
        using (engine.Attach(loaded.Programs[0], new SockmapTarget(loaded.Map("sockets"))))
        {
            loaded.Map<uint, uint>("sockets").Update(0, (uint)(ofSender ? client : server).Handle);
            for (int i = 0; i < Hits; i++)
            {
                client.Send("hello"u8);
            }

            return Waited(loaded);
        }
    });

    /// <summary>A parser works beside a verdict only.</summary>
    private static ulong Parsed(KernelEngine engine) => Isolated(() =>
    {
        LinkedProgram parser = new Asm().Copy(R6, R1).Count(0).LoadWord(R0, R6, 0).Exit().Build("parser", ProgramType.SkSkb, AttachType.SkSkbStreamParser);
        LinkedProgram verdict = new Asm().Move(R0, 1).Exit().Build("verdict", ProgramType.SkSkb, AttachType.SkSkbStreamVerdict);
        (Socket client, Socket server) = SocketTraffic.Pair();
        using (client)
        using (server)
        using (LoadedObject loaded = engine.Load(Linked.Object([parser, verdict], [Linked.Counter(), Linked.Map(MapType.Sockmap, 4, 4, 4, name: "sockets") with { Index = 1 }]), LoadOptions.Default))
        using (engine.Attach(loaded.Program("parser"), new SockmapTarget(loaded.Map("sockets"))))
        using (engine.Attach(loaded.Program("verdict"), new SockmapTarget(loaded.Map("sockets"))))
        {
            loaded.Map<uint, uint>("sockets").Update(0, (uint)server.Handle);
            client.Send("hello"u8);
            server.Receive(new byte[16]);
            return Waited(loaded);
        }
    });

    private static ulong Dissected(KernelEngine engine) => Isolated(() => Attached(engine, Count(ProgramType.FlowDissector, AttachType.FlowDissector), new NetworkNamespaceTarget(), () =>
    {
        using BpfHandle first = Fanout();
        using BpfHandle second = Fanout();
        IsolatedNetwork.Send(Hits);
    }));

    private static BpfHandle Fanout()
    {
        var socket = new BpfHandle(Libc.Socket(17, 3, 0x0300));
        int group = 78;
        Assert.Equal(0, Libc.SetSocketOption(socket.Descriptor, 263, 18, &group, sizeof(int)));
        return socket;
    }

    /// <summary>Datagrams to a network that is nowhere, over a route of the loopback device: they go out and come in by it.</summary>
    private static ulong Routed(KernelEngine engine, ProgramType type) => Isolated(() => Attached(engine, Count(type), new RouteTarget("10.9.9.0/24", "lo"), () =>
    {
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        sender.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        for (int i = 0; i < Hits; i++)
        {
            sender.SendTo("hello"u8, new IPEndPoint(IPAddress.Parse("10.9.9.9"), 9));
        }
    }));

    /// <summary>Frames with a segment routing header whose present segment is in the route's network.</summary>
    private static ulong Segments(KernelEngine engine) => Isolated(() =>
    {
        foreach (string place in (string[])["all", "v1"])
        {
            File.WriteAllText($"/proc/sys/net/ipv6/conf/{place}/seg6_enabled", "1");
        }

        return Attached(engine, Count(ProgramType.LwtSeg6local), new RouteTarget("fc00:1::/64", "v1"), () => IsolatedNetwork.SendRaw(SegmentFrame()));
    });

    private static byte[] SegmentFrame()
    {
        byte[] here = IPAddress.Parse("fc00:1::1").GetAddressBytes();
        byte[] last = IPAddress.Parse("fc00:2::2").GetAddressBytes();
        byte[] from = IPAddress.Parse("fc00:3::3").GetAddressBytes();

        // IPv6; routing header of type 4 with two segments, one left: the last first; a UDP header of no data.
        byte[] udp = [0, 9, 0, 9, 0, 8, 0, 0];
        byte[] segments = [17, 4, 4, 1, 1, 0, 0, 0, .. last, .. here];
        byte[] header = [0x60, 0, 0, 0, 0, (byte)(segments.Length + udp.Length), 43, 64, .. from, .. here];
        return [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, .. header, .. segments, .. udp];
    }
}
