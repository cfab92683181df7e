using System.Net;
using Osmia.Runtime.Packets.Frames;
using static Osmia.Traffic.Wire;

namespace Osmia.Traffic;

/// <summary>Scans from denied networks, and frames that contradict themselves; each of these carries a comment.</summary>
internal static class HostileScenes
{
    public static void Attackers(Network net)
    {
        // A scan of the first ports from a denied network; open ports answer, closed ones reset.
        var clock = new Clock(net, 20.0);
        var scanner = IPAddress.Parse("203.0.113.66");
        for (ushort port = 1; port <= 64; port++)
        {
            var sequence = (uint)net.Random.Next();
            net.Add(clock.After(4_000), net.Ip(scanner, Net.Host).Tcp(61_000, port, sequence, 0, TcpFlags.Syn, 1024, [2, 4, 5, 0xB4]).Build(60));
            net.Add(clock.After(60), net.Ip(Net.Host, scanner).Tcp(port, 61_000, 0, sequence + 1, port == 22 ? TcpFlags.Syn | TcpFlags.Ack : TcpFlags.Rst | TcpFlags.Ack, 0).Build());
        }

        for (var i = 0; i < 18; i++)
        {
            var denied = new IPAddress([203, 0, 113, (byte)net.Random.Below(256)]);
            net.Add(clock.After(30_000), (i % 3) switch
            {
                0 => net.Ip(denied, Net.Host).Udp(net.NextPort(), 53).Payload([.. U16(i), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. DnsName("example.org"), 0, 255, 0, 1]).Build(60),
                1 => net.Ip(denied, Net.Host).Icmp(8, 0, (uint)i).Payload(net.Random.Bytes(32)).Build(60),
                _ => net.Ip(denied, Net.Host).Tcp(net.NextPort(), 443, (uint)net.Random.Next(), 0, TcpFlags.Syn).Build(60),
            });
            byte[] low = net.Random.Bytes(8);
            var denied6 = new IPAddress([0x20, 0x01, 0x0D, 0xB8, 0x0B, 0xAD, 0, (byte)i, .. low]);
            net.Add(clock.After(30_000), (i % 3) switch
            {
                0 => net.Ip(denied6, Net.Host6).Tcp(net.NextPort(), 22, (uint)net.Random.Next(), 0, TcpFlags.Syn).Build(),
                1 => net.Ip(denied6, Net.Host6).Icmpv6(128, 0, (uint)i).Payload(low).Build(),
                _ => net.Ip(denied6, Net.Host6).Udp(net.NextPort(), 123).Payload(net.Random.Bytes(48)).Build(),
            });
        }

        // Neighbours of the denied networks are not denied.
        net.Add(clock.After(9_000), net.Ip(IPAddress.Parse("203.0.112.255"), Net.Host).Icmp(8, 0, 1).Build(60));
        net.Add(clock.After(9_000), net.Ip(IPAddress.Parse("203.0.114.0"), Net.Host).Icmp(8, 0, 2).Build(60));
        net.Add(clock.After(9_000), net.Ip(IPAddress.Parse("2001:db8:bac:ffff::1"), Net.Host6).Icmpv6(128, 0, 1).Build());
        net.Add(clock.After(9_000), net.Ip(IPAddress.Parse("2001:db8:bae::1"), Net.Host6).Icmpv6(128, 0, 2).Build());

        for (var i = 0; i < 13; i++)
        {
            Conversation.Refused(net, 23 + 0.2 * i, i % 4 == 3 ? Net.Visitor6 : new IPAddress([198, 51, 100, (byte)(130 + i)]), i % 4 == 3 ? Net.Host6 : Net.Host, 23);
        }

        // Flag combinations no stack sends: none, FIN+URG+PSH, SYN+FIN, and a segment from the host to itself.
        foreach (var flags in (TcpFlags[])[TcpFlags.None, TcpFlags.Fin | TcpFlags.Urg | TcpFlags.Psh, TcpFlags.Syn | TcpFlags.Fin])
        {
            net.Add(clock.After(9_000), net.Ip(Net.Visitor, Net.Host).Tcp(44_000, 80, 1, 0, flags).Build(60));
        }

        net.Add(clock.After(9_000), new FrameBuilder().Ethernet(Net.MacOf(Net.Host), Net.MacOf(Net.Gateway)).Ipv4(Net.Host, Net.Host, id: net.NextId()).Tcp(80, 80, 1, 0, TcpFlags.Syn).Build(60));
    }

    public static void Malformed(Network net)
    {
        var clock = new Clock(net, 26.0);
        void Bad(byte[] frame, string comment) => net.Add(clock.After(25_000), frame, comment);
        void Change(byte[] frame, int offset, byte[] bytes, string comment)
        {
            bytes.CopyTo(frame, offset);
            Bad(frame, comment);
        }

        byte[] Tcp4() => net.Ip(Net.Visitor, Net.Host).Tcp(45_000, 80, 1, 1, TcpFlags.Psh | TcpFlags.Ack).Payload("GET / HTTP/1.0\r\n\r\n"u8).Build();
        byte[] Udp4() => net.Ip(Net.Visitor, Net.Host).Udp(45_000, 4500).Payload(new byte[40]).Build();
        byte[] Tcp6() => net.Ip(Net.Visitor6, Net.Host6).Tcp(45_000, 80, 1, 1, TcpFlags.Psh | TcpFlags.Ack).Payload("GET / HTTP/1.0\r\n\r\n"u8).Build();
        byte[] Udp6() => net.Ip(Net.Visitor6, Net.Host6).Udp(45_000, 4500).Payload(new byte[40]).Build();
        byte[] Hop6() => net.Ip(Net.Visitor6, Net.Host6).Ipv6Extension(IpProtocol.HopByHop, [1, 4, 0, 0, 0, 0]).Udp(45_000, 4500).Payload(new byte[40]).Build();
        byte[] Tagged() => net.Ip(Net.Camera, Net.HostOnVlan, vlan: 20).Udp(1, 2).Build();

        for (var length = 0; length < 14; length++)
        {
            Bad(Tcp4()[..length], $"runt of {length} bytes");
        }

        Bad(Tcp4()[..14], "nothing after the Ethernet header");
        (byte[] Frame, string Name, int[] Cuts)[] cuts =
        [
            (Tcp4(), "the IPv4 header", [15, 20, 33]),
            (Tcp4(), "the TCP header", [34, 36, 47, 53]),
            (Udp4(), "the UDP header", [36, 41]),
            (Tcp6(), "the IPv6 header", [15, 30, 53]),
            (Tcp6(), "the TCP header over IPv6", [54, 60, 73]),
            (Udp6(), "the UDP header over IPv6", [56, 61]),
            (Hop6(), "the hop-by-hop header", [54, 55, 61]),
            (Tagged(), "the VLAN tag", [14, 16, 17]),
            (Tagged(), "the IPv4 header behind a VLAN tag", [18, 30]),
            (new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(Net.Guest)).Arp(1, Net.MacOf(Net.Guest), Net.Guest, default, Net.Host).Build(), "the ARP body", [16, 30, 41]),
        ];
        foreach (var (frame, name, lengths) in cuts)
        {
            foreach (var length in lengths)
            {
                Bad(frame[..length], $"cut inside {name}, at byte {length}");
            }
        }

        foreach (var ihl in (byte[])[0, 1, 4])
        {
            Change(Tcp4(), 14, [(byte)(0x40 | ihl)], $"IPv4 header length of {ihl} words, less than 5");
        }

        Change(Udp4()[..42], 14, [0x4F], "IPv4 header length of 15 words, beyond the frame");
        Change(Tcp4(), 16, [0x05, 0xDC], "IPv4 total length of 1500, larger than the frame");
        Change(Tcp4(), 16, [0xFF, 0xFF], "IPv4 total length of 65535, larger than the frame");
        Change(Tcp4(), 16, [0, 19], "IPv4 total length of 19, less than its header");
        Change(Tcp4(), 16, [0, 0], "IPv4 total length of 0");
        Change(Tcp4(), 14, [0x55], "IP version 5 in an IPv4 frame");
        Change(Tcp4(), 14, [0x65], "IP version 6 in an IPv4 frame");
        Change(Tcp6(), 14, [0x40], "IP version 4 in an IPv6 frame");
        Change(Tcp6(), 14, [0xF0], "IP version 15 in an IPv6 frame");
        Change(Tcp6(), 18, [0x05, 0x00], "IPv6 payload length of 1280, larger than the frame");
        Change(Tcp6(), 18, [0, 10], "IPv6 payload length of 10, shorter than its TCP header");
        Change(Udp6(), 18, [0, 0], "IPv6 payload length of 0 before a UDP header");
        Change(Hop6(), 55, [255], "IPv6 hop-by-hop header of 2048 bytes, beyond the frame");
        Change(Tcp4(), 46, [0x10], "TCP header length of 1 word, less than 5");
        Change(Tcp4(), 46, [0xF0], "TCP header length of 15 words, beyond the frame");
        Change(Udp4(), 38, [0, 4], "UDP length of 4, less than its header");
        Change(Udp4(), 38, [1, 0], "UDP length of 256, larger than the frame");
        Change(Tcp4(), 24, [0, 0], "IPv4 checksum of 0");
        Change(Tcp4(), 50, [0xDE, 0xAD], "TCP checksum that does not fit");
        Change(Tcp4(), 20, [0x20, 0], "first fragment whose length is no multiple of 8");
        Change(Udp4(), 20, [0x3F, 0xFF], "fragment that would end beyond 65535 bytes");
        Change(net.Ip(Net.Visitor6, Net.Host6).Protocol(IpProtocol.Ipv6Fragment).Payload([17, 0, 0, 1, 0, 0]).Build(), 14, [0x60], "IPv6 fragment header cut after 6 bytes");
    }
}
