using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>The interpreter with all its checks, on small programs over memory and on a sample over a capture.</summary>
internal static class InterpreterBenchmark
{
    private const int Rounds = 30;
    private const double MeasuredNanoseconds = 2e6;
    private const string ObjectFile = "bench/objects/loops.bpf.o";

    public static void Run(BenchOptions options)
    {
        int rounds = options.RoundsOr(Rounds);
        using var engine = new VmEngine(new VmOptions { TreatAsMemoryPrograms = true, Tier = VmTier.Interpreter });
        using LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File(ObjectFile)));
        Map table = loaded.Map("table");
        for (uint key = 0; key < 64; key++)
        {
            table.Update(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in key)), new byte[8]);
        }

        foreach ((string name, byte[] memory, bool usesMaps) in Programs())
        {
            LoadedProgram program = loaded.Program(name);
            long instructions = CountInstructions(name, memory);
            var contest = new Contest(string.Create(CultureInfo.InvariantCulture, $"{name}: {instructions:#,0} instructions a run"), "ns per instruction", Contest.InProcess);
            ulong expected = program.Run(new ProgramRun { Data = memory }).ReturnValue;
            contest.Add("VM, checked interpreter", Repeated(instructions, repeat => program.Run(new ProgramRun { Data = memory, Repeat = repeat })));
            using UbpfProgram? ubpf = options.UbpfLibrary is null || usesMaps ? null : new UbpfProgram(options.UbpfLibrary, program.Definition.Instructions.AsSpan());
            if (ubpf is not null)
            {
                ulong other = ubpf.Run(memory, 1);
                if (other != expected)
                {
                    throw new InvalidOperationException($"{name}: the VM returns {expected}, ubpf {other}");
                }

                contest.Add("ubpf, interpreter", Repeated(instructions, repeat => ubpf.Run(memory, repeat)));
            }

            contest.Run(rounds, Console.Out);
        }

        RunCapture(rounds);
    }

    private static (string Name, byte[] Memory, bool UsesMaps)[] Programs()
    {
        byte[] block = new byte[1500];
        new Random(1).NextBytes(block);
        byte[] frame = new byte[64];
        (frame[12], frame[14], frame[23]) = (8, 0x45, 6);
        return [("alu", new byte[8], false), ("checksum", block, false), ("parse", frame, false), ("lookups", new byte[8], true)];
    }

    // A run of fewer instructions than the program executes is stopped, so that the smallest budget that suffices is their number.
    private static long CountInstructions(string name, byte[] memory)
    {
        long low = 1;
        long high = 1 << 24;
        while (low < high)
        {
            long middle = (low + high) / 2;
            using var engine = new VmEngine(new VmOptions { TreatAsMemoryPrograms = true, Tier = VmTier.Interpreter, InstructionBudget = middle });
            using LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File(ObjectFile)));
            try
            {
                loaded.Program(name).Run(new ProgramRun { Data = memory });
                high = middle;
            }
            catch (TrapException)
            {
                low = middle + 1;
            }
        }

        return low;
    }

    /// <summary>As many runs as take about two milliseconds, as nanoseconds per instruction.</summary>
    private static Func<bool, double> Repeated(long instructions, Action<int> run)
    {
        run(1);
        long started = Stopwatch.GetTimestamp();
        run(10);
        double once = Stopwatch.GetElapsedTime(started).TotalNanoseconds / 10;
        int repeat = (int)Math.Clamp(MeasuredNanoseconds / once, 1, 1_000_000);
        return _ =>
        {
            double began = ThreadCpu.Now();
            run(repeat);
            return (ThreadCpu.Now() - began) * 1e6 / repeat / instructions;
        };
    }

    private static void RunCapture(int rounds)
    {
        using var engine = new VmEngine(new VmOptions { Tier = VmTier.Interpreter });
        var contest = new Contest("samples over samples/firewall/traffic.pcapng", "ns per packet", Contest.InProcess);
        List<byte[]> frames = [];
        using (PacketReader packets = PacketFile.Open(Repository.File("samples/firewall/traffic.pcapng")))
        {
            while (packets.TryRead(out _, out ReadOnlySpan<byte> frame))
            {
                frames.Add(frame.ToArray());
            }
        }

        var objects = new List<LoadedObject>();
        foreach (string sample in (string[])["packets", "firewall"])
        {
            LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File($"samples/{sample}/{sample}.bpf.o")));
            objects.Add(loaded);
            LoadedProgram program = loaded.Programs[0];
            contest.Add($"VM, {sample}", _ =>
            {
                long started = Stopwatch.GetTimestamp();
                foreach (byte[] frame in frames)
                {
                    program.Run(new ProgramRun { Data = frame });
                }

                return Stopwatch.GetElapsedTime(started).TotalNanoseconds / frames.Count;
            });
        }

        contest.Run(rounds, Console.Out);
        objects.ForEach(loaded => loaded.Dispose());
    }
}
