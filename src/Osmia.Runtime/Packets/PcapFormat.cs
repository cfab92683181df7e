using System.Buffers.Binary;

namespace Osmia.Runtime.Packets;

/// <summary>Byte order and clock of a pcap file, both told by its magic number.</summary>
internal readonly record struct PcapVariant(bool IsBigEndian, bool HasNanoseconds, bool IsModified);

/// <summary>The pcap file format, version 2.4 (draft-ietf-opsawg-pcap).</summary>
internal static class PcapFormat
{
    public const uint MicrosecondMagic = 0xA1B2C3D4;
    public const uint NanosecondMagic = 0xA1B23C4D;
    public const int FileHeaderLength = 24;
    public const int RecordHeaderLength = 16;
    public const ushort MajorVersion = 2;
    public const ushort MinorVersion = 4;

    // Written by patched libpcap versions of the 1990s: 8 more bytes per record, of several layouts.
    private const uint ModifiedMagic = 0xA1B2CD34;

    /// <param name="magic">The first four bytes of the file read as little-endian.</param>
    public static bool TryIdentify(uint magic, out PcapVariant variant)
    {
        var swapped = BinaryPrimitives.ReverseEndianness(magic);
        var isBigEndian = swapped is MicrosecondMagic or NanosecondMagic or ModifiedMagic;
        var value = isBigEndian ? swapped : magic;
        variant = new PcapVariant(isBigEndian, value == NanosecondMagic, value == ModifiedMagic);
        return value is MicrosecondMagic or NanosecondMagic or ModifiedMagic;
    }
}
