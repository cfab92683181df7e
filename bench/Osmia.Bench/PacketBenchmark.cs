using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Bench;

/// <summary>
/// The sample <c>firewall</c> on frames of 64 bytes in memory, one after another in a <see cref="PacketSession"/>: CPU time per packet in every tier,
/// beside the kernel's own figure for the same program, and with several threads at once.
/// </summary>
internal static class PacketBenchmark
{
    private const int Rounds = 30;
    private const int FrameSize = 64;
    private const int Frames = 1024;
    private const int Turns = 8;
    private const int DeniedNetworks = 64;
    private const int BlockedPorts = 16;

    private static readonly (string Name, VmTier Tier, VmMode Mode)[] s_ways =
    [
        ("il, verified", VmTier.Il, VmMode.Verified),
        ("il, checked", VmTier.Il, VmMode.Checked),
        ("il, metered", VmTier.Il, VmMode.Metered),
        ("x64, verified", VmTier.X64, VmMode.Verified),
        ("x64, checked", VmTier.X64, VmMode.Checked),
        ("interpreter, verified", VmTier.Interpreter, VmMode.Verified),
        ("interpreter, checked", VmTier.Interpreter, VmMode.Checked),
    ];

    public static void Run(BenchOptions options)
    {
        byte[] frames = MakeFrames();
        int rounds = options.RoundsOr(Rounds);
        var contest = new Contest($"samples/firewall over {Frames} frames of {FrameSize} bytes", "ns of CPU time per packet", Contest.InProcess);
        var opened = new List<Firewall>();
        var sessions = new List<PacketSession>();
        foreach ((string name, VmTier tier, VmMode mode) in s_ways)
        {
            var firewall = new Firewall(tier, mode, slots: 1);
            opened.Add(firewall);
            PacketSession session = firewall.Program.OpenPackets();
            sessions.Add(session);
            contest.Add(name, _ => Measure(session, frames), () => string.Create(CultureInfo.InvariantCulture, $"{Dropped(session, frames)} of {Frames} dropped"));
        }

        contest.Run(rounds, Console.Out);
        RunKernel(frames);
        RunThreads(frames, rounds);
        sessions.ForEach(session => session.Dispose());
        opened.ForEach(firewall => firewall.Dispose());
    }

    private static double Measure(PacketSession session, byte[] frames) => 1e6 / (Turns * Frames) * ThreadCpu.Milliseconds(() => JudgeAll(session, frames, Turns));

    private static void JudgeAll(PacketSession session, byte[] frames, int turns)
    {
        for (int turn = 0; turn < turns; turn++)
        {
            for (int i = 0; i < Frames; i++)
            {
                session.Judge(frames.AsSpan(i * FrameSize, FrameSize));
            }
        }
    }

    private static int Dropped(PacketSession session, byte[] frames)
    {
        int dropped = 0;
        for (int i = 0; i < Frames; i++)
        {
            dropped += session.Judge(frames.AsSpan(i * FrameSize, FrameSize)) == 1 ? 1 : 0;
        }

        return dropped;
    }

    /// <summary>The kernel repeats one frame and divides by itself: what stays in its caches flatters it.</summary>
    private static void RunKernel(byte[] frames)
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            Console.WriteLine("kernel: left out, loading needs Linux and root");
            return;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"kernel, BPF_PROG_TEST_RUN of single frames: {KernelNanoseconds(frames):0} ns per packet, median of 33 frames"));
    }

    [SupportedOSPlatform("linux")]
    private static double KernelNanoseconds(byte[] frames)
    {
        using KernelEngine kernel = KernelEngine.Open();
        using LoadedObject loaded = kernel.Load(BpfObject.Read(Repository.File("samples/firewall/firewall.bpf.o")));
        Firewall.AddRules(loaded);
        LoadedProgram program = loaded.Program("firewall");
        double[] figures = [.. Enumerable.Range(0, 33).Select(i => program.Run(new ProgramRun { Data = frames.AsSpan(i * FrameSize, FrameSize), Repeat = 20_000 }).NanosecondsPerRun).Order()];
        return figures[figures.Length / 2];
    }

    /// <summary>By turns with one session on this thread: the speed of a shared machine changes from second to second, and figures of two seconds cannot be compared.</summary>
    private static void RunThreads(byte[] frames, int rounds)
    {
        var contest = new Contest("the same in il, verified, by threads that share the maps", "ns of CPU time per packet and thread", Contest.InProcess);
        var opened = new List<IDisposable>();
        var alone = new Firewall(VmTier.Il, VmMode.Verified, slots: 1);
        PacketSession session = alone.Program.OpenPackets();
        opened.AddRange([session, alone]);
        contest.Add("this thread", _ => Measure(session, frames));
        for (int count = 1; count <= Environment.ProcessorCount; count *= 2)
        {
            int threads = count;
            var firewall = new Firewall(VmTier.Il, VmMode.Verified, threads);
            var judging = new JudgingThreads(threads, firewall.Program.OpenPackets, one => JudgeAll(one, frames, Turns));
            opened.AddRange([judging, firewall]);
            contest.Add($"{threads} thread{(threads == 1 ? "" : "s")}", _ => 1e6 / (Turns * Frames) * judging.Measure() / threads);
        }

        contest.Run(rounds, Console.Out);
        opened.ForEach(one => one.Dispose());
    }

    /// <summary>TCP and UDP over IPv4 from many sources to many ports, a few of them denied; 60 bytes and four of padding.</summary>
    private static byte[] MakeFrames()
    {
        var random = new Random(5);
        byte[] frames = new byte[Frames * FrameSize];
        for (int i = 0; i < Frames; i++)
        {
            Span<byte> frame = frames.AsSpan(i * FrameSize, FrameSize);
            bool isTcp = random.Next(2) == 0;
            frame[5] = 1;
            frame[11] = 2;
            BinaryPrimitives.WriteUInt16BigEndian(frame[12..], 0x0800);
            frame[14] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(frame[16..], isTcp ? (ushort)40 : (ushort)46);
            frame[22] = 64;
            frame[23] = isTcp ? (byte)6 : (byte)17;
            BinaryPrimitives.WriteUInt32BigEndian(frame[26..], random.Next(8) == 0 ? NetworkAt(random.Next(DeniedNetworks)) + 7 : (uint)random.Next(0x01000000, 0x09000000));
            BinaryPrimitives.WriteUInt32BigEndian(frame[30..], 0xc0a80001);
            BinaryPrimitives.WriteUInt16BigEndian(frame[34..], (ushort)random.Next(1024, 65536));
            BinaryPrimitives.WriteUInt16BigEndian(frame[36..], (ushort)random.Next(1, 10000));
            if (isTcp)
            {
                frame[46] = 0x50;
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(frame[38..], 26);
            }
        }

        return frames;
    }

    private static uint NetworkAt(int number) => 0x0a000000 + ((uint)number << 16);

    private sealed class Firewall : IDisposable
    {
        private readonly VmEngine _engine;
        private readonly LoadedObject _loaded;

        public Firewall(VmTier tier, VmMode mode, int slots)
        {
            _engine = new VmEngine(new VmOptions { Tier = tier, Slots = slots, Mode = mode == VmMode.Verified ? VmMode.Checked : mode });
            LinkedObject linked = Linker.Link(BpfObject.Read(Repository.File("samples/firewall/firewall.bpf.o")), _engine.Target);
            _loaded = mode == VmMode.Verified ? _engine.LoadVerified(linked, [Prove(linked)]) : _engine.Load(linked, LoadOptions.Default);
            AddRules(_loaded);
            Program = (VmProgram)_loaded.Program("firewall");
        }

        public VmProgram Program { get; }

        public static void AddRules(LoadedObject loaded)
        {
            Map networks = loaded.Map("denylist");
            Span<byte> key = stackalloc byte[8];
            uint denied = 1;
            for (int i = 0; i < DeniedNetworks; i++)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(key, 24);
                BinaryPrimitives.WriteUInt32BigEndian(key[4..], NetworkAt(i));
                networks.Update(key, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in denied)));
            }

            Map ports = loaded.Map("blocked_ports");
            uint both = 3;
            for (int i = 0; i < BlockedPorts; i++)
            {
                ushort port = BinaryPrimitives.ReverseEndianness((ushort)(6000 + i));
                ports.Update(MemoryMarshal.AsBytes(new ReadOnlySpan<ushort>(in port)), MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in both)));
            }
        }

        public void Dispose()
        {
            _loaded.Dispose();
            _engine.Dispose();
        }

        private VerifiedProgram Prove(LinkedObject linked)
        {
            LinkedProgram program = linked.Programs.Single(one => one.Name == "firewall");
            return VerifiedProgram.Prove(linked, program, _engine.Target, out VerificationReport report)
                ?? throw new InvalidOperationException($"firewall was not proved: {report.Problem?.Message}");
        }
    }
}
