using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Links;
using Osmia.Kernel.Symbols;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Where uprobes find functions: stripped files with separate debug files, Go, single-file .NET, libraries by name, files of other mount namespaces.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed class BinarySymbolTests : IDisposable
{
    private const string Target = "samples/uprobe-args/target.c";
    private const int Calls = 13;

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-symbols-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Stripped_binary_is_probed_by_its_debug_file_found_by_build_id()
    {
        string binary = Build("-O1", "-Wl,--build-id");
        string id = Strip(binary, debugFile => "", out string debug);
        string place = Path.Combine(_folder, "debug", ".build-id", id[..2], id[2..] + ".debug");
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        File.Move(debug, place);
        using ElfSymbols symbols = ElfSymbols.Open(binary, Path.Combine(_folder, "debug"));
        ulong offset = symbols.FindOffset("weigh")!.Value;
        Assert.Equal(("weigh", 2ul), symbols.FunctionAt(offset + 2));
        using (ElfSymbols without = ElfSymbols.Open(binary, Path.Combine(_folder, "nowhere")))
        {
            Assert.Null(without.FindOffset("weigh"));
        }

        Assert.Equal((ulong)Calls, Count(new UprobeTarget(binary, null, offset, false), () => Toolchain.Run(binary)));
    }

    [Fact]
    public void Stripped_binary_is_probed_by_name_through_its_debug_link()
    {
        string binary = Build("-O1", "-Wl,--build-id=none");
        Strip(binary, debugFile => $"--add-gnu-debuglink={debugFile}", out string debug);
        Assert.Equal((ulong)Calls, Count(new UprobeTarget(binary, "weigh", 0, false), () => Toolchain.Run(binary)));

        // Beside the binary, or in a folder .debug there; another file of that name is not taken.
        Directory.CreateDirectory(Path.Combine(_folder, ".debug"));
        File.Move(debug, Path.Combine(_folder, ".debug", Path.GetFileName(debug)));
        using (ElfSymbols symbols = ElfSymbols.Open(binary))
        {
            Assert.NotNull(symbols.FindOffset("weigh"));
        }

        File.AppendAllText(Path.Combine(_folder, ".debug", Path.GetFileName(debug)), "!");
        using ElfSymbols other = ElfSymbols.Open(binary);
        Assert.Null(other.FindOffset("weigh"));
    }

    [Theory]
    [InlineData("0xfffffffb", "0")]
    [InlineData("0xfffffffa", "0")]
    [InlineData("0xfffffff0", "_start")]
    [InlineData("0xfffffff1", "_start")]
    [InlineData("0xfffffff1", "0")]
    public void Functions_of_a_stripped_Go_binary_come_from_its_table(string magic, string start)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the binary is written for x86-64");
        string binary = Path.Combine(_folder, "go");
        Toolchain.Build(binary, "clang-19", "tests/Osmia.EngineTests/Kernel/Sources/gopclntab.S", $"-DMAGIC={magic}", $"-DSTART={start}", "-nostdlib", "-static", "-Wl,-s");
        using ElfSymbols symbols = ElfSymbols.Open(binary);
        Assert.Equal(["main.main", "main.weigh"], symbols.FunctionNames().Order(StringComparer.Ordinal));
        ulong offset = symbols.FindOffset("main.weigh")!.Value;
        Assert.Equal(0x90, File.ReadAllBytes(binary)[offset]);
        Assert.Equal(("main.weigh", 1ul), symbols.FunctionAt(offset + 1));
        Assert.Equal(("main.main", 0ul), symbols.FunctionAt(symbols.FindOffset("main.main")!.Value));

        // Broken tables name less, and do no harm.
        byte[] original = File.ReadAllBytes(binary);
        var random = new Random(20261122);
        int table = original.AsSpan().LastIndexOf(new byte[] { 0, 0, 1, 8 }) - 4;
        for (int round = 0; round < 300; round++)
        {
            byte[] bytes = (byte[])original.Clone();
            for (int i = 0; i < 6; i++)
            {
                bytes[table + 4 + random.Next(150)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(binary, bytes);
            using ElfSymbols broken = ElfSymbols.Open(binary);
            Assert.InRange(broken.FunctionNames().Count(), 0, 2);
            _ = broken.FunctionAt(offset);
        }
    }

    /// <summary>A real one that somebody built: OSMIA_GO_BINARY names it, with a function main.weigh.</summary>
    [Fact]
    public void Real_Go_binary_is_read()
    {
        string? binary = Environment.GetEnvironmentVariable("OSMIA_GO_BINARY");
        Assert.SkipWhen(binary is null, "needs a binary made by Go (OSMIA_GO_BINARY)");
        using ElfSymbols symbols = ElfSymbols.Open(binary!);
        Assert.InRange(symbols.FunctionNames().Count(), 500, int.MaxValue);
        using var workload = new Workload($"echo | {binary}");
        Assert.Equal((ulong)Calls, Count(new UprobeTarget(binary!, "main.weigh", 0, false), () => workload.Finish()));
    }

    [Fact]
    public void Single_file_program_of_NET_is_read_as_far_as_it_is_ELF()
    {
        string packs = Path.Combine(Path.GetDirectoryName(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? RuntimeEnvironment.GetRuntimeDirectory())!, "..", "..", "..", "packs");
        string? host = !Directory.Exists(packs) ? null
            : Directory.EnumerateFiles(packs, "singlefilehost", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 6 }).FirstOrDefault();
        Assert.SkipWhen(host is null, "needs the SDK's host of single-file programs");
        string binary = Path.Combine(_folder, "app");
        File.Copy(host!, binary);

        // What the bundler does: the assemblies follow the ELF file.
        using (FileStream bundle = new(binary, FileMode.Append))
        {
            bundle.Write(new byte[1 << 20]);
        }

        using ElfSymbols symbols = ElfSymbols.Open(binary);
        Assert.True(symbols.HasSymbols);
        Assert.NotEmpty(symbols.FunctionNames());
        Assert.All(symbols.Functions(), function => Assert.True(function.Offset < (ulong)new FileInfo(host!).Length, function.Name));
        string name = symbols.Functions().First().Name;
        Assert.Equal(0ul, Count(new UprobeTarget(binary, name, 0, false), () => { }));
    }

    [Fact]
    public void Libraries_are_found_where_the_dynamic_linker_finds_them()
    {
        Assert.SkipUnless(File.Exists(LibraryCache.DefaultPath) && File.Exists("/sbin/ldconfig"), "needs /etc/ld.so.cache and ldconfig");
        List<(string Name, string Path)> ours = LibraryCache.Read(File.ReadAllBytes(LibraryCache.DefaultPath));

        // libc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6
        string machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "AArch64" : "x86-64";
        IEnumerable<(string, string)> theirs = Toolchain.Run("/sbin/ldconfig", "-p").Split('\n').Where(line => line.Contains($"(libc6,{machine}", StringComparison.Ordinal) && line.Contains("=>", StringComparison.Ordinal))
            .Select(line => (line.Trim().Split(' ')[0], line[(line.IndexOf("=>", StringComparison.Ordinal) + 3)..].Trim()));
        Assert.Equal(theirs, ours);
        Assert.InRange(ours.Count, 10, int.MaxValue);
        Assert.Equal(BinaryPath.Resolve("libc.so.6", -1), BinaryPath.Resolve("libc", -1));
        Assert.Matches($"^/proc/{Environment.ProcessId}/root/.*/libc", BinaryPath.Resolve("libc.so.6", Environment.ProcessId));
        Assert.Empty(LibraryCache.Read("glibc-ld.so.cache1.1 and no more"u8));
        Assert.Null(BinaryPath.Resolve("libnothing.so.7", -1));
    }

    [Fact]
    public void Binary_that_only_another_mount_namespace_has_is_probed_in_it()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs the right to make a mount namespace");
        string binary = Build("-O1");
        string hidden = Path.Combine(_folder, "hidden");
        Directory.CreateDirectory(hidden);
        Assert.SkipUnless(Toolchain.Has("unshare"), "needs unshare");
        var start = new ProcessStartInfo("unshare", ["-m", "/bin/sh", "-c", $"mount -t tmpfs none {hidden} && cp {binary} {hidden}/inside && echo ready && read line && exec {hidden}/inside"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process child = Process.Start(start)!;
        try
        {
            Assert.SkipUnless(child.StandardOutput.ReadLine() == "ready", "needs a mount namespace with a tmpfs of its own");
            Assert.False(File.Exists($"{hidden}/inside"));

            // The shell becomes the program: its number and its namespace stay.
            string output = "";
            Assert.Equal((ulong)Calls, Count(new UprobeTarget($"{hidden}/inside", "weigh", 0, false, child.Id), () =>
            {
                child.StandardInput.WriteLine();
                output = child.StandardOutput.ReadToEnd();
                child.WaitForExit();
            }));
            Assert.Equal("9282", output.Trim());
        }
        finally
        {
            if (!child.HasExited)
            {
                child.Kill();
            }
        }
    }

    [Fact]
    public void Files_with_one_build_id_are_indexed_once()
    {
        using var symbols = new ProcessSymbols();
        using var one = new Workload("");
        nint address = NativeLibrary.GetExport(NativeLibrary.Load("libc"), "getpgid");
        Assert.NotNull(symbols.Find(Environment.ProcessId, (ulong)address));
        int before = symbols.IndexedFiles;

        // The shell has the same C library, mapped at another address, once it is loaded.
        string? line = null;
        KernelTest.Eventually(() => (line = File.ReadLines($"/proc/{one.Pid}/maps").FirstOrDefault(text => text.Contains("r-xp", StringComparison.Ordinal) && text.Contains("libc.so", StringComparison.Ordinal))) is not null, "the shell has its C library");
        Assert.NotNull(symbols.Find(one.Pid, Convert.ToUInt64(line!.Split('-')[0], 16) + 0x100));
        Assert.Equal(before, symbols.IndexedFiles);
    }

    private string Build(params string[] options)
    {
        string binary = Path.Combine(_folder, "target");
        Toolchain.Build(binary, "clang-19", Target, options);
        return binary;
    }

    /// <summary>Takes the symbols out of a binary into a file of their own.</summary>
    /// <returns>The build id.</returns>
    private static string Strip(string binary, Func<string, string> link, out string debug)
    {
        Toolchain.Require("llvm-objcopy-19");
        debug = binary + ".debug";
        Toolchain.Run("llvm-objcopy-19", "--only-keep-debug", binary, debug);
        string option = link(debug);
        Toolchain.Run("llvm-objcopy-19", option.Length == 0 ? ["--strip-all", binary] : ["--strip-all", option, binary]);
        using ElfImage image = ElfImage.Open(binary);
        Assert.Null(image.Section(".symtab"));
        return image.BuildId ?? "";
    }

    private static ulong Count(UprobeTarget target, Action events)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([new Asm().Count(0).Move(R0, 0).Exit().Build("count", ProgramType.Kprobe)], [Linked.Counter()]));
        using Link link = engine.AttachOrSkip(loaded.Programs[0], target, "uprobes");
        events();
        return loaded.Counter();
    }
}
