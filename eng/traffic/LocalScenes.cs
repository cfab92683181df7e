using System.Buffers.Binary;
using System.Net;
using Osmia.Runtime.Packets.Frames;
using static Osmia.Traffic.Wire;

namespace Osmia.Traffic;

/// <summary>What a host hears from its own network: addresses, names, groups, tags.</summary>
internal static class LocalScenes
{
    public static void Neighbourhood(Network net)
    {
        var clock = new Clock(net, 0.10);
        var zero = default(MacAddress);
        var xid = net.Random.Bytes(4);
        (byte Kind, byte[] Options)[] dhcp = [(1, [50, 4, 192, 168, 1, 57]), (2, Lease()), (3, [50, 4, 192, 168, 1, 57, 54, 4, 192, 168, 1, 1]), (5, Lease())];
        foreach (var (kind, options) in dhcp)
        {
            var isReply = kind is 2 or 5;
            var body = new byte[236];
            body[0] = (byte)(isReply ? 2 : 1);
            body[1] = 1;
            body[2] = 6;
            xid.CopyTo(body, 4);
            if (isReply)
            {
                Net.Guest.GetAddressBytes().CopyTo(body, 16);
            }

            Net.MacOf(Net.Guest).CopyTo(body.AsSpan(28));
            var frame = new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(isReply ? Net.Gateway : Net.Guest))
                .Ipv4(isReply ? Net.Gateway : IPAddress.Any, IPAddress.Broadcast, id: net.NextId())
                .Udp((ushort)(isReply ? 67 : 68), (ushort)(isReply ? 68 : 67))
                .Payload([.. body, 99, 130, 83, 99, 53, 1, kind, .. options, 255]).Build(300);
            net.Add(clock.After(9_000), frame);
        }

        foreach (var (asker, asked) in ((IPAddress, IPAddress)[])[(Net.Guest, Net.Guest), (Net.Host, Net.Gateway), (Net.Gateway, Net.Host), (Net.Host, Net.Printer), (Net.Printer, Net.Host), (Net.Guest, Net.Gateway), (Net.Guest, Net.Host)])
        {
            net.Add(clock.After(40_000), new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(asker)).Arp(1, Net.MacOf(asker), asker, zero, asked).Build(60));
            if (!asker.Equals(asked))
            {
                net.Add(clock.After(300), new FrameBuilder().Ethernet(Net.MacOf(asker), Net.MacOf(asked)).Arp(2, Net.MacOf(asked), asked, Net.MacOf(asker), asker).Build(60));
            }
        }

        // Somebody sweeps the network for neighbours.
        for (byte last = 100; last < 140; last++)
        {
            net.Add(clock.After(15_000), new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(Net.Guest)).Arp(1, Net.MacOf(Net.Guest), Net.Guest, zero, new IPAddress([192, 168, 1, last])).Build(60));
        }

        var routers = IPAddress.Parse("ff02::2");
        var nodes = IPAddress.Parse("ff02::1");
        byte[] SourceMac(IPAddress ip) => [1, 1, .. MacBytes(ip)];
        net.Add(clock.After(1_000), net.Ip(Net.HostLocal6, routers, 255).Icmpv6(133, 0).Payload(SourceMac(Net.HostLocal6)).Build());
        byte[] advertisement = [.. U32(0), .. U32(0), .. SourceMac(Net.GatewayLocal6), 5, 1, 0, 0, .. U32(1500), 3, 4, 64, 0xC0, .. U32(86400), .. U32(14400), .. U32(0), .. IPAddress.Parse("2001:db8:1::").GetAddressBytes()];
        for (var i = 0; i < 3; i++)
        {
            net.Add(clock.After(700_000), net.Ip(Net.GatewayLocal6, nodes, 255).Icmpv6(134, 0, 0x4000_0708).Payload(advertisement).Build());
        }

        foreach (var (asker, asked) in ((IPAddress, IPAddress)[])[(Net.Host6, Net.GatewayLocal6), (Net.GatewayLocal6, Net.Host6), (Net.Guest6, Net.Host6), (Net.Host6, Net.Guest6)])
        {
            var group = IPAddress.Parse("ff02::1:ff00:0").GetAddressBytes();
            asked.GetAddressBytes().AsSpan(13).CopyTo(group.AsSpan(13));
            net.Add(clock.After(30_000), net.Ip(asker, new IPAddress(group), 255).Icmpv6(135, 0).Payload([.. asked.GetAddressBytes(), .. SourceMac(asker)]).Build());
            net.Add(clock.After(250), net.Ip(asked, asker, 255).Icmpv6(136, 0, 0x6000_0000).Payload([.. asked.GetAddressBytes(), 2, 1, .. MacBytes(asked)]).Build());
        }

        // The switch announces itself.
        byte[] lldp = [2, 7, 4, .. MacBytes(Net.Gateway), 4, 4, 5, .. "ge5"u8, 6, 2, 0, 120, 10, 6, .. "switch"u8, 0, 0];
        byte[] bpdu = [0, 0, 0, 0, 0, .. Bridge(), .. U32(0), .. Bridge(), 0x80, 5, 0, 0, 20, 0, 2, 0, 15, 0];
        for (var second = 0; second < 15; second++)
        {
            var at = new Clock(net, 1 + 2 * second);
            net.Add(at.After(0), new FrameBuilder().Ethernet(MacAddress.Parse("01:80:c2:00:00:00"), Net.MacOf(Net.Gateway)).Llc(0x42, 0x42).Payload(bpdu).Build(60));
            if (second % 5 == 0)
            {
                net.Add(at.After(400_000), new FrameBuilder().Ethernet(MacAddress.Parse("01:80:c2:00:00:0e"), Net.MacOf(Net.Gateway)).Type(EtherType.Lldp).Payload(lldp).Build(60));
            }
        }

        static byte[] Lease() => [54, 4, 192, 168, 1, 1, 51, 4, .. U32(86400), 1, 4, 255, 255, 255, 0, 3, 4, 192, 168, 1, 1, 6, 4, 192, 168, 1, 1];
        static byte[] Bridge() => [0x80, 0, .. MacBytes(Net.Gateway)];
    }

    public static void Groups(Network net)
    {
        var clock = new Clock(net, 17.0);
        var mdns = IPAddress.Parse("224.0.0.251");
        var mdns6 = IPAddress.Parse("ff02::fb");
        var ssdp = IPAddress.Parse("239.255.255.250");
        byte[] search = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. DnsName("_ipp._tcp.local"), 0, 12, 0, 1];
        for (var i = 0; i < 10; i++)
        {
            net.Add(clock.After(300_000), net.Ip(Net.Guest, mdns, 255).Udp(5353, 5353).Payload(search).Build());
            net.Add(clock.After(900), net.Ip(Net.Guest6, mdns6, 255).Udp(5353, 5353).Payload(search).Build());
            net.Add(clock.After(2_000), net.Ip(Net.Guest, ssdp, 4).Udp(50_200, 1900).Payload("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n"u8).Build());
            net.Add(clock.After(9_000), net.Ip(Net.Printer, Net.Guest).Udp(1900, 50_200).Payload("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://192.168.1.30/d.xml\r\n\r\n"u8).Build());
            net.Add(clock.After(5_000), net.Ip(Net.Visitor, Net.Host).Udp(50_201, 1900).Payload("M-SEARCH * HTTP/1.1\r\n\r\n"u8).Build());
        }

        foreach (var group in (IPAddress[])[mdns, ssdp])
        {
            byte[] report = [0x16, 0, 0, 0, .. group.GetAddressBytes()];
            BinaryPrimitives.WriteUInt16BigEndian(report.AsSpan(2), InternetChecksum.Compute(report));
            net.Add(clock.After(90_000), new FrameBuilder().Ethernet(Net.MacOf(group), Net.MacOf(Net.Guest)).Ipv4(Net.Guest, group, ttl: 1, id: net.NextId(), options: [148, 4, 0, 0]).Protocol(IpProtocol.Igmp).Payload(report).Build(60));
        }

        // Multicast listener reports, version 2, behind a router alert.
        for (var i = 0; i < 6; i++)
        {
            net.Add(clock.After(90_000), net.Ip(i % 2 == 0 ? Net.HostLocal6 : Net.GatewayLocal6, IPAddress.Parse("ff02::16"), 1).Ipv6Extension(IpProtocol.HopByHop, [5, 2, 0, 0])
                .Icmpv6(143, 0, 1).Payload([4, 0, 0, 0, .. mdns6.GetAddressBytes()]).Build());
        }

        // Broadcast chatter, a wake-up call, port authentication, a router's heartbeat and a tunnel.
        for (var i = 0; i < 6; i++)
        {
            net.Add(clock.After(150_000), new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(Net.Guest)).Ipv4(Net.Guest, IPAddress.Parse("192.168.1.255"), id: net.NextId()).Udp(57_621, 57_621).Payload(net.Random.Bytes(44)).Build());
            net.Add(clock.After(150_000), net.Ip(Net.Gateway, IPAddress.Parse("224.0.0.18"), 255).Protocol((IpProtocol)112).Payload([0x21, 10, 100, 1, 0, 1, 0xB8, 0x4C, 192, 168, 1, 254]).Build(60));
        }

        byte[] magic = [.. Enumerable.Repeat((byte)0xFF, 6), .. Enumerable.Repeat(MacBytes(Net.Host), 16).SelectMany(b => b)];
        net.Add(clock.After(1_000), new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(Net.Guest)).Type((EtherType)0x0842).Payload(magic).Build());
        net.Add(clock.After(1_000), new FrameBuilder().Ethernet(MacAddress.Parse("01:80:c2:00:00:03"), Net.MacOf(Net.Guest)).Type((EtherType)0x888E).Payload([1, 1, 0, 0]).Build(60));
        net.Add(clock.After(1_000), net.Ip(Net.Visitor, Net.Host).Protocol((IpProtocol)47).Payload([0, 0, 8, 0]).Ipv4(Net.Camera, Net.Gateway, id: net.NextId()).Icmp(8, 0, 1).Build(60));
    }

    public static void Tags(Network net)
    {
        using (var tcp = new Conversation(net, 13.0, Net.Camera, Net.HostOnVlan, 554, vlan: 20))
        {
            tcp.Say("OPTIONS rtsp://10.20.0.20/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"u8);
            tcp.Hear("RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n"u8);
        }

        var clock = new Clock(net, 13.5);
        for (var i = 0; i < 24; i++)
        {
            net.Add(clock.After(20_000), net.Ip(Net.Camera, Net.HostOnVlan, vlan: 20).Udp(50_004, 50_006).Payload([0x80, 96, .. U16(7000 + i), .. U32((uint)i * 3000), .. U32(0x1234), .. net.Random.Bytes(160)]).Build());
        }

        // A provider's tag around the customer's.
        for (var i = 0; i < 14; i++)
        {
            var builder = new FrameBuilder().Ethernet(Net.MacOf(Net.Host), Net.MacOf(Net.Camera)).Vlan(300, tag: EtherType.ServiceVlan).Vlan(20, priority: 5);
            var frame = (i % 3) switch
            {
                0 => builder.Ipv4(Net.Camera, Net.HostOnVlan, id: net.NextId()).Tcp(40_000, 554, (uint)i, 1, TcpFlags.Ack),
                1 => builder.Ipv4(Net.Camera, Net.HostOnVlan, id: net.NextId()).Udp(40_000, 9000).Payload(net.Random.Bytes(30)),
                _ => builder.Ipv6(Net.Guest6, Net.Host6).Icmpv6(128, 0, (uint)i).Payload(net.Random.Bytes(24)),
            };
            net.Add(clock.After(33_000), frame.Build(60));
        }

        var tag = new FrameBuilder().Ethernet(MacAddress.Broadcast, Net.MacOf(Net.Camera)).Vlan(20).Arp(1, Net.MacOf(Net.Camera), Net.Camera, default, Net.HostOnVlan);
        net.Add(clock.After(1_000), tag.Build(64));
        net.Add(clock.After(1_000), new FrameBuilder().Ethernet(Net.MacOf(Net.Host), Net.MacOf(Net.Camera)).Vlan(0, priority: 6).Ipv4(Net.Camera, Net.HostOnVlan, id: net.NextId()).Udp(5060, 5061).Payload("priority tag"u8).Build(64));
    }
}
