using System.Diagnostics;
using System.Globalization;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Tests.Objects;

namespace Osmia.Tests.Linking;

/// <summary>Our linked programs beside libbpf's: the same instructions, but for the descriptors and ids of a loaded object.</summary>
public class LibbpfComparisonTests(ITestOutputHelper output)
{
    // libbpf adds the number of the record to the number of its poisoned call.
    private const int FirstPoison = 0xbad2310;
    private const int FirstKfuncPoison = 2_002_000_000;
    private const int MostRecords = 10_000;
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";
    private static readonly Lazy<Target> s_kernel = new(() => new Target("running kernel", () => BtfTypes.Parse(File.ReadAllBytes(KernelTypes)))
    {
        KernelVersion = RunningKernel.Version,
        SymbolAddresses = name => [.. File.ReadLines("/proc/kallsyms").Select(line => line.Split(' ', '\t')).Where(words => words[2] == name)
            .Select(words => ulong.Parse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture))],
    });
    private static readonly Lazy<string> s_printer = new(BuildPrinter);

    public static TheoryData<string> Names => [.. SampleObjects.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Sample_is_linked_as_libbpf_links_it(string name) => Compare(SampleObjects.PathOf(name));

    [Theory]
    [InlineData("clang-14", "v2")]
    [InlineData("clang-16", "v3")]
    [InlineData("clang-19", "v3")]
    [InlineData("clang-19", "v4")]
    public void Subprograms_callbacks_and_variables_are_placed_as_libbpf_places_them(string compiler, string version)
    {
        using var folder = new TemporaryFolder();
        foreach (string source in (string[])["Linking/Sources/calls.c", "Objects/Sources/data.c", "Linking/Sources/ksyms.c", "Linking/Sources/ksym-variables.c"])
        {
            string file = Path.Combine(folder.Path, Path.GetFileNameWithoutExtension(source) + ".bpf.o");
            File.WriteAllBytes(file, Toolchain.Compile(compiler, source, "-mcpu=" + version));
            Compare(file);
        }
    }

    [Theory]
    [InlineData("libbpf-tools")]
    [InlineData("xdp-tools")]
    [InlineData("libxdp1")]
    public void Objects_of_others_are_linked_as_libbpf_links_them(string package)
    {
        RequireLibbpf();
        using var folder = new TemporaryFolder();
        var compared = new List<string>();
        var left = new List<string>();
        foreach ((string name, byte[] data) in ForeignObjects.Of(package))
        {
            string file = Path.Combine(folder.Path, name);
            File.WriteAllBytes(file, data);
            try
            {
                Compare(file);
                compared.Add(name);
            }
            catch (ToolFailedException refusal)
            {
                left.Add($"{name} ({refusal.Message})");
            }
        }

        output.WriteLine($"{package}: {compared.Count} compared ({string.Join(", ", compared)}); left out: {string.Join(", ", left)}");
        Assert.NotEmpty(compared);
    }

    private static void Compare(string file)
    {
        RequireLibbpf();
        var maps = new Dictionary<int, string>();
        var expected = new Dictionary<string, string>();
        foreach (string[] words in RunPrinter(file).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')))
        {
            if (words[0] == "map")
            {
                maps[int.Parse(words[2], CultureInfo.InvariantCulture)] = words[1];
            }
            else
            {
                expected[words[1]] = Text(Instruction.DecodeAll(Convert.FromHexString(words[2])), fd => maps[fd]);
            }
        }

        BpfObject source = BpfObject.Read(file);
        foreach (BpfProgram program in source.Programs)
        {
            // libbpf looks for what a program attaches to when it loads it, after everything that is compared here.
            program.AutoLoad = true;
            program.Section = program.Section with { Target = "" };
        }

        LinkedObject ours = Linker.Link(source, s_kernel.Value);
        Assert.NotEmpty(expected);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), ours.Programs.Select(program => program.Name).Order(StringComparer.Ordinal));
        foreach (LinkedProgram program in ours.Programs)
        {
            Assert.Equal(expected[program.Name], Text([.. program.Instructions], index => ours.Maps[index].Name));
        }
    }

    /// <summary>One line a slot, with maps by name, so that a difference reads by itself.</summary>
    private static string Text(Instruction[] instructions, Func<int, string> mapName)
    {
        var lines = new List<string>(instructions.Length);
        for (int slot = 0; slot < instructions.Length; slot++)
        {
            Instruction i = instructions[slot];
            bool isMap = i.IsWide && i.SourceKind is PseudoLoad.MapFd or PseudoLoad.MapIndex;
            bool isValue = i.IsWide && i.SourceKind is PseudoLoad.MapValue or PseudoLoad.MapIndexValue;
            // libbpf 1.1 calls a kfunc that is missing by the number 0, later ones poison the call.
            bool isPoison = (i.IsHelperCall && ((i.Immediate >= FirstPoison && i.Immediate < FirstPoison + MostRecords) || (i.Immediate >= FirstKfuncPoison && i.Immediate < FirstKfuncPoison + MostRecords)))
                || (i.IsKfuncCall && i.Immediate == 0 && i.Offset == 0);
            lines.Add(isPoison ? $"{slot}: poison" : isMap || isValue
                ? $"{slot}: {i.Destination} = {(isMap ? "map" : "value of map")} {mapName(i.Immediate)}"
                : string.Create(CultureInfo.InvariantCulture, $"{slot}: {i.Opcode} {i.Registers:x2} {i.Offset} {i.Immediate}"));
        }

        return string.Join('\n', lines);
    }

    private static void RequireLibbpf()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            Assert.Skip("needs root on Linux");
        }

        Toolchain.Require("cc");
        if (!File.Exists("/usr/include/bpf/libbpf.h"))
        {
            Assert.Skip("needs libbpf-dev");
        }

        if (!File.Exists(KernelTypes))
        {
            Assert.Skip("needs " + KernelTypes);
        }
    }

    private static string RunPrinter(string file)
    {
        using var process = Process.Start(new ProcessStartInfo(s_printer.Value, [file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode is 0 or 2 ? text : throw new ToolFailedException($"libbpf cannot load it here: {errors.Result.Split('\n')[0]}");
    }

    private sealed class ToolFailedException(string message) : Exception(message);

    private static string BuildPrinter()
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("osmia-libbpf-").FullName, "libbpf-instructions");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(program)!, recursive: true);
        Toolchain.Run("cc", ["-O1", "-Wall", RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Linking", "Sources", "libbpf-instructions.c"), "-o", program, "-lbpf"]);
        return program;
    }
}
