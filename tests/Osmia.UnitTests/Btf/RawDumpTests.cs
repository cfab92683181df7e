using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Objects;

namespace Osmia.Tests.Btf;

public class RawDumpTests
{
    private const string RunningKernel = "/sys/kernel/btf/vmlinux";

    [Fact]
    public void Every_kind_prints_as_bpftool_printed_it() => GoldenFile.Check(Dump(BtfSamples.Kinds), "Btf", "kinds.txt");

    [Fact]
    public void Sample_types_print_as_bpftool_prints_them() => Compare(BtfSamples.KindsPath, BtfSamples.Kinds);

    [Fact]
    public void Running_kernel_prints_as_bpftool_prints_it()
    {
        Assert.SkipUnless(File.Exists(RunningKernel), $"needs {RunningKernel}");
        Compare(RunningKernel, BtfTypes.Parse(File.ReadAllBytes(RunningKernel)));
    }

    [Fact]
    public void Types_of_the_sample_objects_print_as_bpftool_prints_them()
    {
        string file = Path.GetTempFileName();
        try
        {
            string[] objects = Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories);
            Assert.NotEmpty(objects);
            foreach (string sample in objects)
            {
                BtfTypes types = BpfObject.Read(sample).Types!;
                File.WriteAllBytes(file, types.Data.ToArray());
                Compare(file, types);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Compare(string file, BtfTypes types)
    {
        byte[] expected = ReferenceTool.RunForBytes("bpftool", "btf", "dump", "file", file, "format", "raw");
        using var actual = new MemoryStream();
        RawDump.Write(types, actual);
        if (!expected.AsSpan().SequenceEqual(actual.ToArray()))
        {
            // Newer bpftool prints kinds that this one cannot; the first differing line tells.
            string[] theirs = Encoding.UTF8.GetString(expected).Split('\n');
            string[] ours = Encoding.UTF8.GetString(actual.ToArray()).Split('\n');
            int line = Enumerable.Range(0, Math.Min(theirs.Length, ours.Length)).First(i => theirs[i] != ours[i]);
            Assert.Equal($"{line}: {theirs[line]}", $"{line}: {ours[line]}");
        }
    }

    private static string Dump(BtfTypes types)
    {
        using var text = new MemoryStream();
        RawDump.Write(types, text);
        return Encoding.UTF8.GetString(text.ToArray());
    }
}
