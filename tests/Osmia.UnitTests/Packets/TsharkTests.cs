using System.Diagnostics;
using System.Globalization;
using System.Net;
using Osmia.Runtime.Packets;
using Osmia.Runtime.Packets.Frames;

namespace Osmia.Tests.Packets;

/// <summary>What we write is read by tshark as we meant it; what we read from the sample capture is what tshark reads.</summary>
public sealed class TsharkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-tshark-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("out.pcapng")]
    [InlineData("out.pcap")]
    public void Tshark_reads_our_frames_with_correct_checksums(string name)
    {
        var path = Path.Combine(_folder, name);
        var frames = Frames();
        Write(path, frames);

        var rows = Run(
            path,
            ["frame.time_epoch", "frame.cap_len", "frame.len", "frame.protocols", "ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"],
            ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE", "ip.defragment:FALSE", "ipv6.defragment:FALSE"]);

        var expected = frames.Select((f, i) => $"1700000000.{i:D9}|{f.Bytes.Length}|{f.Bytes.Length}|{f.Row}");
        Assert.Equal(string.Join('\n', expected), string.Join('\n', rows));
    }

    [Fact]
    public void Tshark_and_the_reader_agree_on_the_sample_capture()
    {
        var path = RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng");
        var rows = Run(path, ["frame.time_epoch", "frame.interface_id", "frame.cap_len", "frame.len", "frame.comment"], []);

        using var reader = PacketFile.Open(path);
        var ours = new List<string>();
        while (reader.TryRead(out var info, out _))
        {
            var (seconds, rest) = Math.DivRem(info.TimestampNs, 1_000_000_000);
            var comment = System.Text.Encoding.UTF8.GetString(reader.CommentUtf8);
            ours.Add(string.Create(CultureInfo.InvariantCulture, $"{seconds}.{rest:D9}|{info.InterfaceId}|{info.CapturedLength}|{info.OriginalLength}|{comment}"));
        }

        Assert.Equal(string.Join('\n', rows), string.Join('\n', ours));
        Assert.InRange(ours.Count, 600, 1500);
    }

    private static List<(byte[] Bytes, string Row)> Frames()
    {
        var (a, b) = (MacAddress.Parse("02:00:5e:10:00:01"), MacAddress.Parse("02:00:5e:10:00:02"));
        var (a4, b4) = (IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2"));
        var (a6, b6) = (IPAddress.Parse("2001:db8::1"), IPAddress.Parse("2001:db8::2"));
        FrameBuilder Frame() => new FrameBuilder().Ethernet(b, a);

        return
        [
            (Frame().Arp(1, a, a4, default, b4).Build(60), "eth:ethertype:arp|||||"),
            (Frame().Ipv4(a4, b4, options: [7, 7, 4, 0, 0, 0, 0]).Tcp(40000, 40001, 1, 2, TcpFlags.Psh | TcpFlags.Ack, options: [2, 4, 5, 0xB4]).Payload([1, 2, 3]).Build(60), "eth:ethertype:ip:tcp:data|1|1|||"),
            (Frame().Vlan(5).Ipv4(a4, b4).Udp(40000, 40001).Payload([1, 2, 3]).Build(60), "eth:ethertype:vlan:ethertype:ip:udp:data|1||1||"),
            (Frame().Ipv4(a4, b4).Icmp(8, 0, 0x10001).Payload([1, 2, 3]).Build(60), "eth:ethertype:ip:icmp:data|1|||1|"),
            (Frame().Ipv6(a6, b6).Tcp(40000, 40001, 1, 2, TcpFlags.Psh | TcpFlags.Ack).Payload([1, 2, 3]).Build(), "eth:ethertype:ipv6:tcp:data||1|||"),
            (Frame().Ipv6(a6, b6).Ipv6Extension(IpProtocol.HopByHop, [5, 2, 0, 0]).Udp(40000, 40001).Payload([1]).Build(), "eth:ethertype:ipv6:ipv6.hopopts:udp:data|||1||"),
            (Frame().Ipv6(a6, b6).Icmpv6(128, 0, 0x10001).Payload([1, 2, 3]).Build(), "eth:ethertype:ipv6:icmpv6:data|||||1"),
        ];
    }

    private static void Write(string path, List<(byte[] Bytes, string Row)> frames)
    {
        var file = File.Create(path);
        if (path.EndsWith(".pcap", StringComparison.Ordinal))
        {
            using var pcap = new PcapWriter(file);
            for (var i = 0; i < frames.Count; i++)
            {
                pcap.Write(1_700_000_000_000_000_000 + i, frames[i].Bytes);
            }

            return;
        }

        using var pcapng = new PcapngWriter(file);
        var device = pcapng.AddInterface(PacketLinkType.Ethernet, "eth0");
        for (var i = 0; i < frames.Count; i++)
        {
            pcapng.Write(device, 1_700_000_000_000_000_000 + i, frames[i].Bytes);
        }
    }

    private static string[] Run(string path, string[] fields, string[] options)
    {
        var tshark = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "tshark")).FirstOrDefault(File.Exists);
        if (tshark is null)
        {
            Assert.Skip("needs tshark");
        }

        var start = new ProcessStartInfo(tshark) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = ["-n", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f", .. fields.SelectMany(f => (string[])["-e", f]), .. options.SelectMany(o => (string[])["-o", o])];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"tshark exited with {process.ExitCode}: {errors.Result}");
        return output.TrimEnd('\n').Split('\n');
    }
}
