using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Objects;

/// <summary>Jump tables of clang 22: read and shown, refused before anything runs.</summary>
public class JumpTableTests
{
    private const string Source = "Objects/Sources/jumptables.s";

    [Fact]
    public void Table_of_an_indirect_jump_is_read_in_slots_of_its_function()
    {
        BpfFunction choose = Read().FindProgram("choose")!.Entry;
        SymbolReference reference = Assert.Single(choose.References);
        Assert.Equal((SymbolKind.JumpTable, 2, "table"), (reference.Kind, reference.Slot, reference.Name));
        Assert.Equal([8, 10, 8], reference.JumpTable!.Targets);
    }

    [Fact]
    public void Object_with_a_jump_table_is_not_linked_OSM2013()
    {
        BpfObject source = Read();
        var refusal = Assert.Throws<UnsupportedFeatureException>(() => Linker.Link(source, new Target("any")));
        Assert.Equal("OSM2013", refusal.Id);
        Assert.Contains("'table'", refusal.Message, StringComparison.Ordinal);

        // Without the program that jumps by it the others are linked.
        source.FindProgram("choose")!.AutoLoad = false;
        Assert.Equal("before", Assert.Single(Linker.Link(source, new Target("any")).Programs).Name);
        Assert.Equal("OSM1030", Assert.Throws<ObjectFormatException>(source.ToArray).Id);
    }

    [Fact]
    public void Table_that_leaves_its_function_is_refused_OSM1011()
    {
        byte[] data = Toolchain.Compile("clang-19", Source, "-mcpu=v3");
        int start = ObjectMutator.SectionOf(data, ".jumptables")!.Value.Start.Value;
        foreach (byte place in (byte[])[0, 4, 200])
        {
            byte[] damaged = (byte[])data.Clone();
            damaged[start + 8] = place;
            Assert.Equal("OSM1011", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(damaged, "damaged.bpf.o")).Id);
        }
    }

    private static BpfObject Read() => Toolchain.Read("clang-19", Source, "-mcpu=v3");
}
