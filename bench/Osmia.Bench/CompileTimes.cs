using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>
/// What compiling costs in a warm process: loading and the first run of programs, which is when the runtime compiles, less the same interpreted.
/// The benchmark's kernels, and the programs that tools of installed packages carry.
/// </summary>
internal static class CompileTimes
{
    private const int WarmRounds = 50;
    private const int Rounds = 20;

    public static void Run(BenchOptions options)
    {
        byte[] memory = VmBenchmark.Memory();
        Measure("kernels", [Linker.Link(BpfObject.Read(Repository.File("bench/objects/kernels.bpf.o")), new VmEngine().Target)], memory, WarmRounds, options.RoundsOr(Rounds));
        LinkedObject[] tools = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? [.. Tools()] : [];
        if (tools.Length == 0)
        {
            Console.WriteLine("programs of installed tools are left out: linking them needs the kernel's types, Linux and root");
            return;
        }

        Measure("programs of installed tools", tools, memory, 6, options.RoundsOr(Rounds) / 3);
    }

    private static void Measure(string what, LinkedObject[] objects, byte[] memory, int warmRounds, int rounds)
    {
        foreach (VmTier tier in new[] { VmTier.Il, VmTier.X64 })
        {
            var values = new List<double>();
            var own = new List<double>();
            int slots = 0;
            int programs = 0;
            for (int round = 0; round < warmRounds + rounds; round++)
            {
                double with = LoadAndRun(tier, out double compiling);
                double plain = LoadAndRun(VmTier.Interpreter, out _);
                if (round == warmRounds - 1)
                {
                    Thread.Sleep(500); // Better code of the compiler itself is compiled in the background.
                }

                if (round >= warmRounds)
                {
                    own.Add(compiling);
                    values.Add(with - plain);
                }
            }

            double median = VmBenchmark.Median(values);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{tier}: compiling {slots} slots of {programs} {what} takes {median:0.00} ms CPU, {median * 100 / slots:0.000} ms per 100 slots; our own part {VmBenchmark.Median(own) * 100 / slots:0.000} ms"));

            double LoadAndRun(VmTier which, out double compiling)
            {
                slots = programs = 0;
                compiling = 0;
                double before = ThreadCpu.Now();
                foreach (LinkedObject linked in objects)
                {
                    using var engine = new VmEngine(new VmBenchmark.Way("", which, VmMode.Metered).Options with { TreatAsMemoryPrograms = true });
                    using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
                    foreach (VmProgram program in loaded.Programs.Cast<VmProgram>())
                    {
                        Run(program, memory);
                        compiling += program.CompileTime.TotalMilliseconds;
                        slots += program.Definition.Instructions.Length;
                        programs++;
                    }
                }

                return ThreadCpu.Now() - before;
            }
        }
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
}
