using System.Buffers.Binary;
using System.Net;

namespace Osmia.Bytecode.Classic.Expressions;

/// <summary>What the primitives of a filter expression test in an Ethernet frame.</summary>
/// <param name="link">Bytes in front of the network header: 14, and 4 for each VLAN tag that was asked for.</param>
/// <remarks>Facts: pcap-filter(7), and what libpcap 1.10 compiles.</remarks>
internal sealed class PacketTests(uint link)
{
    public const ushort Ip = 0x0800;
    public const ushort Arp = 0x0806;
    public const ushort Rarp = 0x8035;
    public const ushort Ip6 = 0x86dd;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Sctp = 132;

    private const byte Fragment = 44;
    private const uint Ip6Header = 40;

    public uint Link => link;

    public FilterNode EtherType(uint type) => new TestNode(new FixedValue(link - 2, Size.H), JumpOperation.Jeq, type);

    public FilterNode Ip4Protocol(uint protocol) => FilterNode.All(EtherType(Ip), Byte(9, protocol));

    /// <summary>Also in the first header behind that of a fragment.</summary>
    public FilterNode Ip6Protocol(uint protocol) => FilterNode.All(EtherType(Ip6),
        FilterNode.Any(Byte(6, protocol), FilterNode.All(Byte(6, Fragment), Byte(Ip6Header, protocol))));

    public FilterNode Protocol(uint protocol) => FilterNode.Any(Ip6Protocol(protocol), Ip4Protocol(protocol));

    /// <summary>Not a later part of a fragmented packet, which has no ports.</summary>
    public FilterNode IsFirst() => new NotNode(new TestNode(new FixedValue(link + 6, Size.H), JumpOperation.Jset, 0x1fff));

    public FilterNode Byte(uint offset, uint value) => new TestNode(new FixedValue(link + offset, Size.B), JumpOperation.Jeq, value);

    /// <param name="isSource">Null for either.</param>
    public FilterNode Ports(ReadOnlySpan<byte> protocols, bool? isSource, uint first, uint last)
    {
        FilterNode ip6 = AnyOf(protocols, protocol => Byte(6, protocol));
        FilterNode ip4 = AnyOf(protocols, protocol => Byte(9, protocol));
        FilterNode Port(Func<uint, FilterValue> at) => Either(isSource, Between(at(0), first, last), Between(at(2), first, last));
        return FilterNode.Any(
            FilterNode.All(EtherType(Ip6), ip6, Port(offset => new FixedValue(link + Ip6Header + offset, Size.H))),
            FilterNode.All(EtherType(Ip), ip4, IsFirst(), Port(offset => new BehindHeaderValue(link, new ConstantValue(offset), Size.H))));
    }

    /// <param name="family">Ip, Arp or Rarp for these alone; 0 for all three. IPv6 by the address.</param>
    public FilterNode Network(IPAddress address, int prefix, ushort family, bool? isSource)
    {
        byte[] bytes = address.GetAddressBytes();
        if (bytes.Length == 16)
        {
            return FilterNode.All(EtherType(Ip6), Either(isSource, Address6(8, bytes, prefix), Address6(24, bytes, prefix)));
        }

        uint mask = prefix == 0 ? 0 : uint.MaxValue << (32 - prefix);
        uint wanted = BinaryPrimitives.ReadUInt32BigEndian(bytes) & mask;
        FilterNode Of(ushort type, uint source, uint destination) => FilterNode.All(EtherType(type), Either(isSource, Word(source, mask, wanted), Word(destination, mask, wanted)));
        return family switch
        {
            Ip => Of(Ip, 12, 16),
            Arp or Rarp => Of(family, 14, 24),
            _ => FilterNode.Any(Of(Ip, 12, 16), Of(Arp, 14, 24), Of(Rarp, 14, 24)),
        };
    }

    public static FilterNode Hardware(ReadOnlySpan<byte> address, bool? isSource)
    {
        uint high = BinaryPrimitives.ReadUInt32BigEndian(address[2..]);
        uint low = BinaryPrimitives.ReadUInt16BigEndian(address);
        FilterNode At(uint offset) => FilterNode.All(new TestNode(new FixedValue(offset + 2, Size.W), JumpOperation.Jeq, high), new TestNode(new FixedValue(offset, Size.H), JumpOperation.Jeq, low));
        return Either(isSource, At(6), At(0));
    }

    public static FilterNode Either(bool? isSource, FilterNode source, FilterNode destination) => isSource switch
    {
        true => source,
        false => destination,
        _ => FilterNode.Any(source, destination),
    };

    private static FilterNode Between(FilterValue value, uint first, uint last) => first == last ? new TestNode(value, JumpOperation.Jeq, first)
        : FilterNode.All(new TestNode(value, JumpOperation.Jge, first), new NotNode(new TestNode(value, JumpOperation.Jgt, last)));

    private TestNode Word(uint offset, uint mask, uint wanted) => new TestNode(new FixedValue(link + offset, Size.W), JumpOperation.Jeq, wanted) { Mask = mask };

    private FilterNode Address6(uint offset, byte[] address, int prefix)
    {
        FilterNode? all = null;

        // All of it must be there, as in libpcap, whatever the mask leaves.
        for (int word = 0; word < 4; word++, prefix -= 32)
        {
            uint mask = prefix >= 32 ? uint.MaxValue : prefix <= 0 ? 0 : uint.MaxValue << (32 - prefix);
            FilterNode part = Word(offset + (4 * (uint)word), mask, BinaryPrimitives.ReadUInt32BigEndian(address.AsSpan(4 * word)) & mask);
            all = all is null ? part : FilterNode.All(all, part);
        }

        return all!;
    }

    private static FilterNode AnyOf(ReadOnlySpan<byte> protocols, Func<byte, FilterNode> test)
    {
        FilterNode any = test(protocols[0]);
        foreach (byte protocol in protocols[1..])
        {
            any = FilterNode.Any(any, test(protocol));
        }

        return any;
    }
}
