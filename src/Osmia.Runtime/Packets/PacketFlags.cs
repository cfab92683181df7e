namespace Osmia.Runtime.Packets;

/// <summary>The direction and reception type of the pcapng option epb_flags; other bits of the word pass unchanged.</summary>
[Flags]
public enum PacketFlags : uint
{
    None = 0,
    Inbound = 1,
    Outbound = 2,
    Unicast = 1 << 2,
    Multicast = 2 << 2,
    Broadcast = 3 << 2,
}
