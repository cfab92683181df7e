using System.Buffers.Binary;

namespace Osmia.Runtime.Packets;

/// <summary>Writes a little-endian pcap file of one link type. The stream is flushed on disposal.</summary>
public sealed class PcapWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private readonly long _fractionInNs;

    /// <param name="hasNanoseconds">False writes the older microsecond format, dropping what does not fit.</param>
    /// <param name="snapLength">Longest frame the file promises, in bytes.</param>
    public PcapWriter(Stream stream, PacketLinkType linkType = PacketLinkType.Ethernet, bool hasNanoseconds = true, int snapLength = PacketReader.MaxFrameLength, bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(snapLength);
        _stream = stream;
        _leaveOpen = leaveOpen;
        _fractionInNs = hasNanoseconds ? 1 : 1000;

        Span<byte> header = stackalloc byte[PcapFormat.FileHeaderLength];
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, hasNanoseconds ? PcapFormat.NanosecondMagic : PcapFormat.MicrosecondMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], PcapFormat.MajorVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], PcapFormat.MinorVersion);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], snapLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], (ushort)linkType);
        _stream.Write(header);
    }

    /// <param name="timestampNs">Nanoseconds since the epoch; the format ends in 2106.</param>
    /// <param name="originalLength">Bytes on the wire; by default those of the frame.</param>
    public void Write(long timestampNs, ReadOnlySpan<byte> frame, uint? originalLength = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(timestampNs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timestampNs, uint.MaxValue * 1_000_000_000L + 999_999_999);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frame.Length, PacketReader.MaxFrameLength);
        var (seconds, rest) = Math.DivRem(timestampNs, 1_000_000_000L);
        Span<byte> header = stackalloc byte[PcapFormat.RecordHeaderLength];
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (uint)(rest / _fractionInNs));
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], frame.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], originalLength ?? (uint)frame.Length);
        _stream.Write(header);
        _stream.Write(frame);
    }

    public void Dispose()
    {
        _stream.Flush();
        if (!_leaveOpen)
        {
            _stream.Dispose();
        }
    }
}
