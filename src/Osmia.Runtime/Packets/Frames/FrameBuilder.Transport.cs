using System.Buffers.Binary;

namespace Osmia.Runtime.Packets.Frames;

public sealed partial class FrameBuilder
{
    /// <param name="options">Padded to four bytes with end-of-list options; at most 40 bytes.</param>
    public FrameBuilder Tcp(ushort sourcePort, ushort destinationPort, uint sequence, uint acknowledgment, TcpFlags flags, ushort window = 64240, ReadOnlySpan<byte> options = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Length, 40, nameof(options));
        var headerLength = 20 + (options.Length + 3 & ~3);
        var header = StartTransport(LayerKind.Tcp, IpProtocol.Tcp, headerLength);
        BinaryPrimitives.WriteUInt16BigEndian(header, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], acknowledgment);
        header[12] = (byte)(headerLength / 4 << 4);
        header[13] = (byte)flags;
        BinaryPrimitives.WriteUInt16BigEndian(header[14..], window);
        options.CopyTo(header[20..]);
        return this;
    }

    public FrameBuilder Udp(ushort sourcePort, ushort destinationPort)
    {
        var header = StartTransport(LayerKind.Udp, IpProtocol.Udp, 8);
        BinaryPrimitives.WriteUInt16BigEndian(header, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], destinationPort);
        return this;
    }

    /// <param name="rest">The four bytes after the checksum: identifier and sequence of an echo, for example.</param>
    public FrameBuilder Icmp(byte type, byte code, uint rest = 0)
    {
        WriteIcmp(StartTransport(LayerKind.Icmp, IpProtocol.Icmp, 8), type, code, rest);
        return this;
    }

    /// <inheritdoc cref="Icmp"/>
    public FrameBuilder Icmpv6(byte type, byte code, uint rest = 0)
    {
        WriteIcmp(StartTransport(LayerKind.Icmpv6, IpProtocol.Icmpv6, 8), type, code, rest);
        return this;
    }

    private Span<byte> StartTransport(LayerKind kind, IpProtocol protocol, int length)
    {
        NextIs(protocol);
        _layers.Add(new Layer(kind, _length, LastIp()));
        return Grow(length);
    }

    private static void WriteIcmp(Span<byte> header, byte type, byte code, uint rest)
    {
        header[0] = type;
        header[1] = code;
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], rest);
    }

    private void CompleteUdp(Span<byte> rest, Layer layer)
    {
        BinaryPrimitives.WriteUInt16BigEndian(rest[4..], Length16(rest.Length));
        WriteChecksum(rest, 6, PseudoHeader(layer, IpProtocol.Udp, rest.Length));

        // Zero means "no checksum" in UDP; a sum of zero is sent as its other form.
        if (rest[6] == 0 && rest[7] == 0)
        {
            rest[6] = rest[7] = 0xFF;
        }
    }
}
