using System.Diagnostics;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Bytecode.Disassembly;

namespace Osmia.Tests.AssemblyText;

public sealed class AssemblerTests(ITestOutputHelper output)
{
    private static string[] Lines(string name) => File.ReadAllLines(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "AssemblyText", name));

    /// <summary>Forms that no disassembler prints: shorter, spaced otherwise, with labels. The golden file has what they become.</summary>
    [Fact]
    public void Forms_of_people_become_instructions()
    {
        var text = new StringBuilder();
        foreach (string line in Lines("forms.txt"))
        {
            string source = line.Split('\t')[0];
            if (source.Length == 0 || source[0] == '#')
            {
                text.Append(line).Append('\n');
                continue;
            }

            Instruction[] code = Assembler.Assemble(Unescaped(source), Resolve);
            text.Append(source).Append('\t');
            for (int slot = 0; slot < code.Length;)
            {
                text.Append(slot == 0 ? "" : " | ");
                slot += Disassembler.Append(text, code, slot);
            }

            text.Append('\n');
        }

        GoldenFile.Check(text.ToString(), "AssemblyText", "forms.txt");
    }

    private static string Unescaped(string text) => text.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);

    /// <summary>Each line of the file is a text with errors; what is said of them stands behind it.</summary>
    [Fact]
    public void Errors_say_where_and_what()
    {
        var text = new StringBuilder();
        var ids = new SortedSet<string>();
        foreach (string block in (string.Join('\n', Lines("errors.txt")) + '\n').Split("====\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string source = block.Split("----\n")[0];
            Assert.False(Assembler.TryAssemble(source, out Instruction[]? code, out IReadOnlyList<AssemblyDiagnostic> problems, Resolve), source);
            Assert.Null(code);
            text.Append("====\n").Append(source).Append("----\n").AppendJoin('\n', problems).Append('\n');
            ids.UnionWith(problems.Select(problem => problem.Id));
        }

        GoldenFile.Check(text.ToString(), "AssemblyText", "errors.txt");
        Assert.Equal(["OSM1401", "OSM1402", "OSM1403", "OSM1404", "OSM1406", "OSM1407"], ids);
    }

    private static SymbolValue? Resolve(AssemblyReference reference) => (reference.Kind, reference.Name) switch
    {
        (AssemblyReferenceKind.Load, "counts") => SymbolValue.MapByIndex(3),
        (AssemblyReferenceKind.Load, "total") => SymbolValue.MapValueByIndex(4, 16 + (int)reference.Offset),
        (AssemblyReferenceKind.Call, "bpf_task_acquire") => SymbolValue.Kfunc(99),
        _ => null,
    };

    [Fact]
    public void Throwing_form_holds_every_problem()
    {
        AssemblyException refusal = Assert.Throws<AssemblyException>(() => Assembler.Assemble("r11 = 1\n\n  goto nowhere\nexit"));
        Assert.Equal([("OSM1406", 1, 1), ("OSM1403", 3, 8)], refusal.Diagnostics.Select(problem => (problem.Id, problem.Line, problem.Column)));
        Assert.Contains("line 3, column 8: goto nowhere", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_reach_over_wide_instructions_and_both_ways()
    {
        Instruction[] code = Assembler.Assemble("""
            again:
              r1 = 5 ll
              if r1 > r2 goto out   ; forward, past a wide load
              r3 = 0x1122334455667788 ll
              gotol again
            out: exit
            """);
        Assert.Equal((3, 3), (code[2].Offset, code[2].JumpDistance));
        Assert.Equal(-6, code[5].Immediate);
    }

    [Fact]
    public void Conditional_jump_too_far_is_refused_with_a_way_out()
    {
        string text = $"if r1 == 0 goto out\n{string.Concat(Enumerable.Repeat("r0 = 0\n", 32_768))}out: exit";
        Assert.False(Assembler.TryAssemble(text, out _, out IReadOnlyList<AssemblyDiagnostic> problems));
        Assert.Equal("OSM1405", Assert.Single(problems).Id);
        Assert.Equal(32_768, Assembler.Assemble(text.Replace("if r1 == 0 goto", "gotol", StringComparison.Ordinal))[0].Immediate);
    }

    [Fact]
    public void Comments_of_every_kind_are_read_over()
    {
        Instruction[] code = Assembler.Assemble("""
            ; r0 = 1
            # r0 = 2
            // r0 = 3
            /* r0 = 4
               r0 = 5 */ r0 = 6 /* and */ ; all
            call bpf_ktime_get_ns#5 # with a number
            exit//
            """);
        Assert.Equal([6, 5, 0], code.Select(instruction => instruction.Immediate));
    }

    [Theory]
    [InlineData("llvm-objdump.txt")]
    [InlineData("bpftool.txt")]
    public void Dump_is_pasted_back(string file)
    {
        // Both files are one program; what objdump prints of the bytes is in its text.
        Instruction[] code = Assembler.Assemble(string.Join('\n', Lines(file)));
        Assert.Equal(Lines("dump.hex"), code.Select(instruction => Convert.ToHexStringLower(Tests.Disassembly.DisassemblerTests.Encode([instruction]))));
    }

    [Fact]
    public void Any_text_is_assembled_or_refused()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        string[] seeds = [.. Lines("forms.txt").Select(line => Unescaped(line.Split('\t')[0])), .. Lines("bpftool.txt"), .. Lines("llvm-objdump.txt")];
        TimeSpan budget = Budget.For("bytecode") / 3;
        var watch = Stopwatch.StartNew();
        (int texts, int assembled) = (0, 0);
        for (; watch.Elapsed < budget; texts++)
        {
            string text = Mutate(random, seeds);
            try
            {
                if (Assembler.TryAssemble(text, out Instruction[]? code, out IReadOnlyList<AssemblyDiagnostic> problems))
                {
                    assembled++;
                    foreach (DisassemblyStyle style in Enum.GetValues<DisassemblyStyle>())
                    {
                        AssertPrintable(code, style);
                    }
                }
                else
                {
                    Assert.InRange(problems.Count, 1, 101);
                    Assert.All(problems, problem => Assert.True(problem.Line > 0 && problem.Column > 0 && problem.What.Length > 0));
                }
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}\n{text}");
            }
        }

        output.WriteLine($"{texts} texts, {assembled} assembled");
    }

    /// <summary>Whatever was assembled prints, and what prints valid comes back.</summary>
    private static void AssertPrintable(Instruction[] code, DisassemblyStyle style)
    {
        var text = new StringBuilder();
        for (int slot = 0; slot < code.Length; text.Append('\n'))
        {
            slot += Disassembler.Append(text, code, slot, style: style);
        }

        if (InstructionValidity.FirstProblem(code) is null)
        {
            Assert.Equal(code, Assembler.Assemble(text.ToString()));
        }
    }

    private static readonly string s_likely = "0123456789rwxs+-*/=<>()[]:;#'\"\\., \n\0é";

    private static string Mutate(Random random, string[] seeds)
    {
        var text = new StringBuilder();
        for (int lines = random.Next(1, 6); lines > 0; lines--)
        {
            text.Append(seeds[random.Next(seeds.Length)]).Append('\n');
        }

        for (int changes = random.Next(5); changes > 0 && text.Length > 0; changes--)
        {
            int at = random.Next(text.Length);
            switch (random.Next(5))
            {
                case 0:
                    text.Remove(at, Math.Min(random.Next(1, 6), text.Length - at));
                    break;
                case 1:
                    text.Insert(at, (char)random.Next(1, 130));
                    break;
                case 2:
                    text[at] = s_likely[random.Next(s_likely.Length)];
                    break;
                case 3:
                    text.Insert(at, random.NextInt64());
                    break;
                default:
                    text.Insert(at, seeds[random.Next(seeds.Length)]);
                    break;
            }
        }

        return text.ToString();
    }

    [Theory]
    [InlineData("\"")]
    [InlineData("\\\"")]
    [InlineData("'\\")]
    [InlineData("/*")]
    [InlineData("r0 = ")]
    [InlineData("a:")]
    [InlineData("9")]
    [InlineData(".byte ")]
    [InlineData("b7 ")]
    [InlineData("((")]
    [InlineData("call x\n")]
    [InlineData("goto x\n")]
    [InlineData("- ")]
    public void Long_nonsense_takes_time_in_proportion(string piece)
    {
        string text = string.Concat(Enumerable.Repeat(piece, 1_000_000 / piece.Length));
        var watch = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(Assembler.TryAssemble(text, out _, out IReadOnlyList<AssemblyDiagnostic> problems) && problems.Count > 0);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"{watch.Elapsed}");
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 500_000_000);
    }
}
