namespace Osmia.Runtime.Packets.Frames;

/// <summary>The protocol number of IPv4 and the next-header number of IPv6.</summary>
public enum IpProtocol : byte
{
    HopByHop = 0,
    Icmp = 1,
    Igmp = 2,
    Tcp = 6,
    Udp = 17,
    Ipv6Routing = 43,
    Ipv6Fragment = 44,
    Icmpv6 = 58,
    Ipv6NoNext = 59,
    Ipv6Destination = 60,
}
