using System.IO.Compression;
using System.Text;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;

namespace Osmia.Tests.Objects;

/// <summary>package.json of ecc: the object within, and what is said of packages that hold none.</summary>
public class PackageTests
{
    [Theory]
    [InlineData("hello")]
    [InlineData("opensnoop")]
    public void Package_gives_the_same_object(string name)
    {
        byte[] elf = SampleObjects.Bytes(name);
        BpfObject packed = BpfObject.Read(Package(elf, elf.Length, name + "_bpf"), "package.json");

        Assert.Equal(name, packed.Name);
        Assert.Equal(InventoryText.Of(BpfObject.Read(elf, name + ".bpf.o")), InventoryText.Of(packed));
    }

    [Fact]
    public void Description_may_be_missing_and_order_does_not_matter()
    {
        byte[] elf = SampleObjects.Bytes("hello");
        byte[] bare = Encoding.UTF8.GetBytes($"\n {{ \"bpf_object_size\": {elf.Length}, \"other\": [1, {{\"bpf_object\": 2}}], \"bpf_object\": \"{Packed(elf)}\" }}");
        Assert.Equal("here", BpfObject.Read(bare, "here.json").Name);
        Assert.Equal("here", BpfObject.Read((byte[])[.. Encoding.UTF8.Preamble, .. bare], "here.json").Name);
    }

    [Theory]
    [InlineData("{}", "no 'bpf_object'")]
    [InlineData("{ \"name\": \"left-pad\", \"version\": \"1.0\" }", "no 'bpf_object'")]
    [InlineData("{ \"bpf_object\": ", "is no JSON")]
    [InlineData("{ \"bpf_object\": 5 }", "no text in base64")]
    [InlineData("{ \"bpf_object\": \"***\" }", "no text in base64")]
    [InlineData("{ \"bpf_object\": \"aGVsbG8=\" }", "not compressed by zlib")]
    [InlineData("{ \"bpf_object\": \"\", \"bpf_object_size\": \"many\" }", "is no number")]
    [InlineData("{ \"meta\": { \"bpf_skel\": { \"obj_name\": \"\\ud800\" } } }", "is no JSON")]
    public void Other_JSON_is_refused_OSM1023(string text, string problem)
    {
        var refusal = Assert.Throws<ObjectFormatException>(() => BpfObject.Read(Encoding.UTF8.GetBytes(text), "package.json"));
        Assert.Equal("OSM1023", refusal.Id);
        Assert.Contains(problem, refusal.Diagnostic.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Size_must_be_that_of_the_object_and_the_object_one()
    {
        byte[] elf = SampleObjects.Bytes("hello");
        Assert.Equal("OSM1023", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(Package(elf, elf.Length + 1, "x"), "p.json")).Id);
        Assert.Equal("OSM1001", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(Package("text"u8.ToArray(), 4, "x"), "p.json")).Id);
        Assert.Equal("OSM1001", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(Package(Package(elf, elf.Length, "x"), Package(elf, elf.Length, "x").Length, "x"), "p.json")).Id);
    }

    [Fact]
    public void Small_package_costs_no_more_than_a_thousand_times_its_size()
    {
        byte[] bomb = Package(new byte[64 << 20], 64 << 20, "bomb");
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("OSM1001", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(bomb, "bomb.json")).Id);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, bomb.Length * 4096L);
    }

    internal static byte[] Package(byte[] elf, long size, string name) => Encoding.UTF8.GetBytes($$$"""
        {"bpf_object":"{{{Packed(elf)}}}","bpf_object_size":{{{size}}},"meta":{"bpf_skel":{"data_sections":[{"name":".rodata","variables":[{"name":"x","type":"int"}]}],
        "maps":[{"ident":"events","name":"events"}],"obj_name":"{{{name}}}","progs":[{"attach":"tp/x/y","link":true,"name":"f"}]},"eunomia_version":"0.3.4","export_types":[]}}
        """);

    private static string Packed(byte[] bytes)
    {
        var packed = new MemoryStream();
        using (var stream = new ZLibStream(packed, CompressionLevel.Optimal))
        {
            stream.Write(bytes);
        }

        return Convert.ToBase64String(packed.ToArray());
    }
}
