namespace Osmia.Runtime.Packets;

/// <summary>The LINKTYPE_ number of a capture: what a frame starts with. Any other registered number may appear as well.</summary>
public enum PacketLinkType : ushort
{
    Null = 0,
    Ethernet = 1,
    /// <summary>Starts at the IPv4 or IPv6 header.</summary>
    RawIp = 101,
    Loop = 108,
    LinuxSll = 113,
    Ipv4 = 228,
    Ipv6 = 229,
    LinuxSll2 = 276,
}
