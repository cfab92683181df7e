using System.Diagnostics;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Objects;
using Osmia.Objects.Assembly;

namespace Osmia.Tests.AssemblyText;

public sealed class ObjectAssemblerTests(ITestOutputHelper output)
{
    private const string Sample = """
        # Counts packets by length, up to 256 bytes.
            .license "GPL"
            .map lengths type array key 4 value 8 entries 257

            .section .rodata
        limit:
            .long 256
            .section .data.names
            .globl name
        name:
            .asciz "counter\n"
            .align 8
            .quad -1

            .section xdp
        count:
            r2 = *(u32 *)(r1 + 4)       // data_end
            r1 = *(u32 *)(r1 + 0)       // data
            r2 -= r1
            r1 = r2
            call clamp
            *(u32 *)(r10 - 4) = r0
            r1 = lengths ll
            r2 = r10
            r2 += -4
            call bpf_map_lookup_elem
            if r0 == 0 goto pass
            r1 = 1
            lock *(u64 *)(r0 + 0) += r1
        pass:
            r0 = 2
            exit

            .text
        clamp:
            r2 = limit ll
            r2 = *(u32 *)(r2 + 0)
            r0 = r1
            if r0 <= r2 goto done
            r0 = r2
        done:
            exit
        """;

    [Fact]
    public void Text_becomes_an_object_with_everything_in_it()
    {
        BpfObject made = ObjectAssembler.Assemble(Sample, "count.s");
        Assert.Equal(("count", "GPL"), (made.Name, made.License));
        Assert.Equal(["xdp:count"], made.Programs.Select(program => program.ToString()));
        Assert.Equal([".text:clamp", "xdp:count"], made.Functions.Select(function => function.ToString()));
        Assert.Equal(["lengths", ".rodata", ".data.names"], made.Maps.Select(map => map.Name));
        Assert.Equal((MapType.Array, 4u, 8u, 257u), (made.Maps[0].Type, made.Maps[0].KeySize, made.Maps[0].ValueSize, made.Maps[0].MaxEntries));
        Assert.Equal([("limit", 0, 4, false), ("name", 0, 9, true)], made.Variables.Select(variable => (variable.Name, variable.Offset, variable.Size, variable.IsGlobal)));
        Assert.Equal(24, made.Maps[2].InitialData.Length);
        Assert.Equal([(4, SymbolKind.Call, "clamp"), (6, SymbolKind.Map, "lengths")], made.Programs[0].Entry.References.Select(reference => (reference.Slot, reference.Kind, reference.Name)));
        Assert.Equal("count.s:18", made.Programs[0].Entry.Lines[1].Describe(made.Types!).ToString());
        Assert.Equal("r1 = *(u32 *)(r1 + 0)       // data", made.Programs[0].Entry.Lines[1].Describe(made.Types!).Text);
        Assert.Equal(256u, BitConverter.ToUInt32(made.FindVariable("limit")!.InitialValue));
    }

    [Fact]
    public void Written_object_reads_back_the_same()
    {
        BpfObject made = ObjectAssembler.Assemble(Sample, "count.s");
        BpfObject read = BpfObject.Read(made.ToArray(), "count.bpf.o");
        AssertSame(made, read);
        Assert.Equal("count.s:18", read.FindProgram("count")!.Entry.Lines[1].Describe(read.Types!).ToString());
    }

    [Fact]
    public void Maps_with_everything_a_map_may_have()
    {
        BpfObject made = ObjectAssembler.Assemble("""
                .map progs type prog_array key 4 value 4 entries 3
                .map outer type hash_of_maps key 4 value 4 entries 2 inner type array key 4 value 16 entries 1 flags 0x400
                .map inner_one type array key 4 value 16 entries 1 flags 0x400
                .map kept type hash key 8 value 8 entries 10 flags 1 pin name
                .map seen type bloom_filter value 8 entries 100 extra 3
                .slot progs 1 second
                .slot outer 0 inner_one
                .section xdp
            first:
                exit
            second:
                exit
            """, "maps.s");
        BpfObject read = BpfObject.Read(made.ToArray(), "maps.bpf.o");
        AssertSame(made, read);
        Assert.Equal([new MapSlot(1, "second")], read.FindMap("progs")!.Slots);
        Assert.Equal((MapType.Array, 16u, 0x400u), (read.FindMap("outer")!.InnerMap!.Type, read.FindMap("outer")!.InnerMap!.ValueSize, read.FindMap("outer")!.InnerMap!.Flags));
        Assert.True(read.FindMap("kept")!.PinByName);
        Assert.Equal(3u, read.FindMap("seen")!.Extra);
        Assert.Equal(["first", "second"], read.Programs.Select(program => program.Name));
    }

    [Fact]
    public void What_compilers_write_around_code_is_read_over()
    {
        BpfObject made = ObjectAssembler.Assemble("""
                .file "x.c"
                .section socket,"ax",@progbits
                .globl pick                    # -- Begin function pick
                .p2align 3
                .type pick,@function
            pick:                                   # @pick
                r0 = 0
                call add
                exit
                .size pick, .-pick
                .type LICENSE,@object
                .section license,"aw",@progbits
                .globl LICENSE
            LICENSE:
                .asciz "GPL"
                .size LICENSE, 4
                .text
                .type add,@function
            add:
                r0 += 1
                exit
            """, "x.s");
        Assert.Equal("GPL", made.License);
        Assert.Equal("pick", Assert.Single(made.Programs).Name);
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void Foreign_objects_come_back_from_their_text(string package)
    {
        int objects = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            if (BpfObject.TryRead(data, name, out BpfObject? original, out _))
            {
                objects++;
                AssertComesBack(original);
            }
        }

        Assert.True(objects > 0);
        output.WriteLine($"{package}: {objects} objects");
    }

    [Fact]
    public void Samples_come_back_from_their_text()
    {
        string[] files = Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories);
        Assert.True(files.Length >= 10);
        foreach (BpfObject source in files.Select(file => BpfObject.Read(file)))
        {
            // Structs of callbacks have no text, as docs/assembly.md says.
            if (!source.Maps.Any(map => map.Type == Bytecode.MapType.StructOps))
            {
                AssertComesBack(source);
            }
        }
    }

    [Fact]
    public void Compiled_objects_of_every_form_come_back_or_say_what_is_lost()
    {
        string tests = RepositoryFiles.PathOf("tests", "Osmia.UnitTests");
        int whole = 0;
        var lost = new SortedSet<string>();
        foreach (string source in Directory.GetFiles(Path.Combine(tests, "Objects", "Sources"), "*.c").Concat(Directory.GetFiles(Path.Combine(tests, "Linking", "Sources"), "*.c")))
        {
            if (!BpfObject.TryRead(Compiled(Path.GetRelativePath(tests, source)), Path.GetFileNameWithoutExtension(source) + ".bpf.o", out BpfObject? original, out _))
            {
                continue; // Sources of other tests' errors and of programs for the host.
            }

            if (original.Functions.Count == 0 && original.Maps.Count == 0)
            {
                continue; // Types alone have no text.
            }

            using var text = new StringWriter();
            var writer = new ObjectText(original);
            writer.Write(text);
            Assert.True(ObjectAssembler.TryAssemble(text.ToString(), "again.s", out BpfObject? again, out IReadOnlyList<AssemblyDiagnostic> problems), $"{source}: {string.Join('\n', problems.Take(3))}\n{text}");
            lost.UnionWith(writer.Losses);
            if (writer.Losses.Count == 0)
            {
                AssertSame(original, again);
                whole++;
            }
        }

        output.WriteLine($"{whole} whole; lost: {string.Join("; ", lost)}");
        Assert.True(whole >= 5, $"{whole} objects came back whole");
        Assert.Contains(lost, loss => loss.StartsWith("external symbols", StringComparison.Ordinal));
        Assert.Contains(lost, loss => loss.StartsWith("the struct of operations", StringComparison.Ordinal));
    }

    private static byte[] Compiled(string source)
    {
        try
        {
            return Toolchain.Compile("clang-19", source, "-Wno-everything", "-mcpu=v4");
        }
        catch (Xunit.Sdk.TrueException)
        {
            return []; // Not of BPF.
        }
    }

    [Fact]
    public void Names_that_no_text_can_say_are_replaced()
    {
        BpfObject original = ObjectAssembler.Assemble(Sample, "count.s");
        BpfMap odd = new("two words\n.license \"GPL\"") { Type = MapType.Hash, KeySize = 4, ValueSize = 4, MaxEntries = 1 };
        BpfFunction program = original.FindProgram("count")!.Entry;
        var renamed = new BpfFunction("r1", program.Section, program.SectionSlot, program.Instructions) { IsGlobal = true, References = [.. program.References.Select(reference => reference with { Map = odd })] };
        original.Functions = [.. original.Functions.Where(function => function != program), renamed];
        original.Maps = [odd, .. original.Maps.Skip(1)];
        using var text = new StringWriter();
        var writer = new ObjectText(original);
        writer.Write(text);
        BpfObject again = ObjectAssembler.Assemble(text.ToString(), "again.s");
        Assert.Equal(["map_0_", ".rodata", ".data.names"], again.Maps.Select(map => map.Name));
        Assert.Equal(["clamp", "function_1_"], again.Functions.Select(function => function.Name).Order());
        Assert.Contains("the name of a function, which is function_1_ here", writer.Losses);
    }

    private static void AssertComesBack(BpfObject original)
    {
        using var text = new StringWriter();
        var writer = new ObjectText(original);
        writer.Write(text);
        Assert.True(
            ObjectAssembler.TryAssemble(text.ToString(), original.Name + ".s", out BpfObject? again, out IReadOnlyList<AssemblyDiagnostic> problems),
            $"{original.Name}: {string.Join('\n', problems.Take(3))}");
        AssertSame(original, again);
        if (writer.Losses.Count == 0)
        {
            BpfObject written = BpfObject.Read(again.ToArray(), original.Name + ".bpf.o");
            AssertSame(original, written);
        }
    }

    private static void AssertSame(BpfObject expected, BpfObject actual)
    {
        Assert.Equal(expected.License, actual.License);
        Assert.Equal(expected.Programs.Select(program => program.ToString()).Order(), actual.Programs.Select(program => program.ToString()).Order());
        Assert.Equal(Maps(expected).Select(Describe), Maps(actual).Select(Describe));
        foreach (BpfFunction function in expected.Functions)
        {
            BpfFunction again = actual.Functions.Single(other => other.Name == function.Name && other.Section == function.Section);
            Assert.Equal(Masked(function), Masked(again));
            Assert.Equal(function.References.Where(IsKept).Select(Describe), again.References.Where(IsKept).Select(Describe));
        }

        foreach (BpfVariable variable in expected.Variables.Where(variable => variable.IsGlobal && variable.Map.DataSection != DataSectionKind.Kconfig && variable.Size > 0))
        {
            BpfVariable again = actual.FindVariable(variable.Name)!;
            Assert.Equal((variable.Map.Name, variable.Offset, variable.Size), (again.Map.Name, again.Offset, again.Size));
        }
    }

    // Externs and values of the configuration have no text; the writer says so.
    private static bool IsKept(SymbolReference reference) => reference.Kind != SymbolKind.Extern && reference.Map?.DataSection != DataSectionKind.Kconfig;

    private static IEnumerable<BpfMap> Maps(BpfObject source) =>
        source.Maps.Where(map => map.DataSection != DataSectionKind.Kconfig && (map.DataSection == DataSectionKind.None || map.ValueSize > 0)).OrderBy(map => map.Name, StringComparer.Ordinal);

    private static string Describe(BpfMap map) =>
        $"{map} {map.KeySize} {map.ValueSize} {map.MaxEntries} {map.Flags:x} {map.Extra} {map.PinByName} [{string.Join(' ', map.Slots)}] {(map.InnerMap is { } inner ? $"{inner.Type} {inner.KeySize} {inner.ValueSize} {inner.MaxEntries} {inner.Flags}" : "")}"
        + (map.DataSection == DataSectionKind.None ? "" : Convert.ToHexString(map.InitialData));

    private static string Describe(SymbolReference reference) =>
        $"{reference.Slot} {reference.Kind} {reference.Map?.Name ?? reference.Function?.Name} {reference.Offset}";

    /// <summary>Instructions without what their references say.</summary>
    private static Instruction[] Masked(BpfFunction function)
    {
        var code = (Instruction[])function.Instructions.Clone();
        foreach (SymbolReference reference in function.References)
        {
            code[reference.Slot] = code[reference.Slot].WithImmediate(0).WithSourceKind(0);
            if (code[reference.Slot].IsWide)
            {
                code[reference.Slot + 1] = default;
            }
        }

        return code;
    }

    /// <summary>Each block of the file is a text with errors; what is said of them stands behind it.</summary>
    [Fact]
    public void Errors_of_objects_say_where_and_what()
    {
        var text = new StringBuilder();
        var ids = new SortedSet<string>();
        string file = File.ReadAllText(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "AssemblyText", "object-errors.txt"));
        foreach (string block in file.Split("====\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string source = block.Split("----\n")[0];
            Assert.False(ObjectAssembler.TryAssemble(source, "bad.s", out BpfObject? made, out IReadOnlyList<AssemblyDiagnostic> problems), source);
            Assert.Null(made);
            text.Append("====\n").Append(source).Append("----\n").AppendJoin('\n', problems).Append('\n');
            ids.UnionWith(problems.Select(problem => problem.Id));
        }

        GoldenFile.Check(text.ToString(), "AssemblyText", "object-errors.txt");
        Assert.Superset(new SortedSet<string> { "OSM1410", "OSM1411", "OSM1412" }, ids);
    }

    [Fact]
    public void Any_text_becomes_an_object_or_is_refused()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        TimeSpan budget = Budget.For("bytecode") / 6;
        var watch = Stopwatch.StartNew();
        (int texts, int assembled) = (0, 0);
        do
        {
            texts++;
            StringBuilder text = RandomObject(random);
            for (int changes = random.Next(3) == 0 ? random.Next(1, 5) : 0; changes > 0; changes--)
            {
                text[random.Next(text.Length)] = (char)random.Next(1, 128);
            }

            try
            {
                if (ObjectAssembler.TryAssemble(text.ToString(), "fuzz.s", out BpfObject? made, out IReadOnlyList<AssemblyDiagnostic> problems))
                {
                    assembled++;
                    AssertSame(made, BpfObject.Read(made.ToArray(), "fuzz.bpf.o"));
                    AssertComesBack(made);
                }
                else
                {
                    Assert.InRange(problems.Count, 1, 101);
                }
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}\n{text}");
            }
        }
        while (watch.Elapsed < budget);
        output.WriteLine($"{texts} texts, {assembled} assembled");
    }

    // Pieces that fit together; {0} is a number of their own, {1} one of an earlier piece, {2} any.
    private static readonly string[] s_pieces =
    [
        "    .map m{0} type hash key 4 value {2} entries {2} flags 1\n",
        "    .map m{0} type array_of_maps key 4 value 4 entries 2 inner type array key 4 value {2} entries 1\n    .slot m{0} 1 m{1}\n",
        "    .map m{0} type prog_array key 4 value 4 entries 9\n    .slot m{0} {2} f{1}\n",
        "    .data\nv{0}: .long {2}\n.skip 4\n    .globl w{0}\nw{0}: .quad -{2}, {2}\n",
        "    .section .rodata.x{1}\nv{0}: .asciz \"a{2}\\n\\xff\"\n.p2align 3\n",
        "    .bss\nv{0}: .zero {2}\n",
        "    .section xdp\nf{0}:\n    r0 = {2}\n    exit\n",
        "    .section tp/a/b{1}\nf{0}:\n    r1 = m{1} ll\n    r2 = v{1} + 1 ll\n    if r1 == r2 goto l{0}\n    call f{1}\nl{0}:\n    exit\n",
        "    .text\nf{0}:\n    r2 = f{1} ll\n    w3 = 1\nl{0}:\n    w3 += {2}\n    if w3 < 9 goto l{0}\n    call bpf_ktime_get_ns\n    goto -1\n",
        "    .globl f{1}\n    .license \"GPL {2}\"\n",
    ];

    private static StringBuilder RandomObject(Random random)
    {
        var text = new StringBuilder("    .map m0 type array key 4 value 4 entries 1\n    .data\nv0: .quad 0\n    .section xdp\nf0: exit\n");
        var made = new Dictionary<char, List<int>> { ['f'] = [0], ['m'] = [0], ['v'] = [0] };
        for (int number = 1, count = random.Next(1, 12); number <= count; number++)
        {
            string piece = s_pieces[random.Next(s_pieces.Length)].Replace("{0}", $"{number}", StringComparison.Ordinal).Replace("{2}", $"{random.Next(1, 9)}", StringComparison.Ordinal);
            foreach ((char kind, List<int> numbers) in made)
            {
                piece = piece.Replace($"{kind}{{1}}", $"{kind}{numbers[random.Next(numbers.Count)]}", StringComparison.Ordinal);
            }

            piece = piece.Replace("{1}", $"{random.Next(3)}", StringComparison.Ordinal);
            foreach ((char kind, List<int> numbers) in made)
            {
                if (piece.Contains($"\n{kind}{number}:", StringComparison.Ordinal) || piece.Contains($".map {kind}{number} ", StringComparison.Ordinal))
                {
                    numbers.Add(number);
                }
            }

            text.Append(piece);
        }

        return text;
    }

    [Theory]
    [InlineData(".section x{0}\n")]
    [InlineData("a{0}:\n")]
    [InlineData(".section x{0}\nf{0}: exit\n")]
    [InlineData(".map m{0} type hash\n")]
    [InlineData(".globl g{0}\n")]
    [InlineData(".data\nv:\n")]
    [InlineData(".zero 1000000\n")]
    [InlineData(".data\n.byte 1\nv{0}:\n")]
    [InlineData(".section x\nf{0}: call f\nexit\n")]
    [InlineData("\"{0}\\\"")]
    public void Long_nonsense_takes_time_in_proportion(string piece)
    {
        var text = new StringBuilder();
        for (int i = 0; text.Length < 500_000; i++)
        {
            text.Append(piece.Replace("{0}", $"{i}", StringComparison.Ordinal));
        }

        var watch = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        _ = ObjectAssembler.TryAssemble(text.ToString(), "long.s", out _, out IReadOnlyList<AssemblyDiagnostic> problems);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{watch.Elapsed}");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 700_000_000, $"{GC.GetAllocatedBytesForCurrentThread() - before} bytes");
        Assert.InRange(problems.Count, 0, 101);
    }
}
