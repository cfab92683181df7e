using System.Diagnostics;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Objects;

/// <summary>Objects of every compiler and instruction set version, from the sources in Objects/Sources.</summary>
public class CompiledObjectTests
{
    private static readonly Target s_configured = new("configured") { KernelVersion = 0x6122c, Configuration = Configured };
    private static readonly Target s_noTarget = new("none");

    public static TheoryData<string, string> Compilers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string version in (string[])["v1", "v2", "v3"])
            {
                foreach (string compiler in (string[])["clang-14", "clang-16", "clang-19"])
                {
                    data.Add(compiler, version);
                }
            }

            data.Add("clang-19", "v4");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Functions_are_found_wherever_the_compiler_puts_them(string compiler, string version)
    {
        BpfObject source = Read(compiler, "code.c", version);

        Assert.Equal(["beside", "entry", "left_out"], source.Programs.Select(program => program.Name).Order());
        Assert.False(source.FindProgram("left_out")!.AutoLoad);
        Assert.Equal(["each", "perhaps", "thrice", "twice"], source.Functions.Where(f => f.Section == ".text").Select(f => f.Name).Order());
        Assert.Equal(["perhaps", "thrice"], source.Functions.Where(f => f.Section == ".text" && f.IsGlobal).Select(f => f.Name).Order());
        Assert.All(source.Functions, function => Assert.Equal(function.Name, source.Types![function.BtfId].Name));
        Assert.All(source.Functions, function => Assert.NotEmpty(function.Lines));
    }

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Linked_programs_hold_their_subprograms_once_and_every_call_reaches_a_function(string compiler, string version)
    {
        LinkedObject linked = Linker.Link(Read(compiler, "code.c", version), s_noTarget);

        Assert.Equal(["beside", "entry"], linked.Programs.Select(program => program.Name));
        LinkedProgram entry = linked.Programs[1];
        Assert.Equal(["entry", "each", "thrice", "twice", "perhaps"], entry.Functions.Select(function => function.Name));
        Assert.Equal(["beside", "thrice", "twice"], linked.Programs[0].Functions.Select(function => function.Name));
        Assert.Equal(["entry>each", "entry>perhaps", "entry>twice", "each>thrice", "thrice>twice"], Calls(entry));
        foreach (LinkedFunction function in entry.Functions)
        {
            Assert.True(entry.Instructions[function.Slot - 1 < 0 ? ^1 : function.Slot - 1].IsExit);
            Assert.Equal("code.c", Path.GetFileName(entry.LineAt(function.Slot)!.File));
        }
    }

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Variables_stand_in_the_map_of_their_section(string compiler, string version)
    {
        BpfObject source = Read(compiler, "data.c", version);

        Assert.Equal(0x60100u, source.KernelVersion);
        Assert.Equal("Dual MIT/GPL", source.License);
        Assert.Equal(
            ["entry.local .data = 3", "counted .data = 41", "hidden .data = 7", "hidden_zero .bss = 0", "label .rodata = 474148660595", "late .bss.late = 0",
                "limit .rodata = 99", "mode .rodata = 5", "pair .data.pairs = 1", "table .rodata.table = 85899345930", "zeroed .bss = 0"],
            source.Variables.Where(v => v.Name[0] != '_' && v.Name[0] != '.').Select(v => $"{v.Name} {v.Map.Name} = {Value(v)}").OrderBy(text => text == "entry.local .data = 3" ? "" : text, StringComparer.Ordinal));
        Assert.All([".rodata", ".rodata.table"], name => Assert.True(source.FindMap(name) is { Flags: 0x80, DataSection: DataSectionKind.ReadOnly }));
        Assert.Contains(source.Maps, map => map.Name.StartsWith(".rodata.str", StringComparison.Ordinal) && map.InitialData.AsSpan().IndexOf("text %d\0"u8) >= 0);
        Assert.Equal(16, source.FindVariable("pair")!.Size);
        Assert.Equal("pair", source.Types!.Resolve(source.FindVariable("pair")!.Type).Name);
        BtfType section = source.Types[source.Types.Find(BtfKind.DataSection, ".data")];
        Assert.Equal(source.FindMap(".data")!.ValueSize, section.Size);
        Assert.Equal(source.FindVariable("counted")!.Offset, Enumerable.Range(0, section.Count).Select(section.SectionVariable).Where(v => source.Types[v.Type].Name == "counted").Select(v => (int)v.Offset).Single());
    }

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Loads_of_variables_name_their_map_and_offset(string compiler, string version)
    {
        BpfObject source = Read(compiler, "data.c", version);
        source.Constants.Set("limit", 1234u);
        LinkedObject linked = Linker.Link(source, s_noTarget);
        LinkedProgram program = linked.Programs.Single();

        var loads = new List<string>();
        for (int slot = 0; slot < program.Instructions.Length; slot++)
        {
            if (program.Instructions[slot].IsWide)
            {
                Assert.Equal(PseudoLoad.MapIndexValue, program.Instructions[slot].SourceKind);
                LinkedMap map = linked.Maps[program.Instructions[slot].Immediate];
                int offset = program.Instructions[++slot].Immediate;
                loads.Add(linked.Variables.FirstOrDefault(v => v.MapIndex == map.Index && v.Offset == offset)?.Name ?? map.Name);
            }
        }

        // The compiler may address neighbours through one variable, and strings by section.
        Assert.Contains("limit", loads);
        Assert.Contains("pair", loads.Concat(loads.Contains(".data.pairs") ? ["pair"] : []));
        LinkedVariable limit = linked.Variables.Single(variable => variable.Name == "limit");
        Assert.Equal(1234, BitConverter.ToInt32(linked.Maps[limit.MapIndex].InitialData.Span[limit.Offset..]));
        Assert.True(linked.Maps[limit.MapIndex].IsFrozen);
        Assert.Equal(
            [".bss.late", ".data.pairs", ".rodata.table", "data.bss", "data.data", "data.rodata"],
            linked.Maps.Where(map => !map.Name.Contains(".str", StringComparison.Ordinal)).Select(map => map.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Map_definitions_keep_every_attribute_and_their_first_values(string compiler, string version)
    {
        BpfObject source = Read(compiler, "maps.c", version);

        BpfMap everything = source.FindMap("everything")!;
        Assert.Equal((MapType.Hash, 8u, 8u, 100u, 1u, true), (everything.Type, everything.KeySize, everything.ValueSize, everything.MaxEntries, everything.Flags, everything.PinByName));
        Assert.Equal("key", source.Types!.Resolve(everything.KeyType).Name);
        Assert.True(source.FindMap("ring") is { Type: MapType.Ringbuf, MaxEntries: 4096, KeySize: 0, ValueSize: 0 });
        Assert.True(source.FindMap("perf") is { Type: MapType.PerfEventArray, KeySize: 4, ValueSize: 4, MaxEntries: 0 });
        BpfMap outer = source.FindMap("outer")!;
        Assert.True(outer is { Type: MapType.ArrayOfMaps, KeySize: 4, ValueSize: 4, InnerMap: { Type: MapType.Array, MaxEntries: 4, ValueSize: 8 } });
        Assert.Equal([new(0, "first"), new(2, "second"), new(3, "third")], outer.Slots);
        Assert.Equal([new(1, "entry"), new(2, "other")], source.FindMap("programs")!.Slots);
    }

    [Theory]
    [MemberData(nameof(Compilers))]
    public void Static_and_global_maps_are_loaded_by_index(string compiler, string version)
    {
        LinkedObject linked = Linker.Link(Read(compiler, "maps.c", version), s_noTarget);
        LinkedProgram entry = linked.Programs.Single(program => program.Name == "entry");

        Assert.Equal(
            ["programs", "everything", "hidden", "outer"],
            entry.Instructions.Where(i => i is { IsWide: true, SourceKind: PseudoLoad.MapIndex }).Select(i => linked.Maps[i.Immediate].Name));
    }

    [Fact]
    public void Values_of_the_kernels_configuration_come_from_the_target()
    {
        BpfObject source = Read("clang-19", "externs.c", "v3");
        source.FindProgram("configuration")!.AutoLoad = true;
        LinkedObject linked = Linker.Link(source, s_configured);
        LinkedMap map = linked.Maps.Single(map => map.DataSection == DataSectionKind.Kconfig);
        Assert.True(map.IsFrozen);
        string Value(string name) => linked.Variables.Single(variable => variable.Name == name) is var variable
            ? Convert.ToHexStringLower(map.InitialData.Span.Slice(variable.Offset, variable.Size))
            : "";
        Assert.Equal("2c120600", Value("LINUX_KERNEL_VERSION"));
        Assert.Equal("fa00000000000000", Value("CONFIG_HZ"));
        Assert.Equal("01", Value("CONFIG_BPF"));
        Assert.Equal("6d", Value("CONFIG_VETH"));
        Assert.Equal("2d746573740000000000", Value("CONFIG_LOCALVERSION"));
        Assert.Equal("00", Value("CONFIG_MISSING"));
        Assert.Equal("01", Value("LINUX_HAS_BPF_COOKIE"));
    }

    [Fact]
    public void Unknown_values_of_the_configuration_are_refused_OSM2011()
    {
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(Read("clang-19", "externs.c", "v3"), s_noTarget));
        Assert.Equal("OSM2011", refusal.Id);
        Assert.Contains("not known of target", refusal.Diagnostic.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_do_not_fit_their_variable_are_refused_OSM2012()
    {
        var target = new Target("odd") { KernelVersion = 1, Configuration = name => name == "CONFIG_BPF" ? "m" : Configured(name) };
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(Read("clang-19", "externs.c", "v3"), target));
        Assert.Equal("OSM2012", refusal.Id);
        Assert.Contains("CONFIG_BPF", refusal.Diagnostic.What, StringComparison.Ordinal);
    }

    private static string? Configured(string name) => name switch
    {
        "CONFIG_HZ" => "250",
        "CONFIG_BPF" => "y",
        "CONFIG_VETH" => "m",
        "CONFIG_LOCALVERSION" => "\"-test\"",
        _ => null,
    };

    [Theory]
    [InlineData("symbol", "bpf_prog_put")]
    [InlineData("function", "bpf_some_function")]
    public void External_symbols_are_refused_by_name(string program, string symbol)
    {
        BpfObject source = Read("clang-19", "externs.c", "v3");
        Assert.Equal(["none"], Linker.Link(source, s_configured).Programs.Select(p => p.Name));

        source.FindProgram(program)!.AutoLoad = true;
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(source, s_configured));

        Assert.Equal("OSM2004", refusal.Id);
        Assert.Contains(symbol, refusal.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains("externs.c:", refusal.Diagnostic.Where, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clang-14")]
    [InlineData("clang-16")]
    [InlineData("clang-19")]
    public void Big_endian_objects_are_read_and_refused_by_the_linker(string compiler)
    {
        foreach (string file in (string[])["code.c", "data.c", "maps.c"])
        {
            BpfObject big = Toolchain.Read(compiler, "Objects/Sources/" + file, "-target", "bpfeb", "-mcpu=v3");
            BpfObject little = Read(compiler, file, "v3");

            Assert.True(big.IsBigEndian);
            Assert.Equal(
                little.Functions.Select(f => $"{f} {f.Instructions.Length} {string.Join(' ', f.Instructions.Select(i => i.Opcode))}"),
                big.Functions.Select(f => $"{f} {f.Instructions.Length} {string.Join(' ', f.Instructions.Select(i => i.Opcode))}"));
            Assert.Equal(little.Functions.SelectMany(f => f.References).Select(r => $"{r.Slot} {r.Kind} {r.Name} {r.Offset}"), big.Functions.SelectMany(f => f.References).Select(r => $"{r.Slot} {r.Kind} {r.Name} {r.Offset}"));
            Assert.Equal(little.Maps.Select(map => $"{map} {map.KeySize} {map.MaxEntries} {string.Join(' ', map.Slots)}"), big.Maps.Select(map => $"{map} {map.KeySize} {map.MaxEntries} {string.Join(' ', map.Slots)}"));
            Assert.Equal(little.Variables.Select(v => $"{v.Name} {v.Offset}"), big.Variables.Select(v => $"{v.Name} {v.Offset}"));
            Assert.Equal(little.KernelVersion, big.KernelVersion);
            Assert.Equal("OSM2005", Assert.Throws<UnsupportedFeatureException>(() => Linker.Link(big, s_noTarget)).Id);
        }
    }

    [Theory]
    [InlineData("clang-14")]
    [InlineData("clang-16")]
    [InlineData("clang-19")]
    public void Stripping_debug_sections_changes_nothing_we_read(string compiler)
    {
        foreach (string file in (string[])["code.c", "data.c", "maps.c"])
        {
            byte[] whole = Toolchain.Compile(compiler, "Objects/Sources/" + file, "-mcpu=v3");
            byte[] stripped = Toolchain.Stripped(whole, "-g");

            Assert.True(stripped.Length < whole.Length);
            Assert.Equal(InventoryText.Of(BpfObject.Read(whole, file)), InventoryText.Of(BpfObject.Read(stripped, file)));
        }
    }

    [Fact]
    public void Object_of_ten_thousand_variables_reads_and_links_soon()
    {
        byte[] data = Toolchain.Compile("clang-19", "Objects/Sources/many.c");
        var clock = Stopwatch.StartNew();
        BpfObject source = BpfObject.Read(data, "many.bpf.o");
        LinkedObject linked = Linker.Link(source, s_noTarget);

        Assert.Equal(10_000, source.Variables.Count);
        Assert.Equal(1_000, linked.Programs.Length);
        Assert.All(source.Variables, variable => Assert.False(variable.Type.IsVoid));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void Object_without_types_keeps_its_code_and_variables()
    {
        BpfObject source = Toolchain.Read("clang-19", "Objects/Sources/data.c", "-g0");

        Assert.Null(source.Types);
        Assert.Equal(99u, source.Constants.Get<uint>("limit"));
        Assert.NotEmpty(Linker.Link(source, s_noTarget).Programs.Single().Instructions);
        Assert.Null(Linker.Link(source, s_noTarget).Programs.Single().LineAt(0));
    }

    [Fact]
    public void Maps_without_types_are_refused()
    {
        byte[] data = Toolchain.Compile("clang-19", "Objects/Sources/maps.c", "-g0");

        Assert.Equal("OSM1009", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(data, "maps.bpf.o")).Id);
    }

    [Fact]
    public void Program_loaded_as_another_type_keeps_its_code()
    {
        BpfObject source = Read("clang-19", "code.c", "v3");
        source.FindProgram("entry")!.Section = SectionTable.Match("xdp");

        Assert.Equal([ProgramType.SchedCls, ProgramType.Xdp], Linker.Link(source, s_noTarget).Programs.Select(program => program.Type));
    }

    private static BpfObject Read(string compiler, string file, string version) => Toolchain.Read(compiler, "Objects/Sources/" + file, "-mcpu=" + version);

    private static ulong Value(BpfVariable variable)
    {
        Span<byte> bytes = stackalloc byte[8];
        variable.InitialValue[..Math.Min(8, variable.Size)].CopyTo(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    private static List<string> Calls(LinkedProgram program)
    {
        var calls = new List<string>();
        for (int slot = 0; slot < program.Instructions.Length; slot++)
        {
            Instruction instruction = program.Instructions[slot];
            if (instruction.IsLocalCall || instruction.IsFunctionAddress)
            {
                int target = slot + 1 + instruction.Immediate;
                string callee = program.Functions.Single(function => function.Slot == target).Name;
                calls.Add($"{program.FunctionAt(slot).Name}>{callee}");
            }

            slot += instruction.IsWide ? 1 : 0;
        }

        return calls;
    }
}
