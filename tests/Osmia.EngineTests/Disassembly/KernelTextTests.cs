using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;

namespace Osmia.Tests.Disassembly;

/// <summary>Our kernel style against the kernel's own text (verifier log) and bpftool's, of a program bpftool loads.</summary>
public sealed partial class KernelTextTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-xlated-").FullName;
    private readonly string _pin = $"/sys/fs/bpf/osmia-xlated-{Environment.ProcessId}-{Guid.NewGuid():n}";

    public void Dispose()
    {
        File.Delete(_pin);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Verifier_log_prints_instructions_as_we_do()
    {
        string file = Assemble();
        string log = Load(file);
        Instruction[] stream = SectionCode(file, "socket").Concat(SectionCode(file, ".text")).ToArray();
        var differences = new StringBuilder();
        var compared = new HashSet<int>();
        foreach (Match line in LogLine().Matches(log))
        {
            int slot = int.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            string theirs = line.Groups[2].Value.Trim();

            // bpftool has put the called function behind the program, so that its distance is another.
            if (compared.Add(slot) && !theirs.StartsWith("(85) call pc", StringComparison.Ordinal))
            {
                string ours = Disassembler.Format(stream, slot);
                _ = theirs == ours ? differences : differences.Append(CultureInfo.InvariantCulture, $"{slot}: kernel '{theirs}', we '{ours}'\n");
            }
        }

        Assert.Equal("", differences.ToString());
        Assert.True(compared.Count > 80, log);
    }

    [Fact]
    public void Bpftool_prints_translated_instructions_as_we_do()
    {
        Load(Assemble());
        string image = Path.Combine(_folder, "xlated");
        ReferenceTool.Run("bpftool", "prog", "dump", "xlated", "pinned", _pin, "file", image);
        Instruction[] stream = Instruction.DecodeAll(File.ReadAllBytes(image));
        var differences = new StringBuilder();
        int compared = 0;
        foreach (Match line in LogLine().Matches(ReferenceTool.Run("bpftool", "prog", "dump", "xlated", "pinned", _pin)))
        {
            // Calls carry names that only the kernel knows.
            int slot = int.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            string theirs = line.Groups[2].Value.Trim();
            if (!stream[slot].IsCall && !IsNewerThanBpftool(stream[slot]))
            {
                compared++;
                string ours = Disassembler.Format(stream, slot);
                _ = theirs == ours ? differences : differences.Append(CultureInfo.InvariantCulture, $"{slot}: bpftool '{theirs}', we '{ours}'\n");
            }
        }

        Assert.Equal("", differences.ToString());
        Assert.True(compared > 80);
    }

    /// <summary>bpftool before 7.3 prints the fourth version's instructions as something else.</summary>
    private static bool IsNewerThanBpftool(Instruction instruction) =>
        (instruction.Opcode.IsArithmetic && instruction.Offset != 0) || instruction.Opcode.Value is Opcodes.JumpLong or 0xd7
        || instruction.Opcode is { IsLoadOrStore: true, Mode: Mode.MemSx };

    private string Assemble()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(Directory.Exists("/sys/fs/bpf"), "needs the BPF file system");
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        string file = Path.Combine(_folder, "accepted.o");
        string source = RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Disassembly", "accepted.s");
        ReferenceTool.Run("clang-19", "-target", "bpf", "-mcpu=v4", "-c", source, "-o", file);
        return file;
    }

    private string Load(string file)
    {
        string log = ReferenceTool.RunForAllOutput("bpftool", "-d", "prog", "load", file, _pin);
        Assert.SkipUnless(File.Exists(_pin), $"needs a kernel that takes instructions of the fourth version and load-acquire\n{log}");
        return log;
    }

    private Instruction[] SectionCode(string file, string section)
    {
        string code = Path.Combine(_folder, "code");
        ReferenceTool.Run("llvm-objcopy-19", $"--dump-section={section}={code}", file);
        return Instruction.DecodeAll(File.ReadAllBytes(code));
    }

    // In the walk a line ends with the registers after a semicolon; in the list of live registers they stand before the opcode.
    [GeneratedRegex(@"^\s*(\d+): (?:[0-9.]{10} )?(\([0-9a-f]{2}\) [^;\n]*)", RegexOptions.Multiline)]
    private static partial Regex LogLine();
}
