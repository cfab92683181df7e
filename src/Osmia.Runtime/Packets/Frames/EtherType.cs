namespace Osmia.Runtime.Packets.Frames;

public enum EtherType : ushort
{
    Ipv4 = 0x0800,
    Arp = 0x0806,
    Vlan = 0x8100,
    Ipv6 = 0x86DD,
    /// <summary>The outer tag of two (802.1ad).</summary>
    ServiceVlan = 0x88A8,
    Lldp = 0x88CC,
}
