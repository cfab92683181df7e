using System.Globalization;
using System.Runtime.InteropServices;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>The interpreter, checked and verified: small programs over memory, beside ubpf, and over a packet, and samples over a capture. CPU time of the thread.</summary>
internal static class InterpreterBenchmark
{
    private const int Rounds = 30;
    private const double MeasuredNanoseconds = 2e6;
    private const string OverMemory = "bench/objects/loops.bpf.o";
    private const string OverPacket = "bench/objects/packetloops.bpf.o";

    public static void Run(BenchOptions options)
    {
        int rounds = options.RoundsOr(Rounds);
        WarmUp();
        RunOverMemory(options, rounds);
        RunOverPacket(rounds);
        RunOnce(rounds);
        RunCapture(rounds);
    }

    /// <summary>The loop is one large method: on a busy machine the runtime takes its time to compile it at its best.</summary>
    private static void WarmUp()
    {
        using VmEngine engine = Engine(VmMode.Checked);
        using LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File(OverMemory)));
        for (int i = 0; i < 20; i++)
        {
            loaded.Program("parse").Run(new ProgramRun { Data = Frame(), Repeat = 1000 });
            loaded.Program("lookups").Run(new ProgramRun { Data = Frame(), Repeat = 100 });
            Thread.Sleep(100);
        }
    }

    /// <summary>What ubpf can run too. Nothing verifies these: r1 is plain memory.</summary>
    private static void RunOverMemory(BenchOptions options, int rounds)
    {
        using VmEngine engine = Engine(VmMode.Checked);
        using LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File(OverMemory)));
        Map table = loaded.Map("table");
        for (uint key = 0; key < 64; key++)
        {
            table.Update(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in key)), new byte[8]);
        }

        foreach ((string name, byte[] memory, bool usesMaps) in Programs())
        {
            LoadedProgram program = Interpreted(loaded, name);
            long instructions = CountInstructions(OverMemory, name, memory);
            var contest = new Contest(string.Create(CultureInfo.InvariantCulture, $"{name}, over memory: {instructions:#,0} instructions a run"), "ns per instruction", Contest.InProcess);
            ulong expected = program.Run(new ProgramRun { Data = memory }).ReturnValue;
            contest.Add("VM, checked", Repeated(instructions, repeat => program.Run(new ProgramRun { Data = memory, Repeat = repeat })));
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
    }

    /// <summary>The same loops over a packet, which the verifier accepts.</summary>
    private static void RunOverPacket(int rounds)
    {
        using VmEngine engine = Engine(VmMode.Checked);
        BpfObject source = BpfObject.Read(Repository.File(OverPacket));
        using LoadedObject isChecked = engine.Load(source);
        using LoadedObject verified = LoadVerified(engine, source);
        foreach ((string name, byte[] packet) in new[] { ("alu", Block()), ("checksum", Block()), ("parse", Frame()) })
        {
            long instructions = CountInstructions(OverPacket, name, packet);
            var contest = new Contest(string.Create(CultureInfo.InvariantCulture, $"{name}, over a packet: {instructions:#,0} instructions a run"), "ns per instruction", Contest.InProcess);
            ulong? expected = null;
            foreach ((string way, LoadedObject loaded) in new[] { ("VM, verified", verified), ("VM, checked", isChecked) })
            {
                LoadedProgram program = Interpreted(loaded, name);
                ulong result = program.Run(new ProgramRun { Data = packet }).ReturnValue;
                if ((expected ??= result) != result)
                {
                    throw new InvalidOperationException($"{name}: {expected} verified, {result} checked");
                }

                contest.Add(way, Repeated(instructions, repeat => program.Run(new ProgramRun { Data = packet, Repeat = repeat })));
            }

            contest.Run(rounds, Console.Out);
        }
    }

    /// <summary>What a run costs besides its instructions: kernels.bpf.c's empty program, many times in one call.</summary>
    private static void RunOnce(int rounds)
    {
        using VmEngine engine = Engine(VmMode.Checked);
        using LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File("bench/objects/kernels.bpf.o")));
        LoadedProgram empty = Interpreted(loaded, "empty");
        byte[] memory = new byte[8];
        var contest = new Contest("empty, two instructions", "ns per run", Contest.InProcess);
        contest.Add("VM, checked", Repeated(1, repeat => empty.Run(new ProgramRun { Data = memory, Repeat = repeat })));
        contest.Run(rounds, Console.Out);
    }

    private static (string Name, byte[] Memory, bool UsesMaps)[] Programs() =>
        [("alu", new byte[8], false), ("checksum", Block(), false), ("parse", Frame(), false), ("lookups", new byte[8], true)];

    private static byte[] Block()
    {
        byte[] block = new byte[1500];
        new Random(1).NextBytes(block);
        return block;
    }

    private static byte[] Frame()
    {
        byte[] frame = new byte[64];
        (frame[12], frame[14], frame[23]) = (8, 0x45, 6);
        return frame;
    }

    private static VmEngine Engine(VmMode mode, long budget = long.MaxValue) =>
        new(new VmOptions { TreatAsMemoryPrograms = true, Tier = VmTier.Interpreter, Mode = mode, InstructionBudget = budget, Slots = 1 });

    private static VmProgram Interpreted(LoadedObject loaded, string name)
    {
        var program = (VmProgram)loaded.Program(name);
        return program.Tier == VmTier.Interpreter ? program : throw new InvalidOperationException($"{name} is compiled");
    }

    private static LoadedObject LoadVerified(VmEngine engine, BpfObject source)
    {
        LinkedObject linked = Linker.Link(source, engine.Target);
        LoadedObject loaded = engine.LoadVerified(linked, [.. linked.Programs.Select(program =>
            VerifiedProgram.Prove(linked, program, engine.Target, out VerificationReport report) ?? throw new InvalidOperationException($"{program.Name}: {report.Problem}"))]);
        return loaded.Programs.All(program => ((VmProgram)program).Mode == VmMode.Verified) ? loaded : throw new InvalidOperationException("not every program is verified");
    }

    // A run of fewer instructions than the program executes is stopped, so that the smallest budget that suffices is their number.
    private static long CountInstructions(string file, string name, byte[] data)
    {
        long low = 1;
        long high = 1 << 24;
        while (low < high)
        {
            long middle = (low + high) / 2;
            using VmEngine engine = Engine(VmMode.Metered, middle);
            using LoadedObject loaded = engine.Load(BpfObject.Read(Repository.File(file)));
            try
            {
                loaded.Program(name).Run(new ProgramRun { Data = data });
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
        double started = ThreadCpu.Now();
        run(10);
        double once = Math.Max((ThreadCpu.Now() - started) * 1e6 / 10, 1);
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
        using VmEngine engine = Engine(VmMode.Checked);
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
            BpfObject source = BpfObject.Read(Repository.File($"samples/{sample}/{sample}.bpf.o"));
            foreach ((string way, LoadedObject loaded) in new[] { ("verified", LoadVerified(engine, source)), ("checked", engine.Load(source)) })
            {
                objects.Add(loaded);
                LoadedProgram program = Interpreted(loaded, loaded.Programs[0].Name);
                contest.Add($"VM, {way}, {sample}", _ =>
                {
                    double started = ThreadCpu.Now();
                    foreach (byte[] frame in frames)
                    {
                        program.Run(new ProgramRun { Data = frame });
                    }

                    return (ThreadCpu.Now() - started) * 1e6 / frames.Count;
                });
            }
        }

        contest.Run(rounds, Console.Out);
        objects.ForEach(loaded => loaded.Dispose());
    }
}
