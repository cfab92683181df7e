using Osmia.Runtime.Packets;

namespace Osmia.Tests.Packets;

public class PcapTests
{
    private static readonly byte[] s_frame = [.. Enumerable.Range(1, 61).Select(i => (byte)i)];

    [Theory]
    [InlineData(false, 0xA1B2C3D4u, 1_700_000_000_123_456_000)]
    [InlineData(true, 0xA1B2C3D4u, 1_700_000_000_123_456_000)]
    [InlineData(false, 0xA1B23C4Du, 1_700_000_000_000_123_456)]
    [InlineData(true, 0xA1B23C4Du, 1_700_000_000_000_123_456)]
    public void All_four_magics_are_read(bool bigEndian, uint magic, long timestamp)
    {
        var file = new CaptureBytes(bigEndian).PcapHeader(magic).PcapRecord(1_700_000_000, 123_456, s_frame, original: 1500).PcapRecord(0, 0, []).ToArray();

        var packets = CaptureReading.ReadAll(file);

        Assert.Equal(2, packets.Count);
        Assert.Equal(new PacketInfo(timestamp, 0, 61, 1500, PacketLinkType.Ethernet), packets[0].Info);
        Assert.True(packets[0].Info.IsTruncated);
        Assert.Equal(s_frame, packets[0].Frame);
        Assert.Empty(packets[1].Frame);
    }

    [Theory]
    [InlineData(true, 1_234_567_890)]
    [InlineData(false, 1_234_567_000)]
    public void What_the_writer_writes_comes_back(bool hasNanoseconds, long timestamp)
    {
        var stream = new MemoryStream();
        using (var writer = new PcapWriter(stream, PacketLinkType.RawIp, hasNanoseconds))
        {
            writer.Write(1_234_567_890, s_frame);
            writer.Write(0, s_frame.AsSpan(0, 3), originalLength: 9000);
        }

        var packets = CaptureReading.ReadAll(stream.ToArray());

        Assert.Equal(new PacketInfo(timestamp, 0, 61, 61, PacketLinkType.RawIp), packets[0].Info);
        Assert.Equal(s_frame, packets[0].Frame);
        Assert.Equal(new PacketInfo(0, 0, 3, 9000, PacketLinkType.RawIp), packets[1].Info);
    }

    [Fact]
    public void Frame_check_bits_do_not_disturb_the_link_type()
    {
        var file = new CaptureBytes(false).PcapHeader(0xA1B2C3D4, linkType: 0x2400_0001).PcapRecord(1, 2, s_frame).ToArray();

        Assert.Equal(PacketLinkType.Ethernet, CaptureReading.ReadAll(file)[0].Info.LinkType);
    }

    [Fact]
    public void Frame_longer_than_any_frame_is_refused_without_allocating_it()
    {
        var file = new CaptureBytes(false).PcapHeader(0xA1B2C3D4).U32(1).U32(1).U32(uint.MaxValue).U32(60).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();

        var refusal = CaptureReading.Refusal(file);

        Assert.Equal("OSM6903", refusal.Id);
        Assert.Equal(32, refusal.Offset);
        Assert.Contains("4294967295", refusal.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Unknown_versions_and_variants_are_refused_by_name()
    {
        var modified = CaptureReading.Refusal(new CaptureBytes(true).PcapHeader(0xA1B2CD34).ToArray());
        var future = CaptureReading.Refusal(new CaptureBytes(false).PcapHeader(0xA1B2C3D4, major: 7).ToArray());

        Assert.Equal(("OSM6905", "OSM6905"), (modified.Id, future.Id));
        Assert.Contains("modified pcap", modified.Message, StringComparison.Ordinal);
        Assert.Contains("version 7.4", future.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_files_are_refused_with_their_first_bytes()
    {
        Assert.Contains("7F454C46", CaptureReading.Refusal([0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 2]).Message, StringComparison.Ordinal);
        Assert.Contains("empty", CaptureReading.Refusal([]).Message, StringComparison.Ordinal);
        Assert.Equal("OSM6901", CaptureReading.Refusal([0xD4, 0xC3, 0xB2]).Id);
    }

    [Fact]
    public void Missing_file_and_directory_are_refused_with_their_path()
    {
        foreach (var path in (string[])["/no/such/capture.pcap", Path.GetTempPath()])
        {
            var refusal = Assert.Throws<PacketFileException>(() => PacketFile.Open(path));
            Assert.Equal("OSM6906", refusal.Id);
            Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
            Assert.NotNull(refusal.InnerException);
        }
    }
}
