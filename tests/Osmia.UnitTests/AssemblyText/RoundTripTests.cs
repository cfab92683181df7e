using System.Diagnostics;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Tests.Disassembly;

namespace Osmia.Tests.AssemblyText;

/// <summary>What the disassembler prints, the assembler reads back as the same bytes.</summary>
public sealed class RoundTripTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(DisassemblyStyle.Kernel)]
    [InlineData(DisassemblyStyle.Llvm)]
    public void Every_valid_instruction_comes_back(DisassemblyStyle style)
    {
        Instruction[][] all = [.. ValidInstructions.All()];
        Assert.Equal("", Differences(all, style));
        output.WriteLine($"{all.Length} instructions");
        Assert.True(all.Length > 20_000, $"{all.Length} instructions");
        Assert.Equal(OpcodeCount, all.Select(stream => stream[0].Opcode.Value).Distinct().Count());
    }

    // 53 of arithmetic, 50 of jumps and calls, 14 loads, 8 stores, 4 atomics.
    private const int OpcodeCount = 129;

    [Theory]
    [InlineData(DisassemblyStyle.Kernel)]
    [InlineData(DisassemblyStyle.Llvm)]
    public void Random_valid_instructions_come_back(DisassemblyStyle style)
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        TimeSpan budget = Budget.For("bytecode") / 6;
        var watch = Stopwatch.StartNew();
        var batch = new Instruction[1000][];
        int count = 0;
        do
        {
            count += batch.Length;
            for (int i = 0; i < batch.Length; i++)
            {
                batch[i] = ValidInstructions.Random(random);
            }

            string differences = Differences(batch, style);
            Assert.True(differences.Length == 0, $"seed {seed}\n{differences}");
        }
        while (watch.Elapsed < budget);
        output.WriteLine($"{count} instructions");
    }

    [Fact]
    public void Kernel_text_comes_back_without_opcodes_but_for_short_wide_loads()
    {
        foreach (Instruction[] stream in ValidInstructions.All())
        {
            string text = Disassembler.Format(stream, 0)["(00) ".Length..];
            bool isShort = stream[0] is { IsWide: true, SourceKind: PseudoLoad.Immediate } && stream[1].Immediate is 0;
            if (!isShort)
            {
                Assert.Equal(stream, Assembler.Assemble(text));
            }
        }
    }

    [Fact]
    public void Clang_reads_our_llvm_text_as_the_same_bytes()
    {
        Toolchain.Require("clang-19");
        Instruction[][] known = [.. ValidInstructions.All().Where(stream => !IsNotOfClang(stream[0]))];
        var source = new StringBuilder(".text\nf:\n");
        foreach (Instruction[] stream in known)
        {
            AppendListing(source, stream, DisassemblyStyle.Llvm);
        }

        Instruction[] theirs = CodeOf(source.ToString());
        Assert.Equal(known.SelectMany(stream => stream), theirs);
    }

    /// <summary>clang 20 has load-acquire and store-release, clang 22 gotox; none takes a long distance as a number.</summary>
    private static bool IsNotOfClang(Instruction instruction) =>
        instruction.Opcode.Value == Opcodes.JumpIndirect
        || (instruction.Opcode.Value == Opcodes.JumpLong && instruction.Immediate is < short.MinValue or > short.MaxValue)
        || instruction is { Opcode: { Class: InstructionClass.Stx, Mode: Mode.Atomic }, Immediate: AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease };

    [Fact]
    public void Every_form_clang_reads_we_read_alike()
    {
        Toolchain.Require("clang-19");
        string source = File.ReadAllText(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Disassembly", "forms.s"));
        string ours = string.Join('\n', source.Split('\n').Where(line => !line.TrimStart().StartsWith('.')));
        Assert.Equal(CodeOf(source), Assembler.Assemble(ours));
    }

    [Theory]
    [InlineData(DisassemblyStyle.Kernel)]
    [InlineData(DisassemblyStyle.Llvm)]
    public void Functions_of_the_samples_come_back(DisassemblyStyle style)
    {
        string folder = RepositoryFiles.PathOf("samples");
        string[] sources = [.. Directory.GetFiles(folder, "*.bpf.c", SearchOption.AllDirectories)];
        int functions = 0;
        foreach (string source in sources)
        {
            functions += CompareFunctions(Toolchain.Read("clang-19", Path.GetRelativePath(RepositoryFiles.PathOf("tests", "Osmia.UnitTests"), source), "-I", Path.Combine(folder, "include")), style);
        }

        Assert.True(functions >= sources.Length, $"{functions} functions in {sources.Length} samples");
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void Functions_of_foreign_objects_come_back(string package)
    {
        int functions = 0;
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            if (BpfObject.TryRead(data, name, out BpfObject? read, out _))
            {
                functions += CompareFunctions(read, DisassemblyStyle.Kernel) + CompareFunctions(read, DisassemblyStyle.Llvm);
            }
        }

        Assert.True(functions > 0);
        output.WriteLine($"{package}: {functions / 2} functions in both styles");
    }

    private static int CompareFunctions(BpfObject source, DisassemblyStyle style)
    {
        foreach (BpfFunction function in source.Functions)
        {
            var text = new StringBuilder();
            AppendListing(text, function.Instructions, style, slotNumbers: true);
            Assert.True(Assembler.TryAssemble(text.ToString(), out Instruction[]? again, out IReadOnlyList<AssemblyDiagnostic> problems), $"{source.Name} {function}: {string.Join('\n', problems.Take(3))}");
            Assert.Equal(function.Instructions, again);
        }

        return source.Functions.Count;
    }

    private static string Differences(IEnumerable<Instruction[]> streams, DisassemblyStyle style)
    {
        var differences = new StringBuilder();
        int count = 0;
        foreach (Instruction[] stream in streams)
        {
            var text = new StringBuilder();
            AppendListing(text, stream, style);
            bool isRead = Assembler.TryAssemble(text.ToString(), out Instruction[]? again, out IReadOnlyList<AssemblyDiagnostic> problems);
            if ((!isRead || !stream.AsSpan().SequenceEqual(again)) && count++ < 20)
            {
                string found = isRead ? Convert.ToHexStringLower(DisassemblerTests.Encode(again)) : problems[0].ToString();
                differences.Append($"{Convert.ToHexStringLower(DisassemblerTests.Encode(stream))} '{text}': {found}\n");
            }
        }

        return differences.ToString();
    }

    private static void AppendListing(StringBuilder text, Instruction[] stream, DisassemblyStyle style, bool slotNumbers = false)
    {
        for (int slot = 0; slot < stream.Length;)
        {
            _ = slotNumbers ? text.Append($"{slot,5}: ") : text;
            slot += Disassembler.Append(text, stream, slot, style: style);
            text.Append('\n');
        }
    }

    private static Instruction[] CodeOf(string assembly)
    {
        using var folder = new TemporaryFolder();
        string source = Path.Combine(folder.Path, "in.s");
        string file = Path.Combine(folder.Path, "in.o");
        string code = Path.Combine(folder.Path, "code");
        File.WriteAllText(source, assembly);
        Toolchain.Run("clang-19", "-target", "bpf", "-mcpu=v4", "-c", source, "-o", file);
        Toolchain.Run("llvm-objcopy-19", $"--dump-section=.text={code}", file);
        return Instruction.DecodeAll(File.ReadAllBytes(code));
    }
}
