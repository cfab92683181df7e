using System.Globalization;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Objects;
using Osmia.Objects.Assembly;

namespace Osmia.Tests.AssemblyText;

/// <summary>docs/assembly.md: every example is assembled, every row of its tables says the truth.</summary>
public sealed partial class AssemblyPageTests
{
    private static readonly string s_page = File.ReadAllText(RepositoryFiles.PathOf("docs", "assembly.md"));

    [Fact]
    public void Examples_assemble_and_can_be_written()
    {
        MatchCollection blocks = Example().Matches(s_page);
        Assert.Equal(2, blocks.Count);
        foreach (Match block in blocks)
        {
            BpfObject made = ObjectAssembler.Assemble(block.Groups[1].Value, "page.s");
            Assert.Equal(made.Programs.Count, BpfObject.Read(made.ToArray(), "page.bpf.o").Programs.Count);
        }
    }

    [Fact]
    public void Rows_of_instructions_have_their_opcode_and_version()
    {
        MatchCollection rows = Row().Matches(s_page);
        Assert.True(rows.Count > 50, $"{rows.Count} rows");
        foreach (Match row in rows)
        {
            string text = row.Groups[1].Value.Replace("\\|", "|", StringComparison.Ordinal);
            Instruction[] code = Assembler.Assemble($"{text}\ndone:\nclamp: exit", reference => reference.Name == "lengths" ? SymbolValue.MapByIndex(0) : null);
            Assert.True(code[0].Opcode.Value == byte.Parse(row.Groups[2].ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture), row.Value);
            bool isInternal = code[0].Opcode.Value == Opcodes.NoSpeculation;
            Assert.True(isInternal || InstructionSet.LevelOf(code[0]).ToString() == $"V{row.Groups[3].Value}", row.Value);
        }
    }

    [Fact]
    public void Code_of_the_page_does_what_it_says()
    {
        Instruction[] code = Assembler.Assemble("r0 = 2\nexit");
        Instruction[] more = Assembler.Assemble("r1 = counts ll\ncall bpf_map_lookup_elem\nexit", name => name.Name == "counts" ? SymbolValue.MapByIndex(0) : null);
        bool isGood = Assembler.TryAssemble("r0 = r11", out Instruction[]? none, out IReadOnlyList<AssemblyDiagnostic> problems);
        Assert.Equal((2, 4, false), (code.Length, more.Length, isGood));
        Assert.Null(none);
        Assert.Equal("OSM1406", Assert.Single(problems).Id);
    }

    [GeneratedRegex("```asm\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex(@"^\| `([^`]+)` \| ([0-9a-f]{2}) \| v(\d) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
