using System.Buffers.Binary;
using System.Text;
using Osmia.Btf;
using Osmia.Objects;

namespace Osmia.Tests;

/// <summary>Whatever is wrong with what a person gives, the command answers with an id, what, why and what to try, and exit code 1.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Capture = "samples/firewall/traffic.pcapng";
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-bad-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_missing_file_is_named() => AssertRefused("OSM1015", ["run", _folder + "/none.bpf.o"], "none.bpf.o");

    [Fact]
    public void A_truncated_object_is_refused() => AssertRefused("OSM1003", ["run", Write(Sample("hello")[..2000])]);

    [Fact]
    public void Random_bytes_are_refused()
    {
        byte[] bytes = new byte[5000];
        new Random(1).NextBytes(bytes);
        AssertRefused("OSM1001", ["run", Write(bytes)]);
    }

    [Fact]
    public void A_program_for_another_machine_is_refused()
    {
        byte[] elf = Sample("hello");
        elf[18] = 62; // x86-64
        AssertRefused("OSM1002", ["run", Write(elf)], "machine is 62");
    }

    [Fact]
    public void A_missing_map_section_is_named_with_the_map() =>
        AssertRefused("OSM1012", ["run", Write(Replace(Sample("hello"), ".maps\0"u8, ".mapz\0"u8))], "execs");

    [Fact]
    public void An_unknown_section_name_comes_with_its_nearest_names() =>
        AssertRefused("OSM2009", ["run", Write(Replace(Sample("packets"), "xdp\0"u8, "xdq\0"u8)), "--packets", Capture], "xdp");

    [Fact]
    public void A_map_that_does_not_fit_is_named() =>
        AssertRefused("OSM6", ["run", Write(WithEntries(Sample("packets"), 4096, 0xffff_0000)), "--packets", Capture], "sources4");

    [Fact]
    public void A_map_that_does_not_fit_the_kernel_is_named()
    {
        Requirements.Kernel();
        AssertRefused("OSM5", ["run", Write(WithEntries(Sample("packets"), 4096, 0xffff_0000)), "--packets", Capture, "--engine", "kernel"], "sources4");
    }

    [Fact]
    public void A_helper_that_the_vm_lacks_is_named()
    {
        const byte tcpCheckSyncookie = 100;
        byte[] call = [0x85, 0, 0, 0, 1, 0, 0, 0];
        byte[] other = [0x85, 0, 0, 0, tcpCheckSyncookie, 0, 0, 0];
        AssertRefused("OSM6", ["run", Write(Replace(Sample("packets"), call, other)), "--packets", Capture], "bpf_tcp_check_syncookie");
    }

    [Fact]
    public void Without_privileges_the_missing_capability_is_named()
    {
        Requirements.Kernel();
        Requirements.Command("setpriv", "--version");
        AssertRefused("OSM5", ["run", "samples/hello/hello.bpf.o"], "CAP_", "setpriv", "--bounding-set=-all");
    }

    [Fact]
    public void A_device_that_does_not_exist_is_named()
    {
        Requirements.Kernel();
        AssertRefused("OSM5", ["run", "samples/packets/packets.bpf.o", "--dev", "osmia-none0"], "osmia-none0");
    }

    [Fact]
    public void A_target_that_is_missing_is_asked_for()
    {
        Requirements.Kernel();
        AssertRefused("OSM5302", ["run", "samples/packets/packets.bpf.o"], "--dev");
    }

    [Fact]
    public void A_directory_that_is_no_cgroup_is_named()
    {
        Requirements.Kernel();
        AssertRefused("OSM5", ["run", "samples/connect-guard/connect-guard.bpf.o", "--cgroup", _folder], _folder);
    }

    [Fact]
    public void Tracing_in_the_vm_is_refused() => AssertRefused("OSM7007", ["run", "samples/hello/hello.bpf.o", "--engine", "vm"]);

    [Fact]
    public void A_capture_that_is_none_is_refused() => AssertRefused("OSM69", ["run", "samples/packets/packets.bpf.o", "--packets", "README.md"]);

    [Fact]
    public void A_program_that_judges_no_packets_is_refused() => AssertRefused("OSM7004", ["run", "samples/hello/hello.bpf.o", "--packets", Capture]);

    [Theory]
    [InlineData("OSM7002", "--set", "targ_pidd=1")]
    [InlineData("OSM7001", "--set", "targ_pid=x")]
    [InlineData("OSM7005", "--program", "none")]
    public void Wrong_names_and_values_are_refused(string id, params string[] options) => AssertRefused(id, ["run", "samples/hello/hello.bpf.o", .. options]);

    [Theory]
    [InlineData("run")]
    [InlineData("run", "samples/hello/hello.bpf.o", "--nonsense")]
    [InlineData("run", "samples/hello/hello.bpf.o", "--duration", "soon")]
    [InlineData("run", "samples/hello/hello.bpf.o", "--engine", "magic")]
    [InlineData("map", "dump", "id", "x")]
    [InlineData("nonsense")]
    public void Wrong_usage_exits_with_64(params string[] arguments)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.True(exitCode == 64, $"exit {exitCode}: {error}");
        Assert.Empty(output);
        Assert.StartsWith("osmia: ", error, StringComparison.Ordinal);
    }

    private static void AssertRefused(string id, string[] arguments, string mentions = "", params string[] prefix)
    {
        using OsmiaCommand command = OsmiaCommand.Start(arguments, prefix);
        int exitCode = command.WaitForExit();
        string error = command.Error;
        Assert.True(exitCode == 1, $"exit {exitCode}\n{command.Output}{error}");
        string message = error[Math.Max(error.IndexOf("OSM", StringComparison.Ordinal), 0)..];
        Assert.StartsWith(id, message, StringComparison.Ordinal);
        Assert.Contains(mentions, message, StringComparison.Ordinal);
        Assert.Contains("\ntry: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at Osmia", error, StringComparison.Ordinal);
    }

    private static byte[] Sample(string name) => File.ReadAllBytes(RepositoryFiles.PathOf("samples", name, name + ".bpf.o"));

    private static byte[] Replace(byte[] bytes, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        Assert.True(bytes.AsSpan().IndexOf(from) >= 0, $"nothing to replace: {Encoding.ASCII.GetString(from)}");
        for (int at = bytes.AsSpan().IndexOf(from); at >= 0; at = bytes.AsSpan().IndexOf(from))
        {
            to.CopyTo(bytes.AsSpan(at));
        }

        return bytes;
    }

    /// <summary>Changes the length of an array type of the object's BTF: how __uint() writes a map's entries.</summary>
    private static byte[] WithEntries(byte[] elf, uint from, uint to)
    {
        BtfTypes types = BpfObject.Read(elf, "sample.bpf.o").Types!;
        int blob = elf.AsSpan().IndexOf(types.Data.Span[..24]);
        BtfType array = Enumerable.Range(1, types.Count - 1).Select(id => types[id]).First(type => type.Kind == BtfKind.Array && type.ElementCount == from);
        BinaryPrimitives.WriteUInt32LittleEndian(elf.AsSpan(blob + types.OffsetOf(array.Id) + 20), to);
        return elf;
    }

    private string Write(byte[] bytes)
    {
        string path = Path.Combine(_folder, "bad.bpf.o");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
