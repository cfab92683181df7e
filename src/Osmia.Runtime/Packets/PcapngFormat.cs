namespace Osmia.Runtime.Packets;

/// <summary>Block types and options of pcapng (draft-ietf-opsawg-pcapng).</summary>
internal static class PcapngFormat
{
    public const uint SectionHeader = 0x0A0D0D0A;
    public const uint InterfaceDescription = 1;
    public const uint ObsoletePacket = 2;
    public const uint SimplePacket = 3;
    public const uint EnhancedPacket = 6;

    public const uint ByteOrderMagic = 0x1A2B3C4D;
    public const int MinBlockLength = 12;

    /// <summary>Longest block that is read as a whole; blocks of unknown type may be longer, they are skipped.</summary>
    public const int MaxBlockLength = 16 * 1024 * 1024;

    public const int MaxInterfaces = 65_536;

    public const ushort OptionEnd = 0;
    public const ushort OptionComment = 1;
    public const ushort OptionInterfaceName = 2;
    public const ushort OptionPacketFlags = 2;
    public const ushort OptionTimestampResolution = 9;
    public const ushort OptionTimestampOffset = 14;

    public static int Padded(int length) => (length + 3) & ~3;
}
