using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Linking;

/// <summary>Every kind of CO-RE relocation, between types of our own: local.c believes, target.c knows.</summary>
public class CoreRelocationTests
{
    private static readonly Lazy<Target> s_target = new(() => new Target("a kernel of our own", () => TypesOf("target.c")));

    public static TheoryData<string> Compilers => ["clang-14", "clang-16", "clang-19"];

    [Theory]
    [InlineData("stayed", 8)]
    [InlineData("moved", 24)]
    [InlineData("nested", 36)]
    [InlineData("in_union", 40)]
    [InlineData("element", 56)]
    [InlineData("flavour", 24)]
    [InlineData("through_typedef", 8)]
    public void Loads_follow_a_field_to_where_the_target_has_it(string program, int offset)
    {
        foreach (string compiler in Compilers)
        {
            Instruction load = Link(compiler, program).Instructions.First(i => i.Opcode.Class == InstructionClass.Ldx);

            Assert.Equal(offset, load.Offset);
            Assert.Equal(Size.W, load.Opcode.Size);
        }
    }

    [Fact]
    public void Loads_through_a_pointer_are_relocated_one_by_one() => Assert.Equal(
        [(Size.Dw, 112), (Size.W, 24)],
        Link("clang-19", "pointer").Instructions.Where(i => i.Opcode.Class == InstructionClass.Ldx).Select(i => (i.Opcode.Size, (int)i.Offset)));

    [Theory]
    [InlineData("offset_moves", 24)]
    [InlineData("size_grows", 8)]
    [InlineData("size_array", 32)]
    [InlineData("exists_stays", 1)]
    [InlineData("exists_renamed", 0)]
    [InlineData("flavour_field", 0)]
    [InlineData("signed_stays", 1)]
    [InlineData("signed_grows", 0)]
    [InlineData("flags_offset", 80)]
    [InlineData("flags_size", 4)]
    [InlineData("flags_signed", 0)]
    [InlineData("flags_left", 64 - 11)]
    [InlineData("flags_right", 64 - 7)]
    [InlineData("narrow_offset", 80)]
    [InlineData("narrow_signed", 1)]
    [InlineData("narrow_left", 64 - 20)]
    [InlineData("narrow_right", 64 - 9)]
    [InlineData("wide_size", 8)]
    [InlineData("wide_offset", 80)]
    [InlineData("wide_left", 64 - 60)]
    [InlineData("wide_right", 64 - 40)]
    [InlineData("moves_left", 32)]
    [InlineData("moves_right", 32)]
    [InlineData("target_id_absent", 0)]
    [InlineData("type_thing", 1)]
    [InlineData("type_absent", 0)]
    [InlineData("type_function", 1)]
    [InlineData("size_thing", 128)]
    [InlineData("size_absent", 0)]
    [InlineData("color_exists", 1)]
    [InlineData("color_gone", 0)]
    [InlineData("color_value", 77)]
    [InlineData("large_value", 0x123456789abcdef)]
    [InlineData("large_small", 9)]
    public void Questions_are_answered_by_the_target(string program, long answer)
    {
        foreach (string compiler in Compilers)
        {
            Assert.Equal((program, answer), (program, Answer(Link(compiler, program))));
        }
    }

    [Theory]
    [InlineData("same", 1)]
    [InlineData("part", 1)]
    [InlineData("other", 0)]
    [InlineData("color", 1)]
    [InlineData("color_gone", 0)]
    public void Types_match_member_by_member(string program, long answer)
    {
        foreach (string compiler in (string[])["clang-16", "clang-19"])
        {
            Assert.Equal(answer, Answer(Link(compiler, program, "matches.c")));
        }
    }

    [Fact]
    public void Type_ids_are_those_of_the_object_and_of_the_target()
    {
        BpfObject source = Source("clang-19", "local_id");
        Assert.Equal(source.Types!.Find(BtfKind.Struct, "thing").Value, Answer(Link("clang-19", "local_id")));
        Assert.Equal(s_target.Value.Types!.Find(BtfKind.Struct, "thing").Value, Answer(Link("clang-19", "target_id")));
    }

    [Fact]
    public void Unsigned_field_that_grew_is_accessed_in_its_new_size()
    {
        Assert.Equal((Size.Dw, (short)96), Link("clang-19", "grown").Instructions.Where(i => i.Opcode.Class == InstructionClass.Ldx).Select(i => (i.Opcode.Size, i.Offset)).Single());
        Instruction store = Link("clang-19", "grown_store").Instructions.Single(i => i.Opcode.Class is InstructionClass.Stx or InstructionClass.St);
        Assert.Equal((Size.Dw, (short)96), (store.Opcode.Size, store.Offset));
    }

    [Fact]
    public void Signed_field_that_grew_is_poisoned()
    {
        LinkedProgram program = Link("clang-19", "grown_signed");

        Diagnostic changed = Assert.Single(program.Unresolved).Diagnostic;
        Assert.Equal("OSM2033", changed.Id);
        Assert.Contains("8 bytes on the target and 4 bytes in the object", changed.Why, StringComparison.Ordinal);
        Assert.Contains("thing.grows_signed", changed.What, StringComparison.Ordinal);
        Assert.Equal(0xbad2310, program.Instructions[program.Unresolved[0].Slot].Immediate);
    }

    [Fact]
    public void Renamed_field_is_poisoned_and_the_nearest_names_are_told()
    {
        LinkedProgram program = Link("clang-19", "renamed");

        UnresolvedRelocation unresolved = Assert.Single(program.Unresolved);
        Assert.Equal("OSM2002", unresolved.Diagnostic.Id);
        Assert.Contains("thing.renamed", unresolved.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains("rename, renamed_", unresolved.Diagnostic.Why, StringComparison.Ordinal);
        Assert.Contains("local.c:", unresolved.Diagnostic.Where, StringComparison.Ordinal);
        Instruction poison = program.Instructions[unresolved.Slot];
        Assert.True(poison.IsHelperCall);
        Assert.Equal(0xbad2310, poison.Immediate);
    }

    [Theory]
    [InlineData("absent", "struct `absent`")]
    [InlineData("color_gone_value", "enumerator `GONE` of `color`")]
    public void What_the_target_lacks_is_named(string program, string what)
    {
        LinkedProgram linked = Link("clang-19", program);
        Assert.Contains(what, Assert.Single(linked.Unresolved).Diagnostic.What, StringComparison.Ordinal);
        Assert.Equal(0xbad2310, linked.Instructions[linked.Unresolved[0].Slot].Immediate);
    }

    [Fact]
    public void Field_of_two_types_of_one_name_is_ambiguous()
    {
        var refusal = Assert.Throws<RelocationException>(() => Link("clang-19", "ambiguous"));

        Assert.Equal("OSM2003", refusal.Id);
        Assert.Equal(2, refusal.Candidates.Count);
    }

    [Fact]
    public void Target_without_types_is_refused_with_its_reason()
    {
        BpfObject source = Source("clang-19", "moved");
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("bare") { NoTypesReason = "it was built without them" }));

        Assert.Equal("OSM2001", refusal.Id);
        Assert.Equal("it was built without them", refusal.Diagnostic.Why);
    }

    [Fact]
    public void Linking_leaves_the_object_as_it_was()
    {
        BpfObject source = Source("clang-19", "moved");
        Instruction[] before = [.. source.FindProgram("moved")!.Entry.Instructions];

        Linker.Link(source, s_target.Value);

        Assert.Equal(before, source.FindProgram("moved")!.Entry.Instructions);
    }

    private static BtfTypes TypesOf(string file) => TargetTypes.Compile("clang-19", "Linking/Sources/" + file);

    private static BpfObject Source(string compiler, string program, string file = "local.c")
    {
        BpfObject source = Toolchain.Read(compiler, "Linking/Sources/" + file, "-mcpu=v3", "-Wno-everything");
        source.FindProgram(program)!.AutoLoad = true;
        return source;
    }

    private static LinkedProgram Link(string compiler, string program, string file = "local.c") =>
        Linker.Link(Source(compiler, program, file), s_target.Value, new LinkOptions(LeaveToKernel: true)).Programs.Single();

    /// <summary>The number a program of two or three slots returns.</summary>
    private static long Answer(LinkedProgram program)
    {
        Instruction first = program.Instructions[0];
        Assert.Equal(0, (int)first.Destination);
        return first.IsWide ? (long)first.WideImmediate(program.Instructions[1]) : first.Immediate;
    }
}
