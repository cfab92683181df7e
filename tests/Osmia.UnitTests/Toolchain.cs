using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Osmia.Objects;

namespace Osmia.Tests;

/// <summary>Compilers and other tools the tests compare with. A test that lacks one is skipped by its name.</summary>
internal static class Toolchain
{
    private static readonly ConcurrentDictionary<string, byte[]> s_compiled = new();

    /// <summary>An option that keeps the checkout's place out of what is compiled: hunts over it then meet the same bytes wherever they run.</summary>
    public static string AnyFolder => $"-ffile-prefix-map={RepositoryFiles.Root}/=";

    /// <summary>
    /// Compiles a source below tests/Osmia.UnitTests; the same command runs once. OSMIA_COMPILED names a folder that keeps what was compiled
    /// and is looked into first: a machine without a compiler, such as eng/vmtest's guests, takes it from there.
    /// </summary>
    public static byte[] Compile(string compiler, string source, params string[] options) => Kept(compiler, source, options, output =>
    {
        string path = RepositoryFiles.PathOf("tests", "Osmia.UnitTests", source);
        string[] target = options.Any(option => option.StartsWith("-target", StringComparison.Ordinal)) ? [] : ["-target", "bpf"];
        Run(compiler, [.. target, "-g", "-O2", "-Wall", .. options, "-c", path, "-o", output]);
    });

    /// <summary>A program of this machine from one source of the checkout, kept as objects are.</summary>
    public static void Build(string output, string compiler, string source, params string[] options)
    {
        File.WriteAllBytes(output, Kept(compiler, source, [.. options, "program"], file => Run(compiler, [.. options, RepositoryFiles.PathOf(source), "-o", file])));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(output, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static byte[] Kept(string compiler, string source, string[] options, Action<string> build)
    {
        string command = string.Join(' ', [compiler, source, .. options]);
        string? kept = Environment.GetEnvironmentVariable("OSMIA_COMPILED") is { Length: > 0 } folder
            ? Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(command)))[..16] + ".o")
            : null;
        if (kept is not null && File.Exists(kept) && !Has(compiler))
        {
            return File.ReadAllBytes(kept);
        }

        Require(compiler);
        return s_compiled.GetOrAdd(command, _ =>
        {
            using var output = new TemporaryFolder();
            string result = Path.Combine(output.Path, "out.o");
            build(result);
            byte[] data = File.ReadAllBytes(result);
            if (kept is not null)
            {
                File.WriteAllBytes(kept, data);
            }

            return data;
        });
    }

    public static byte[] Stripped(byte[] data, params string[] options)
    {
        Require("llvm-strip-19");
        using var folder = new TemporaryFolder();
        string file = Path.Combine(folder.Path, "out.o");
        File.WriteAllBytes(file, data);
        Run("llvm-strip-19", [.. options, file]);
        return File.ReadAllBytes(file);
    }

    public static BpfObject Read(string compiler, string source, params string[] options) =>
        BpfObject.Read(Compile(compiler, source, options), Path.GetFileNameWithoutExtension(source) + ".bpf.o");

    public static bool Has(string tool) => ReferenceTool.Exists(tool);

    public static void Require(string tool) => Assert.SkipUnless(Has(tool), $"needs {tool}");

    public static string Run(string tool, params string[] arguments) => ReferenceTool.Run(tool, arguments);
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("osmia-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
