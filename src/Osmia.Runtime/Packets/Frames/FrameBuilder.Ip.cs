using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Osmia.Runtime.Packets.Frames;

public sealed partial class FrameBuilder
{
    /// <param name="id">The identification fragments of one datagram share.</param>
    /// <param name="options">Header options, padded to four bytes with zeros; at most 40 bytes.</param>
    public FrameBuilder Ipv4(IPAddress source, IPAddress destination, byte ttl = 64, ushort id = 0, bool dontFragment = false, byte typeOfService = 0, ReadOnlySpan<byte> options = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Length, 40, nameof(options));
        NextIs(EtherType.Ipv4);
        _layers.Add(new Layer(LayerKind.Ipv4, _length, LastIp()));
        var headerLength = 20 + (options.Length + 3 & ~3);
        var header = Grow(headerLength);
        header[0] = (byte)(0x40 | headerLength / 4);
        header[1] = typeOfService;
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], id);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], dontFragment ? (ushort)0x4000 : (ushort)0);
        header[8] = ttl;
        WriteAddress(source, AddressFamily.InterNetwork, header[12..]);
        WriteAddress(destination, AddressFamily.InterNetwork, header[16..]);
        options.CopyTo(header[20..]);
        _nextProtocol = _length - headerLength + 9;
        return this;
    }

    public FrameBuilder Ipv6(IPAddress source, IPAddress destination, byte hopLimit = 64, byte trafficClass = 0, uint flowLabel = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(flowLabel, 0xFFFFFu);
        NextIs(EtherType.Ipv6);
        _layers.Add(new Layer(LayerKind.Ipv6, _length, LastIp()));
        var header = Grow(40);
        BinaryPrimitives.WriteUInt32BigEndian(header, 6u << 28 | (uint)trafficClass << 20 | flowLabel);
        header[6] = (byte)IpProtocol.Ipv6NoNext;
        header[7] = hopLimit;
        WriteAddress(source, AddressFamily.InterNetworkV6, header[8..]);
        WriteAddress(destination, AddressFamily.InterNetworkV6, header[24..]);
        _nextProtocol = _length - 40 + 6;
        return this;
    }

    /// <summary>A hop-by-hop, routing or destination options header, filled up to a multiple of eight bytes with padding options.</summary>
    /// <param name="body">What follows the next-header and length bytes: options, or the routing fields.</param>
    public FrameBuilder Ipv6Extension(IpProtocol kind, ReadOnlySpan<byte> body)
    {
        if (kind is not (IpProtocol.HopByHop or IpProtocol.Ipv6Routing or IpProtocol.Ipv6Destination))
        {
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "Only hop-by-hop, routing and destination headers have this layout.");
        }

        NextIs(kind);
        var length = 2 + body.Length + 7 & ~7;
        var header = Grow(length);
        header[0] = (byte)IpProtocol.Ipv6NoNext;
        header[1] = (byte)(length / 8 - 1);
        body.CopyTo(header[2..]);
        var padding = header[(2 + body.Length)..];
        if (padding.Length >= 2)
        {
            // PadN; a single byte of zero is Pad1 already.
            padding[0] = 1;
            padding[1] = (byte)(padding.Length - 2);
        }

        _nextProtocol = _length - length;
        return this;
    }

    /// <summary>The protocol of what follows when it is added as raw bytes.</summary>
    public FrameBuilder Protocol(IpProtocol protocol)
    {
        NextIs(protocol);
        return this;
    }

    private static void CompleteIpv4(Span<byte> rest)
    {
        BinaryPrimitives.WriteUInt16BigEndian(rest[2..], Length16(rest.Length));
        WriteChecksum(rest[..((rest[0] & 0x0F) * 4)], 10, 0);
    }

    private ulong PseudoHeader(Layer layer, IpProtocol protocol, int length)
    {
        if (layer.Outer < 0)
        {
            return 0;
        }

        var ip = _layers[layer.Outer];
        var addresses = ip.Kind == LayerKind.Ipv4 ? _bytes.AsSpan(ip.Offset + 12, 8) : _bytes.AsSpan(ip.Offset + 8, 32);
        return InternetChecksum.Sum(addresses) + (ulong)protocol + (ulong)length;
    }
}
