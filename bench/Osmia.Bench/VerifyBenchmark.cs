using System.Globalization;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Programs;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;

namespace Osmia.Bench;

/// <summary>
/// Programs judged here and by the kernel in turn: instructions walked, states kept, time. The kernel's time is the one it states itself
/// (<c>verification time</c>), which is wall time and all of its verifier; ours is the thread's CPU time.
/// </summary>
internal static partial class VerifyBenchmark
{
    private const int Rounds = 15;
    private const int MostShown = 25;
    private const int Different = 1;

    public static void Run(BenchOptions options)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("left out: loading into the kernel needs Linux and root");
            return;
        }

        using KernelEngine kernel = KernelEngine.Open();
        Measure(kernel, options.RoundsOr(Rounds), options.Objects);
    }

    [SupportedOSPlatform("linux")]
    private static void Measure(KernelEngine kernel, int rounds, string? folder)
    {
        var subjects = new List<Subject>();
        foreach ((string name, byte[] data) in folder is null ? Objects() : FilesOf(folder))
        {
            foreach (string program in BpfObject.Read(data, name).Programs.Select(program => program.Name))
            {
                if (Link(kernel, data, name, program) is { } linked && Subject.Of(kernel, $"{name} {program}", linked) is { } subject)
                {
                    subjects.Add(subject);
                }
            }
        }

        Compare(subjects);
        Subject[] largest = [.. subjects.OrderByDescending(subject => subject.KernelInstructions).Take(MostShown)];
        Subject? small = subjects.Where(subject => subject.KernelInstructions is >= 45 and <= 55 && subject.Slots is >= 45 and <= 55).MinBy(subject => Math.Abs(subject.Slots - 50));
        Subject[] timed = small is null ? largest : [.. largest, small];
        for (int round = -Contest.Processes; round < rounds; round++)
        {
            foreach (Subject subject in timed)
            {
                subject.Measure(kernel, round >= 0);
            }
        }

        Console.WriteLine($"\nthe largest, {rounds} rounds, medians and minima: the kernel's own time, ours (CPU); ratio of minima; million instructions a second (median)");
        Console.WriteLine($"{"PROGRAM",-52} {"INSNS",8} {"OURS",8} {"STATES",7} {"OURS",7} {"KERNEL ms",10} {"MIN",9} {"OURS ms",9} {"MIN",9} {"RATIO",6} {"M/s",6}");
        foreach (Subject subject in timed)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{subject.Name,-52} {subject.KernelInstructions,8} {subject.Report.InstructionsProcessed,8} {subject.KernelStates,7} {subject.Report.TotalStates,7} "
                + $"{subject.KernelTime,10:0.000} {subject.LeastKernelTime,9:0.000} {subject.Time,9:0.000} {subject.LeastTime,9:0.000} {subject.LeastTime / subject.LeastKernelTime,6:0.00} {subject.Report.InstructionsProcessed / subject.Time / 1000,6:0.00}"));
        }
    }

    private static void Compare(List<Subject> subjects)
    {
        long ours = subjects.Sum(subject => (long)subject.Report.InstructionsProcessed);
        long theirs = subjects.Sum(subject => subject.KernelInstructions);
        Console.WriteLine($"{subjects.Count} programs: {theirs} instructions walked by the kernel, {ours} here; "
            + $"{subjects.Count(subject => subject.KernelInstructions == subject.Report.InstructionsProcessed)} the same to one, {subjects.Count(IsDifferent)} differ by more than {Different} %:");
        foreach (Subject subject in subjects.Where(IsDifferent).OrderByDescending(subject => subject.Report.InstructionsProcessed).Take(MostShown))
        {
            Console.WriteLine($"  {subject.Name}: {subject.KernelInstructions} there ({subject.KernelStates} states), {subject.Report.InstructionsProcessed} here ({subject.Report.TotalStates})");
        }

        static bool IsDifferent(Subject subject) => Math.Abs(subject.Report.InstructionsProcessed - subject.KernelInstructions) * 100 > subject.KernelInstructions * Different;
    }

    private static IEnumerable<(string Name, byte[] Data)> FilesOf(string folder) =>
        Directory.EnumerateFiles(folder, "*.o").Order().Select(path => (Path.GetFileNameWithoutExtension(path), File.ReadAllBytes(path)));

    private static IEnumerable<(string Name, byte[] Data)> Objects() =>
        Directory.EnumerateFiles(Repository.File("samples"), "*.bpf.o", SearchOption.AllDirectories)
            .Append(Repository.File("bench/objects/unrolled.bpf.o"))
            .Order()
            .Select(path => (Path.GetFileName(path).Replace(".bpf.o", "", StringComparison.Ordinal), File.ReadAllBytes(path)))
            .Concat(InstalledObjects.All());

    [SupportedOSPlatform("linux")]
    internal static LinkedObject? Link(KernelEngine kernel, byte[] data, string name, string only)
    {
        BpfObject source = BpfObject.Read(data, name);
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad = program.Name == only;
        }

        foreach (BpfMap map in source.Maps)
        {
            map.PinByName = false;
            map.Slots = [];
            // What their tools set before they load.
            map.MaxEntries = Math.Max(map.MaxEntries, map.Type is MapType.Ringbuf or MapType.PerfEventArray ? 0u : 1);
            map.ValueSize = map.Type == MapType.StackTrace && map.ValueSize == 0 ? 8 * 20u : map.ValueSize;
        }

        try
        {
            return Linker.Link(source, kernel.Target);
        }
        catch (BpfException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"verification time (\d+) usec")]
    private static partial Regex TimeInLog();

    [GeneratedRegex(@"total_states (\d+)")]
    private static partial Regex StatesInLog();

    private sealed class Subject(string name, LinkedObject linked, VerificationReport report)
    {
        private readonly List<double> _kernelTimes = [];
        private readonly List<double> _times = [];

        public string Name => name;

        public VerificationReport Report => report;

        public int Slots => linked.Programs[0].Instructions.Length;

        public long KernelInstructions { get; private set; }

        public long KernelStates { get; private set; }

        public double KernelTime => Median(_kernelTimes);

        public double Time => Median(_times);

        public double LeastKernelTime => _kernelTimes.Min();

        public double LeastTime => _times.Min();

        /// <summary>Null unless both accept the program.</summary>
        [SupportedOSPlatform("linux")]
        public static Subject? Of(KernelEngine kernel, string name, LinkedObject linked)
        {
            try
            {
                var subject = new Subject(name, linked, Verifier.Verify(linked, linked.Programs[0], kernel.Target));
                if (subject.Report.Verdict != Verdict.Accept)
                {
                    return null;
                }

                subject.Load(kernel);
                return subject;
            }
            catch (BpfException)
            {
                return null;
            }
        }

        [SupportedOSPlatform("linux")]
        public void Measure(KernelEngine kernel, bool counts)
        {
            double theirs = Load(kernel);
            double ours = ThreadCpu.Milliseconds(() => Verifier.Verify(linked, linked.Programs[0], kernel.Target));
            if (counts)
            {
                _kernelTimes.Add(theirs);
                _times.Add(ours);
            }
        }

        [SupportedOSPlatform("linux")]
        private double Load(KernelEngine kernel)
        {
            using LoadedObject loaded = kernel.Load(linked, LoadOptions.Default);
            var program = (KernelProgram)loaded.Programs[0];
            KernelInstructions = program.VerifiedInstructions;
            KernelStates = long.Parse(StatesInLog().Match(program.VerifierText).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            return long.Parse(TimeInLog().Match(program.VerifierText).Groups[1].ValueSpan, CultureInfo.InvariantCulture) / 1000.0;
        }

        private static double Median(List<double> values)
        {
            double[] sorted = [.. values.Order()];
            return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        }
    }
}
