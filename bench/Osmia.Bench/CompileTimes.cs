using System.Globalization;
using System.Runtime;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>
/// What compiling costs in a warm process. <em>Again</em> is one program compiled many times, by the clock (and <em>least</em> the least of them). <em>In turn</em> is
/// loading all programs and their first runs one after another, so that each finds the processor's memories full of the others, less the same interpreted, in CPU time. The benchmark's kernels, and the programs that tools of installed packages carry.
/// </summary>
internal static class CompileTimes
{
    private const int WarmRounds = 50;
    private const int Rounds = 20;
    private const int Repeats = 10;

    /// <summary>Of one program in one way, until it is the other's turn; the first find the processor's memories full of something else.</summary>
    private const int AtOnce = 8;
    private const int First = 2;

    /// <summary>More are not compiled again and again: it would take minutes.</summary>
    private const int FewPrograms = 50;

    public static void Run(BenchOptions options)
    {
        using var engine = new VmEngine();
        LinkedObject kernels = Linker.Link(BpfObject.Read(Repository.File("bench/objects/kernels.bpf.o")), engine.Target);
        Measure("kernels", [.. kernels.Programs.Select(program => Program.Of(kernels with { Programs = [program] }, engine))], VmBenchmark.Memory(), WarmRounds, options.RoundsOr(Rounds));
        Program[] tools = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? [.. Tools().Select(linked => new Program(linked, null))] : [];
        if (tools.Length == 0)
        {
            Console.WriteLine("programs of installed tools are left out: linking them needs the kernel's types, Linux and root");
            return;
        }

        Measure("programs of installed tools", tools, VmBenchmark.Memory(), 6, options.RoundsOr(Rounds) / 3);
    }

    private static void Measure(string what, Program[] programs, byte[] memory, int warmRounds, int rounds)
    {
        int slots = programs.Sum(program => program.Linked.Programs.Sum(p => p.Instructions.Length));
        Console.WriteLine($"\n{programs.Length} {what} of {slots} slots, ms per 100 slots; of 'in turn': the runtime's compiler, and our own part");
        WarmUp(programs, memory, warmRounds);
        (VmTier Tier, VmMode Mode)[] ways =
        [
            .. from tier in new[] { VmTier.Il, VmTier.X64 }
               from mode in new[] { VmMode.Verified, VmMode.Checked, VmMode.Metered }
               where IsPossible(programs, mode)
               select (tier, mode),
        ];

        // By turns, for the machine has its own slower and faster seconds.
        double[] again = new double[ways.Length];
        double[] least = new double[ways.Length];
        foreach (Program program in programs.Length > FewPrograms ? [] : programs)
        {
            double[][][] times = ByTurns(Repeats, way => Again(program, ways[way].Tier, ways[way].Mode));
            for (int way = 0; way < ways.Length; way++)
            {
                again[way] += VmBenchmark.Median([.. times[way].SelectMany(turn => turn)]);
                least[way] += times[way].Min(turn => turn.Min());
            }
        }

        Costs[][] costs = ByTurns(rounds, way => Cost(programs, ways[way].Tier, ways[way].Mode, memory));
        Console.WriteLine($"{"TIER",-5} {"MODE",-9} {"AGAIN",7} {"LEAST",7} {"IN TURN",8} {"RUNTIME",8} {"OURS",7}");
        for (int way = 0; way < ways.Length; way++)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{ways[way].Tier,-5} {ways[way].Mode,-9} {Each(again[way]),7} {Each(least[way]),7} {Each(Middle(way, cost => cost.Total)),8} {Each(Middle(way, cost => cost.Runtime)),8} {Each(Middle(way, cost => cost.Own)),7}"));
        }

        T[][] ByTurns<T>(int turns, Func<int, T> measure)
        {
            T[][] results = [.. ways.Select(_ => new T[turns])];
            for (int turn = -turns; turn < turns; turn++)
            {
                if (turn == 0)
                {
                    Thread.Sleep(200); // Better code of the compiler itself is compiled in the background.
                }

                for (int way = 0; way < ways.Length; way++)
                {
                    results[way][Math.Max(turn, 0)] = measure(way);
                }
            }

            return results;
        }

        double Middle(int way, Func<Costs, double> part) => VmBenchmark.Median([.. costs[way].Select(part)]);
        string Each(double milliseconds) => milliseconds == 0 ? "-" : (milliseconds * 100 / slots).ToString("0.000", CultureInfo.InvariantCulture);
    }

    private static bool IsPossible(Program[] programs, VmMode mode) => mode != VmMode.Verified || Array.TrueForAll(programs, program => program.Proof is not null);

    /// <summary>The compilers are programs of this runtime themselves, which makes better code of them as they run.</summary>
    private static void WarmUp(Program[] programs, byte[] memory, int rounds)
    {
        for (int round = 0; round < rounds; round++)
        {
            foreach (VmMode mode in new[] { VmMode.Verified, VmMode.Checked, VmMode.Metered })
            {
                if (IsPossible(programs, mode))
                {
                    _ = Cost(programs, VmTier.Il, mode, memory);
                    _ = Cost(programs, VmTier.X64, mode, memory);
                }
            }

            Thread.Sleep(round % 10 == 0 ? 200 : 0);
        }
    }

    private static double[] Again(Program one, VmTier tier, VmMode mode)
    {
        double[] times = new double[AtOnce];
        for (int i = 0; i < AtOnce; i++)
        {
            times[i] = CompileAlone(one, tier, mode);
        }

        return times[First..];
    }

    /// <summary>Milliseconds by the clock, the runtime's compiler included.</summary>
    private static double CompileAlone(Program one, VmTier tier, VmMode mode)
    {
        using var engine = new VmEngine(new VmBenchmark.Way("", tier, mode).Options with { TreatAsMemoryPrograms = mode != VmMode.Verified });
        using LoadedObject loaded = mode == VmMode.Verified ? engine.LoadVerified(one.Linked, [one.Proof!]) : engine.Load(one.Linked, LoadOptions.Default);
        var program = (VmProgram)loaded.Programs[0];
        program.Prepare();
        return program.CompileTime.TotalMilliseconds;
    }

    private static Costs Cost(Program[] programs, VmTier tier, VmMode mode, byte[] memory)
    {
        Costs with = LoadAndRun(programs, tier, mode, memory);
        Costs plain = LoadAndRun(programs, VmTier.Interpreter, mode, memory);
        return with with { Total = with.Total - plain.Total };
    }

    private static Costs LoadAndRun(Program[] programs, VmTier tier, VmMode mode, byte[] memory)
    {
        double own = 0;
        TimeSpan runtime = JitInfo.GetCompilationTime(currentThread: true);
        double before = ThreadCpu.Now();
        foreach ((LinkedObject linked, VerifiedProgram? proof) in programs)
        {
            using var engine = new VmEngine(new VmBenchmark.Way("", tier, mode).Options with { TreatAsMemoryPrograms = mode != VmMode.Verified });
            using LoadedObject loaded = mode == VmMode.Verified ? engine.LoadVerified(linked, [proof!]) : engine.Load(linked, LoadOptions.Default);
            var program = (VmProgram)loaded.Programs[0];
            Run(program, memory);
            own += program.CompileTime.TotalMilliseconds;
        }

        return new(ThreadCpu.Now() - before, (JitInfo.GetCompilationTime(currentThread: true) - runtime).TotalMilliseconds, own);
    }

    /// <summary>Every program alone, of those that the VM takes.</summary>
    [SupportedOSPlatform("linux")]
    private static IEnumerable<LinkedObject> Tools()
    {
        using KernelEngine kernel = KernelEngine.Open();
        foreach ((string name, byte[] data) in InstalledObjects.All())
        {
            foreach (string program in BpfObject.Read(data, name).Programs.Select(program => program.Name))
            {
                if (VerifyBenchmark.Link(kernel, data, name, program) is { } linked && Loads(linked))
                {
                    yield return linked;
                }
            }
        }
    }

    private static bool Loads(LinkedObject linked)
    {
        try
        {
            using var engine = new VmEngine(new VmBenchmark.Way("", VmTier.Il, VmMode.Metered).Options with { TreatAsMemoryPrograms = true });
            using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
            return loaded.Programs.All(program => ((VmProgram)program).Tier == VmTier.Il);
        }
        catch (BpfException)
        {
            return false;
        }
    }

    // It begins where it can: with a context that is no kernel's most stop soon, when their code is there.
    private static void Run(VmProgram program, byte[] memory)
    {
        try
        {
            program.Run(new ProgramRun { Data = memory });
        }
        catch (TrapException)
        {
        }
    }

    private sealed record Program(LinkedObject Linked, VerifiedProgram? Proof)
    {
        public static Program Of(LinkedObject linked, VmEngine engine) =>
            new(linked, VerifiedProgram.Prove(linked, linked.Programs[0], engine.Target, out VerificationReport report) ?? throw new InvalidOperationException($"{linked.Programs[0].Name}: {report.Problem}"));
    }

    /// <param name="Total">Less what the interpreter takes; milliseconds, as all of them.</param>
    private readonly record struct Costs(double Total, double Runtime, double Own);
}
