using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Bench;

/// <summary>Calls of bpf(2) beside libbpf's in the same process: elements read, a small object opened, loaded, attached and taken away.</summary>
internal static unsafe class KernelCallBenchmark
{
    private const int Rounds = 20;
    private const uint Elements = 1000;
    private const uint Lookups = 20_000;
    private const int Batches = 20;
    private const int Tracepoints = 25;
    private static readonly string[] s_events =
    [
        "execve", "openat", "getpgid", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getsid", "setsid", "umask", "sync", "acct", "alarm", "pause", "chroot", "reboot", "times", "sysinfo",
        "getcpu", "syslog", "adjtimex", "personality", "newuname",
    ];

    private const string ObjectFile = "samples/hello/hello.bpf.o";

    public static void Run(BenchOptions options)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("left out: bpf(2) needs Linux and root");
            return;
        }

        Measure(options);
    }

    [SupportedOSPlatform("linux")]
    private static void Measure(BenchOptions options)
    {
        using KernelEngine engine = KernelEngine.Open();
        using CompiledLibrary? library = CompiledLibrary.Build(Repository.File("bench/objects/kernelcalls.c"));
        if (library is not null)
        {
            ((delegate* unmanaged<void>)library["calls_prepare"])();
        }

        int rounds = options.RoundsOr(Rounds);
        foreach (MapType type in (MapType[])[MapType.Hash, MapType.Array])
        {
            MeasureLookups(engine, library, type, rounds);
        }

        MeasureObject(engine, library, rounds);
    }

    [SupportedOSPlatform("linux")]
    private static void MeasureLookups(KernelEngine engine, CompiledLibrary? library, MapType type, int rounds)
    {
        using LoadedObject loaded = engine.Load(new LinkedObject("bench", [], [new LinkedMap(0, "elements", type, 4, 8, Elements, 0)], []), LoadOptions.Default);
        var map = (KernelMap)loaded.Maps[0];
        var typed = new Map<uint, ulong>(map);
        for (uint key = 0; key < Elements; key++)
        {
            typed.Update(key, key);
        }

        int fd = map.Handle.Descriptor;
        var contest = new Contest($"a {type.ToKernelName()} of {Elements} elements of 8 bytes", "ns of CPU time per element", Contest.InProcess);
        contest.Add("lookup", _ => PerElement(Lookups, () =>
        {
            uint found = 0;
            for (uint i = 0; i < Lookups; i++)
            {
                found += typed.TryLookup(i % Elements, out ulong _) ? 1u : 0;
            }

            Expect(found == Lookups);
        }));
        if (library is not null)
        {
            contest.Add("lookup, libbpf", _ => PerElement(Lookups, () => Expect(((delegate* unmanaged<int, uint, uint, int>)library["calls_lookup"])(fd, Elements, Lookups) == (int)Lookups)));
        }

        byte[] keys = new byte[Elements * 4];
        byte[] values = new byte[Elements * 8];
        contest.Add("batch", _ => PerElement(Elements * Batches, () =>
        {
            for (int i = 0; i < Batches; i++)
            {
                Expect(map.ReadBatch(new MapCursor(map), keys, values) == (int)Elements);
            }
        }));
        if (library is not null)
        {
            contest.Add("batch, libbpf", _ => PerElement(Elements * Batches, () =>
            {
                for (int i = 0; i < Batches; i++)
                {
                    Expect(((delegate* unmanaged<int, uint, int>)library["calls_lookup_batch"])(fd, Elements) == (int)Elements);
                }
            }));
        }

        contest.Run(rounds, Console.Out);
    }

    [SupportedOSPlatform("linux")]
    private static void MeasureObject(KernelEngine engine, CompiledLibrary? library, int rounds)
    {
        string file = Repository.File(ObjectFile);
        byte[] path = [.. System.Text.Encoding.UTF8.GetBytes(file), 0];
        var opening = new Contest($"{ObjectFile} opened, linked, loaded and attached once", "ms of CPU time", Contest.InProcess);
        opening.Add("osmia", counts => Opened(engine, file, 1, ThreadCpu.Now, out _));
        var wall = new Contest($"{Tracepoints} tracepoints detached, object closed", "ms, wall", Contest.Processes);
        wall.Add("osmia", counts =>
        {
            Opened(engine, file, Tracepoints, Wall, out double detached);
            return detached;
        });
        if (library is not null)
        {
            opening.Add("libbpf", counts => OpenedByLibbpf(library, path, 1, ThreadCpu.Now, out _));
            wall.Add("libbpf", counts =>
            {
                OpenedByLibbpf(library, path, Tracepoints, Wall, out double detached);
                return detached;
            });
        }

        opening.Run(rounds, Console.Out);
        wall.Run(rounds, Console.Out);
    }

    [SupportedOSPlatform("linux")]
    private static double Opened(KernelEngine engine, string file, int times, Func<double> clock, out double detached)
    {
        Settle();
        double started = clock();
        LoadedObject loaded = engine.Load(Linker.Link(BpfObject.Read(file), engine.Target), LoadOptions.Default);
        Link[] links = [.. s_events.Take(times).Select(name => engine.Attach(loaded.Programs[0], new TracepointTarget("syscalls", "sys_enter_" + name)))];
        double opened = clock() - started;
        started = clock();
        new LinkSet(links).Dispose();
        loaded.Dispose();
        detached = clock() - started;
        return opened;
    }

    private static double OpenedByLibbpf(CompiledLibrary library, byte[] path, int times, Func<double> clock, out double detached)
    {
        Settle();
        double started = clock();
        byte[] names = [.. s_events.SelectMany(name => System.Text.Encoding.ASCII.GetBytes($"sys_enter_{name}\0"))];
        fixed (byte* name = path, events = names)
        {
            Expect(((delegate* unmanaged<byte*, byte*, int, int>)library["calls_attach"])(name, events, times) == 0);
        }

        double opened = clock() - started;
        started = clock();
        ((delegate* unmanaged<void>)library["calls_detach"])();
        detached = clock() - started;
        return opened;
    }

    // What is closed a moment later must not fall into the next measurement.
    private static void Settle()
    {
        for (int i = 0; i < 600 && Directory.EnumerateFiles("/proc/self/fd").Any(path => new FileInfo(path).LinkTarget is "anon_inode:[perf_event]"); i++)
        {
            Thread.Sleep(10);
        }
    }

    private static double PerElement(uint elements, Action action) => ThreadCpu.Milliseconds(action) * 1e6 / elements;

    private static double Wall() => Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency;

    private static void Expect(bool condition)
    {
        if (!condition)
        {
            throw new InvalidOperationException("a call did not do what was measured");
        }
    }
}
