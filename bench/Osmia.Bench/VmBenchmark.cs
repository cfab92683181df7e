using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Sections;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>
/// Small kernels in every tier and mode of the VM beside the same C compiled natively. Verified is what <see cref="VerifiedLoading.LoadVerified"/> makes
/// of them: each is judged before it is loaded. Interleaved, CPU time of the thread, medians; results are compared before anything is timed.
/// </summary>
internal static unsafe class VmBenchmark
{
    private const string Ubpf = "ubpf jit";
    private const int Rounds = 15;
    private const double MeasuredNanoseconds = 1.5e6;
    private const int MemorySize = 3072;
    private const string ObjectFile = "bench/objects/kernels.bpf.o";
    private const string Source = "bench/objects/kernels.bpf.c";
    private const string LargeSource = "bench/objects/large.c";

    private static readonly Way[] s_ways =
    [
        new("il verified", VmTier.Il, VmMode.Verified),
        new("il checked", VmTier.Il, VmMode.Checked),
        new("il metered", VmTier.Il, VmMode.Metered),
        new("x64 verified", VmTier.X64, VmMode.Verified),
        new("x64 checked", VmTier.X64, VmMode.Checked),
        new("x64 metered", VmTier.X64, VmMode.Metered),
        new("interpreter", VmTier.Interpreter, VmMode.Checked),
    ];

    public static void Run(BenchOptions options)
    {
        using CompiledLibrary? native = CompiledLibrary.Build(Repository.File(Source), "clang-19", "-O2", "-fvisibility=hidden", "-Wno-unknown-pragmas");
        using CompiledLibrary? scalar = CompiledLibrary.Build(Repository.File(Source), "clang-19", "-O2", "-fvisibility=hidden", "-fno-vectorize", "-fno-slp-vectorize", "-Wno-unknown-pragmas");
        if (native is null || scalar is null)
        {
            return;
        }

        Compare(Repository.File(ObjectFile), Source, native, scalar, s_ways, options, loaded =>
        {
            Map table = loaded.Map("table");
            for (uint key = 0; key < 64; key++)
            {
                table.Update(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in key)), new byte[8]);
            }
        });
        Large(options);
        if (options.Only.Count == 0)
        {
            Pauses();
        }
    }

    /// <summary>How long a collection waits while a program runs in a loop without calls on another thread, beside a loop in C#: what the machine itself does is in both.</summary>
    private static void Pauses()
    {
        using var stopped = new CancellationTokenSource();
        Pauses("C#", () =>
        {
            ulong turns = 0;
            while (!stopped.IsCancellationRequested)
            {
                turns++;
            }
        }, stopped);
        foreach (VmTier tier in new[] { VmTier.Interpreter, VmTier.Il, VmTier.X64 })
        {
            using var engine = new VmEngine(new Way("", tier, VmMode.Metered).Options with { InstructionBudget = long.MaxValue / 8, TreatAsMemoryPrograms = true });
            using LoadedObject loaded = engine.Load(Endless(), LoadOptions.Default);
            using var stop = new CancellationTokenSource();
            Pauses(tier.ToString(), () => ((VmProgram)loaded.Programs[0]).RunCancellable(new ProgramRun(), out _, stop.Token), stop);
        }
    }

    private static void Pauses(string what, Action run, CancellationTokenSource stop)
    {
        const int Collections = 1000;
        using var started = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            started.Set();
            try
            {
                run();
            }
            catch (Osmia.Objects.Diagnostics.TrapException)
            {
                // It was cancelled.
            }
        });
        thread.Start();
        started.Wait();
        Thread.Sleep(50);
        double[] took = new double[Collections];
        for (int i = 0; i < Collections; i++)
        {
            long before = Stopwatch.GetTimestamp();
            GC.Collect(0);
            took[i] = Stopwatch.GetElapsedTime(before).TotalMilliseconds;
        }

        bool ranOn = thread.IsAlive;
        stop.Cancel();
        thread.Join();
        Array.Sort(took);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: {Collections} collections during one run took {took[Collections / 2]:0.00} ms (median), {took[Collections * 99 / 100]:0.0} ms (99 of 100), {took[^1]:0.0} ms at worst{(ranOn ? "" : " (the run had ended)")}"));
    }

    private static LinkedObject Endless()
    {
        // r0 = 0; again: r0 += 1; goto again
        Instruction[] code = [new(new(0xb7), Register.R0, 0, 0, 0), new(new(0x07), Register.R0, 0, 0, 1), new(new(0x05), 0, 0, -2, 0), new(new(0x95), 0, 0, 0, 0)];
        var section = new SectionMatch("bench", "", "", ProgramType.Unspec, null, AttachKind.None);
        return new LinkedObject("bench", [new LinkedProgram("endless", section, [.. code])], [], []) { License = "GPL" };
    }

    /// <summary>Programs past the limits of .NET's compiler, in the tiers that take them.</summary>
    private static void Large(BenchOptions options)
    {
        using CompiledLibrary? native = CompiledLibrary.Build(Repository.File(LargeSource), "clang-19", "-O2", "-fvisibility=hidden");
        using CompiledLibrary? scalar = CompiledLibrary.Build(Repository.File(LargeSource), "clang-19", "-O2", "-fvisibility=hidden", "-fno-vectorize", "-fno-slp-vectorize");
        if (native is null || scalar is null)
        {
            return;
        }

        string objectFile = Path.GetTempFileName();
        try
        {
            CompileProgram(LargeSource, objectFile, "-g");
            Compare(objectFile, LargeSource, native, scalar, [.. s_ways.Where(way => way.Tier != VmTier.Il)], options, loaded => loaded.Maps.Single().Update(new byte[4], Memory()));
        }
        finally
        {
            File.Delete(objectFile);
        }
    }

    private static void CompileProgram(string source, string to, params string[] options)
    {
        using Process compile = Process.Start(ProcessTimes.Find("clang-19")!, ["-O2", "-target", "bpf", "-mcpu=v3", "-I", Repository.File("samples/include"), "-c", Repository.File(source), "-o", to, .. options]);
        compile.WaitForExit();
        if (compile.ExitCode != 0)
        {
            throw new InvalidOperationException($"{source} does not compile");
        }
    }

    /// <summary>The programs over plain memory, by their names, for engines that know no packets.</summary>
    private static Dictionary<string, LinkedProgram> PlainPrograms(string source)
    {
        string objectFile = Path.GetTempFileName();
        try
        {
            CompileProgram(source, objectFile, "-g", "-DPLAIN");
            return Linker.Link(BpfObject.Read(objectFile), new Target("plain")).Programs.ToDictionary(program => program.Name);
        }
        finally
        {
            File.Delete(objectFile);
        }
    }

    private static void Compare(string objectFile, string source, CompiledLibrary native, CompiledLibrary scalar, Way[] own, BenchOptions options, Action<LoadedObject> fill)
    {
        VmEngine[] engines = [.. own.Select(way => new VmEngine(way.Options))];
        LoadedObject[] objects = [.. engines.Zip(own, (engine, way) => way.Load(engine, BpfObject.Read(objectFile)))];
        Dictionary<string, LinkedProgram> plain = options.UbpfLibrary is null ? [] : PlainPrograms(source);
        byte[] memory = Memory();
        byte* nativeMemory = (byte*)NativeMemory.AlignedAlloc(MemorySize, 64);
        byte* scalarMemory = (byte*)NativeMemory.AlignedAlloc(MemorySize, 64);
        Array.ForEach(objects, fill);
        WarmUp(objects, memory);
        string[] columns = ["native", "scalar", .. options.UbpfLibrary is null ? [] : new[] { Ubpf }, .. own.Select(way => way.Name)];
        Console.WriteLine($"\nns per run, median of {options.RoundsOr(Rounds)} rounds; in brackets the ratio to native without vectors (scalar)");
        Console.WriteLine($"{"KERNEL",-10} {"SLOTS",5} " + string.Concat(columns.Select(column => $"{column,18}")));
        var ratios = columns.ToDictionary(column => column, _ => new List<(double ToScalar, double ToNative)>());
        foreach (LoadedProgram program in objects[0].Programs)
        {
            string name = program.Name;
            if (options.Only.Count != 0 && !options.Only.Contains(name))
            {
                continue;
            }

            var ways = new List<(string Column, Func<int, ulong> Run)>();
            if (name != "hashmap")
            {
                memory.CopyTo(new Span<byte>(nativeMemory, MemorySize));
                memory.CopyTo(new Span<byte>(scalarMemory, MemorySize));
                ways.Add(("native", times => Native(native, name, nativeMemory, times)));
                ways.Add(("scalar", times => Native(scalar, name, scalarMemory, times)));
            }

            // Its programs have no maps.
            using UbpfProgram? ubpf = plain.TryGetValue(name, out LinkedProgram? over) && !over.Instructions.Any(i => i.IsCall || (i.IsWide && i.Source != 0)) ? new UbpfProgram(options.UbpfLibrary!, over.Instructions.AsSpan()) : null;
            if (ubpf is not null)
            {
                ways.Add((Ubpf, times => ubpf.RunCompiled(nativeMemory, MemorySize, times)));
            }

            for (int i = 0; i < engines.Length; i++)
            {
                var loaded = (VmProgram)objects[i].Program(name);
                if (loaded.Tier != own[i].Tier || loaded.Mode != own[i].Mode)
                {
                    throw new InvalidOperationException($"{name} runs {loaded.Mode} in tier {loaded.Tier} instead of {own[i].Name}: {loaded.TierReason}");
                }

                ways.Add((own[i].Name, times => loaded.Run(new ProgramRun { Data = memory, Repeat = times }).ReturnValue));
            }

            Dictionary<string, double> medians = Measure(name, ways, options.RoundsOr(Rounds));
            string row = $"{name,-10} {program.Definition.Instructions.Length,5} ";
            foreach (string column in columns)
            {
                if (!medians.TryGetValue(column, out double value))
                {
                    row += $"{"",18}";
                    continue;
                }

                string ratio = "";
                if (medians.TryGetValue("scalar", out double reference))
                {
                    if (name is not "empty")
                    {
                        ratios[column].Add((value / reference, value / medians["native"]));
                    }

                    ratio = string.Create(CultureInfo.InvariantCulture, $"({value / reference:0.00})");
                }

                row += string.Create(CultureInfo.InvariantCulture, $"{value,10:#,0.0} {ratio,7}");
            }

            Console.WriteLine(row);
        }

        Means("scalar");
        Means("native");
        NativeMemory.AlignedFree(nativeMemory);
        NativeMemory.AlignedFree(scalarMemory);
        Array.ForEach(objects, loaded => loaded.Dispose());
        Array.ForEach(engines, engine => engine.Dispose());

        void Means(string beside)
        {
            bool toNative = beside == "native";
            Console.WriteLine($"geometric mean beside {beside} (worst): " + string.Join("  ", columns.Where(column => ratios[column].Count != 0).Select(column =>
            {
                double[] values = [.. ratios[column].Select(ratio => toNative ? ratio.ToNative : ratio.ToScalar)];
                return string.Create(CultureInfo.InvariantCulture, $"{column} {Math.Exp(values.Average(Math.Log)):0.000} ({values.Max():0.00})");
            })));
        }
    }

    /// <summary>The runtime compiles what runs programs better when it was called often, a while later and in the background.</summary>
    private static void WarmUp(LoadedObject[] objects, byte[] memory)
    {
        for (int i = 0; i < 3; i++)
        {
            foreach (LoadedObject loaded in objects)
            {
                for (int run = 0; run < 50; run++)
                {
                    loaded.Programs[0].Run(new ProgramRun { Data = memory, Repeat = 300 });
                }
            }

            Thread.Sleep(400);
        }
    }

    internal sealed record Way(string Name, VmTier Tier, VmMode Mode)
    {
        public VmOptions Options => new()
        {
            Slots = 1,
            Tier = Tier,
            Mode = Mode == VmMode.Verified ? VmMode.Checked : Mode,
            InstructionBudget = 1L << 40,
        };

        public LoadedObject Load(VmEngine engine, BpfObject source) => Mode == VmMode.Verified ? engine.LoadVerified(source) : engine.Load(source);
    }

    internal static byte[] Memory()
    {
        byte[] memory = new byte[MemorySize];
        var random = new Random(1);
        const string Letters = "abc 0123 xyz, (q) 77";
        for (int i = 0; i < memory.Length; i++)
        {
            memory[i] = (byte)Letters[random.Next(Letters.Length)];
        }

        (memory[12], memory[13], memory[14], memory[23]) = (8, 0, 0x45, 6);
        return memory;
    }

    private static ulong Native(CompiledLibrary library, string kernel, byte* memory, int times) =>
        ((delegate* unmanaged<nint, byte*, ulong, uint, ulong>)library["repeat"])(library[kernel], memory, MemorySize, (uint)times);

    private static Dictionary<string, double> Measure(string name, List<(string Column, Func<int, ulong> Run)> ways, int rounds)
    {
        // Packet programs return 32 bits.
        uint expected = (uint)ways[0].Run(1);
        foreach ((string column, Func<int, ulong> run) in ways)
        {
            uint actual = (uint)run(1);
            if (actual != expected && name is not ("reverse" or "search" or "matrix"))
            {
                throw new InvalidOperationException($"{name}: {column} returns {actual}, {ways[0].Column} {expected}");
            }
        }

        int[] times = new int[ways.Count];
        var values = ways.ToDictionary(way => way.Column, _ => new List<double>());
        for (int round = -3; round < rounds; round++)
        {
            for (int i = 0; i < ways.Count; i++)
            {
                int at = (i + round + 3) % ways.Count;
                if (round < -1)
                {
                    ways[at].Run(200);
                    double started = ThreadCpu.Now();
                    ways[at].Run(200);
                    double once = Math.Max((ThreadCpu.Now() - started) * 1e6 / 200, 0.5);
                    times[at] = (int)Math.Clamp(MeasuredNanoseconds / once, 1, 2_000_000);
                    continue;
                }

                double before = ThreadCpu.Now();
                ways[at].Run(times[at]);
                double nanoseconds = (ThreadCpu.Now() - before) * 1e6 / times[at];
                if (round >= 0)
                {
                    values[ways[at].Column].Add(nanoseconds);
                }
            }
        }

        return values.ToDictionary(pair => pair.Key, pair => Median(pair.Value));
    }

    internal static double Median(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
