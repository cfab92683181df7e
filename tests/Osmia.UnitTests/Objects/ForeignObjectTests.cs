using Osmia.Btf;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Objects;

/// <summary>Objects others wrote for libbpf: those that the programs of Debian's libbpf-tools and xdp-tools carry within them, or install beside them.</summary>
public class ForeignObjectTests(ITestOutputHelper output)
{
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";

    [Theory]
    [InlineData("libbpf-tools", 50)]
    [InlineData("xdp-tools", 5)]
    [InlineData("libxdp1", 3)]
    public void Objects_of_a_package_all_read(string package, int atLeast)
    {
        List<(string Name, byte[] Data)> objects = ForeignObjects.Of(package);
        int programs = 0;
        foreach ((string name, byte[] data) in objects)
        {
            programs += BpfObject.Read(data, name).Programs.Count;
        }

        output.WriteLine($"{package}: {objects.Count} objects with {programs} programs");
        Assert.InRange(objects.Count, atLeast, int.MaxValue);
        Assert.InRange(programs, objects.Count, int.MaxValue);
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void Objects_of_a_package_link_or_name_what_the_running_kernel_lacks(string package)
    {
        if (!File.Exists(KernelTypes))
        {
            Assert.Skip("needs " + KernelTypes);
        }

        var kernel = new Target("running kernel", () => BtfTypes.Parse(File.ReadAllBytes(KernelTypes))) { KernelVersion = RunningKernel.Version };
        int linked = 0;
        int unresolved = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            BpfObject source = BpfObject.Read(data, name);
            foreach (BpfProgram program in source.Programs)
            {
                program.AutoLoad = true;
            }

            try
            {
                unresolved += Linker.Link(source, kernel).Programs.Sum(program => program.Unresolved.Length);
                linked++;
            }
            catch (RelocationException refusal)
            {
                // The target has no configuration here; other kernels have other tracepoints, functions and fields.
                Assert.Contains(refusal.Id, (string[])["OSM2002", "OSM2006", "OSM2011"]);
                output.WriteLine($"{name}: {refusal.Diagnostic.Id} {refusal.Diagnostic.What} ({refusal.Diagnostic.Where})");
            }
        }

        output.WriteLine($"{package}: {linked} link, {unresolved} unresolved CO-RE records in them");
        Assert.InRange(linked, 1, int.MaxValue);
    }
}
