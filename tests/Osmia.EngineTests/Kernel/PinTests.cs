using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed class PinTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("osmia-pins-").FullName;
    private bool _isMounted;

    [Fact]
    public void A_map_pinned_by_name_is_shared_by_the_next_load()
    {
        using KernelEngine engine = OpenMounted();
        LinkedObject linked = Linked.Maps(Linked.Map(MapType.Hash, 4, 8, 16, name: "shared") with { PinByName = true });
        using (LoadedObject first = engine.Load(linked))
        {
            first.Map<uint, ulong>("shared").Update(1, 42);
        }

        using LoadedObject second = engine.Load(linked);
        Assert.True(second.Map<uint, ulong>("shared").TryLookup(1, out ulong value));
        Assert.Equal(42ul, value);

        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Maps(Linked.Map(MapType.Hash, 4, 16, 16, name: "shared") with { PinByName = true })));
        Assert.Equal("OSM5013", error.Id);
        Assert.Contains("value 8", error.Diagnostic.Why, StringComparison.Ordinal);
        Assert.Contains("value 16", error.Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pin_made_by_a_load_that_fails_is_removed()
    {
        using KernelEngine engine = OpenMounted();
        LinkedObject linked = Linked.Maps(
            Linked.Map(MapType.Hash, 4, 8, 16, name: "shared") with { PinByName = true },
            Linked.Map(MapType.Hash, 4, 8, 0, name: "broken") with { Index = 1 });
        Assert.Throws<KernelException>(() => engine.Load(linked));
        Assert.False(File.Exists(Path.Combine(_directory, "shared")));
    }

    [Fact]
    public void Without_a_bpf_file_system_pinning_says_what_to_mount()
    {
        KernelTest.OpenOrSkip().Dispose();
        using KernelEngine engine = KernelEngine.Open(_directory);
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Maps(Linked.Map(MapType.Hash, 4, 8, 16, name: "shared") with { PinByName = true })));
        Assert.Equal("OSM5013", error.Id);
        Assert.Contains("mount -t bpf", error.Diagnostic.Try, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        if (_isMounted)
        {
            Run("umount", _directory);
        }

        Directory.Delete(_directory);
    }

    private KernelEngine OpenMounted()
    {
        KernelTest.OpenOrSkip().Dispose();
        _isMounted = Run("mount", "-t", "bpf", "bpf", _directory) == 0;
        Assert.SkipUnless(_isMounted, "needs the right to mount a BPF file system");
        return KernelEngine.Open(_directory);
    }

    private static int Run(string command, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
