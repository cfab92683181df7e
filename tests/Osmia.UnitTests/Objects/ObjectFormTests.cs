using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Tests.Linking;

namespace Osmia.Tests.Objects;

/// <summary>Maps of before BTF, structs of callbacks, arenas and declaration tags, as the object holds them.</summary>
public class ObjectFormTests
{
    [Fact]
    public void Maps_of_before_BTF_are_read_by_the_size_of_their_definition()
    {
        BpfObject source = Read("legacy.c");
        Assert.Equal(
            ["counts array 4 8 16 0", "own hash 4 16 32 1", "shared hash 8 4 64 0", "inner array 4 4 1 0", "outer array_of_maps 4 4 8 0", "jumps prog_array 4 4 4 0"],
            source.Maps.Where(map => map.DataSection == DataSectionKind.None).OrderBy(map => Array.IndexOf(["counts", "own", "shared", "inner", "outer", "jumps"], map.Name))
                .Select(map => $"{map.Name} {map.Type.ToKernelName()} {map.KeySize} {map.ValueSize} {map.MaxEntries} {map.Flags}"));
        Assert.Equal((true, "tc/globals"), (source.FindMap("shared")!.PinByName, source.FindMap("shared")!.PinFolder));
        Assert.False(source.FindMap("inner")!.PinByName);
        Assert.Equal("inner", source.FindMap("outer")!.InnerMap!.Name);
        Assert.Equal([new MapSlot(3, "inner")], source.FindMap("outer")!.Slots);
        Assert.Equal([new MapSlot(2, "second"), new MapSlot(3, "third")], source.FindMap("jumps")!.Slots);
        Assert.Equal("int", source.Types![source.FindMap("own")!.KeyType].Name);
        Assert.Equal("pair", source.Types![source.FindMap("own")!.ValueType].Name);
    }

    [Fact]
    public void Maps_of_before_BTF_are_read_without_types_and_in_big_endian()
    {
        BpfObject bare = Toolchain.Read("clang-19", "Objects/Sources/legacy.c", "-g0");
        BpfObject big = Toolchain.Read("clang-19", "Objects/Sources/legacy.c", "-target", "bpfeb");
        Assert.Null(bare.Types);
        Assert.True(big.IsBigEndian);
        foreach (BpfObject source in (BpfObject[])[bare, big])
        {
            Assert.Equal((MapType.Hash, 8u, 64u), (source.FindMap("shared")!.Type, source.FindMap("shared")!.KeySize, source.FindMap("shared")!.MaxEntries));
            Assert.Equal([new MapSlot(2, "second"), new MapSlot(3, "third")], source.FindMap("jumps")!.Slots);
            Assert.Equal(["counts", "own", "jumps"], source.FindProgram("entry")!.Entry.References.Select(reference => reference.Map!.Name));
        }
    }

    [Theory]
    [InlineData("SIZE 16", "do not fit")]
    [InlineData("SIZE 40, EXTRA 7", "say more than")]
    [InlineData("PINNING 9", "pinning 9 is not known")]
    [InlineData("INNER 99", "no map has the id 99")]
    [InlineData("INNER SELF", "no map has the id 18")]
    public void Definition_of_another_form_is_refused_OSM1020(string change, string problem)
    {
        // The definition is written as the numbers it consists of.
        string numbers = change switch
        {
            "SIZE 16" => "1, 4, 4, 1",
            "SIZE 40, EXTRA 7" => "1, 4, 4, 1, 0, 0, 0, 0, 0, 7",
            "PINNING 9" => "1, 4, 4, 1, 0, 0, 9, 0, 0",
            "INNER 99" => "12, 4, 4, 1, 0, 18, 0, 99, 0",
            _ => "12, 4, 4, 1, 0, 18, 0, 18, 0",
        };
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "bad.c");
        File.WriteAllText(file, $"unsigned map[] __attribute__((section(\"maps\"), used)) = {{ {numbers} }};\n__attribute__((section(\"tc\"), used)) int f(void *c) {{ return 0; }}\n");
        Toolchain.Require("clang-19");
        Toolchain.Run("clang-19", "-target", "bpf", "-O2", "-c", file, "-o", file + ".o");
        var refusal = Assert.Throws<ObjectFormatException>(() => BpfObject.Read(file + ".o"));
        Assert.Equal("OSM1020", refusal.Id);
        Assert.Contains(problem, refusal.Diagnostic.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Pin_for_one_object_is_warned_of_OSM1021()
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "pin.c");
        File.WriteAllText(file, "unsigned map[] __attribute__((section(\"maps\"), used)) = { 1, 4, 4, 1, 0, 0, 1 };\n__attribute__((section(\"tc\"), used)) int f(void *c) { return 0; }\n");
        Toolchain.Require("clang-19");
        Toolchain.Run("clang-19", "-target", "bpf", "-O2", "-c", file, "-o", file + ".o");
        BpfObject source = BpfObject.Read(file + ".o");
        Assert.Equal("OSM1021", Assert.Single(source.Warnings).Id);
        Assert.False(source.FindMap("map")!.PinByName);
    }

    [Fact]
    public void Structs_of_callbacks_keep_their_bytes_and_name_programs_by_member()
    {
        BpfObject source = Read("structops.c");
        BpfMap linked = source.FindMap("osmia_linked")!;
        Assert.Equal((MapType.StructOps, 1u << 13, true, ".struct_ops.link"), (linked.Type, linked.Flags, linked.AutoCreate, linked.SectionName));
        Assert.Equal("osmia_linked", System.Text.Encoding.ASCII.GetString(linked.InitialData, 0, 12));
        Assert.Equal([new MapSlot(1, "osmia_ssthresh"), new MapSlot(2, "osmia_undo"), new MapSlot(3, "osmia_init"), new MapSlot(4, "osmia_avoid")], linked.Slots.OrderBy(slot => slot.Index));
        Assert.Equal("tcp_congestion_ops", source.Types![linked.ValueType].Name);
        Assert.Equal((0u, true), (source.FindMap("osmia_written")!.Flags, source.FindMap("osmia_written")!.AutoCreate));
        Assert.False(source.FindMap("osmia_optional")!.AutoCreate);
    }

    [Fact]
    public void Structs_of_callbacks_are_laid_out_as_the_target_has_them()
    {
        BtfTypes kernel = Types("callbacks.c");
        BpfObject source = Read("structops.c");
        LinkedObject linked = Linker.Link(source, new Target("a kernel of our own", () => kernel));
        LinkedMap map = linked.Maps.Single(map => map.Name == "osmia_linked");

        // { int common; struct { long added; init; cong_avoid; ssthresh; undo_cwnd; int flags; char name[16] } data }
        Assert.Equal((72u, kernel.Find(BtfKind.Struct, "bpf_struct_ops_tcp_congestion_ops")), (map.ValueSize, map.KernelValueType));
        Assert.Equal([(32, "osmia_ssthresh"), (40, "osmia_undo"), (16, "osmia_init"), (24, "osmia_avoid")], map.Functions.Select(slot => (slot.Offset, slot.Program)));
        Assert.Equal("osmia_linked\0", System.Text.Encoding.ASCII.GetString(map.InitialData.Span.Slice(52, 13)));
        LinkedProgram avoid = linked.Programs.Single(program => program.Name == "osmia_avoid");
        Assert.Equal((kernel.Find(BtfKind.Struct, "tcp_congestion_ops"), 2), (avoid.AttachBtfId, avoid.StructMember));
        Assert.DoesNotContain(linked.Programs, program => program.Name == "osmia_unused");
        Assert.DoesNotContain(linked.Maps, other => other.Name == "osmia_optional");
    }

    [Fact]
    public void Callbacks_the_target_does_not_have_are_named_OSM2036()
    {
        BtfTypes kernel = TargetTypes.Compile("clang-19", "Linking/Sources/kernel.c");
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(Read("structops.c"), new Target("another kernel", () => kernel)));
        Assert.Equal("OSM2036", refusal.Id);
        Assert.Contains("no callbacks `tcp_congestion_ops`", refusal.Diagnostic.Why, StringComparison.Ordinal);
        TargetReport report = TargetCheck.Run(Read("structops.c"), new Target("another kernel", () => kernel));
        Assert.Equal("OSM2036", report.Programs.Single(program => program.Program == "osmia_avoid").Failure!.Id);
        Assert.Null(report.Programs.Single(program => program.Program == "osmia_unused").Failure); // Its map is optional.
    }

    [Fact]
    public void Member_the_target_does_not_have_must_not_be_set_OSM2037()
    {
        BtfTypes kernel = Types("callbacks.c");
        BpfObject source = Read("structops.c");
        source.FindMap("osmia_linked")!.InitialData[48] = 1; // not_in_any_kernel
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("a kernel of our own", () => kernel)));
        Assert.Equal("OSM2037", refusal.Id);
        Assert.Contains("`not_in_any_kernel`", refusal.Diagnostic.What, StringComparison.Ordinal);

        source = Read("structops.c");
        source.FindProgram("osmia_avoid")!.Section = SectionTable.Match("xdp");
        Assert.Contains("is no struct_ops program", Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("a kernel of our own", () => kernel))).Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Callbacks_without_types_are_refused_OSM1022()
    {
        byte[] data = Toolchain.Compile("clang-19", "Objects/Sources/structops.c", "-g0");
        var refusal = Assert.Throws<ObjectFormatException>(() => BpfObject.Read(data, "structops.bpf.o"));
        Assert.Equal("OSM1022", refusal.Id);
    }

    [Fact]
    public void Map_that_is_left_out_is_poisoned_where_it_is_used_OSM2035()
    {
        BpfObject source = Read("tags.c");
        source.FindMap("numbers")!.AutoCreate = false;
        LinkedObject linked = Linker.Link(source, new Target("none", () => TargetTypes.Compile("clang-19", "Objects/Sources/throw.c")), new LinkOptions(LeaveToKernel: true));
        LinkedProgram program = linked.Programs.Single();
        UnresolvedRelocation missing = program.Unresolved.Single();
        Assert.Equal("OSM2035", missing.Diagnostic.Id);
        Assert.Equal([2_001_000_000, 2_001_000_000], program.Instructions.AsSpan().Slice(missing.Slot, 2).ToArray().Select(i => i.Immediate));
        Assert.DoesNotContain(linked.Maps, map => map.Name == "numbers");
    }

    [Fact]
    public void Declaration_tags_are_kept_wherever_they_stand()
    {
        BpfObject source = Read("tags.c");
        BtfTypes types = source.Types!;
        BpfFunction subprogram = source.Functions.Single(function => function.Name == "subprogram");
        Assert.Equal(["of a map"], source.FindMap("numbers")!.Tags);
        Assert.Equal(["of a variable", "and another"], source.FindVariable("variable")!.Tags.Order(StringComparer.Ordinal).Reverse());
        Assert.Equal(["exception_callback:callback"], source.FindProgram("throws")!.Entry.Tags);
        Assert.Equal(["of a struct"], source.TagsOf(types.Find(BtfKind.Struct, "tagged")));
        Assert.Equal(["of a member"], source.TagsOf(types.Find(BtfKind.Struct, "tagged"), 1));
        Assert.Equal(["arg:ctx"], source.TagsOf(subprogram.BtfId, 0));
        Assert.Empty(source.TagsOf(subprogram.BtfId));
    }

    [Fact]
    public void Exception_callback_stands_behind_the_program_and_must_exist_OSM2034()
    {
        var target = new Target("none", () => TargetTypes.Compile("clang-19", "Objects/Sources/throw.c"));
        BpfObject source = Read("tags.c");
        Assert.Equal(["throws", "subprogram", "callback"], Linker.Link(source, target).Programs.Single().Functions.Select(function => function.Name));

        source.FindProgram("throws")!.Entry.Tags = ["exception_callback:nobody"];
        Assert.Equal("OSM2034", Assert.Throws<RelocationException>(() => Linker.Link(source, target)).Id);
    }

    [Fact]
    public void Globals_of_an_arena_are_its_first_bytes()
    {
        BpfObject source = Read("arena.c");
        BpfMap arena = source.FindMap("arena")!;
        Assert.Equal((MapType.Arena, 0x100000000000ul, 16u), (arena.Type, arena.Extra, arena.MaxEntries));
        Assert.Equal(["first", "second"], source.Variables.Where(variable => variable.Map == arena).OrderBy(variable => variable.Offset).Select(variable => variable.Name));
        Assert.Equal(41, source.Constants.Get<int>("first"));
        LinkedObject linked = Linker.Link(source, new Target("none"));
        Instruction[] code = [.. linked.Programs.Single().Instructions];
        Assert.Equal([PseudoLoad.MapIndex, PseudoLoad.MapIndexValue, PseudoLoad.MapIndexValue, PseudoLoad.MapIndexValue], code.Where(i => i.IsWide).Select(i => i.SourceKind));
        Assert.Equal(41, BitConverter.ToInt32(linked.Maps.Single(map => map.Name == "arena").InitialData.Span));
    }

    [Theory]
    [InlineData("17/2", 17u, 2u)]
    [InlineData("0x11/0xA", 17u, 10u)]
    public void Tail_calls_of_iproute2_are_two_numbers(string section, uint map, uint index)
    {
        SectionMatch match = SectionTable.Match(section);
        Assert.Equal((ProgramType.SchedCls, (map, index)), (match.Type, match.TailCall!.Value));
        Assert.Null(SectionTable.Match("xdp/2").TailCall);
        Assert.Null(SectionTable.Match("17/two").TailCall);
    }

    private static BpfObject Read(string file) => Toolchain.Read("clang-19", "Objects/Sources/" + file, "-mcpu=v4");

    private static BtfTypes Types(string file) => TargetTypes.Compile("clang-19", "Objects/Sources/" + file);
}
