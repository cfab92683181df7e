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

    private readonly CompiledLibrary _library;
    private readonly delegate* unmanaged<int, int, int> _produce;
    private readonly delegate* unmanaged<int, long> _consume;
    private readonly delegate* unmanaged<int, void> _close;

    private LibbpfConsumer(CompiledLibrary library, string objectFile)
    {
        _library = library;
        _produce = (delegate* unmanaged<int, int, int>)library["consumer_produce"];
        _consume = (delegate* unmanaged<int, long>)library["consumer_consume"];
        _close = (delegate* unmanaged<int, void>)library["consumer_close"];
        var open = (delegate* unmanaged<byte*, int, int, int>)library["consumer_open"];
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
        if (!Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("libbpf is left out: it needs root");
            return null;
        }

        return CompiledLibrary.Build(source) is { } library ? new LibbpfConsumer(library, objectFile) : null;
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
        _library.Dispose();
    }
}
