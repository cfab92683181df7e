using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Linking;

/// <summary>Functions and variables of a kernel of our own (kernel.c) and of a module on it (module.c).</summary>
public class KernelSymbolLinkTests
{
    private static readonly Lazy<BtfTypes> s_kernel = new(() => TypesOf("kernel.c"));
    private static readonly Lazy<BtfTypes> s_module = new(() => BtfTypes.Parse(SplitBtf.On(s_kernel.Value, TypesOf("module.c")), s_kernel.Value));

    private static Target Kernel() => new("a kernel of our own", () => s_kernel.Value)
    {
        ModuleList = () => [new TargetModule("unreadable", () => null), new TargetModule("spare", () => s_module.Value)],
        SymbolAddresses = name => name switch { "table" => [0xffff_ffff_8100_0000], "twice" => [1, 2], _ => [] },
        SymbolNames = () => ["table", "tables", "other"],
    };

    [Fact]
    public void Function_of_the_kernel_is_called_by_its_BTF_id()
    {
        Instruction call = Link("kernel_function").Instructions.Single(i => i.IsCall);
        Assert.True(call.IsKfuncCall);
        Assert.Equal((s_kernel.Value.Find(BtfKind.Function, "kernel_sum").Value, 0), (call.Immediate, call.Offset));
    }

    [Fact]
    public void Function_of_a_module_is_called_by_the_index_of_the_module()
    {
        LinkedObject linked = LinkObject("module_function");
        Instruction call = linked.Programs.Single().Instructions.Single(i => i.IsCall);
        Assert.Equal(["spare"], linked.Modules);
        Assert.Equal(1, call.Offset);
        Assert.Equal(Own(BtfKind.Function, "module_sum"), call.Immediate);
    }

    [Fact]
    public void Flavour_of_a_function_is_found_by_its_plain_name() =>
        Assert.Equal(s_kernel.Value.Find(BtfKind.Function, "kernel_sum").Value, Link("flavour").Instructions.Single(i => i.IsKfuncCall).Immediate);

    [Theory]
    [InlineData("kernel_variable", 0)]
    [InlineData("module_variable", 1)]
    public void Variable_with_a_type_is_loaded_by_its_BTF_id(string program, int module)
    {
        LinkedProgram linked = Link(program);
        int slot = linked.Instructions.IndexOf(linked.Instructions.First(i => i.IsWide));
        Assert.Equal(PseudoLoad.BtfId, linked.Instructions[slot].SourceKind);
        Assert.Equal(module, linked.Instructions[slot + 1].Immediate);
        Assert.Equal(module == 0 ? s_kernel.Value.Find(BtfKind.Variable, "kernel_state").Value : Own(BtfKind.Variable, "module_state"), linked.Instructions[slot].Immediate);
    }

    [Fact]
    public void Variable_without_a_type_is_its_address()
    {
        LinkedProgram linked = Link("address");
        Assert.Equal(0xffff_ffff_8100_0000, linked.Instructions[0].WideImmediate(linked.Instructions[1]));
        Assert.Equal(PseudoLoad.Immediate, linked.Instructions[0].SourceKind);
    }

    [Theory]
    [InlineData("weak_function")]
    [InlineData("weak_other_shape")]
    public void Weak_function_that_is_missing_is_poisoned(string program)
    {
        LinkedProgram linked = Link(program);
        UnresolvedRelocation missing = Assert.Single(linked.Unresolved);
        Assert.Equal(2_002_000_000, linked.Instructions[missing.Slot].Immediate / 1000 * 1000);
        Assert.Equal(program == "weak_function" ? "OSM2030" : "OSM2031", missing.Diagnostic.Id);
        Assert.All(linked.Instructions.Where(i => i.IsWide), i => Assert.Equal(0, i.Immediate));
    }

    [Fact]
    public void Weak_variables_that_are_missing_are_null()
    {
        LinkedProgram linked = Link("weak_variables");
        Assert.All(linked.Instructions.Where(i => i.IsWide), i => Assert.Equal((PseudoLoad.Immediate, 0), (i.SourceKind, i.Immediate)));
        Assert.Equal(2, linked.Instructions.Count(i => i.IsWide));
    }

    [Theory]
    [InlineData("missing_function", "OSM2004", "kernel_summ", "kernel_sum")]
    [InlineData("missing_variable", "OSM2004", "kernel_stat", "kernel_state")]
    [InlineData("missing_address", "OSM2004", "tabel", "table")]
    [InlineData("another_shape", "OSM2031", "kernel_both", "int kernel_both(struct state *, int)")]
    [InlineData("another_type", "OSM2031", "kernel_number", "declared: struct state kernel_number; the target's: int kernel_number")]
    [InlineData("ambiguous_address", "OSM2032", "twice", "0x1, 0x2")]
    [InlineData("another_object", "OSM2004", "elsewhere", "of another object")]
    public void What_the_kernel_lacks_is_told_with_the_C_line_and_the_nearest(string program, string id, string symbol, string why)
    {
        var refusal = Assert.Throws<RelocationException>(() => Link(program));
        Assert.Equal(id, refusal.Id);
        Assert.Contains($"'{symbol}'", refusal.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains(why, refusal.Diagnostic.Why, StringComparison.Ordinal);
        Assert.Matches("symbols\\.c:[0-9]+, function '" + program, refusal.Diagnostic.Where);
    }

    [Fact]
    public void Types_the_kernel_does_not_have_are_found_in_its_modules()
    {
        Assert.Equal(24, Link("module_field").Instructions.Single(i => i.Opcode.Class == InstructionClass.Ldx).Offset);
        Assert.Equal(9, Link("module_enum").Instructions[0].Immediate);
        Assert.Equal(0, Link("kernel_first").Instructions.Single(i => i.Opcode.Class == InstructionClass.Ldx).Offset);
    }

    [Fact]
    public void Target_without_symbols_says_so()
    {
        Assert.Contains("'bare' has no BTF", Assert.Throws<RelocationException>(() => Linker.Link(Source("kernel_function"), new Target("bare"))).Diagnostic.Why, StringComparison.Ordinal);
        Assert.Contains("'bare' has no kernel symbols", Assert.Throws<RelocationException>(() => Linker.Link(Source("address"), new Target("bare"))).Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Types_of_the_object_stay_those_of_the_file_and_those_of_the_link_suit_the_kernel()
    {
        BpfObject source = Source("types");
        LinkedObject linked = Linker.Link(source, Kernel());
        BtfTypes before = source.Types!;
        BtfTypes after = linked.Types!;

        Assert.Equal(BtfLinkage.External, before[before.Find(BtfKind.Function, "kernel_sum")].Linkage);
        Assert.Equal(BtfLinkage.Global, after[after.Find(BtfKind.Function, "kernel_sum")].Linkage);
        BtfType symbols = after[after.Find(BtfKind.DataSection, ".ksyms")];
        Assert.Equal(before[before.Find(BtfKind.DataSection, ".ksyms")].Count, symbols.Count);
        Assert.Equal(symbols.Count * 4, (int)symbols.Size);
        Assert.All(Enumerable.Range(0, symbols.Count), i =>
        {
            BtfSectionVariable entry = symbols.SectionVariable(i);
            Assert.Equal((BtfKind.Variable, BtfLinkage.Global, "int"), (after[entry.Type].Kind, after[entry.Type].Linkage, after[entry.Type].Referenced.Name));
            Assert.Equal((uint)i * 4, entry.Offset);
        });
        BtfType prototype = after[after.Find(BtfKind.Function, "kernel_sum")].Referenced;
        Assert.All(Enumerable.Range(0, prototype.Count), i => Assert.NotEqual(0u, prototype.Parameter(i).NameOffset));

        Assert.Equal(BtfLinkage.External, before[before.Find(BtfKind.Variable, "CONFIG_SIZE")].Linkage);
        Assert.Equal(BtfLinkage.Global, after[after.Find(BtfKind.Variable, "CONFIG_SIZE")].Linkage);
        Assert.Equal(0u, before[before.Find(BtfKind.DataSection, ".kconfig")].Size);
        BtfType configuration = after[after.Find(BtfKind.DataSection, ".kconfig")];
        Assert.Equal((9u, 2), (configuration.Size, configuration.Count));
        Assert.Equal(["CONFIG_SIZE", "CONFIG_ON"], Enumerable.Range(0, 2).Select(i => after[configuration.SectionVariable(i).Type].Name));

        Assert.Equal(BtfLinkage.Global, before[before.Find(BtfKind.Function, "hidden")].Linkage);
        Assert.Equal(BtfLinkage.Static, after[after.Find(BtfKind.Function, "hidden")].Linkage);
        Assert.Equal(BtfLinkage.Static, after[after.Find(BtfKind.Variable, "hidden_number")].Linkage);
        Assert.Equal(BtfLinkage.Global, after[after.Find(BtfKind.Function, "visible")].Linkage);
    }

    private static int Own(BtfKind kind, string name) => Enumerable.Range(s_module.Value.FirstId, s_module.Value.Count - s_module.Value.FirstId)
        .Single(id => s_module.Value[id].Kind == kind && s_module.Value[id].Name == name);

    private static BtfTypes TypesOf(string file) => TargetTypes.Compile("clang-19", "Linking/Sources/" + file);

    private static BpfObject Source(string program)
    {
        BpfObject source = Toolchain.Read("clang-19", "Linking/Sources/symbols.c", "-mcpu=v3", "-Wno-everything");
        source.FindProgram(program)!.AutoLoad = true;
        return source;
    }

    private static LinkedObject LinkObject(string program) => Linker.Link(Source(program), Kernel());

    private static LinkedProgram Link(string program) => LinkObject(program).Programs.Single();
}

/// <summary>Makes the types of one blob continue another's: ids and string offsets are moved behind it.</summary>
internal static class SplitBtf
{
    public static byte[] On(BtfTypes kernel, BtfTypes module)
    {
        byte[] data = module.Data.ToArray();
        ReadOnlySpan<byte> header = kernel.Data.Span;
        uint strings = BinaryPrimitives.ReadUInt32LittleEndian(header[20..]);
        for (int id = 1; id < module.Count; id++)
        {
            BtfType type = module[id];
            int at = module.OffsetOf(type.Id);
            Move(at, strings);
            (int first, int step, int[] names, int[] types) = type.Kind switch
            {
                BtfKind.Struct or BtfKind.Union => (12, 12, new[] { 0 }, new[] { 4 }),
                BtfKind.FunctionPrototype => (12, 8, [0], [4]),
                BtfKind.Enum => (12, 8, [0], []),
                BtfKind.Enum64 => (12, 12, [0], []),
                BtfKind.DataSection => (12, 12, [], [0]),
                _ => (0, 0, Array.Empty<int>(), Array.Empty<int>()),
            };
            for (int i = 0; i < type.Count; i++)
            {
                Array.ForEach(names, word => Move(at + first + i * step + word, strings));
                Array.ForEach(types, word => Move(at + first + i * step + word, (uint)kernel.Count - 1));
            }

            if (type.Kind == BtfKind.Array)
            {
                Move(at + 12, (uint)kernel.Count - 1);
                Move(at + 16, (uint)kernel.Count - 1);
            }
            else if (type.Kind is not (BtfKind.Int or BtfKind.Float or BtfKind.Struct or BtfKind.Union or BtfKind.Enum or BtfKind.Enum64 or BtfKind.DataSection or BtfKind.Forward))
            {
                Move(at + 8, (uint)kernel.Count - 1);
            }
        }

        return data;

        // 0 is void, and the empty name, in every blob.
        void Move(int offset, uint distance)
        {
            uint value = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(offset));
            BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(offset), value == 0 ? 0 : value + distance);
        }
    }
}
