using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Objects.Assembly;

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

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Listing_of_a_program_is_bpftools(bool withOpcodes, bool withPositions)
    {
        ProgramListing listing = PlainProgram(withOpcodes, withPositions);
        using var ours = new StringWriter();
        listing.WriteText(ours);
        string theirs = ReferenceTool.Run("bpftool", Dump(withOpcodes, withPositions));
        Assert.Equal(Normal(theirs), Normal(ours.ToString()));
        Assert.True(ours.ToString().Split('\n').Length > 30);
    }

    // bpftool before 7.3 takes one of the words only.
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Json_listing_of_a_program_is_bpftools(bool withOpcodes, bool withPositions)
    {
        ProgramListing listing = PlainProgram(withOpcodes, withPositions);
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            listing.WriteJson(json);
        }

        string theirs = ReferenceTool.Run("bpftool", ["-j", .. Dump(withOpcodes, withPositions)]);
        using JsonDocument expected = JsonDocument.Parse(Normal(theirs));
        using JsonDocument actual = JsonDocument.Parse(Normal(Encoding.UTF8.GetString(stream.ToArray())));
        Assert.Equal(expected.RootElement.GetArrayLength(), actual.RootElement.GetArrayLength());
        foreach ((JsonElement their, JsonElement our) in expected.RootElement.EnumerateArray().Zip(actual.RootElement.EnumerateArray()))
        {
            Assert.True(JsonElement.DeepEquals(their, our), $"bpftool {their}\nwe {our}");
        }
    }

    private string[] Dump(bool withOpcodes, bool withPositions) =>
        ["prog", "dump", "xlated", "pinned", _pin, .. withOpcodes ? ["opcodes"] : Array.Empty<string>(), .. withPositions ? ["linum"] : Array.Empty<string>()];

    // bpftool sets stars apart, and names callees after their tags.
    private static string Normal(string text) => CalleeTag().Replace(text, "").Replace("* ", "*", StringComparison.Ordinal);

    [GeneratedRegex(@"#bpf_prog_\w+")]
    private static partial Regex CalleeTag();

    /// <summary>A loaded program as the kernel holds it, which is as the object had it: so the object's lines fit its slots.</summary>
    private ProgramListing PlainProgram(bool withOpcodes, bool withPositions)
    {
        RequireKernel();
        string file = Path.Combine(_folder, "plain.o");
        ReferenceTool.Run("clang-19", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-c", RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Disassembly", "plain.bpf.c"), "-o", file);
        Load(file);
        string image = Path.Combine(_folder, "plain.xlated");
        ReferenceTool.Run("bpftool", "prog", "dump", "xlated", "pinned", _pin, "file", image);
        Instruction[] code = Instruction.DecodeAll(File.ReadAllBytes(image));
        BpfObject source = BpfObject.Read(file);
        BpfFunction[] functions = [source.FindProgram("plain")!.Entry, source.Functions.Single(function => function.Name == "twice")];
        Assert.Equal(functions.Sum(function => function.Instructions.Length), code.Length);
        (BpfFunction Function, int Slot) At(int slot) => slot < functions[0].Instructions.Length ? (functions[0], slot) : (functions[1], slot - functions[0].Instructions.Length);
        return new ProgramListing(code)
        {
            IsTranslated = true,
            WithOpcodes = withOpcodes,
            WithPositions = withPositions,
            Heading = slot => At(slot) is { Slot: 0 } first ? FunctionListing.HeadingOf(source, first.Function) : null,
            Source = slot => At(slot) is var place && place.Function.Lines.FirstOrDefault(line => line.Slot == place.Slot)?.Describe(source.Types!) is { } line
                ? new(line.Text, line.File, line.Line, line.Column)
                : null,
        };
    }

    /// <summary>bpftool before 7.3 prints the fourth version's instructions as something else.</summary>
    private static bool IsNewerThanBpftool(Instruction instruction) =>
        (instruction.Opcode.IsArithmetic && instruction.Offset != 0) || instruction.Opcode.Value is Opcodes.JumpLong or 0xd7
        || instruction.Opcode is { IsLoadOrStore: true, Mode: Mode.MemSx };

    private string Assemble()
    {
        RequireKernel();
        string file = Path.Combine(_folder, "accepted.o");
        string source = RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Disassembly", "accepted.s");
        ReferenceTool.Run("clang-19", "-target", "bpf", "-mcpu=v4", "-c", source, "-o", file);
        return file;
    }

    private static void RequireKernel()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(Directory.Exists("/sys/fs/bpf"), "needs the BPF file system");
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
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
