using Osmia.Btf;
using Osmia.Btf.Writing;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;

namespace Osmia.Tests.Btf;

/// <summary>Types are read from raw BTF and from ELF files of every machine.</summary>
public class BtfFileTests
{
    private const ushort X86 = 62;
    private const uint Compressed = 1 << 11;

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void File_of_another_machine_gives_its_types(bool is64Bit, bool isBigEndian)
    {
        byte[] file = new TinyElf(is64Bit, isBigEndian, X86).With(0, (".text", new byte[99]), (".BTF", BtfSamples.KindsBytes));
        Assert.Equal(BtfSamples.Kinds.Count, BtfFile.Read(file, "vmlinux").Count);
    }

    [Fact]
    public void Sections_of_a_BPF_object_have_their_sizes_and_code_does_not_matter()
    {
        byte[] hello = File.ReadAllBytes(RepositoryFiles.PathOf("samples", "hello", "hello.bpf.o"));
        BtfTypes expected = BpfObject.Read(hello, "hello.bpf.o").Types!;
        Assert.Equal(expected.Data, BtfFile.Read(hello, "hello.bpf.o").Data.ToArray());
    }

    [Fact]
    public void Module_is_read_on_the_base_that_is_given_or_its_own()
    {
        byte[] split = Split();
        byte[] module = new TinyElf(true, false, X86).With(0, (".BTF", split));
        BtfTypes types = BtfFile.Read(module, "m.ko", BtfSamples.Kinds);
        Assert.Equal("module_type", types[types.Count - 1].Name);
        Assert.Equal(BtfSamples.Kinds.Count, types.FirstId);

        byte[] withBase = new TinyElf(true, false, X86).With(0, (".BTF", split), (".BTF.base", BtfSamples.KindsBytes));
        Assert.Equal("module_type", BtfFile.Read(withBase, "m.ko")[types.Count - 1].Name);
    }

    [Fact]
    public void Split_types_without_their_base_are_refused_OSM1005()
    {
        byte[] split = Split();
        foreach (byte[] file in (byte[][])[split, new TinyElf(true, false, X86).With(0, (".BTF", split))])
        {
            Diagnostic problem = Refused(file);
            Assert.Contains("continue those of another file", problem.What, StringComparison.Ordinal);
            Assert.Contains("-B", problem.Try, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void File_without_readable_types_is_refused_OSM1005()
    {
        Assert.Contains("has no BTF", Refused(new TinyElf(true, false, X86).With(0, (".text", new byte[8]))).What, StringComparison.Ordinal);
        Assert.Contains("compressed", Refused(new TinyElf(true, false, X86).With(Compressed, (".BTF", BtfSamples.KindsBytes))).What, StringComparison.Ordinal);
        Assert.Contains("xz -dc", Refused([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]).Try, StringComparison.Ordinal);
        Assert.Contains("magic", Refused("no types at all, only text"u8.ToArray()).What, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_files_raise_nothing_but_typed_errors()
    {
        byte[][] files =
        [
            new TinyElf(true, false, X86).With(0, (".text", new byte[9]), (".BTF", Split()), (".BTF.base", BtfSamples.KindsBytes)),
            new TinyElf(false, true, X86).With(0, (".BTF", BtfSamples.KindsBytes)),
            new TinyElf(true, false, 247).With(0, (".BTF", BtfSamples.KindsBytes)),
        ];
        var random = new Random(7);
        int read = 0;
        for (int round = 0; round < 6000; round++)
        {
            byte[] file = (byte[])files[round % files.Length].Clone();
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                // Headers stand at both ends.
                int place = random.Next(3) switch { 0 => random.Next(64), 1 => file.Length - 1 - random.Next(320), _ => random.Next(file.Length) };
                file[place] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(random.Next(2) * 255);
            }

            try
            {
                BtfFile.Read(random.Next(8) == 0 ? file.AsMemory(0, random.Next(file.Length)) : file, "damaged");
                read++;
            }
            catch (ObjectFormatException refusal)
            {
                Assert.Matches("^OSM1[0-9]{3}$", refusal.Id);
            }
        }

        Assert.InRange(read, 100, 5900);
    }

    private static Diagnostic Refused(byte[] file)
    {
        ObjectFormatException refusal = Assert.Throws<ObjectFormatException>(() => BtfFile.Read(file, "file"));
        Assert.Equal("OSM1005", refusal.Id);
        return refusal.Diagnostic;
    }

    private static byte[] Split()
    {
        var builder = new BtfBuilder(BtfSamples.Kinds);
        builder.AddTypedef("module_type", BtfSamples.Kinds.Find(BtfKind.Struct, "all"));
        return builder.ToArray();
    }
}
