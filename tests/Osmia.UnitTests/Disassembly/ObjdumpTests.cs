using System.Text;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;

namespace Osmia.Tests.Disassembly;

/// <summary>Our LLVM style against llvm-objdump itself, on compiled C and on every opcode.</summary>
public sealed partial class ObjdumpTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-objdump-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("v1")]
    [InlineData("v2")]
    [InlineData("v3")]
    [InlineData("v4")]
    public void Compiled_code_prints_as_objdump_prints_it(string cpu)
    {
        string source = RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Disassembly", "shapes.c");
        string file = Path.Combine(_folder, "shapes.o");
        ReferenceTool.Run("clang-19", "-O2", "-target", "bpf", $"-mcpu={cpu}", "-c", source, "-o", file);
        Assert.True(Compare(file) > 100);
    }

    [Fact]
    public void Assembled_code_prints_as_objdump_prints_it()
    {
        string source = RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Disassembly", "forms.s");
        string file = Path.Combine(_folder, "forms.o");
        ReferenceTool.Run("clang-19", "-target", "bpf", "-mcpu=v4", "-c", source, "-o", file);
        Assert.True(Compare(file) > 30);
    }

    [Fact]
    public void Every_valid_opcode_prints_as_objdump_prints_it()
    {
        var source = new StringBuilder(".text\nf:\n");
        foreach (Instruction[] stream in InstructionSamples.All())
        {
            // What llvm 19 does not know or prints by its fields alone is not compared.
            Instruction first = stream[0];
            bool isNew = first is { Opcode: { Class: InstructionClass.Stx, Mode: Mode.Atomic }, Immediate: AtomicOperation.LoadAcquire or AtomicOperation.StoreRelease };
            if (InstructionValidity.Check(stream, 0) is null && !isNew && first.Opcode.Value != Opcodes.JumpIndirect)
            {
                source.Append(".byte ").AppendJoin(", ", DisassemblerTests.Encode(stream)).Append('\n');
            }
        }

        string assembly = Path.Combine(_folder, "all.s");
        string file = Path.Combine(_folder, "all.o");
        File.WriteAllText(assembly, source.ToString());
        ReferenceTool.Run("clang-19", "-target", "bpf", "-c", assembly, "-o", file);
        Assert.True(Compare(file) > 200);
    }

    private static int Compare(string file)
    {
        // The plain run prints 32-bit memory accesses with full registers, but takes every 32-bit atomic for an addition.
        Dictionary<string, string> halves = Lines(ReferenceTool.Run("llvm-objdump-19", "-d", "--mattr=+alu32", file)).ToDictionary(line => line.Place, line => line.Text);
        var differences = new StringBuilder();
        int compared = 0;
        foreach ((string place, byte[] bytes, string text) in Lines(ReferenceTool.Run("llvm-objdump-19", "-d", file)))
        {
            Instruction instruction = Instruction.Decode(bytes);
            bool isHalfAtomic = instruction is { Opcode: { Class: InstructionClass.Stx, Mode: Mode.Atomic, Size: Size.W }, Immediate: not AtomicOperation.Add };
            string expected = isHalfAtomic ? halves[place] : text;
            Instruction[] stream = Instruction.DecodeAll(bytes);
            string actual = Disassembler.Format(stream, 0, style: DisassemblyStyle.Llvm);
            if (IsAmbiguous(stream))
            {
                Assert.StartsWith(".byte 0x", actual, StringComparison.Ordinal);
                continue;
            }

            compared++;
            if (actual != expected)
            {
                differences.Append($"{place} {Convert.ToHexStringLower(bytes)}: objdump '{expected}', we '{actual}'\n");
            }
        }

        Assert.Equal("", differences.ToString());
        return compared;
    }

    /// <summary>What objdump prints like something else, so that no assembler reads it back: we print bytes.</summary>
    private static bool IsAmbiguous(Instruction[] stream) => stream[0] switch
    {
        { IsCall: true } => stream[0].SourceKind != CallKind.Helper,
        { IsWide: true } => stream[0].SourceKind != PseudoLoad.Immediate && stream[1].Immediate != 0,
        { Opcode: { Class: InstructionClass.Ld, Mode: Mode.Ind } } => stream[0].Immediate != 0,
        _ => false,
    };

    private static IEnumerable<(string Place, byte[] Bytes, string Text)> Lines(string listing)
    {
        string section = "";
        foreach (string line in listing.Split('\n'))
        {
            if (line.StartsWith("Disassembly of section", StringComparison.Ordinal))
            {
                section = line;
            }

            Match match = ListingLine().Match(line);
            if (match.Success)
            {
                string text = TargetLabel().Replace(match.Groups[3].Value, "").Replace("ld_pseudo\t", "ld_pseudo ", StringComparison.Ordinal).Trim();
                yield return ($"{section}{match.Groups[1].Value}", Convert.FromHexString(match.Groups[2].Value.Replace(" ", "", StringComparison.Ordinal)), text);
            }
        }
    }

    [GeneratedRegex(@"^\s*(\d+):\s+((?:[0-9a-f]{2} )*[0-9a-f]{2})\t(.*)$")]
    private static partial Regex ListingLine();

    [GeneratedRegex(@" <[A-Za-z_.$][^<>]*>$")]
    private static partial Regex TargetLabel();
}
