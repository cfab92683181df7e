using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Assembly;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Vm;

namespace Osmia.Tests.AssemblyText;

/// <summary>Objects assembled from text run in both engines, and load through bpftool when they are written.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed class AssembledObjectTests : IDisposable
{
    private const string Counter = """
            .license "GPL"
            .map lengths type array key 4 value 8 entries 257
            .map chain type prog_array key 4 value 4 entries 1
            .slot chain 0 second

            .section .rodata
        limit:
            .long 200
            .section .bss
            .globl calls
        calls:
            .quad 0

            .section xdp
        first:
            r6 = r1
            r2 = *(u32 *)(r1 + 4)       // data_end
            r1 = *(u32 *)(r1 + 0)       // data
            r2 -= r1
            r1 = r2
            call clamp
            *(u32 *)(r10 - 4) = r0
            r1 = lengths ll
            r2 = r10
            r2 += -4
            call bpf_map_lookup_elem
            if r0 == 0 goto pass
            r1 = 1
            lock *(u64 *)(r0 + 0) += r1
        pass:
            r1 = r6
            r2 = chain ll
            r3 = 0
            call bpf_tail_call
            r0 = 2
            exit

        second:
            r1 = calls ll
            r2 = *(u64 *)(r1 + 0)
            r2 += 1
            *(u64 *)(r1 + 0) = r2
            r0 = 1
            exit

            .text
        clamp:
            r2 = limit ll
            r2 = *(u32 *)(r2 + 0)
            r0 = r1
            if r0 <= r2 goto done
            r0 = r2
        done:
            exit
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-asm-").FullName;
    private readonly string _pins = $"/sys/fs/bpf/osmia-asm-{Environment.ProcessId}-{Guid.NewGuid():n}";

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        if (Directory.Exists(_pins))
        {
            foreach (string pin in Directory.GetFiles(_pins))
            {
                File.Delete(pin);
            }

            Directory.Delete(_pins);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Vm_runs_an_assembled_object(bool isWritten)
    {
        using var engine = new VmEngine();
        using LoadedObject loaded = engine.Load(Made(isWritten));
        Check(loaded);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Kernel_runs_an_assembled_object(bool isWritten)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Made(isWritten));
        Check(loaded);
    }

    private static BpfObject Made(bool isWritten)
    {
        BpfObject made = ObjectAssembler.Assemble(Counter, "counter.s");
        return isWritten ? BpfObject.Read(made.ToArray(), "counter.bpf.o") : made;
    }

    private static void Check(LoadedObject loaded)
    {
        foreach (int length in (int[])[100, 100, 1000])
        {
            ProgramRunResult result = loaded.Program("first").Run(new ProgramRun { Data = new byte[length] });
            Assert.Equal(1u, result.ReturnValue);
        }

        Map<uint, ulong> lengths = loaded.Map<uint, ulong>("lengths");
        Assert.True(lengths.TryLookup(100, out ulong small) && lengths.TryLookup(200, out ulong large) && small == 2 && large == 1);
    }

    [Fact]
    public void Verifier_log_names_the_lines_of_the_text()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BpfObject bad = ObjectAssembler.Assemble("    .section socket\nf:\n    r0 = *(u64 *)(r9 + 8)   # nobody set r9\n    exit\n", "bad.s");
        Objects.Diagnostics.KernelException refusal = Assert.Throws<Objects.Diagnostics.KernelException>(() => engine.Load(bad));
        Assert.Contains("bad.s:3", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("nobody set r9", refusal.VerifierLog + refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bpftool_loads_what_is_assembled()
    {
        RequireBpftool();
        string file = Path.Combine(_folder, "counter.bpf.o");
        ObjectAssembler.Assemble(Counter, "counter.s").Write(file);
        ReferenceTool.Run("bpftool", "prog", "loadall", file, _pins);
        Assert.Equal(["first", "second"], Directory.GetFiles(_pins).Select(Path.GetFileName).Order());
        string dump = ReferenceTool.Run("bpftool", "prog", "dump", "xlated", "pinned", Path.Combine(_pins, "first"));
        Assert.Contains("int first(void * ctx):", dump, StringComparison.Ordinal);
        Assert.Contains("; call clamp", dump, StringComparison.Ordinal);
    }

    [Fact]
    public void Samples_load_again_after_they_were_text()
    {
        RequireBpftool();
        int compared = 0;
        foreach (string sample in Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories))
        {
            BpfObject original = BpfObject.Read(sample);
            using var text = new StringWriter();
            var writer = new ObjectText(original);
            writer.Write(text);
            if (writer.Losses.Count > 0)
            {
                continue; // CO-RE records are not in the text.
            }

            string again = Path.Combine(_folder, original.Name + ".bpf.o");
            ObjectAssembler.Assemble(text.ToString(), original.Name + ".s").Write(again);
            Assert.Equal(Tags(sample), Tags(again));
            compared++;
        }

        Assert.True(compared >= 7, $"{compared} samples");
    }

    /// <summary>
    /// Loads all programs with bpftool and gives the kernel's tag of each, which is made of the instructions as they were loaded. The pins
    /// are taken away again.
    /// </summary>
    private string Tags(string file)
    {
        ReferenceTool.Run("bpftool", "prog", "loadall", file, _pins);
        var tags = new List<string>();
        foreach (string pin in Directory.GetFiles(_pins).Order())
        {
            using JsonDocument program = JsonDocument.Parse(ReferenceTool.Run("bpftool", "-j", "prog", "show", "pinned", pin));
            tags.Add($"{Path.GetFileName(pin)} {program.RootElement.GetProperty("tag").GetString()}");
            File.Delete(pin);
        }

        Directory.Delete(_pins);
        return string.Join('\n', tags);
    }

    private static void RequireBpftool()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        Assert.SkipUnless(Directory.Exists("/sys/fs/bpf"), "needs the BPF file system");
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
    }
}
