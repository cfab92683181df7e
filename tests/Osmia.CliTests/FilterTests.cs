using System.Text.Json;

namespace Osmia.Tests;

/// <summary><c>osmia filter</c>: classic filters; packets written back; runs on contexts.</summary>
public sealed class FilterTests : IDisposable
{
    private const string Capture = "samples/firewall/traffic.pcapng";

    /// <summary>What tcpdump makes of <c>ip and udp</c>.</summary>
    private const string Udp = "6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 17\n6 0 0 60\n6 0 0 0\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-filter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_filter_is_shown_with_the_code_it_becomes()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("filter", Write("udp.txt", Udp));
        Assert.True(exitCode == 0, error);
        Assert.Contains("; (003) jeq      #0x11            jt 4", output, StringComparison.Ordinal);
        Assert.Contains("r0 = *(u8 *)skb[23]", output, StringComparison.Ordinal);
        (exitCode, output, error) = OsmiaCommand.Run("filter", Write("udp.txt", Udp), "--numbers");
        Assert.True(exitCode == 0, error);
        Assert.Equal(Udp, output);
    }

    [Fact]
    public void A_filter_judges_a_capture_and_writes_what_it_keeps()
    {
        string kept = Path.Combine(_folder, "udp.pcapng");
        (int exitCode, string output, string error) = OsmiaCommand.Run("filter", Write("udp.txt", Udp), "--packets", Capture, "--write", kept, "--json");
        Assert.True(exitCode == 0, error);
        using JsonDocument json = JsonDocument.Parse(output);
        long packets = json.RootElement.GetProperty("kept").GetInt64();
        Assert.Equal(1230, packets + json.RootElement.GetProperty("dropped").GetInt64());
        Assert.InRange(packets, 100, 1000);

        // All that was kept is kept again, in the length the filter asked for.
        (exitCode, output, error) = OsmiaCommand.Run("filter", Write("udp.txt", Udp), "--packets", kept);
        Assert.True(exitCode == 0, error);
        Assert.Matches($@"(?m)^keep +{packets} ", output);
        Assert.Matches(@"(?m)^drop +0 +0$", output);
    }

    [Fact]
    public void A_filter_becomes_an_object_that_other_verbs_take()
    {
        string source = Path.Combine(_folder, "udp.bpf.o");
        Assert.Equal(0, OsmiaCommand.Run("filter", Write("udp.txt", Udp), "-o", source, "--section", "tc").ExitCode);
        (int exitCode, string output, string error) = OsmiaCommand.Run("verify", source);
        Assert.True(exitCode == 0, error);
        Assert.Matches(@"udp +tc +accept", output);
        (exitCode, output, error) = OsmiaCommand.Run("filter", Write("udp.txt", Udp), "--asm");
        Assert.True(exitCode == 0, error);
        string text = Write("udp.s", output);
        Assert.Equal(0, OsmiaCommand.Run("asm", text, "-o", source).ExitCode);
        (exitCode, output, error) = OsmiaCommand.Run("show", source);
        Assert.True(exitCode == 0, error);
        Assert.Contains("socket_filter", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_seccomp_filter_runs_on_a_context()
    {
        string source = Path.Combine(_folder, "guard.bpf.o");
        string filter = Write("guard.txt", "ld [0]\njeq #59 jt 2 jf 3\nret #0x50001\nret #0x7fff0000\n");
        Assert.Equal(0, OsmiaCommand.Run("filter", filter, "--seccomp", "-o", source).ExitCode);
        string context = Path.Combine(_folder, "context");
        byte[] data = new byte[64];
        data[0] = 59;
        File.WriteAllBytes(context, data);
        (int exitCode, string output, string error) = OsmiaCommand.Run("prog", "run", source, "--ctx-in", context, "--mode", "verified", "--tier", "il", "--repeat", "3", "--json");
        Assert.True(exitCode == 0, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal((0x50001, "verified", "il"), (json.RootElement.GetProperty("retval").GetInt32(), json.RootElement.GetProperty("mode").GetString(), json.RootElement.GetProperty("tier").GetString()));
        (exitCode, _, error) = OsmiaCommand.Run("prog", "run", source);
        Assert.Equal(64, exitCode);
        Assert.Contains("context SeccompData has 64 bytes, and 0 were given", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_of_a_capture_writes_what_it_lets_through()
    {
        string passed = Path.Combine(_folder, "passed.pcapng");
        (int exitCode, _, string error) = OsmiaCommand.Run("run", "samples/firewall/firewall.bpf.o", "--packets", Capture, "--write", passed, "--no-maps");
        Assert.True(exitCode == 0, error);
        Assert.Contains("1033 packets written to", error, StringComparison.Ordinal);
        (exitCode, string output, error) = OsmiaCommand.Run("run", "samples/firewall/firewall.bpf.o", "--packets", passed, "--no-maps");
        Assert.True(exitCode == 0, error);
        Assert.Matches(@"XDP_PASS +1033 +230651", output);
        Assert.DoesNotContain("XDP_DROP", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "OSM1043", "tcp port https")]
    [InlineData(1, "bits are set behind the first 8", "net 10.0.0.1/8")]
    [InlineData(64, "none/udp.txt", "none/udp.txt")]
    [InlineData(1, "OSM1040", "README.md")]
    [InlineData(1, "OSM6901", "FILTER", "--packets", "README.md")]
    [InlineData(64, "--write out.pcapng: packets are written when they are read", "FILTER", "--write", "out.pcapng")]
    [InlineData(64, "--section tc says where", "FILTER", "--section", "tc")]
    [InlineData(64, "a seccomp filter judges system calls", "FILTER", "--seccomp", "--packets", Capture)]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] words)
    {
        string filter = Write("filter.txt", words.Contains("--seccomp") ? "ret #0\n" : Udp);
        (int exitCode, string output, string error) = OsmiaCommand.Run(["filter", .. words.Select(word => word == "FILTER" ? filter : word)]);
        Assert.Equal(expected, exitCode);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void A_network_is_no_file()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("filter", "net 192.168.0.0/16", "--numbers");
        Assert.True(exitCode == 0, error);
        Assert.Contains("3232235520", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Packets_that_cannot_be_written_are_an_error_with_an_id()
    {
        (int exitCode, _, string error) = OsmiaCommand.Run("run", "samples/firewall/firewall.bpf.o", "--packets", Capture, "--write", "/nowhere/out.pcapng");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("OSM6907", error, StringComparison.Ordinal);
        (exitCode, _, error) = OsmiaCommand.Run("run", "samples/firewall/firewall.bpf.o", "--engine", "vm", "--dev", "nosuch0");
        Assert.Equal(1, exitCode);
        Assert.Contains(OperatingSystem.IsLinux() ? "OSM5090" : "OSM", error, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
