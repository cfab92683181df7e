namespace Osmia.Tests;

/// <summary><c>osmia run --tap</c>: a device that is made for the run.</summary>
public class TapTests
{
    private const string Sample = "samples/packets/packets.bpf.o";
    private const string Tap = "osmiatap";

    [Fact]
    public void What_the_host_sends_into_a_tap_device_is_judged()
    {
        Requirements.Kernel();
        Requirements.Command("ip", "-V");
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "needs /dev/net/tun");
        using var network = new NetworkPair();
        using OsmiaCommand run = OsmiaCommand.Start(["run", Sample, "--tap", Tap, "--count", "12", "--duration", "40"], network.Near);
        run.WaitForError("judges packets of " + Tap);
        foreach (string line in (string[])[$"addr add 10.78.0.1/24 dev {Tap}", $"link set {Tap} up", $"neigh add 10.78.0.2 lladdr 02:00:00:00:00:02 dev {Tap}"])
        {
            InSpace(["ip", .. line.Split(' ')]);
        }

        // Twelve datagrams; what the host says of itself on a new link may take the place of some.
        InSpace(["bash", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo x > /dev/udp/10.78.0.2/9; done"]);
        Assert.Equal(0, run.WaitForExit());
        Assert.Contains("12 packets, ", run.Error, StringComparison.Ordinal);
        Assert.Matches(@"\n10\.78\.0\.1 +\d+ +\d+", run.Output);
        Assert.DoesNotContain(Tap, InSpace(["ip", "link"]), StringComparison.Ordinal);

        string InSpace(string[] command) => ReferenceTool.Run(network.Near[0], [.. network.Near[1..], .. command]);
    }

    [Theory]
    [InlineData("the name of a device has 1 to 15 bytes", "--tap", "a-name-of-20-letters")]
    [InlineData("leave out --engine kernel", "--tap", Tap, "--engine", "kernel")]
    [InlineData("leave out --engine kernel, --packets and --dev", "--tap", Tap, "--dev", "lo")]
    public void Words_that_do_not_go_with_a_tap_device_are_refused(string complaint, params string[] words)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(["run", Sample, .. words]);
        Assert.Equal((64, ""), (exitCode, output));
        Assert.Contains(complaint, error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_with_the_name_of_an_option_is_reached_by_set_and_the_help_says_so()
    {
        string folder = Directory.CreateTempSubdirectory("osmia-hidden-").FullName;
        try
        {
            string source = Path.Combine(folder, "hidden.s");
            string made = Path.Combine(folder, "hidden.bpf.o");
            File.WriteAllText(source, ".license \"GPL\"\n.section .rodata\n.globl pid\npid:\n .long 0\n.section xdp\n.globl judge\n.type judge, @function\njudge:\n r1 = pid ll\n r0 = *(u32 *)(r1 + 0)\n exit\n");
            (int exitCode, _, string error) = OsmiaCommand.Run("asm", source, "-o", made);
            Assert.True(exitCode == 0, error);
            string help = string.Join(' ', OsmiaCommand.Run("run", made, "--help").Output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
            Assert.Contains("set a variable (repeatable); the only way to pid, whose name is that of an option here", help, StringComparison.Ordinal);

            // The program returns the variable; 2 is XDP_PASS.
            string capture = Path.Combine(folder, "one.pcap");
            File.WriteAllBytes(capture, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0, .. new byte[60]]);
            (exitCode, string output, error) = OsmiaCommand.Run("run", made, "--packets", capture, "--set", "pid=2");
            Assert.True(exitCode == 0, error);
            Assert.Contains("XDP_PASS", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
