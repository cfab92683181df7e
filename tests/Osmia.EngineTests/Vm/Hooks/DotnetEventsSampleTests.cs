using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Samples.DotnetEvents;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Vm.Hooks;

/// <summary>The sample of a .NET program that watches itself: what it prints, and that its headers and object are what its sources say.</summary>
public class DotnetEventsSampleTests
{
    private static readonly string s_folder = RepositoryFiles.PathOf("samples", "dotnet-events");

    [Fact]
    public void The_program_prints_what_its_page_shows()
    {
        using var output = new StringWriter { NewLine = "\n" };
        Watcher.Run(Path.Combine(s_folder, "dotnet-events.rules.o"), output);
        string shown = string.Join('\n', File.ReadAllLines(Path.Combine(s_folder, "README.md"))
            .SkipWhile(line => !line.StartsWith("    dotnet run", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal)).Select(line => line[4..])) + "\n";
        Assert.Equal(shown, output.ToString());
    }

    [Fact]
    public void The_headers_are_what_the_program_types_say()
    {
        Assert.Equal(HookHeader.Write(Watcher.Requests), File.ReadAllText(Path.Combine(s_folder, "request.h")));
        Assert.Equal(HookHeader.Write(Watcher.Exceptions), File.ReadAllText(Path.Combine(s_folder, "thrown.h")));
    }

    [Fact]
    public void The_object_is_what_its_source_compiles_to()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19") && ReferenceTool.Exists("llvm-strip-19"), "needs clang-19 and llvm-19");
        string folder = Directory.CreateTempSubdirectory("osmia-rules-").FullName;
        try
        {
            ReferenceTool.Run("bash", RepositoryFiles.PathOf("eng", "build-samples"), "--out", folder, "dotnet-events");
            Assert.Equal(SampleListing.Of(Path.Combine(s_folder, "dotnet-events.rules.o")), SampleListing.Of(Path.Combine(folder, "dotnet-events.rules.o")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

/// <summary>The instructions of an object, without what differs between builds of it.</summary>
internal static class SampleListing
{
    public static IEnumerable<string> Of(string path) =>
        BpfObject.Read(path).Functions.SelectMany(function => Enumerable.Range(0, function.Instructions.Length)
            .Where(slot => slot == 0 || !function.Instructions[slot - 1].IsWide)
            .Select(slot => $"{function.Name} {slot}: {Disassembler.Format(function.Instructions, slot)}"));
}
