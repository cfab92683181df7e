using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Osmia.Bench;

/// <summary>bench/objects/consumer.c, compiled into a temporary folder and called in this process.</summary>
internal sealed unsafe class LibbpfConsumer : IDisposable
{
    public const int Ring = 0;
    public const int Perf = 1;

    // What PerfBufferReader maps for each CPU.
    private const int PagesPerCpu = 64;

    private readonly DirectoryInfo _folder;
    private readonly nint _library;
    private readonly delegate* unmanaged<int, int, int> _produce;
    private readonly delegate* unmanaged<int, long> _consume;
    private readonly delegate* unmanaged<int, void> _close;

    private LibbpfConsumer(DirectoryInfo folder, string library, string objectFile)
    {
        _folder = folder;
        _library = NativeLibrary.Load(library);
        _produce = (delegate* unmanaged<int, int, int>)NativeLibrary.GetExport(_library, "consumer_produce");
        _consume = (delegate* unmanaged<int, long>)NativeLibrary.GetExport(_library, "consumer_consume");
        _close = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(_library, "consumer_close");
        var open = (delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(_library, "consumer_open");
        byte* path = (byte*)Marshal.StringToCoTaskMemUTF8(objectFile);
        for (int kind = Ring; kind <= Perf; kind++)
        {
            if (open(path, kind, PagesPerCpu) != 0)
            {
                throw new InvalidOperationException("libbpf could not load the benchmark's object");
            }
        }

        Marshal.FreeCoTaskMem((nint)path);
    }

    /// <summary>Null, with a line that says why, without root, a C compiler or libbpf's headers.</summary>
    public static LibbpfConsumer? Build(string source, string objectFile)
    {
        if (ProcessTimes.Find("cc") is not { } compiler || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("libbpf is left out: it needs root and a C compiler (cc)");
            return null;
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("osmia-bench-");
        string library = Path.Combine(folder.FullName, "consumer.so");
        using Process compile = Process.Start(new ProcessStartInfo(compiler, ["-O2", "-shared", "-fPIC", "-o", library, source, "-lbpf"]) { RedirectStandardError = true })!;
        string errors = compile.StandardError.ReadToEnd();
        compile.WaitForExit();
        if (compile.ExitCode == 0)
        {
            return new LibbpfConsumer(folder, library, objectFile);
        }

        folder.Delete(recursive: true);
        Console.WriteLine($"libbpf is left out: its consumer does not compile (libbpf-dev missing?): {errors.Split('\n')[0]}");
        return null;
    }

    public double Measure(int kind, int records)
    {
        int result = _produce(kind, records);
        long started = Stopwatch.GetTimestamp();
        long read = _consume(kind);
        double nanoseconds = Stopwatch.GetElapsedTime(started).TotalNanoseconds;
        return result == 0 && read == records ? nanoseconds / read : throw new InvalidOperationException($"libbpf read {read} of {records} records (test run: {result})");
    }

    public void Dispose()
    {
        _close(Ring);
        _close(Perf);
        NativeLibrary.Free(_library);
        _folder.Delete(recursive: true);
    }
}
