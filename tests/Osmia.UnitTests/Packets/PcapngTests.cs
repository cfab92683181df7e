using Osmia.Runtime.Packets;

namespace Osmia.Tests.Packets;

public class PcapngTests
{
    private static readonly byte[] s_frame = [.. Enumerable.Range(1, 61).Select(i => (byte)i)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_packet_block_is_read_in_both_byte_orders(bool bigEndian)
    {
        var file = new CaptureBytes(bigEndian)
            .Section()
            .Block(0x0000_0BAD, b => b.U8(new byte[200_000]))
            .Interface(name: "eth0", resolution: 9)
            .Interface(linkType: 101, snapLength: 40, name: "tun0")
            .Enhanced(0, 1_700_000_000_123_456_789, s_frame, comment: "first")
            .Block(3, b => b.U32(61).U8(s_frame))
            .Block(2, b => b.U16(1).U16(7).U32(0x0005_AF31).U32(0x07A1_2000).U32(5).U32(61).U8(1, 2, 3, 4, 5))
            .ToArray();

        var packets = CaptureReading.ReadAll(file);

        Assert.Equal(
            [
                new PacketInfo(1_700_000_000_123_456_789, 0, 61, 61, PacketLinkType.Ethernet),
                new PacketInfo(0, 0, 61, 61, PacketLinkType.Ethernet),
                new PacketInfo(0x0005_AF31_07A1_2000 * 1000, 1, 5, 61, PacketLinkType.RawIp),
            ],
            packets.Select(p => p.Info));
        Assert.Equal(s_frame, packets[0].Frame);
        Assert.Equal(s_frame, packets[1].Frame);
        Assert.Equal([1, 2, 3, 4, 5], packets[2].Frame);
        Assert.Equal(["first", "", ""], packets.Select(p => p.Comment));
    }

    [Fact]
    public void Interfaces_are_described()
    {
        var file = new CaptureBytes(false).Section().Interface(name: "eth0").Interface(linkType: 113, snapLength: 96).Enhanced(1, 0, s_frame).ToArray();
        using var reader = PacketFile.Open(new MemoryStream(file));

        Assert.True(reader.TryRead(out _, out _));

        Assert.Equal([("eth0", PacketLinkType.Ethernet, 0u), ("", PacketLinkType.LinuxSll, 96u)], reader.Interfaces.Select(i => (i.Name, i.LinkType, i.SnapLength)));
    }

    [Fact]
    public void Sections_of_different_byte_order_follow_each_other_with_their_own_interfaces()
    {
        var file = new CaptureBytes(false).Section().Interface().Enhanced(0, 1, s_frame)
            .U8(new CaptureBytes(true).Section().Interface(linkType: 101, resolution: 9).Enhanced(0, 2, s_frame).ToArray())
            .ToArray();

        Assert.Equal([(1000L, PacketLinkType.Ethernet), (2L, PacketLinkType.RawIp)], CaptureReading.ReadAll(file).Select(p => (p.Info.TimestampNs, p.Info.LinkType)));
    }

    [Theory]
    [InlineData(null, null, 5ul, 5_000L)]
    [InlineData(0, null, 5ul, 5_000_000_000L)]
    [InlineData(3, null, 5ul, 5_000_000L)]
    [InlineData(9, null, 5ul, 5L)]
    [InlineData(12, null, 5_999ul, 5L)]
    [InlineData(127, null, ulong.MaxValue, 0L)]
    [InlineData(0x80 | 10, null, 1536ul, 1_500_000_000L)]
    [InlineData(0x80 | 127, null, ulong.MaxValue, 0L)]
    [InlineData(9, 100L, 5ul, 100_000_000_005L)]
    [InlineData(6, -1L, 5ul, -999_995_000L)]
    [InlineData(0, null, ulong.MaxValue, long.MaxValue)]
    [InlineData(9, null, ulong.MaxValue, long.MaxValue)]
    [InlineData(9, long.MinValue, 0ul, long.MinValue)]
    public void Clock_options_scale_the_timestamp(int? resolution, long? offsetSeconds, ulong ticks, long nanoseconds)
    {
        var file = new CaptureBytes(false).Section().Interface(resolution: (byte?)resolution, offsetSeconds: offsetSeconds).Enhanced(0, ticks, s_frame).ToArray();

        Assert.Equal(nanoseconds, CaptureReading.ReadAll(file)[0].Info.TimestampNs);
    }

    [Fact]
    public void Simple_packet_ends_at_the_snap_length()
    {
        var file = new CaptureBytes(false).Section().Interface(snapLength: 6).Block(3, b => b.U32(61).U8(1, 2, 3, 4, 5, 6)).ToArray();

        var packet = Assert.Single(CaptureReading.ReadAll(file));
        Assert.Equal(new PacketInfo(0, 0, 6, 61, PacketLinkType.Ethernet), packet.Info);
    }

    [Fact]
    public void What_the_writer_writes_comes_back()
    {
        var stream = new MemoryStream();
        using (var writer = new PcapngWriter(stream, "test"))
        {
            var eth = writer.AddInterface(PacketLinkType.Ethernet, "eth0", 96);
            var raw = writer.AddInterface(PacketLinkType.RawIp);
            writer.Write(eth, 1_700_000_000_123_456_789, s_frame, originalLength: 1514, comment: "größer", flags: PacketFlags.Inbound | PacketFlags.Broadcast);
            writer.Write(raw, long.MaxValue, s_frame.AsSpan(0, 4));
            writer.Write(raw, 0, []);
        }

        var packets = CaptureReading.ReadAll(stream.ToArray());

        Assert.Equal(
            [
                new PacketInfo(1_700_000_000_123_456_789, 0, 61, 1514, PacketLinkType.Ethernet),
                new PacketInfo(long.MaxValue, 1, 4, 4, PacketLinkType.RawIp),
                new PacketInfo(0, 1, 0, 0, PacketLinkType.RawIp),
            ],
            packets.Select(p => p.Info));
        Assert.Equal("größer", packets[0].Comment);
        Assert.Equal(s_frame, packets[0].Frame);
    }

    [Fact]
    public void Writer_refuses_an_interface_it_was_not_told_of()
    {
        using var writer = new PcapngWriter(new MemoryStream());

        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, 0, s_frame));
    }

    [Fact]
    public void Reading_a_frame_allocates_nothing()
    {
        var file = new CaptureBytes(false).Section().Interface(resolution: 9);
        for (var i = 0; i < 2000; i++)
        {
            file.Enhanced(0, (ulong)i, s_frame);
        }

        using var reader = PacketFile.Open(new MemoryStream(file.ToArray()));
        for (var i = 0; i < 1000; i++)
        {
            Assert.True(reader.TryRead(out _, out _));
        }

        var sum = 0L;
        var before = GC.GetAllocatedBytesForCurrentThread();
        while (reader.TryRead(out var info, out var frame))
        {
            sum += info.TimestampNs + frame[60];
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(Enumerable.Range(1000, 1000).Sum(i => i + 61), sum);
    }
}
