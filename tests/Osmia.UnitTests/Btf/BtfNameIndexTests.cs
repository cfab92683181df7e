using Osmia.Btf;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

public class BtfNameIndexTests
{
    private const string RunningKernel = "/sys/kernel/btf/vmlinux";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_type_is_found_by_its_name(bool isBigEndian)
    {
        var builder = new BtfBuilder(isBigEndian);
        builder.Append(BtfSamples.Kinds);
        Check(builder.Build());
    }

    [Fact]
    public void Every_type_of_the_running_kernel_is_found_by_its_name()
    {
        Assert.SkipUnless(File.Exists(RunningKernel), $"needs {RunningKernel}");
        Check(BtfTypes.Parse(File.ReadAllBytes(RunningKernel)));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("seven77")]
    [InlineData("eight888")]
    [InlineData("nine99999")]
    [InlineData("sixteen_letters_")]
    [InlineData("_")]
    [InlineData("__")]
    [InlineData("___")]
    [InlineData("___x")]
    [InlineData("naïve")]
    public void Names_of_every_length_have_their_variants(string name)
    {
        var builder = new BtfBuilder();
        TypeId number = builder.AddInt("other", 4);
        TypeId plain = builder.AddTypedef(name, number);
        TypeId old = builder.AddStruct(name + "___old", 0);
        TypeId nested = builder.AddStruct(name + "___a___b", 0);
        TypeId last = builder.AddUnion(name, 0);
        BtfTypes types = builder.Build();
        Assert.Equal([plain.Value, old.Value, last.Value], types.FindAll([name])[name]);
        Assert.Equal(old, types.Find(BtfKind.Struct, name + "___old"));
        Assert.Equal(last, types.Find(BtfKind.Union, name));
        Assert.Equal(nested, types.Find(BtfKind.Struct, name + "___a___b"));
        Assert.Equal(TypeId.Void, types.Find(BtfKind.Struct, name));
    }

    [Fact]
    public void Types_of_a_base_are_found_before_those_of_a_module()
    {
        BtfTypes kinds = BtfSamples.Kinds;
        TypeId all = kinds.Find(BtfKind.Struct, "all");
        var builder = new BtfBuilder(kinds);
        TypeId own = builder.AddStruct("all", 4);
        TypeId flavour = builder.AddStruct("all___module", 4);
        BtfTypes split = builder.Build();
        Assert.Equal([all.Value, own.Value, flavour.Value], split.FindAll(["all"])["all"].Where(id => split[id].Kind == BtfKind.Struct));
        Assert.Equal(all, split.Find(BtfKind.Struct, "all"));
        Assert.Equal(flavour, split.Find(BtfKind.Struct, "all___module"));
    }

    private static void Check(BtfTypes types)
    {
        var first = new Dictionary<(BtfKind, string), int>();
        var variants = new Dictionary<string, List<int>>();
        for (int id = 1; id < types.Count; id++)
        {
            if (types[id].NameOffset != 0)
            {
                first.TryAdd((types[id].Kind, types[id].Name), id);
                string essential = BtfTypes.EssentialName(types[id].Name);
                (variants.TryGetValue(essential, out List<int>? ids) ? ids : variants[essential] = []).Add(id);
            }
        }

        Assert.NotEmpty(first);
        Assert.All(first, pair => Assert.Equal(pair.Value, types.Find(pair.Key.Item1, pair.Key.Item2).Value));
        Dictionary<string, List<int>> found = types.FindAll(variants.Keys);
        Assert.All(variants, pair => Assert.Equal(pair.Value, found[pair.Key]));
    }
}
