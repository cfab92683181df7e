using System.Diagnostics;
using System.Globalization;
using Osmia.Bytecode;

namespace Osmia.Tests.Linking;

/// <summary>What libbpf hands to the kernel for an object: its programs' instructions with maps by name, or why it does not load.</summary>
internal static class LibbpfLoad
{
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";

    // libbpf adds the number of the record to the number of its poisoned call.
    private const int FirstPoison = 0xbad2310;
    private const int MostRecords = 10_000;
    private const int Refused = 2;
    private static readonly Lazy<string> s_printer = new(BuildPrinter);

    public static void Require()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "needs root on Linux");
        Toolchain.Require("cc");
        Assert.SkipUnless(File.Exists("/usr/include/bpf/libbpf.h"), "needs libbpf-dev");
        Assert.SkipUnless(File.Exists(KernelTypes), "needs " + KernelTypes);
    }

    /// <returns>
    /// Maps, and programs with their instructions, by name, also when the kernel then refused one; null with libbpf's words when it
    /// got less far.
    /// </returns>
    public static string? Text(byte[] data, string name, out string errors, string? types = null)
    {
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, name);
        File.WriteAllBytes(file, data);
        using Process process = Process.Start(new ProcessStartInfo(s_printer.Value, types is null ? [file] : [file, types]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> problem = process.StandardError.ReadToEndAsync();
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        errors = problem.Result;
        return process.ExitCode is 0 or Refused ? Describe(text) : null;
    }

    private static string Describe(string text)
    {
        var maps = new Dictionary<int, string>();
        var programs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string[] words in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')))
        {
            if (words[0] == "map")
            {
                maps[int.Parse(words[2], CultureInfo.InvariantCulture)] = words[1];
            }
            else if (words[0] == "program")
            {
                programs.Add(words[1], words[2]);
            }
        }

        return string.Join('\n', maps.Values.Order(StringComparer.Ordinal).Select(map => "map " + map)
            .Concat(programs.Select(program => $"program {program.Key}\n{Instructions(Instruction.DecodeAll(Convert.FromHexString(program.Value)), maps)}")));
    }

    private static string Instructions(Instruction[] instructions, Dictionary<int, string> maps)
    {
        var lines = new List<string>(instructions.Length);
        for (int slot = 0; slot < instructions.Length; slot++)
        {
            Instruction i = instructions[slot];
            bool isMap = i.IsWide && i.SourceKind is PseudoLoad.MapFd or PseudoLoad.MapValue;
            bool isPoison = i.IsHelperCall && i.Immediate >= FirstPoison && i.Immediate < FirstPoison + MostRecords;
            lines.Add(isPoison ? $"{slot}: poison" : isMap
                ? $"{slot}: {i.Destination} = {(i.SourceKind == PseudoLoad.MapFd ? "map" : "value of map")} {maps[i.Immediate]}"
                : string.Create(CultureInfo.InvariantCulture, $"{slot}: {i.Opcode} {i.Registers:x2} {i.Offset} {i.Immediate}"));
        }

        return string.Join('\n', lines);
    }

    private static string BuildPrinter()
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("osmia-libbpf-").FullName, "libbpf-instructions");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(program)!, recursive: true);
        Toolchain.Run("cc", ["-O1", "-Wall", RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Linking", "Sources", "libbpf-instructions.c"), "-o", program, "-lbpf"]);
        return program;
    }
}
