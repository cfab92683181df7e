using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Objects.Assembly;

namespace Osmia.Tests.Disassembly;

public sealed partial class ListingTests
{
    private static BpfObject Sample => Toolchain.Read("clang-19", Path.Combine("Disassembly", "listing.bpf.c"), "-mcpu=v3");

    // clang names the file by its whole path.
    private static string Portable(string text) => text.Replace(RepositoryFiles.Root + "/", "", StringComparison.Ordinal);

    [Theory]
    [InlineData("listing-kernel.txt", DisassemblyStyle.Kernel, false)]
    [InlineData("listing-llvm.txt", DisassemblyStyle.Llvm, false)]
    [InlineData("listing-full.txt", DisassemblyStyle.Kernel, true)]
    public void Listing_looks_as_its_golden_file(string file, DisassemblyStyle style, bool isFull)
    {
        var options = new ListingOptions { Style = style, WithOpcodes = isFull, WithPositions = isFull, WithLabels = isFull };
        GoldenFile.Check(Portable(Text(Sample, options)), "Disassembly", file);
    }

    [Fact]
    public void Json_has_bpftools_keys()
    {
        BpfObject sample = Sample;
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            FunctionListing.Of(sample, sample.FindProgram("sum")!.Entry, new() { WithOpcodes = true, WithPositions = true }).WriteJson(json);
        }

        GoldenFile.Check(Portable(Encoding.UTF8.GetString(stream.ToArray())) + "\n", "Disassembly", "listing.json");
    }

    [Fact]
    public void Graph_is_one_that_graphviz_takes()
    {
        BpfObject sample = Sample;
        using var output = new StringWriter();
        ProgramListing.WriteGraph(output, sample.Name, sample.Functions.Select(function => FunctionListing.Of(sample, function)));
        string graph = output.ToString();
        GoldenFile.Check(graph, "Disassembly", "listing.dot");

        // Every line is a statement of the language, and every edge joins nodes that are there.
        Assert.All(graph.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Matches(DotLine(), line));
        HashSet<string> nodes = [.. DotNode().Matches(graph).Select(match => match.Groups[1].Value)];
        Assert.All(DotEdge().Matches(graph), edge => Assert.True(nodes.Contains(edge.Groups[1].Value) && nodes.Contains(edge.Groups[2].Value), edge.Value));
        if (ReferenceTool.Exists("dot"))
        {
            using var folder = new TemporaryFolder();
            File.WriteAllText(Path.Combine(folder.Path, "in.dot"), graph);
            Assert.Contains("<svg", Toolchain.Run("dot", "-Tsvg", Path.Combine(folder.Path, "in.dot")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Graph_of_code_that_is_not_well_formed_says_why()
    {
        using var output = new StringWriter();
        ProgramListing.WriteGraph(output, "odd \"name\"", [new ProgramListing(Assembler.Assemble("r0 = 0\ngoto +5\nexit"))]);
        Assert.Contains("""not well formed: slot 1: it jumps to slot 7, out of the function [0, 3)\l""", output.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("""digraph "odd \"name\"" {""", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DisassemblyStyle.Kernel)]
    [InlineData(DisassemblyStyle.Llvm)]
    public void Listing_with_labels_assembles_to_the_same_code(DisassemblyStyle style)
    {
        BpfObject sample = Sample;
        foreach (BpfFunction function in sample.Functions)
        {
            using var output = new StringWriter();
            FunctionListing.Of(sample, function, new() { Style = style, WithLabels = true, WithSlots = false }).WriteText(output);
            Instruction[] again = Assembler.Assemble(output.ToString(), reference =>
            {
                // What the file holds before it is linked stands behind each name.
                Instruction original = function.Instructions[reference.Slot];
                return new(original.SourceKind, original.Immediate, original.IsWide ? function.Instructions[reference.Slot + 1].Immediate : 0);
            });
            Assert.Equal(function.Instructions, again);
        }
    }

    [Fact]
    public void Source_text_cannot_leave_its_line()
    {
        var listing = new ProgramListing(Assembler.Assemble("exit")) { Source = _ => new($"a\nexit\r\u0001{new string('x', 5000)}", "f\n.c", 1, 1), WithPositions = true };
        using var output = new StringWriter();
        listing.WriteText(output);
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.InRange(lines[0].Length, 400, 500);
    }

    /// <summary>llvm's style is strict: what is no instruction prints as bytes, so that any bytes at all come back, through labels too.</summary>
    [Fact]
    public void Any_bytes_come_back_from_their_listing()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        for (int round = 0; round < 300; round++)
        {
            var bytes = new byte[random.Next(1, 60) * Instruction.SizeInBytes];
            random.NextBytes(bytes);
            for (int slot = 0; slot < bytes.Length; slot += Instruction.SizeInBytes)
            {
                if (random.Next(2) == 0)
                {
                    // Mostly zero, as instructions are.
                    bytes.AsSpan(slot + 1, 7).Clear();
                    bytes[slot + 2] = (byte)random.Next(-4, 5);
                    bytes[slot] = random.Next(3) == 0 ? (byte)0x18 : bytes[slot];
                }
            }

            Instruction[] code = Instruction.DecodeAll(bytes);
            foreach (bool withLabels in (bool[])[false, true])
            {
                var listing = new ProgramListing(code) { Style = DisassemblyStyle.Llvm, WithLabels = withLabels, WithOpcodes = withLabels, Heading = slot => slot == 0 ? "f" : null };
                using var output = new StringWriter();
                listing.WriteText(output);
                Assert.True(code.AsSpan().SequenceEqual(Assembler.Assemble(output.ToString())), $"seed {seed}: {Convert.ToHexStringLower(bytes)}\n{output}");
                using var json = new Utf8JsonWriter(Stream.Null);
                listing.WriteJson(json);
                ProgramListing.WriteGraph(TextWriter.Null, "any", [listing, new ProgramListing(code)]);
            }
        }
    }

    private static string Text(BpfObject sample, ListingOptions options)
    {
        using var output = new StringWriter();
        foreach (BpfFunction function in sample.Functions)
        {
            FunctionListing.Of(sample, function, options).WriteText(output);
            output.Write('\n');
        }

        return output.ToString();
    }

    [GeneratedRegex("""^(digraph "[^"]*" \{|subgraph "[^"]*" \{|\}|\tnode \[[^\]]*\];|\t(?:style|color|label)="([^"\\]|\\.)*";|\t\w+ \[label="([^"\\]|\\.)*"\];|\t\w+:s -> \w+:n \[[^\]]*\];)$""")]
    private static partial Regex DotLine();

    [GeneratedRegex(@"^\t(\w+) \[label=", RegexOptions.Multiline)]
    private static partial Regex DotNode();

    [GeneratedRegex(@"(\w+):s -> (\w+):n")]
    private static partial Regex DotEdge();
}
