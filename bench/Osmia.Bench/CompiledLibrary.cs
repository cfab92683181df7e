using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Osmia.Bench;

/// <summary>A C file of ours, compiled into a temporary folder and called in this process: the other side of a benchmark.</summary>
internal sealed class CompiledLibrary : IDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly nint _handle;

    private CompiledLibrary(DirectoryInfo folder, string library)
    {
        _folder = folder;
        _handle = NativeLibrary.Load(library);
    }

    /// <summary>Null, with a line that says why, without a C compiler or libbpf's headers.</summary>
    public static CompiledLibrary? Build(string source) => Build(source, "cc", "-O2", "-lbpf");

    /// <param name="options">Behind the source: how it is compiled, what it is linked with.</param>
    public static CompiledLibrary? Build(string source, string compilerName, params string[] options)
    {
        if (ProcessTimes.Find(compilerName) is not { } compiler)
        {
            Console.WriteLine($"{Path.GetFileName(source)} is left out: it needs a C compiler ({compilerName})");
            return null;
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("osmia-bench-");
        string library = Path.Combine(folder.FullName, "library.so");
        using Process compile = Process.Start(new ProcessStartInfo(compiler, ["-shared", "-fPIC", "-o", library, source, .. options]) { RedirectStandardError = true })!;
        string errors = compile.StandardError.ReadToEnd();
        compile.WaitForExit();
        if (compile.ExitCode == 0)
        {
            return new CompiledLibrary(folder, library);
        }

        folder.Delete(recursive: true);
        Console.WriteLine($"{Path.GetFileName(source)} is left out, it does not compile (is something missing?): {errors.Split('\n')[0]}");
        return null;
    }

    public nint this[string function] => NativeLibrary.GetExport(_handle, function);

    public void Dispose()
    {
        NativeLibrary.Free(_handle);
        _folder.Delete(recursive: true);
    }
}
