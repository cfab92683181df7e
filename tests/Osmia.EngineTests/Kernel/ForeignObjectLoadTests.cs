using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>
/// Objects that others wrote for libbpf load unchanged when their section kinds are supported: whatever bpftool loads, we load.
/// They are loaded and let go, never attached.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ForeignObjectLoadTests(ITestOutputHelper output)
{
    private static readonly AttachKind[] s_kinds =
    [
        AttachKind.Tracepoint, AttachKind.RawTracepoint, AttachKind.BtfTracepoint, AttachKind.PerfEvent, AttachKind.Uprobe,
        AttachKind.Xdp, AttachKind.TrafficControl, AttachKind.Cgroup, AttachKind.SocketFilter, AttachKind.None, AttachKind.Kprobe,
    ];

    [Theory]
    [InlineData("libbpf-tools", 10)]
    [InlineData("xdp-tools", 1)]
    [InlineData("libxdp1", 1)]
    public void What_bpftool_loads_we_load(string package, int atLeast)
    {
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using KernelEngine engine = KernelTest.OpenOrSkip();
        List<(string Name, byte[] Data)> objects = ForeignObjects.Of(package);
        var refused = new List<string>();
        int both = 0;
        foreach ((string name, byte[] data) in objects)
        {
            BpfObject source = BpfObject.Read(data, name);
            foreach (BpfMap map in source.Maps)
            {
                map.PinByName = false; // What a test loads stays its own.
            }

            if (source.Programs.Any(program => !s_kinds.Contains(program.Section.Kind)))
            {
                continue;
            }

            string? problem = TryLoad(engine, source);
            if (problem is null)
            {
                both++;
            }
            else if (BpftoolLoads(data, source))
            {
                refused.Add($"{name}: {problem}");
            }
            else
            {
                output.WriteLine($"neither loads {name}: {problem.Split('\n')[0]}");
            }
        }

        output.WriteLine($"{package}: {both} of {objects.Count} load");
        Assert.Empty(refused);
        Assert.InRange(both, atLeast, int.MaxValue);
    }

    [Theory]
    [InlineData("libbpf-tools", 150)]
    [InlineData("xdp-tools", 10)]
    [InlineData("libxdp1", 5)]
    public void Each_program_by_itself_is_loaded_or_refused_as_with_libbpf(string package, int atLeast)
    {
        Assert.SkipUnless(File.Exists("/usr/include/bpf/libbpf.h"), "needs libbpf-dev");
        using KernelEngine engine = KernelTest.OpenOrSkip();
        string folder = Directory.CreateTempSubdirectory("osmia-loads-").FullName;
        try
        {
            string loader = Path.Combine(folder, "loads");
            Toolchain.Build(loader, "cc", "tests/Osmia.EngineTests/Kernel/Sources/loads.c", "-O1", "-Wall", "-Wl,--no-as-needed", "-lbpf");
            var different = new List<string>();
            int loaded = 0;
            int refused = 0;
            foreach ((string name, byte[] data) in ForeignObjects.Of(package))
            {
                string file = Path.Combine(folder, "object.o");
                File.WriteAllBytes(file, data);
                foreach ((string program, int errno) in LoadedByLibbpf(loader, file))
                {
                    BpfObject alone = BpfObject.Read(data, name);
                    alone.Programs = [alone.FindProgram(program)!];
                    foreach (BpfMap map in alone.Maps)
                    {
                        map.PinByName = false;
                    }

                    string? problem = TryLoad(engine, alone);
                    if (problem is null != (errno == 0))
                    {
                        different.Add($"{name} {program}: libbpf {errno}, here {problem?.Split('\n')[0] ?? "loaded"}");
                    }

                    loaded += problem is null ? 1 : 0;
                    refused += problem is null ? 0 : 1;
                }
            }

            output.WriteLine($"{package}: {loaded} programs load, {refused} do not");
            Assert.Empty(different);
            Assert.InRange(loaded + refused, atLeast, int.MaxValue);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<(string Program, int Errno)> LoadedByLibbpf(string loader, string file)
    {
        using Process process = Process.Start(new ProcessStartInfo(loader, [file]) { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"libbpf does not open the object ({process.ExitCode})");
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Select(words => (words[0], int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture)))];
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void What_we_wrote_again_bpftool_loads_as_it_did(string package)
    {
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using KernelEngine engine = KernelTest.OpenOrSkip();
        var changed = new List<string>();
        int loaded = 0;
        int objects = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            BpfObject source = BpfObject.Read(data, name);
            bool before = BpftoolLoads(data, source);
            if (before != BpftoolLoads(source.ToArray(), source))
            {
                changed.Add($"{name}: {(before ? "loaded" : "was refused")} before");
            }

            loaded += before ? 1 : 0;
            objects++;
        }

        output.WriteLine($"{package}: {loaded} of {objects} load, before and after");
        Assert.Empty(changed);
    }

    private static string? TryLoad(KernelEngine engine, BpfObject source)
    {
        try
        {
            engine.Load(source).Dispose();
            return null;
        }
        catch (BpfException e)
        {
            return e.Message;
        }
    }

    private static bool BpftoolLoads(byte[] data, BpfObject source)
    {
        string file = Path.GetTempFileName();
        string[] pinned = [.. source.Maps.Select(map => "/sys/fs/bpf/" + map.Name).Where(path => !File.Exists(path))];
        string pins = $"/sys/fs/bpf/osmia-{Environment.ProcessId}-{Guid.NewGuid():n}";
        try
        {
            File.WriteAllBytes(file, data);
            using Process process = Process.Start(new ProcessStartInfo("bpftool", ["prog", "loadall", file, pins]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        finally
        {
            File.Delete(file);
            pinned.Where(File.Exists).ToList().ForEach(File.Delete); // bpftool pins maps that ask for it under their names.
            if (Directory.Exists(pins))
            {
                Directory.EnumerateFiles(pins).ToList().ForEach(File.Delete);
                Directory.Delete(pins);
            }
        }
    }
}
