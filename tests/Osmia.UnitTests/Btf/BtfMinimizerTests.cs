using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

public class BtfMinimizerTests
{
    private static readonly BtfTypes s_kinds = BtfSamples.Kinds;

    [Fact]
    public void Struct_keeps_its_size_and_only_the_members_used()
    {
        TypeId all = s_kinds.Find(BtfKind.Struct, "all");
        int name = IndexOf(all, "name");
        int pointer = IndexOf(all, "p");
        var minimizer = new BtfMinimizer(s_kinds);
        minimizer.UseMember(all, name);
        minimizer.UseMember(all, pointer);
        BtfTypes types = minimizer.Build(out int[] map);
        BtfType left = types[map[all.Value]];
        Assert.Equal((s_kinds[all].Size, 2), (left.Size, left.Count));
        Assert.Equal(["p", "name"], [left.MemberName(0), left.MemberName(1)]);
        Assert.Equal(s_kinds[all].Member(name).BitOffset, left.Member(1).BitOffset);
        Assert.Equal(CTypeNames.NameOf(s_kinds, s_kinds[all].Member(name).Type), CTypeNames.NameOf(types, left.Member(1).Type));
        Assert.Equal("void", CTypeNames.NameOf(types, types[left.Member(0).Type].ReferencedId));
        Assert.True(types.Data.Length < 300, $"{types.Data.Length} bytes");
    }

    [Fact]
    public void Bitfields_stay_bitfields()
    {
        TypeId all = s_kinds.Find(BtfKind.Struct, "all");
        int bits = Enumerable.Range(0, s_kinds[all].Count).First(i => s_kinds[all].Member(i).BitfieldSize > 0);
        var minimizer = new BtfMinimizer(s_kinds);
        minimizer.UseMember(all, bits);
        BtfTypes types = minimizer.Build(out int[] map);
        BtfMember expected = s_kinds[all].Member(bits);
        Assert.Equal((expected.BitOffset, expected.BitfieldSize), (types[map[all.Value]].Member(0).BitOffset, types[map[all.Value]].Member(0).BitfieldSize));
    }

    [Fact]
    public void Enumerations_keep_the_enumerators_used()
    {
        BtfType color = s_kinds[Enumerable.Range(1, s_kinds.Count - 1).First(id => s_kinds[id].Kind == BtfKind.Enum && s_kinds[id].Count > 1)];
        BtfType wide = s_kinds[Enumerable.Range(1, s_kinds.Count - 1).First(id => s_kinds[id].Kind == BtfKind.Enum64)];
        var minimizer = new BtfMinimizer(s_kinds);
        minimizer.UseEnumerator(color.Id, 1);
        minimizer.UseEnumerator(wide.Id, 0);
        BtfTypes types = minimizer.Build(out int[] map);
        Assert.Equal(3, types.Count);
        Assert.Equal(1, types[map[color.Id.Value]].Count);
        Assert.Equal(color.Enumerator(1).Value, types[map[color.Id.Value]].Enumerator(0).Value);
        Assert.Equal(wide.Enumerator(0).Value, types[map[wide.Id.Value]].Enumerator(0).Value);
    }

    [Fact]
    public void Whole_type_keeps_all_that_a_comparison_sees()
    {
        TypeId all = s_kinds.Find(BtfKind.Struct, "all");
        var minimizer = new BtfMinimizer(s_kinds);
        minimizer.UseType(all, withMembers: true);
        BtfTypes types = minimizer.Build(out int[] map);
        Assert.Equal(Text(s_kinds, all), Text(types, new TypeId(map[all.Value])));
        Assert.True(types.Count < s_kinds.Count);
    }

    [Fact]
    public void Type_alone_keeps_its_size_only()
    {
        TypeId all = s_kinds.Find(BtfKind.Struct, "all");
        var minimizer = new BtfMinimizer(s_kinds);
        minimizer.UseType(all);
        BtfTypes types = minimizer.Build();
        Assert.Equal(2, types.Count);
        Assert.Equal((s_kinds[all].Size, 0, "all"), (types[1].Size, types[1].Count, types[1].Name));
    }

    [Fact]
    public void Split_target_gives_types_that_stand_alone()
    {
        var module = new BtfBuilder(s_kinds);
        TypeId own = module.AddStruct("own", 8, new("in", s_kinds.Find(BtfKind.Struct, "all"), 0), new("unused", s_kinds.Find(BtfKind.Int, "int"), 0));
        var minimizer = new BtfMinimizer(module.Build());
        minimizer.UseMember(own, 0);
        BtfTypes types = minimizer.Build();
        Assert.Null(types.Base);
        Assert.Equal("all", types[types[types.Find(BtfKind.Struct, "own")].Member(0).Type].Name);
    }

    [Fact]
    public void Parts_that_do_not_exist_are_refused()
    {
        var minimizer = new BtfMinimizer(s_kinds);
        TypeId all = s_kinds.Find(BtfKind.Struct, "all");
        Assert.Throws<ArgumentOutOfRangeException>(() => minimizer.UseType(new TypeId(s_kinds.Count)));
        Assert.Throws<ArgumentException>(() => minimizer.UseMember(all, s_kinds[all].Count));
        Assert.Throws<ArgumentException>(() => minimizer.UseEnumerator(all, 0));
    }

    private static int IndexOf(TypeId type, string member) =>
        Enumerable.Range(0, s_kinds[type].Count).First(i => s_kinds[type].MemberName(i) == member);

    private static string Text(BtfTypes types, TypeId id)
    {
        using var output = new MemoryStream();
        CHeaderWriter.Write(types, output, [id]);
        string text = Encoding.UTF8.GetString(output.ToArray());
        int start = text.IndexOf("struct all {", StringComparison.Ordinal);
        return text[start..text.IndexOf("\n}", start, StringComparison.Ordinal)];
    }
}
