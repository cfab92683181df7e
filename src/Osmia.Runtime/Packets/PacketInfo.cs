namespace Osmia.Runtime.Packets;

/// <summary>What a capture says about one frame, beside its bytes.</summary>
/// <param name="TimestampNs">Nanoseconds since 1970-01-01 UTC; 0 where the format stores none (simple packet blocks); clamped to the range of a long.</param>
/// <param name="InterfaceId">Index into <see cref="PacketReader.Interfaces"/>.</param>
/// <param name="CapturedLength">Bytes present in the file.</param>
/// <param name="OriginalLength">Bytes the frame had on the wire.</param>
/// <param name="LinkType">What the frame starts with.</param>
public readonly record struct PacketInfo(long TimestampNs, int InterfaceId, int CapturedLength, uint OriginalLength, PacketLinkType LinkType)
{
    public bool IsTruncated => CapturedLength < OriginalLength;
}
