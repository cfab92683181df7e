using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

public class BtfBuilderTests
{
    [Fact]
    public void Copied_types_are_the_types_they_were()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        var builder = new BtfBuilder();
        int[] map = builder.Append(kinds);
        Assert.Equal(Enumerable.Range(0, kinds.Count), map);
        Assert.Equal(Dump(kinds), Dump(builder.Build()));
    }

    [Fact]
    public void Types_of_two_blobs_stand_behind_each_other_with_their_own_ids()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        var builder = new BtfBuilder();
        builder.Append(kinds);
        int[] map = builder.Append(kinds);
        BtfTypes both = builder.Build();
        Assert.Equal(kinds.Count * 2 - 1, both.Count);
        BtfType all = both[map[kinds.Find(BtfKind.Struct, "all").Value]];
        Assert.Equal("all", all.Name);
        Assert.All(Enumerable.Range(0, all.Count), i => Assert.True(all.Member(i).Type.Value >= kinds.Count));
        Assert.True(both.Data.Length < kinds.Data.Length * 2, "strings are shared");
    }

    [Fact]
    public void Types_left_out_are_void_where_others_refer_to_them()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        var builder = new BtfBuilder();
        int[] map = builder.Append(kinds, type => type.Kind != BtfKind.Int);
        BtfTypes types = builder.Build();
        Assert.DoesNotContain(Enumerable.Range(1, types.Count - 1), id => types[id].Kind == BtfKind.Int);
        Assert.Equal(0, map[kinds.Find(BtfKind.Int, "int").Value]);
        Assert.Equal(types.Count - 1, map.Count(id => id != 0));
        BtfType typedef = types[types.Find(BtfKind.Typedef, "__u32")];
        Assert.True(typedef.Referenced.IsVoid);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_kind_can_be_written_and_prints_as_bpftool_prints_it(bool isBigEndian)
    {
        BtfTypes types = EveryKind(isBigEndian).Build();
        Assert.Equal(isBigEndian, types.IsBigEndian);
        Assert.Equal(Enum.GetValues<BtfKind>().Where(kind => kind != BtfKind.Void), Enumerable.Range(1, types.Count - 1).Select(id => types[id].Kind).Distinct().Order());
        GoldenFile.Check(Dump(types), "Btf", "built.txt");
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "built.btf");
        File.WriteAllBytes(file, types.Data.ToArray());
        Assert.Equal(ReferenceTool.Run("bpftool", "btf", "dump", "file", file), Dump(types));
    }

    [Fact]
    public void Changed_types_keep_their_ids()
    {
        var builder = new BtfBuilder();
        TypeId number = builder.AddInt("int", 4, isSigned: true);
        TypeId variable = builder.AddVariable("a", number, BtfLinkage.Static);
        TypeId other = builder.AddVariable("b", number, BtfLinkage.Global);
        TypeId section = builder.AddDataSection(".bss", 4, new BtfSectionVariable(variable, 0, 4));
        TypeId prototype = builder.AddFunctionPrototype(number, new NamedParameter("x", number));
        TypeId function = builder.AddFunction("f", prototype, BtfLinkage.External);
        TypeId node = builder.AddStruct("node", 8, new NamedMember("next", builder.NextId, 0));
        TypeId pointer = builder.AddPointer(node);
        builder.SetDataSection(section, 8, new(variable, 0, 4), new(other, 4, 4));
        builder.SetVariableLinkage(variable, BtfLinkage.Global);
        builder.SetFunctionLinkage(function, BtfLinkage.Global);
        builder.SetMembers(node, 16, new("next", pointer, 0), new("value", number, 64), new("bit", number, 96, 3));
        builder.SetName(other, "c");
        builder.SetReferenced(other, pointer);
        Assert.Equal(
            """
            [1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED
            [2] VAR 'a' type_id=1, linkage=global
            [3] VAR 'c' type_id=8, linkage=global
            [4] DATASEC '.bss' size=8 vlen=2
            	type_id=2 offset=0 size=4 (VAR 'a')
            	type_id=3 offset=4 size=4 (VAR 'c')
            [5] FUNC_PROTO '(anon)' ret_type_id=1 vlen=1
            	'x' type_id=1
            [6] FUNC 'f' type_id=5 linkage=global
            [7] STRUCT 'node' size=16 vlen=3
            	'next' type_id=8 bits_offset=0
            	'value' type_id=1 bits_offset=64
            	'bit' type_id=1 bits_offset=96 bitfield_size=3
            [8] PTR '(anon)' type_id=7

            """,
            Dump(builder.Build()));
    }

    [Fact]
    public void Split_types_number_on_from_their_base_and_share_its_names()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        var builder = new BtfBuilder(kinds);
        TypeId all = kinds.Find(BtfKind.Struct, "all");
        TypeId typedef = builder.AddTypedef("all", all);
        TypeId own = builder.AddTypedef("module_type", typedef);
        BtfTypes split = builder.Build();
        Assert.Equal(kinds.Count, typedef.Value);
        Assert.Equal(kinds[all].NameOffset, split[typedef].NameOffset);
        Assert.Equal("module_type", split[own].Name);
        Assert.Equal(all, split.Resolve(own).Id);

        var copy = new BtfBuilder(kinds);
        Assert.Equal(own.Value, copy.Append(split)[own.Value]);
        Assert.Equal(split.Data.ToArray(), copy.ToArray());
        Assert.Throws<ArgumentException>(() => new BtfBuilder().Append(split));
    }

    [Fact]
    public void Impossible_types_are_refused()
    {
        var builder = new BtfBuilder();
        TypeId number = builder.AddInt("int", 4);
        Assert.Throws<ArgumentException>(() => builder.AddInt("odd", 3));
        Assert.Throws<ArgumentException>(() => builder.AddEnum("e", 4, isSigned: false, new NamedEnumerator("A", -1)));
        Assert.Throws<ArgumentException>(() => builder.AddString("a\0b"));
        Assert.Throws<ArgumentException>(() => builder.SetDataSection(number, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.SetName(new TypeId(2), "x"));
        Assert.Throws<ArgumentException>(() => builder.AddStruct("s", 1 << 24, new NamedMember("bit", number, 1 << 24, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.AddUnion("u", 4, new NamedMember[BtfBuilder.MaximumCount + 1].Select(_ => new NamedMember("", number, 0)).ToArray()));
        Assert.Equal(2, builder.Build().Count);
    }

    internal static BtfBuilder EveryKind(bool isBigEndian = false)
    {
        var b = new BtfBuilder(isBigEndian);
        TypeId number = b.AddInt("int", 4, isSigned: true);
        TypeId letter = b.AddInt("char", 1, isSigned: true, isChar: true);
        b.AddInt("_Bool", 1, isBool: true);
        TypeId real = b.AddFloat("double", 8);
        TypeId pointer = b.AddPointer(b.AddConst(letter));
        TypeId array = b.AddArray(number, number, 16);
        b.AddForward("later", isUnion: true);
        TypeId typedef = b.AddTypedef("word", b.AddVolatile(number));
        TypeId composite = b.AddStruct("s", 88, new("name", pointer, 0), new("a", number, 64, 3), new("b", number, 67, 5), new("w", typedef, 96), new("list", array, 128), new("real", real, 640));
        b.AddUnion("u", 8, new("p", b.AddRestrict(pointer), 0), new("r", real, 0));
        b.AddEnum("signs", 4, isSigned: true, new("MINUS", -1), new("PLUS", 1));
        b.AddEnum("colors", 1, isSigned: false, new("RED", 0), new("MANY", uint.MaxValue));
        b.AddEnum64("wide", 8, isSigned: false, new("BIG", long.MinValue), new("ONE", 1));
        b.AddEnum64("far", 8, isSigned: true, new("LOW", long.MinValue), new("HIGH", long.MaxValue));
        TypeId prototype = b.AddFunctionPrototype(number, new("x", pointer), new("", TypeId.Void));
        TypeId function = b.AddFunction("f", prototype, BtfLinkage.Global);
        b.AddDeclarationTag("note", function, 0);
        b.AddDeclarationTag("whole", composite);
        b.AddPointer(b.AddTypeTag("user", number));
        TypeId variable = b.AddVariable("v", array, BtfLinkage.External);
        b.AddDataSection(".data", 64, new BtfSectionVariable(variable, 0, 64));
        return b;
    }

    private static string Dump(BtfTypes types)
    {
        using var text = new MemoryStream();
        RawDump.Write(types, text);
        return Encoding.UTF8.GetString(text.ToArray());
    }
}
