using Osmia.Traffic;

namespace Osmia.Tests.Packets;

public class SampleCaptureTests
{
    [Fact]
    public void Sample_capture_is_what_the_traffic_program_writes()
    {
        var written = new MemoryStream();

        Capture.Write(written);

        Assert.Equal(File.ReadAllBytes(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng")), written.ToArray());
    }

    [Fact]
    public void Sample_capture_holds_every_runt_and_comments_only_on_malformed_frames()
    {
        var packets = CaptureReading.ReadAll(File.ReadAllBytes(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng")));

        Assert.Equal(Enumerable.Range(0, 15), packets.Select(p => p.Frame.Length).Where(n => n < 15).Distinct().Order());
        Assert.All(packets.Where(p => p.Frame.Length < 42), p => Assert.NotEmpty(p.Comment));
        Assert.Contains(packets, p => p.Frame.Length == 3300);
        Assert.Equal(packets.Select(p => p.Info.TimestampNs).Order(), packets.Select(p => p.Info.TimestampNs));
    }
}
