using System.Net;
using System.Net.Sockets;
using System.Text;
using Osmia.Runtime.Packets.Frames;
using static Osmia.Traffic.Wire;

namespace Osmia.Traffic;

/// <summary>Ordinary use: names, time, pages, shells, pings, fragments.</summary>
internal static class ServiceScenes
{
    public static void Names(Network net)
    {
        var clock = new Clock(net, 3.0);
        string[] names = ["www.example.com", "api.example.net", "mirror.example.org", "time.example.net", "mail.example.com", "cdn.example.net"];
        for (var i = 0; i < 72; i++)
        {
            var name = names[net.Random.Below(names.Length)];
            var isV6 = i % 3 == 0;
            var (client, server) = isV6 ? (Net.Host6, Net.Resolver6) : (Net.Host, i % 2 == 0 ? Net.Gateway : Net.Resolver);
            var id = (ushort)net.Random.Next();
            var port = net.NextPort();
            byte[] question = [.. DnsName(name), 0, (byte)(isV6 ? 28 : 1), 0, 1];
            byte[] answer = isV6 ? [0, 16, .. Net.Web6.GetAddressBytes()] : [0, 4, 198, 51, 100, (byte)(10 + net.Random.Below(6))];
            net.Add(clock.After(90_000), net.Ip(client, server).Udp(port, 53).Payload([.. U16(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. question]).Build());
            var isMissing = i % 12 == 11;
            byte[] reply = isMissing
                ? [.. U16(id), 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, .. question]
                : [.. U16(id), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, .. question, 0xC0, 12, 0, (byte)(isV6 ? 28 : 1), 0, 1, .. U32(300), .. answer];
            net.Add(clock.After(8_000), net.Ip(server, client).Udp(53, port).Payload(reply).Build());
        }
    }

    public static void Time(Network net)
    {
        var clock = new Clock(net, 4.2);
        for (var i = 0; i < 6; i++)
        {
            var (client, server) = i % 2 == 0 ? (Net.Host, Net.Clock) : (Net.Host6, Net.Clock6);
            var sent = U32(3_926_739_600 + (uint)i * 4);
            byte[] request = [0x23, 0, 6, 0xEC, .. new byte[36], .. sent, .. net.Random.Bytes(4)];
            byte[] reply = [0x24, 2, 6, 0xE9, .. U32(120), .. U32(310), 192, 0, 2, 123, .. sent, 0, 0, 0, 0, .. request[40..], .. sent, 0x40, 0, 0, 0, .. sent, 0x48, 0, 0, 0];
            net.Add(clock.After(3_700_000), net.Ip(client, server).Udp(123, 123).Payload(request).Build());
            net.Add(clock.After(12_000), net.Ip(server, client).Udp(123, 123).Payload(reply).Build());
        }
    }

    public static void Pages(Network net)
    {
        for (var i = 0; i < 8; i++)
        {
            var (client, server) = i % 3 == 2 ? (Net.Host6, Net.Web6) : (Net.Host, Net.Web);
            var page = Encoding.ASCII.GetBytes($"<!doctype html><title>page {i}</title>" + new string('.', 300 * (i % 4)));
            using var tcp = new Conversation(net, 5 + 1.3 * i, client, server, 80);
            tcp.Say(Encoding.ASCII.GetBytes($"GET /page/{i} HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"));
            tcp.Hear([.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {page.Length}\r\n\r\n"), .. page], loseFirst: i == 3);
        }

        for (var i = 0; i < 7; i++)
        {
            var (client, server) = i % 3 == 1 ? (Net.Host6, Net.Web6) : (Net.Host, Net.Web);
            using var tcp = new Conversation(net, 6 + 2.1 * i, client, server, 443, isReset: i == 5);
            tcp.Say(TlsRecord(22, ClientHello(net, "www.example.com")));
            tcp.Hear([.. TlsRecord(22, ServerHello(net)), .. TlsRecord(20, [1]), .. TlsRecord(23, net.Random.Bytes(1100))]);
            tcp.Say([.. TlsRecord(20, [1]), .. TlsRecord(23, net.Random.Bytes(53))]);
            tcp.Say(TlsRecord(23, net.Random.Bytes(180)));
            tcp.Hear(TlsRecord(23, net.Random.Bytes(i == 2 ? 64_000 : 2_600 + 700 * i)), loseFirst: i == 4);
        }

        // A visitor from outside, and a service nobody offers.
        using (var tcp = new Conversation(net, 9.9, Net.Visitor, Net.Host, 8080))
        {
            tcp.Say("GET /health HTTP/1.0\r\n\r\n"u8);
            tcp.Hear("HTTP/1.0 204 No Content\r\n\r\n"u8);
        }

        Conversation.Refused(net, 10.4, Net.Host, Net.Printer, 631);
    }

    public static void Shells(Network net)
    {
        foreach (var (start, client, server) in ((double, IPAddress, IPAddress)[])[(7.5, Net.Guest, Net.Host), (12.5, Net.Host, Net.Web), (15.0, Net.Guest6, Net.Host6)])
        {
            using var tcp = new Conversation(net, start, client, server, 22);
            tcp.Say("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"u8);
            tcp.Hear("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"u8);
            tcp.Say(SshKeyInit(net));
            tcp.Hear(SshKeyInit(net));
            tcp.Say(SshPacket([30, .. U32(32), .. net.Random.Bytes(32)]));
            tcp.Hear([.. SshPacket([31, .. U32(51), .. U32(11), .. "ssh-ed25519"u8, .. U32(32), .. net.Random.Bytes(32), .. U32(32), .. net.Random.Bytes(32), .. U32(83), .. U32(11), .. "ssh-ed25519"u8, .. U32(64), .. net.Random.Bytes(64)]), .. SshPacket([21])]);
            tcp.Say(SshPacket([21]));
            for (var i = 0; i < 9; i++)
            {
                tcp.Say([.. U32(44), .. net.Random.Bytes(60)]);
                tcp.Hear([.. U32(60 + (uint)i * 16), .. net.Random.Bytes(76 + i * 16)]);
            }
        }
    }

    public static void Echoes(Network net)
    {
        byte[] data = [.. Enumerable.Range(8, 56).Select(i => (byte)i)];
        foreach (var (start, from, to) in ((double, IPAddress, IPAddress)[])[(8.0, Net.Host, Net.Gateway), (9.0, Net.Host, Net.Web), (10.0, Net.Guest, Net.Host), (8.4, Net.Host6, Net.Web6), (9.4, Net.Guest6, Net.Host6)])
        {
            var clock = new Clock(net, start);
            for (uint i = 1; i <= 6; i++)
            {
                var isV6 = from.AddressFamily == AddressFamily.InterNetworkV6;
                var rest = 0x2A00_0000 + i;
                FrameBuilder Echo(IPAddress a, IPAddress b, bool isReply) => isV6 ? net.Ip(a, b).Icmpv6((byte)(isReply ? 129 : 128), 0, rest) : net.Ip(a, b).Icmp((byte)(isReply ? 0 : 8), 0, rest);
                net.Add(clock.After(980_000), Echo(from, to, false).Payload(data).Build());
                net.Add(clock.After(14_000), Echo(to, from, true).Payload(data).Build());
            }
        }

        // Answers that carry what they complain about: unreachable ports and hosts, a traceroute, a packet too big.
        var complaints = new Clock(net, 11.0);
        for (byte hop = 1; hop <= 8; hop++)
        {
            var probe = net.Ip(Net.Host, Net.Web, hop).Udp((ushort)(40_000 + hop), (ushort)(33_434 + hop)).Payload(new byte[32]).Build();
            net.Add(complaints.After(50_000), probe);
            var router = hop == 1 ? Net.Gateway : new IPAddress([198, 51, 100, (byte)(200 + hop)]);
            net.Add(complaints.After(9_000), hop == 8
                ? net.Ip(Net.Web, Net.Host).Icmp(3, 3).Payload(probe.AsSpan(14, 28)).Build(60)
                : net.Ip(router, Net.Host).Icmp(11, 0).Payload(probe.AsSpan(14, 28)).Build(60));
        }

        for (var i = 0; i < 5; i++)
        {
            var lost = net.Ip(Net.Host, Net.Printer).Udp(net.NextPort(), 161).Payload(net.Random.Bytes(40)).Build();
            net.Add(complaints.After(200_000), lost);
            net.Add(complaints.After(700), net.Ip(Net.Printer, Net.Host).Icmp(3, 3).Payload(lost.AsSpan(14, 28)).Build(60));
            var lost6 = net.Ip(Net.Host6, Net.Guest6).Udp(net.NextPort(), 50_500).Payload(net.Random.Bytes(40)).Build();
            net.Add(complaints.After(1_000), lost6);
            net.Add(complaints.After(700), net.Ip(Net.Guest6, Net.Host6).Icmpv6(1, 4).Payload(lost6.AsSpan(14)).Build());
        }

        var big = net.Ip(Net.Host6, Net.Web6).Tcp(51_000, 443, 1, 1, TcpFlags.Ack).Payload(net.Random.Bytes(1428)).Build();
        net.Add(complaints.After(5_000), big);
        net.Add(complaints.After(5_000), net.Ip(Net.GatewayLocal6, Net.Host6).Icmpv6(2, 0, 1280).Payload(big.AsSpan(14, 1232)).Build());
    }

    public static void Fragments(Network net)
    {
        var clock = new Clock(net, 16.0);
        for (var i = 0; i < 4; i++)
        {
            var whole = new FrameBuilder().Ethernet(Net.MacOf(Net.Host), Net.MacOf(Net.Printer)).Ipv4(Net.Printer, Net.Host, id: net.NextId()).Udp(2049, 800).Payload(net.Random.Bytes(1500 + 900 * i)).Build();
            var whole6 = new FrameBuilder().Ethernet(Net.MacOf(Net.Host), Net.MacOf(Net.Gateway)).Ipv6(Net.Resolver6, Net.Host6).Udp(40_101, 40_100).Payload(net.Random.Bytes(1500 + 700 * i)).Build();
            byte[][] parts = [.. FrameFragments.SplitIpv4(whole, 1480), .. FrameFragments.SplitIpv6(whole6, 1232, (uint)net.Random.Next())];
            foreach (var part in i == 3 ? parts.Reverse() : parts)
            {
                net.Add(clock.After(400), part);
            }
        }

        // Large frames of a jumbo path, options in the IPv4 header, and extension headers in every order a host may meet.
        net.Add(clock.After(2_000), net.Ip(Net.Printer, Net.Host).Udp(2049, 800).Payload(net.Random.Bytes(3258)).Build());
        byte[][] options = [[148, 4, 0, 0], [7, 15, 4, .. new byte[12]], [68, 12, 5, 0, .. new byte[8]], [1, 1, 1, 0]];
        foreach (var option in options)
        {
            var ip = new FrameBuilder().Ethernet(Net.MacOf(Net.Host), Net.MacOf(Net.Gateway)).Ipv4(Net.Visitor, Net.Host, id: net.NextId(), options: option);
            net.Add(clock.After(9_000), ip.Tcp(42_000, 8080, 5, 0, TcpFlags.Syn).Build(60));
        }

        for (var i = 0; i < 12; i++)
        {
            var ip = net.Ip(Net.Web6, Net.Host6);
            if ((i & 1) != 0)
            {
                ip.Ipv6Extension(IpProtocol.HopByHop, [5, 2, 0, 0]);
            }

            if ((i & 2) != 0)
            {
                ip.Ipv6Extension(IpProtocol.Ipv6Destination, [1, 10, .. new byte[10]]);
            }

            if ((i & 4) != 0)
            {
                ip.Ipv6Extension(IpProtocol.Ipv6Routing, [2, 1, 0, 0, 0, 0, .. Net.Host6.GetAddressBytes()]);
            }

            net.Add(clock.After(9_000), (i % 3) switch
            {
                0 => ip.Tcp(443, 52_000, 7, 9, TcpFlags.Ack).Build(),
                1 => ip.Udp(443, 52_001).Payload(net.Random.Bytes(40)).Build(),
                _ => ip.Icmpv6(128, 0, (uint)i).Payload(net.Random.Bytes(16)).Build(),
            });
        }

        net.Add(clock.After(9_000), net.Ip(Net.Web6, Net.Host6).Build());
    }
}
