using System.Net;
using Osmia.Runtime.Packets.Frames;

namespace Osmia.Tests.Packets;

public class FrameBuilderTests
{
    private static readonly MacAddress s_a = MacAddress.Parse("02:00:5e:10:00:01");
    private static readonly MacAddress s_b = MacAddress.Parse("02:00:5e:10:00:02");
    private static readonly IPAddress s_a4 = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress s_b4 = IPAddress.Parse("192.0.2.2");
    private static readonly IPAddress s_a6 = IPAddress.Parse("2001:db8::1");
    private static readonly IPAddress s_b6 = IPAddress.Parse("2001:db8::2");

    [Fact]
    public void Checksum_follows_the_example_of_RFC_1071()
    {
        byte[] bytes = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];

        Assert.Equal(0x220D, InternetChecksum.Compute(bytes));
        Assert.Equal(0xFDFE, InternetChecksum.Compute([0x01, 0x01, 0x01]));
    }

    [Fact]
    public void Udp_over_ipv4_is_laid_out_byte_for_byte()
    {
        var frame = new FrameBuilder().Ethernet(s_b, s_a).Ipv4(s_a4, s_b4, id: 0x1234, dontFragment: true).Udp(1000, 53).Payload("hi!"u8).Build(minimumLength: 60);

        Assert.Equal(
            "02005E100002" + "02005E100001" + "0800"
            + "4500001F12344000" + "4011A496" + "C0000201" + "C0000202"
            + "03E80035000BEE4D" + "686921"
            + new string('0', 30),
            Convert.ToHexString(frame));
    }

    [Fact]
    public void Vlan_tags_and_llc_name_what_follows()
    {
        var tagged = new FrameBuilder().Ethernet(s_b, s_a).Vlan(100, priority: 3, tag: EtherType.ServiceVlan).Vlan(7).Ipv6(s_a6, s_b6).Build();
        var llc = new FrameBuilder().Ethernet(s_b, s_a).Llc(0x42, 0x42).Payload([1, 2]).Build();

        Assert.Equal("88A86064" + "81000007" + "86DD", Convert.ToHexString(tagged, 12, 10));
        Assert.Equal("0005" + "424203" + "0102", Convert.ToHexString(llc, 12, 7));
    }

    [Fact]
    public void Extension_headers_chain_and_fill_up()
    {
        var frame = new FrameBuilder().Ethernet(s_b, s_a).Ipv6(s_a6, s_b6)
            .Ipv6Extension(IpProtocol.HopByHop, [5, 2, 0, 0]).Ipv6Extension(IpProtocol.Ipv6Destination, []).Tcp(1, 2, 3, 4, TcpFlags.Syn).Build();

        Assert.Equal(0, frame[20]);
        Assert.Equal("3C00050200000100" + "0600010400000000", Convert.ToHexString(frame, 54, 16));
    }

    [Fact]
    public void Fragments_cover_the_datagram_once()
    {
        var payload = Enumerable.Range(0, 100).Select(i => (byte)i).ToArray();
        var whole4 = new FrameBuilder().Ethernet(s_b, s_a).Ipv4(s_a4, s_b4).Udp(1, 2).Payload(payload).Build();
        var whole6 = new FrameBuilder().Ethernet(s_b, s_a).Ipv6(s_a6, s_b6).Udp(1, 2).Payload(payload).Build();

        var parts4 = FrameFragments.SplitIpv4(whole4, 40);
        var parts6 = FrameFragments.SplitIpv6(whole6, 40, 0xABCD);

        Assert.Equal(["2000", "2005", "000A"], parts4.Select(f => Convert.ToHexString(f, 20, 2)));
        Assert.Equal(whole4[34..], parts4.SelectMany(f => f[34..]));
        Assert.All(parts4, f => Assert.Equal(0, InternetChecksum.Compute(f.AsSpan(14, 20))));
        Assert.Equal(["110000010000ABCD", "110000290000ABCD", "110000500000ABCD"], parts6.Select(f => Convert.ToHexString(f, 54, 8)));
        Assert.Equal(whole6[54..], parts6.SelectMany(f => f[62..]));
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        var builder = new FrameBuilder().Ethernet(s_b, s_a);

        Assert.Throws<ArgumentOutOfRangeException>(() => builder.Vlan(4096));
        Assert.Throws<ArgumentException>(() => builder.Ipv4(s_a6, s_b4));
        Assert.Throws<ArgumentException>(() => FrameFragments.SplitIpv4(new byte[60], 12));
        Assert.Throws<FormatException>(() => MacAddress.Parse("02:00:5e:10:00"));
        Assert.Throws<InvalidOperationException>(() => new FrameBuilder().Llc(1, 1));
    }
}
