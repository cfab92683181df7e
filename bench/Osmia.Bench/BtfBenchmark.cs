using System.Runtime.InteropServices;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Bench;

/// <summary>The kernel's types: opened and searched, beside libbpf; written as C, beside bpftool; joined, beside libbpf.</summary>
internal static class BtfBenchmark
{
    private const int Rounds = 40;
    private const string Kernel = "/sys/kernel/btf/vmlinux";
    private const string Name = "task_struct";

    public static void Run(BenchOptions options)
    {
        if (!File.Exists(Kernel))
        {
            Console.WriteLine($"left out: it needs {Kernel}");
            return;
        }

        using MappedKernelTypes mapped = MappedKernelTypes.Open(Kernel);
        using LibbpfTypes? libbpf = LibbpfTypes.Build(Repository.File("bench/objects/types.c"));
        Open(mapped, libbpf, options.RoundsOr(Rounds));
        Print(mapped, options.RoundsOr(Rounds / 2));
    }

    private static void Open(MappedKernelTypes mapped, LibbpfTypes? libbpf, int rounds)
    {
        var contest = new Contest($"open the kernel's types and find {Name}, CPU time", "ms", Contest.InProcess);
        long bytes = 0;
        contest.Add("map, index every name, find", _ =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            double time = Cpu.Of(() => Check(BtfTypes.Parse(mapped.Memory).Find(BtfKind.Struct, Name).Value));
            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            return time;
        }, () => $"{bytes / 1e6:0.0} MB of managed memory");
        contest.Add("  open alone", _ => Cpu.Of(() => Check(BtfTypes.Parse(mapped.Memory).Count)));
        contest.Add("read the file, index, find", _ => Cpu.Of(() => Check(BtfTypes.Parse(File.ReadAllBytes(Kernel)).Find(BtfKind.Struct, Name).Value)));
        if (libbpf is not null)
        {
            contest.Add($"libbpf {libbpf.Version}: btf__parse and find (no index)", _ => Cpu.Of(() => Check(libbpf.Find(Kernel, Name))));
            contest.Add($"libbpf {libbpf.Version}: btf__load_vmlinux_btf and find", _ => Cpu.Of(() => Check(libbpf.Find(null, Name))));
        }

        contest.Run(rounds, Console.Out);
    }

    private static void Print(MappedKernelTypes mapped, int rounds)
    {
        var contest = new Contest("the kernel's types as a C header, CPU time", "ms", Contest.InProcess);
        contest.Add("CHeaderWriter, in the order of ids", _ => Cpu.Of(() => CHeaderWriter.Write(BtfTypes.Parse(mapped.Memory), Stream.Null, isSorted: false)));
        contest.Add("CHeaderWriter, sorted", _ => Cpu.Of(() => CHeaderWriter.Write(BtfTypes.Parse(mapped.Memory), Stream.Null)));
        // The installed one, and another that OSMIA_BPFTOOL names. From 7.5 on bpftool sorts, as we do.
        foreach (string bpftool in ((string?[])[ProcessTimes.Find("bpftool"), Environment.GetEnvironmentVariable("OSMIA_BPFTOOL")]).Where(tool => !string.IsNullOrEmpty(tool))!)
        {
            contest.Add($"{Version(bpftool)}, the whole process", _ => ProcessTimes.Of(bpftool, "btf", "dump", "file", Kernel, "format", "c").Cpu);
        }

        string osmia = Repository.File("osmia");
        contest.Add("./osmia btf dump vmlinux format c, the whole process", _ => ProcessTimes.Of(osmia, "btf", "dump", "vmlinux", "format", "c").Cpu);
        contest.Add("./osmia btf dump vmlinux format c unsorted, the whole process", _ => ProcessTimes.Of(osmia, "btf", "dump", "vmlinux", "format", "c", "unsorted").Cpu);
        contest.Add("joined with itself (BtfDeduplicator)", _ =>
        {
            var both = new BtfBuilder();
            both.Append(BtfTypes.Parse(mapped.Memory));
            both.Append(BtfTypes.Parse(mapped.Memory));
            BtfTypes types = both.Build();
            return Cpu.Of(() => Check(BtfDeduplicator.Deduplicate(types, out int[] _).Count));
        });
        contest.Run(rounds, Console.Out);
    }

    private static string Version(string bpftool)
    {
        using System.Diagnostics.Process process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(bpftool, ["version"]) { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text.Split('\n')[0].Trim();
    }

    private static void Check(int found)
    {
        if (found <= 0)
        {
            throw new InvalidOperationException($"{Name} was not found");
        }
    }
}

/// <summary>CPU time of this thread.</summary>
internal static unsafe class Cpu
{
    private const int ThreadClock = 3;

    public static double Of(Action action)
    {
        double before = Now();
        action();
        return Now() - before;
    }

    private static double Now()
    {
        long* time = stackalloc long[2];
        _ = ClockGetTime(ThreadClock, time);
        return time[0] * 1e3 + time[1] / 1e6;
    }

    [DllImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockGetTime(int clock, long* time);
}
