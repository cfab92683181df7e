using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Runtime.Packets.Frames;

namespace Osmia.Runtime.Packets;

/// <summary>
/// <c>struct bpf_sk_lookup</c> for a frame that makes a kernel look a socket up: a TCP segment that opens a connection, or a UDP datagram. The frame's
/// destination is the local side.
/// </summary>
public static class SocketLookupContext
{
    private const int EthernetHeader = 14;
    private const uint FamilyIp4 = 2;
    private const uint FamilyIp6 = 10;
    private const int Ip6Header = 40;
    private const int PortsLength = 4;
    private const int TcpFlagsOffset = 13;

    private static readonly ContextLayout s_layout = ContextLayout.SocketLookup;
    private static readonly int s_family = s_layout.Field("family").Offset;
    private static readonly int s_protocol = s_layout.Field("protocol").Offset;
    private static readonly int s_remotePort = s_layout.Field("remote_port").Offset;
    private static readonly int s_localPort = s_layout.Field("local_port").Offset;
    private static readonly int s_remoteIp4 = s_layout.Field("remote_ip4").Offset;
    private static readonly int s_localIp4 = s_layout.Field("local_ip4").Offset;
    private static readonly int s_remoteIp6 = s_layout.Field("remote_ip6").Offset;
    private static readonly int s_localIp6 = s_layout.Field("local_ip6").Offset;

    /// <summary>Bytes of a context: what a test run takes.</summary>
    public static int Size { get; } = s_layout.Field("local_port").End;

    /// <param name="context">Receives <see cref="Size"/> bytes.</param>
    /// <returns>False when the frame makes nobody look: not IP, a later fragment, another protocol, a segment of a connection.</returns>
    public static bool TryMake(ReadOnlySpan<byte> frame, Span<byte> context)
    {
        context[..Size].Clear();
        if (frame.Length < EthernetHeader)
        {
            return false;
        }

        ReadOnlySpan<byte> packet = frame[EthernetHeader..];
        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case (ushort)EtherType.Ipv4 when packet.Length >= 20 && (packet[0] & 0xf) * 4 is >= 20 and var length && packet.Length >= length
                && (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x1fff) == 0:
                BinaryPrimitives.WriteUInt32LittleEndian(context[s_family..], FamilyIp4);
                packet.Slice(12, 4).CopyTo(context[s_remoteIp4..]);
                packet.Slice(16, 4).CopyTo(context[s_localIp4..]);
                return TryTransport(packet[9], packet[length..], context);
            case (ushort)EtherType.Ipv6 when packet.Length >= Ip6Header:
                BinaryPrimitives.WriteUInt32LittleEndian(context[s_family..], FamilyIp6);
                packet.Slice(8, 16).CopyTo(context[s_remoteIp6..]);
                packet.Slice(24, 16).CopyTo(context[s_localIp6..]);
                return TryTransport(packet[6], packet[Ip6Header..], context);
            default:
                return false;
        }
    }

    private static bool TryTransport(byte protocol, ReadOnlySpan<byte> segment, Span<byte> context)
    {
        bool opens = protocol == (byte)IpProtocol.Tcp && segment.Length > TcpFlagsOffset
            && ((TcpFlags)segment[TcpFlagsOffset] & (TcpFlags.Syn | TcpFlags.Ack)) == TcpFlags.Syn;
        if (!opens && (protocol != (byte)IpProtocol.Udp || segment.Length < PortsLength))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(context[s_protocol..], protocol);
        // The remote port as it is on the wire, the local one as a number.
        segment[..2].CopyTo(context[s_remotePort..]);
        BinaryPrimitives.WriteUInt32LittleEndian(context[s_localPort..], BinaryPrimitives.ReadUInt16BigEndian(segment[2..]));
        return true;
    }
}
