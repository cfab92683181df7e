using Osmia.Bytecode.Disassembly;
using Osmia.Objects;

namespace Osmia.Tests.Objects;

/// <summary>The committed objects are what their sources compile to.</summary>
public sealed class SampleRebuildTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-samples-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Samples_compiled_again_have_the_same_instructions()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19") && ReferenceTool.Exists("llvm-strip-19"), "needs clang-19 and llvm-19");
        ReferenceTool.Run("bash", RepositoryFiles.PathOf("eng", "build-samples"), "--out", _folder);

        string[] committed = Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories);
        Assert.Equal(24, committed.Length);
        foreach (string path in committed)
        {
            BpfObject ours = BpfObject.Read(path);
            string again = Assert.Single(Directory.GetFiles(_folder, Path.GetFileName(path), SearchOption.AllDirectories));
            BpfObject rebuilt = BpfObject.Read(again);
            Assert.Equal(ours.Functions.Select(function => function.ToString()), rebuilt.Functions.Select(function => function.ToString()));
            foreach ((BpfFunction left, BpfFunction right) in ours.Functions.Zip(rebuilt.Functions))
            {
                Assert.Equal(Listing(left), Listing(right));
            }
        }
    }

    [Fact]
    public void Committed_objects_name_no_path_of_the_machine_that_compiled_them()
    {
        foreach (string path in Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories))
        {
            BpfObject source = BpfObject.Read(path);
            foreach (LineRecord line in source.Functions.SelectMany(function => function.Lines))
            {
                Assert.StartsWith("samples/", line.Describe(source.Types!).File, StringComparison.Ordinal);
            }
        }
    }

    private static string Listing(BpfFunction function)
    {
        var lines = new List<string> { function.Name };
        for (int slot = 0; slot < function.Instructions.Length; slot++)
        {
            lines.Add($"{slot}: {Disassembler.Format(function.Instructions, slot)}");
            slot += function.Instructions[slot].IsWide ? 1 : 0;
        }

        return string.Join('\n', lines);
    }
}
