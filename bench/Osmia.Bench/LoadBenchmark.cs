using System.Diagnostics;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Bench;

/// <summary>An object with CO-RE relocations, from its bytes to loaded programs, in a warm process.</summary>
internal static class LoadBenchmark
{
    private const int Rounds = 30;
    private const string ObjectFile = "samples/execsnoop/execsnoop.bpf.o";

    public static void Run(BenchOptions options)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("left out: loading into the kernel needs Linux and root");
            return;
        }

        using KernelEngine kernel = KernelEngine.Open();
        Measure(kernel, options.RoundsOr(Rounds));
    }

    [SupportedOSPlatform("linux")]
    private static void Measure(KernelEngine kernel, int rounds)
    {
        string file = Repository.File(ObjectFile);
        byte[] bytes = File.ReadAllBytes(file);
        LinkedObject linked = Linker.Link(BpfObject.Read(bytes, ObjectFile), kernel.Target);
        var contest = new Contest(ObjectFile, "ms", Contest.Processes);
        LoadOptions standard = LoadOptions.Default;
        contest.Add("read, link and load, warm", _ => Milliseconds(() => kernel.Load(Linker.Link(BpfObject.Read(bytes, ObjectFile), kernel.Target), standard).Dispose()));
        contest.Add("  read", _ => Milliseconds(() => BpfObject.Read(bytes, ObjectFile)));
        contest.Add("  read and link (CO-RE against the kernel's types)", _ => Milliseconds(() => Linker.Link(BpfObject.Read(bytes, ObjectFile), kernel.Target)));
        contest.Add("  load and close (maps, types, verifier)", _ => Milliseconds(() => kernel.Load(linked, standard).Dispose()));
        string pins = $"/sys/fs/bpf/osmia-bench-{Environment.ProcessId}";
        if (ProcessTimes.Find("bpftool") is { } bpftool && Directory.Exists("/sys/fs/bpf"))
        {
            contest.Add("bpftool prog loadall, the whole process", _ =>
            {
                try
                {
                    return ProcessTimes.Of(bpftool, "prog", "loadall", file, pins).Wall;
                }
                finally
                {
                    Unpin(pins);
                }
            });
        }

        contest.Run(rounds, Console.Out);
    }

    private static void Unpin(string folder)
    {
        if (Directory.Exists(folder))
        {
            foreach (string pin in Directory.EnumerateFiles(folder))
            {
                File.Delete(pin);
            }

            Directory.Delete(folder);
        }
    }

    private static double Milliseconds(Action action)
    {
        long started = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }
}
