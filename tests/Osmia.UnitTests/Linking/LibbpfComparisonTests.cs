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
    private static readonly LinkOptions s_all = new(LeaveToKernel: true);
    private const int MostRecords = 10_000;
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";
    private static readonly Lazy<Target> s_kernel = new(() => new Target("running kernel", () => BtfTypes.Parse(File.ReadAllBytes(KernelTypes)))
    {
        KernelVersion = RunningKernel.Version,
        SymbolAddresses = name => [.. File.ReadLines("/proc/kallsyms").Select(line => line.Split(' ', '\t')).Where(words => words[2] == name)
            .Select(words => ulong.Parse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture))],
    });

    // The same program linked with another libbpf than the installed one, to compare by hand.
    private static readonly string? s_otherPrinter = Environment.GetEnvironmentVariable("OSMIA_LIBBPF_PRINTER") is { Length: > 0 } path ? path : null;
    private static readonly Lazy<string> s_printer = new(() => s_otherPrinter ?? BuildPrinter());

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
        // Forms that libbpf 1.1 does not know, and compilers before 19 neither.
        string[] newer = s_otherPrinter is not null && version == "v4" ? ["Objects/Sources/tags.c", "Objects/Sources/arena.c", "Objects/Sources/structops.c"] : [];
        foreach (string source in (string[])[.. newer, "Linking/Sources/calls.c", "Objects/Sources/data.c", "Linking/Sources/ksyms.c", "Linking/Sources/ksym-variables.c", "Linking/Sources/kconfig.c"])
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

    /// <summary>
    /// Every kind of record, of every shape we know, against a kernel of our own: program by program, for libbpf refuses the whole object when one
    /// record is ambiguous or does not fit. We refuse what it refuses, and write what it writes.
    /// </summary>
    [Theory]
    [InlineData("local.c", "target.c", "clang-14")]
    [InlineData("local.c", "target.c", "clang-19")]
    [InlineData("matches.c", "target.c", "clang-19")]
    [InlineData("shapes.c", "shapes-target.c", "clang-14")]
    [InlineData("shapes.c", "shapes-target.c", "clang-16")]
    [InlineData("shapes.c", "shapes-target.c", "clang-19")]
    public void Types_of_our_own_are_relocated_as_libbpf_relocates_them(string local, string kernel, string compiler)
    {
        RequireLibbpf();
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, Path.GetFileNameWithoutExtension(local) + ".bpf.o");
        string types = Path.Combine(folder.Path, "types.o");
        File.WriteAllBytes(file, Toolchain.Compile(compiler, "Linking/Sources/" + local, "-mcpu=v3", "-Wno-everything"));
        File.WriteAllBytes(types, Toolchain.Compile("clang-19", "Linking/Sources/" + kernel));
        var target = new Target("types of our own", () => TargetTypes.Compile("clang-19", "Linking/Sources/" + kernel));
        var different = new List<string>();
        int records = 0;
        int refused = 0;
        BpfProgram[] programs = [.. BpfObject.Read(file).Programs];
        foreach (BpfProgram program in programs)
        {
            string? theirs = TryPrint(file, types, program.Name);
            string ours = Try(file, target, program.Name, out int count);
            records += count;
            refused += theirs is null ? 1 : 0;
            if (theirs != (ours.StartsWith("OSM", StringComparison.Ordinal) ? null : ours))
            {
                different.Add($"{program.Name}: libbpf\n{theirs ?? "refuses"}\nours\n{ours}");
            }
        }

        output.WriteLine($"{local}, {compiler}: {programs.Length} programs, {records} records; {refused} refused by both");
        Assert.True(different.Count == 0, string.Join("\n\n", different));
    }

    private static string Try(string file, Target target, string program, out int records)
    {
        BpfObject source = BpfObject.Read(file);
        foreach (BpfProgram other in source.Programs)
        {
            other.AutoLoad = other.Name == program;
        }

        records = source.FindProgram(program)!.Entry.CoreRelocations.Count;
        try
        {
            LinkedObject ours = Linker.Link(source, target, s_all);
            return Text([.. ours.Programs.Single().Instructions], index => ours.Maps[index].Name);
        }
        catch (RelocationException refusal)
        {
            return refusal.Message;
        }
    }

    private static string? TryPrint(string file, string types, string program)
    {
        try
        {
            return Parse(RunPrinter(file, types, program)).Values.Single();
        }
        catch (ToolFailedException)
        {
            return null;
        }
    }

    private static Dictionary<string, string> Parse(string text)
    {
        var maps = new Dictionary<int, string>();
        var programs = new Dictionary<string, string>();
        foreach (string[] words in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')))
        {
            if (words[0] == "map")
            {
                maps[int.Parse(words[2], CultureInfo.InvariantCulture)] = words[1];
            }
            else
            {
                programs[words[1]] = Text(Instruction.DecodeAll(Convert.FromHexString(words[2])), fd => maps[fd]);
            }
        }

        return programs;
    }

    private static void Compare(string file)
    {
        RequireLibbpf();
        Dictionary<string, string> expected = Parse(RunPrinter(file));
        BpfObject source = BpfObject.Read(file);
        foreach (BpfProgram program in source.Programs)
        {
            // libbpf looks for what a program attaches to when it loads it, after everything that is compared here.
            program.AutoLoad = true;
            program.Section = program.Section with { Target = "" };
        }

        LinkedObject ours = Linker.Link(source, s_kernel.Value, s_all);
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

    private static string RunPrinter(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(s_printer.Value, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
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
