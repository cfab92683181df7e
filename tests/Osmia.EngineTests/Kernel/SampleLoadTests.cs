using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>Every sample as clang compiled it goes through the linker into the kernel.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class SampleLoadTests
{
    public static TheoryData<string> Names { get; } =
        [.. Directory.EnumerateDirectories(KernelTest.SamplesFolder).Select(path => Path.GetFileName(path)!).Where(name => File.Exists(KernelTest.SamplePath(name))).Order()];

    [Theory]
    [MemberData(nameof(Names))]
    public void Sample_loads_with_its_types(string name)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linker.Link(BpfObject.Read(KernelTest.SamplePath(name)), engine.Target), $"the program types of {name}");
        Assert.Empty(loaded.Warnings);
        Assert.NotEmpty(loaded.Programs);
        Assert.All(loaded.Programs, program => Assert.True(((KernelProgram)program).VerifiedInstructions > 0));
    }

    [Fact]
    public void Maps_carry_the_types_of_the_object()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedObject linked = Linker.Link(BpfObject.Read(KernelTest.SamplePath("hello")), engine.Target);
        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
        MapInfo info = KernelInventory.Describe((KernelMap)loaded.Map("execs"));
        byte[] blob = KernelInventory.BtfBytes(info.BtfId);
        Assert.Equal(linked.Types!.Data.ToArray(), blob);
        Assert.Equal("user", BtfTypes.Parse(blob)[info.KeyType].Name);

        ProgramInfo program = KernelInventory.Programs().Single(p => p.Id == ((KernelProgram)loaded.Programs[0]).Id);
        Assert.Equal(info.BtfId, program.BtfId);
    }

    [Fact]
    public void A_refused_program_names_the_source_line()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedObject linked = Linker.Link(BpfObject.Read(KernelTest.SamplePath("hello")), engine.Target);
        LinkedProgram program = linked.Programs[0];
        int slot = program.Instructions.Select((instruction, index) => (instruction, index)).Last(pair => pair.instruction.IsHelperCall).index;

        // r0 = *(u64 *)(r9 + 0), with r9 never written.
        var broken = program with { Instructions = program.Instructions.SetItem(slot, new Instruction(new Opcode(Opcodes.LoadWord64), Register.R0, Register.R9, 0, 0)) };
        var error = Assert.Throws<KernelException>(() => engine.Load(linked with { Programs = [broken] }, LoadOptions.Default));
        Assert.Equal("OSM5020", error.Id);
        Assert.Contains("R9 !read_ok", error.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains($"{program.LineAt(slot)}", error.Diagnostic.Where, StringComparison.Ordinal);
        Assert.Contains($"instruction {slot}", error.Diagnostic.Where, StringComparison.Ordinal);
    }
}
