using Osmia.Objects;
using Osmia.Tests.Linking;

namespace Osmia.Tests.Objects;

/// <summary>libbpf loads what we write as it loads what we read: the same maps, programs and instructions, or the same refusal.</summary>
public class WrittenObjectLoadTests(ITestOutputHelper output)
{
    public static TheoryData<string> Samples => [.. SampleObjects.Names];

    public static TheoryData<string, string> Compilers => CompiledObjectTests.Compilers;

    [Theory]
    [MemberData(nameof(Samples))]
    public void Written_sample_loads_as_the_sample_does(string name) => Assert.True(Compare(SampleObjects.Bytes(name), name + ".bpf.o"));

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Written_object_of_any_compiler_loads_as_it_did(string compiler, string version)
    {
        foreach (string source in (string[])["Objects/Sources/data.c", "Linking/Sources/calls.c"])
        {
            Assert.True(Compare(Toolchain.Compile(compiler, source, "-mcpu=" + version, "-Wno-everything"), Path.GetFileNameWithoutExtension(source) + ".bpf.o"));
        }

        foreach (string source in (string[])["Objects/Sources/code.c", "Objects/Sources/maps.c", "Linking/Sources/local.c"])
        {
            Compare(Toolchain.Compile(compiler, source, "-mcpu=" + version, "-Wno-everything"), Path.GetFileNameWithoutExtension(source) + ".bpf.o");
        }
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void Written_objects_of_others_load_as_they_did(string package)
    {
        LibbpfLoad.Require();
        var refused = new List<string>();
        int loaded = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            if (Compare(data, name))
            {
                loaded++;
            }
            else
            {
                refused.Add(name);
            }
        }

        output.WriteLine($"{package}: {loaded} load equally; neither form loads here: {string.Join(", ", refused)}");
        Assert.NotEqual(0, loaded);
    }

    [Fact]
    public void Resized_map_is_created_with_its_new_size()
    {
        LibbpfLoad.Require();
        BpfObject source = BpfObject.Read(SampleObjects.Bytes("opensnoop"), "opensnoop.bpf.o");
        foreach (BpfMap map in source.Maps.Where(map => map.Name is not ['.', ..]))
        {
            map.MaxEntries *= 2;
        }

        Assert.Equal(LibbpfLoad.Text(SampleObjects.Bytes("opensnoop"), "opensnoop.bpf.o", out _), LibbpfLoad.Text(source.ToArray(), "opensnoop.bpf.o", out string errors));
        Assert.Empty(errors);
    }

    /// <returns>True when both forms load; both must be refused otherwise.</returns>
    private bool Compare(byte[] data, string name)
    {
        LibbpfLoad.Require();
        string? expected = LibbpfLoad.Text(data, name, out string before);
        string? actual = LibbpfLoad.Text(BpfObject.Read(data, name).ToArray(), name, out string after);
        if (expected is null != actual is null)
        {
            Assert.Fail($"{name}: before {before}, after {after}");
        }

        Assert.Equal(expected, actual);
        if (expected is null)
        {
            output.WriteLine($"{name} does not load: {before.Split('\n')[0]}");
        }

        return expected is not null;
    }
}
