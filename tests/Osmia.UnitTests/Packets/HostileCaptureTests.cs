using System.Diagnostics;
using Osmia.Runtime.Packets;

namespace Osmia.Tests.Packets;

public class HostileCaptureTests
{
    private static readonly byte[] s_frame = [.. Enumerable.Range(1, 61).Select(i => (byte)i)];

    public static TheoryData<string> Names => [.. Files.Keys];

    private static Dictionary<string, byte[]> Files { get; } = new()
    {
        ["pcap little"] = Pcap(false),
        ["pcap big"] = Pcap(true),
        ["pcapng little"] = Pcapng(false),
        ["pcapng big"] = Pcapng(true),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void File_cut_at_any_byte_gives_the_packets_before_it_and_a_typed_error(string name)
    {
        var file = Files[name];
        var whole = CaptureReading.ReadAll(file).Count;
        var cleanEnds = 0;
        for (var length = 0; length < file.Length; length++)
        {
            try
            {
                Assert.InRange(CaptureReading.ReadAll(file[..length]).Count, 0, whole - 1);
                cleanEnds++;
            }
            catch (PacketFileException refusal)
            {
                Assert.Contains(refusal.Id, (string[])["OSM6901", "OSM6902"]);
                Assert.InRange(refusal.Offset, 0, length);
            }
        }

        // A cut is invisible only between records or blocks.
        Assert.InRange(cleanEnds, whole, whole + 6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Mutated_files_raise_nothing_but_the_typed_error(string name)
    {
        var file = Files[name];
        byte[] extremes = [0, 1, 3, 4, 0x7F, 0x80, 0xFF];
        var random = new Random(20_240_607);
        var time = Budget.For("packets") / Files.Count;
        var clock = Stopwatch.StartNew();
        for (var round = 0; round < 1000 || clock.Elapsed < time; round++)
        {
            var mutated = file.ToArray();
            for (var i = random.Next(1, 6); i > 0; i--)
            {
                mutated[random.Next(mutated.Length)] = random.Next(2) == 0 ? extremes[random.Next(extremes.Length)] : (byte)random.Next(256);
            }

            try
            {
                CaptureReading.ReadAll(mutated);
            }
            catch (PacketFileException refusal)
            {
                Assert.StartsWith("OSM690", refusal.Id, StringComparison.Ordinal);
            }
            catch (Exception e)
            {
                Assert.Fail($"round {round}: {e}\n{Convert.ToHexString(mutated)}");
            }
        }
    }

    [Fact]
    public void Reading_on_after_an_error_gives_the_error_again()
    {
        var file = new CaptureBytes(false).Section().Interface().Enhanced(5, 0, s_frame).ToArray();
        using var reader = PacketFile.Open(new MemoryStream(file[..^8]));

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("OSM6902", Assert.Throws<PacketFileException>(() => reader.TryRead(out _, out _)).Id);
        }
    }

    [Fact]
    public void Packet_of_an_undescribed_interface_is_refused()
    {
        var refusal = CaptureReading.Refusal(new CaptureBytes(false).Section().Interface().Enhanced(1, 0, s_frame).ToArray());

        Assert.Equal("OSM6904", refusal.Id);
        Assert.Contains("interface 1, but the section describes 1", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(8u)]
    [InlineData(13u)]
    [InlineData(0xFFFF_FFFCu)]
    public void Impossible_block_lengths_are_refused(uint length)
    {
        foreach (var type in (uint[])[1, 2, 3, 6])
        {
            var file = new CaptureBytes(false).Section().Interface().U32(type).U32(length).U8(new byte[64]).ToArray();
            Assert.Equal("OSM6903", CaptureReading.Refusal(file).Id);
        }
    }

    [Fact]
    public void Huge_skipped_block_ends_with_the_file_and_costs_no_memory()
    {
        var file = new CaptureBytes(false).Section().U32(0x0BAD).U32(0xFFFF_FFF0).U8(new byte[64]).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal("OSM6902", CaptureReading.Refusal(file).Id);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Large_claim_of_a_small_file_costs_no_memory()
    {
        var file = new CaptureBytes(false).Section().Interface().U32(6).U32(16 * 1024 * 1024).U8(new byte[64]).ToArray();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal("OSM6902", CaptureReading.Refusal(file).Id);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Captured_length_beyond_the_block_and_broken_options_are_refused()
    {
        var tooLong = new CaptureBytes(false).Section().Interface().Enhanced(0, 0, s_frame, captured: 65).ToArray();
        var badOption = new CaptureBytes(false).Section().Block(1, b => b.U16(1).U16(0).U32(0).U16(2).U16(400).U32(0)).ToArray();
        var unequal = new CaptureBytes(false).Section().Interface().Enhanced(0, 0, s_frame).ToArray();
        unequal[^4] ^= 4;

        Assert.All([tooLong, badOption, unequal], file => Assert.Equal("OSM6903", CaptureReading.Refusal(file).Id));
    }

    private static byte[] Pcap(bool bigEndian) => new CaptureBytes(bigEndian)
        .PcapHeader(0xA1B2C3D4).PcapRecord(1, 2, s_frame).PcapRecord(3, 4, [1]).PcapRecord(5, 6, s_frame).ToArray();

    private static byte[] Pcapng(bool bigEndian) => new CaptureBytes(bigEndian)
        .Section()
        .Interface(name: "eth0", resolution: 9, offsetSeconds: 3)
        .Enhanced(0, 7, s_frame, comment: "seven")
        .Block(0x0BAD, b => b.U32(1))
        .Block(3, b => b.U32(61).U8(s_frame))
        .Block(2, b => b.U16(0).U16(0).U32(0).U32(9).U32(3).U32(3).U8(1, 2, 3))
        .ToArray();
}
