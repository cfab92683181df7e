using System.Text.RegularExpressions;

namespace Osmia.Tests;

/// <summary><c>osmia disasm --jited</c>: what a program was compiled to, beside its instructions and source lines.</summary>
public sealed partial class JitedTests : IDisposable
{
    private const string Packets = "samples/packets/packets.bpf.o";

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-jited-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Machine_code_stands_under_its_instruction()
    {
        string file = Assemble("w0 = 77\nw0 *= w1\nexit");
        (int exitCode, string output, string error) = OsmiaCommand.Run("disasm", file, "f", "--jited", "--tier", "x64");
        Assert.SkipUnless(exitCode == 0 || !error.Contains("System V", StringComparison.Ordinal), "machine code is written for x86-64 only");
        Assert.True(exitCode == 0, error);
        string[] lines = output.Split('\n');
        Assert.StartsWith("; program f, 3 slots, x64, checked, ", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^; program .* (\d+) bytes of machine code$", lines[0]);
        int multiply = Array.FindIndex(lines, line => line.Contains("w0 *= w1", StringComparison.Ordinal));
        int exit = Array.FindIndex(lines, line => line.EndsWith("exit", StringComparison.Ordinal));
        Assert.True(multiply > 0 && exit > multiply);
        Assert.Contains(lines[exit..], line => line.Contains("imul", StringComparison.Ordinal));
        Assert.Contains(lines[exit..], line => line.EndsWith("ret", StringComparison.Ordinal));
    }

    [Fact]
    public void Net_instructions_stand_beside_what_the_runtime_made_of_them()
    {
        string file = Assemble("r0 = 1\nr0 += r1\nexit");
        (int exitCode, string output, string error) = OsmiaCommand.Run("disasm", file, "--jited", "--tier", "il");
        Assert.True(exitCode == 0, error);
        Assert.Contains("        ldarg 2\n", output, StringComparison.Ordinal);
        Assert.Contains("        ret", output, StringComparison.Ordinal);
    }

    /// <summary>A loop that counts the bits of words, once proved: neither the sums of neighbouring bits nor a check are left.</summary>
    [Fact]
    public void Verified_code_shows_what_the_proof_spares()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("disasm", "bench/objects/kernels.bpf.o", "bits", "--jited", "--tier", "x64", "--mode", "verified");
        Assert.SkipUnless(exitCode == 0 || !error.Contains("System V", StringComparison.Ordinal), "machine code is written for x86-64 only");
        Assert.True(exitCode == 0, error);
        Assert.Contains("slots, x64, verified, ", output, StringComparison.Ordinal);
        Assert.Equal(System.Runtime.Intrinsics.X86.Popcnt.IsSupported, output.Contains("popcnt", StringComparison.Ordinal));
        Assert.DoesNotContain("\n  of ", output, StringComparison.Ordinal);
        Assert.Contains("\n  of ", OsmiaCommand.Run("disasm", "bench/objects/kernels.bpf.o", "bits", "--jited", "--tier", "x64").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Source_lines_stand_above()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("disasm", Packets, "--jited", "--tier", "il", "--mode", "metered");
        Assert.True(exitCode == 0, error);
        Assert.Contains("; read_packet(ctx, &packet);\n", output, StringComparison.Ordinal);
        Assert.Contains("il, metered", output, StringComparison.Ordinal);
        Assert.True(Offset().Count(output) > 100, output[..200]);
    }

    [Theory]
    [InlineData(64, "no program 'nothing' in this object; there are", "disasm", Packets, "nothing", "--jited")]
    [InlineData(64, "--jited prints text", "disasm", Packets, "--jited", "-j")]
    public void Wrong_words_are_answered_with_what_is_wrong(int expected, string message, params string[] arguments)
    {
        // With -j the answer is JSON, where the output goes.
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.Equal(expected, exitCode);
        Assert.Contains(message, arguments[^1] is "-j" or "-p" ? output : error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_the_kernel_does_not_have_is_named()
    {
        Requirements.Kernel();
        (int exitCode, string _, string error) = OsmiaCommand.Run("disasm", "--jited", "id", "4294967295");
        Assert.Equal(1, exitCode);
        Assert.Contains("OSM5041", error, StringComparison.Ordinal);
    }

    private string Assemble(string code)
    {
        string source = Path.Combine(_folder, "f.s");
        File.WriteAllText(source, $".section socket\nf:\n{code}\n");
        (int exitCode, string _, string error) = OsmiaCommand.Run("asm", source);
        Assert.True(exitCode == 0, error);
        return Path.Combine(_folder, "f.bpf.o");
    }

    [GeneratedRegex(@"^ +[0-9a-f]+  [a-z]", RegexOptions.Multiline)]
    private static partial Regex Offset();
}
