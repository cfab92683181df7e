using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>
/// Fills a buffer by test runs of a program that sends 64 bytes without waking anybody, then measures only the reading. Both sides
/// look at the first word of each record.
/// </summary>
internal static class BufferBenchmark
{
    private const int Rounds = 60;
    private const int RingRecords = 200_000;
    private const int PerfRecords = 2_500;
    private const string ObjectFile = "bench/objects/rings.bpf.o";

    public static void Run(BenchOptions options)
    {
        using LibbpfConsumer? libbpf = LibbpfConsumer.Build(Repository.File("bench/objects/consumer.c"), Repository.File(ObjectFile));
        int rounds = options.RoundsOr(Rounds);
        using var vm = new VmEngine();
        using LoadedObject inVm = vm.Load(BpfObject.Read(Repository.File(ObjectFile)));
        using Reading vmRing = new(inVm, "to_ring", "ring", RingRecords);
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("the kernel's buffers need Linux and root: only the VM's ring is measured");
            var only = new Contest("ring buffer", "ns per record", Contest.InProcess);
            only.Add("VM, RingBufferReader", vmRing.Measure, vmRing.Describe);
            only.Run(rounds, Console.Out);
            return;
        }

        using KernelEngine kernel = KernelEngine.Open();
        using LoadedObject loaded = kernel.Load(BpfObject.Read(Repository.File(ObjectFile)));
        using Reading ring = new(loaded, "to_ring", "ring", RingRecords);
        using Reading perf = new(loaded, "to_perf", "perf", PerfRecords);
        var rings = new Contest($"ring buffer, {RingRecords} records of 64 bytes a round", "ns per record", Contest.InProcess);
        rings.Add("kernel, RingBufferReader", ring.Measure, ring.Describe);
        var perfs = new Contest($"perf buffer, {PerfRecords} records of 64 bytes a round", "ns per record", Contest.InProcess);
        perfs.Add("kernel, PerfBufferReader", perf.Measure, perf.Describe);
        if (libbpf is not null)
        {
            rings.Add("kernel, libbpf ring_buffer__consume", _ => libbpf.Measure(LibbpfConsumer.Ring, RingRecords));
            perfs.Add("kernel, libbpf perf_buffer__consume", _ => libbpf.Measure(LibbpfConsumer.Perf, PerfRecords));
        }

        rings.Add("VM, RingBufferReader", vmRing.Measure, vmRing.Describe);
        rings.Run(rounds, Console.Out);
        perfs.Run(rounds * 4, Console.Out);
    }

    /// <summary>One buffer read through the library.</summary>
    private sealed class Reading : IDisposable
    {
        private readonly LoadedProgram _program;
        private readonly RecordReader _reader;
        private readonly RecordHandler _handler;
        private readonly int _records;
        private readonly byte[] _frame = new byte[64];
        private ulong _sum;
        private long _allocated;
        private long _read;
        private double _best = double.MaxValue;

        public Reading(LoadedObject loaded, string program, string map, int records)
        {
            _program = loaded.Program(program);
            _reader = loaded.Map(map).OpenReader();
            _records = records;
            _handler = (record, _) => _sum += MemoryMarshal.Read<ulong>(record);
        }

        public double Measure(bool counts)
        {
            _program.Run(new ProgramRun { Data = _frame, Repeat = _records });
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            int read = _reader.Consume(_handler);
            double nanoseconds = Stopwatch.GetElapsedTime(started).TotalNanoseconds;
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            if (read != _records)
            {
                throw new InvalidOperationException($"{read} of {_records} records were read");
            }

            if (!counts)
            {
                return 0;
            }

            _allocated += allocated;
            _read += read;
            _best = Math.Min(_best, nanoseconds / read);
            return nanoseconds / read;
        }

        public string Describe() => string.Create(CultureInfo.InvariantCulture,
            $"{(double)_allocated / _read:0.###} bytes allocated per record; at best {1e3 / _best:0} million records per second");

        public void Dispose() => _reader.Dispose();
    }
}
