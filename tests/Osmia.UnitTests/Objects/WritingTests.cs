using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Objects;

/// <summary>What is written is read as the same object.</summary>
public class WritingTests(ITestOutputHelper output)
{
    private static readonly string[] s_sources =
    [
        "Objects/Sources/code.c", "Objects/Sources/data.c", "Objects/Sources/externs.c", "Objects/Sources/many.c", "Objects/Sources/structops.c", "Objects/Sources/tags.c", "Objects/Sources/throw.c", "Objects/Sources/maps.c", "Objects/Sources/pointers.c",
        "Linking/Sources/calls.c", "Linking/Sources/local.c", "Linking/Sources/matches.c",
    ];

    public static TheoryData<string> Samples => [.. SampleObjects.Names];

    public static TheoryData<string, string> Compilers => CompiledObjectTests.Compilers;

    [Theory]
    [MemberData(nameof(Samples))]
    public void Sample_is_read_again_as_it_was_written(string name) => Check(SampleObjects.Bytes(name), name);

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Object_of_any_compiler_is_read_again_as_it_was_written(string compiler, string version)
    {
        foreach (string source in SourcesFor(compiler))
        {
            Check(Toolchain.Compile(compiler, source, "-mcpu=" + version, "-Wno-everything"), source);
        }
    }

    [Theory]
    [InlineData("clang-14")]
    [InlineData("clang-16")]
    [InlineData("clang-19")]
    public void Big_endian_object_is_written_big_endian(string compiler)
    {
        foreach (string source in SourcesFor(compiler))
        {
            Assert.True(Check(Toolchain.Compile(compiler, source, "-target", "bpfeb", "-Wno-everything"), source).IsBigEndian);
        }
    }

    [Fact]
    public void Object_without_types_is_written_without_types()
    {
        BpfObject written = Check(Toolchain.Compile("clang-19", "Objects/Sources/data.c", "-g0"), "data");

        Assert.Null(written.Types);
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void Objects_of_others_are_read_again_as_they_were_written(string package)
    {
        int count = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            Check(data, name);
            count++;
        }

        output.WriteLine($"{package}: {count} objects");
    }

    [Fact]
    public void Resized_map_gets_a_new_definition()
    {
        BpfObject source = BpfObject.Read(SampleObjects.Bytes("opensnoop"), "opensnoop.bpf.o");
        int types = source.Types!.Count;
        foreach (BpfMap map in source.Maps.Where(map => map.DataSection == DataSectionKind.None))
        {
            map.MaxEntries += 4096;
            map.Flags |= map.Type == MapType.Hash ? 1u : 0;
        }

        BpfObject written = BpfObject.Read(source.ToArray(), "opensnoop.bpf.o");

        Assert.True(written.Types!.Count > types);
        Assert.Equal(WithoutTypeCount(source), WithoutTypeCount(written));
        Assert.Equal(source.ToArray(), written.ToArray());
    }

    [Fact]
    public void Object_built_from_nothing_is_read()
    {
        BpfObject built = BuiltObject.Make();
        BpfObject written = BpfObject.Read(built.ToArray(), "built.bpf.o");

        Assert.Equal(
            """
            object built license 'GPL' types 47
            function .text:twice slots 2 static btf '' lines 0
            function xdp:entry slots 9 global btf '' lines 0
              0: Map counts
              2: MapValue limit = .rodata+4
              4: Call twice
              5: FunctionAddress twice
              7: Extern bpf_some_function
            program entry section xdp type Xdp attach Xdp kind Xdp target '' loaded
            map counts hash key 4 '' value 8 '' entries 16 flags 0x1 pinned
            map inner array key 4 '' value 4 '' entries 1 flags 0x0
            map outer array_of_maps key 4 '' value 4 '' entries 2 flags 0x0
              [1] = inner
              holds outer.inner array key 4 '' value 4 '' entries 1 flags 0x0
            map programs prog_array key 4 '' value 4 '' entries 2 flags 0x0
              [0] = entry
            map .rodata array key 4 '' value 8 '' entries 1 flags 0x80
            variable limit in .rodata+4 size 4 type '' = 02000000

            """.ReplaceLineEndings("\n"),
            InventoryText.Of(written));
        Assert.False(written.FindMap("inner")!.IsGlobal);
        Assert.Equal(ObjectText.Of(written), ObjectText.Of(BpfObject.Read(written.ToArray(), "built.bpf.o")));
    }

    [Theory]
    [InlineData("clang-14")]
    [InlineData("clang-19")]
    public void Maps_of_before_BTF_are_written_with_BTF(string compiler)
    {
        BpfObject source = BpfObject.Read(Toolchain.Compile(compiler, "Objects/Sources/legacy.c", "-Wno-everything"), "legacy.bpf.o");
        BpfObject written = BpfObject.Read(source.ToArray(), "legacy.bpf.o");

        Assert.Equal(source.Maps.Where(map => map.DataSection == DataSectionKind.None).Select(Describe), written.Maps.Where(map => map.DataSection == DataSectionKind.None).Select(Describe));
        Assert.All(written.Maps.Where(map => map.DataSection == DataSectionKind.None), map => Assert.False(map.Declaration.IsVoid));
        Assert.Equal(ObjectText.Of(written), ObjectText.Of(BpfObject.Read(written.ToArray(), "legacy.bpf.o")));

        static string Describe(BpfMap map) =>
            $"{map.Name} {map.Type} {map.KeySize} {map.ValueSize} {map.MaxEntries} {map.Flags} {map.KeyType} {map.ValueType} {map.PinByName} {map.InnerMap?.Type} {map.InnerMap?.ValueSize} {string.Join(' ', map.Slots)}";
    }

    [Fact]
    public void Numbers_of_64_bits_and_memory_nodes_are_written()
    {
        BpfObject source = BuiltObject.Make();
        source.Maps[0].Extra = 0x1234_5678_9abc;
        source.Maps[0].NumaNode = 1;

        BpfMap written = BpfObject.Read(source.ToArray(), "built.bpf.o").FindMap("counts")!;

        Assert.Equal((0x1234_5678_9abcUL, 1u), (written.Extra, written.NumaNode));
    }

    [Fact]
    public void Program_of_another_section_is_written_there()
    {
        BpfObject source = BpfObject.Read(SampleObjects.Bytes("firewall"), "firewall.bpf.o");
        BpfProgram program = source.Programs[0];
        program.Section = SectionTable.Match("xdp.frags");

        Assert.Equal("xdp.frags", BpfObject.Read(source.ToArray(), "firewall.bpf.o").FindProgram(program.Name)!.Section.Name);
    }

    [Fact]
    public void What_an_object_does_not_hold_is_named()
    {
        BpfObject source = BpfObject.Read(SampleObjects.Bytes("tail"), "tail.bpf.o");
        source.Maps = [.. source.Maps.Where(map => map.DataSection != DataSectionKind.None)];

        ObjectFormatException refusal = Assert.Throws<ObjectFormatException>(source.ToArray);

        Assert.Equal("OSM1030", refusal.Id);
        Assert.Contains("is not of the object", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void First_value_in_bss_is_refused()
    {
        BpfObject source = Toolchain.Read("clang-19", "Objects/Sources/data.c");
        source.FindVariable("zeroed")!.InitialValue[0] = 1;

        Assert.Equal("OSM1030", Assert.Throws<ObjectFormatException>(source.ToArray).Id);
    }

    [Fact]
    public void File_that_cannot_be_written_is_named()
    {
        BpfObject source = BpfObject.Read(SampleObjects.Bytes("hello"), "hello.bpf.o");
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "hello.bpf.o");
        source.Write(file);
        using var stream = new MemoryStream();
        source.Write(stream);

        Assert.Equal(stream.ToArray(), File.ReadAllBytes(file));
        Assert.Equal("OSM1031", Assert.Throws<ObjectFormatException>(() => source.Write(Path.Combine(folder.Path, "missing", "hello.bpf.o"))).Id);
    }

    private static string WithoutTypeCount(BpfObject source)
    {
        string text = ObjectText.Of(source);
        return text[text.IndexOf('\n', StringComparison.Ordinal)..];
    }

    // clang 14 does not know type_matches, and only clang 19 knows address spaces.
    private static IEnumerable<string> SourcesFor(string compiler) => s_sources
        .Where(source => compiler != "clang-14" || !source.EndsWith("matches.c", StringComparison.Ordinal))
        .Concat(compiler == "clang-19" ? ["Objects/Sources/arena.c"] : []);

    private static BpfObject Check(byte[] data, string name)
    {
        BpfObject source = BpfObject.Read(data, name + ".bpf.o");
        byte[] bytes = source.ToArray();
        BpfObject written = BpfObject.Read(bytes, name + ".bpf.o");

        Assert.Equal(ObjectText.Of(source), ObjectText.Of(written));
        Assert.Equal(bytes, written.ToArray());
        return written;
    }
}
