namespace Osmia.Runtime.Packets;

/// <summary>An interface as the capture describes it.</summary>
/// <param name="Name">Empty where the file names none (always in pcap).</param>
/// <param name="SnapLength">Longest frame stored, in bytes; 0 means no limit.</param>
public sealed record PacketInterface(string Name, PacketLinkType LinkType, uint SnapLength)
{
    internal TimestampScale Scale { get; init; } = TimestampScale.Microseconds;
}
