using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Samples.Pricing;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Vm.Hooks;

/// <summary>The sample of a .NET program with rules as plug-ins: what it prints, and that its header and object are what its sources say.</summary>
public class PricingSampleTests
{
    private static readonly string s_folder = RepositoryFiles.PathOf("samples", "pricing");

    [Fact]
    public void The_shop_prints_what_its_page_shows()
    {
        using var output = new StringWriter { NewLine = "\n" };
        Shop.Run(Path.Combine(s_folder, "pricing.rules.o"), output);
        string shown = string.Join('\n', File.ReadAllLines(Path.Combine(s_folder, "README.md"))
            .SkipWhile(line => !line.StartsWith("    dotnet run", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal)).Select(line => line[4..])) + "\n";
        Assert.Equal(shown, output.ToString());
    }

    [Fact]
    public void The_header_is_what_the_program_type_says() =>
        Assert.Equal(HookHeader.Write(Shop.DefineRules(TextWriter.Null)), File.ReadAllText(Path.Combine(s_folder, "pricing.h")));

    [Fact]
    public void The_object_is_what_its_source_compiles_to()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19") && ReferenceTool.Exists("llvm-strip-19"), "needs clang-19 and llvm-19");
        string folder = Directory.CreateTempSubdirectory("osmia-rules-").FullName;
        try
        {
            ReferenceTool.Run("bash", RepositoryFiles.PathOf("eng", "build-samples"), "--out", folder, "pricing");
            Assert.Equal(Listing(Path.Combine(s_folder, "pricing.rules.o")), Listing(Path.Combine(folder, "pricing.rules.o")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IEnumerable<string> Listing(string path) =>
        BpfObject.Read(path).Functions.SelectMany(function => Enumerable.Range(0, function.Instructions.Length)
            .Where(slot => slot == 0 || !function.Instructions[slot - 1].IsWide)
            .Select(slot => $"{function.Name} {slot}: {Disassembler.Format(function.Instructions, slot)}"));
}
