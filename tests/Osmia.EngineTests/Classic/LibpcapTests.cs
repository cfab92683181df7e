using System.Runtime.InteropServices;
using Osmia.Bytecode.Classic;
using Osmia.Bytecode.Classic.Expressions;
using Osmia.Objects.Classic;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Vm;

namespace Osmia.Tests.Classic;

/// <summary>What libpcap compiles, lists and runs, beside what comes of it here.</summary>
public sealed unsafe class LibpcapTests : IDisposable
{
    private const int Ethernet = 1;
    private const int SnapLength = 262144;

    private static readonly string[] s_expressions =
    [
        "tcp", "udp port 53", "ip6", "icmp or icmp6", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "ip[8] < 64 and not arp", "len > 200", "net 192.168.0.0/16", "vlan and ip",
        "ether multicast", "tcp portrange 1-1023", "ip[2:2] > 100 and ip[6:2] & 0x1fff = 0", "ip proto 17 and udp[4:2] > 60", "(ip[0] & 0xf) * 4 > 20", "greater 1000", "len / 3 = 20 or len - 14 = ip[2:2]",
    ];

    private readonly nint _library;
    private readonly nint _handle;

    public LibpcapTests()
    {
        Assert.SkipUnless(NativeLibrary.TryLoad("libpcap.so.0.8", out _library), "needs libpcap");
        _handle = ((delegate* unmanaged<int, int, nint>)Function("pcap_open_dead"))(Ethernet, SnapLength);
    }

    public void Dispose()
    {
        if (_handle != 0)
        {
            ((delegate* unmanaged<nint, void>)Function("pcap_close"))(_handle);
        }
    }

    [Fact]
    public void Compiled_expressions_judge_packets_as_in_libpcap()
    {
        using var engine = new VmEngine(new VmOptions { Tier = VmTier.Il });
        var run = (delegate* unmanaged<FilterProgram*, PacketHeader*, byte*, int>)Function("pcap_offline_filter");
        int kept = 0;
        int dropped = 0;
        foreach (string expression in s_expressions)
        {
            FilterProgram compiled = Compile(expression);
            using LoadedObject loaded = engine.Load(ClassicObject.Translate(Read(compiled), section: "tc"));
            using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
            for (int number = 1; packets.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame); number++)
            {
                fixed (byte* bytes = frame)
                {
                    // A whole frame: filters ask for the length in the capture and on the wire, which a socket does not tell apart.
                    var header = new PacketHeader { Captured = (uint)frame.Length, Length = (uint)frame.Length };
                    uint expected = (uint)run(&compiled, &header, bytes);
                    uint actual = (uint)loaded.Programs[0].Run(new ProgramRun { Data = frame }).ReturnValue;
                    Assert.True(expected == actual, $"{expression}: packet {number}: libpcap returns {expected}, the VM {actual}");
                    (kept, dropped) = actual != 0 ? (kept + 1, dropped) : (kept, dropped + 1);
                }
            }

            ((delegate* unmanaged<FilterProgram*, void>)Function("pcap_freecode"))(&compiled);
        }

        Assert.True(kept > 1000 && dropped > 1000, $"{kept} kept, {dropped} dropped");
    }

    [Fact]
    public void Expressions_compiled_here_match_the_same_packets()
    {
        string[] expressions = [.. File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Classic", "expressions.txt")).Where(line => line.Length > 0 && line[0] != '#')];
        Assert.True(expressions.Length > 80);
        (int kept, int dropped) = Compare(expressions);
        Assert.True(kept > 1000 && dropped > 1000, $"{kept} kept, {dropped} dropped");
    }

    [Fact]
    public void Random_expressions_match_the_same_packets()
    {
        int seed = Environment.GetEnvironmentVariable("CI") is null ? Environment.TickCount : 1;
        TimeSpan budget = Budget.For("packets") / 3;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        int count = 0;
        do
        {
            string expression = new ExpressionGenerator(new Random(seed)).Next();
            try
            {
                _ = Compare([expression]);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {expression}: {e.Message}", e);
            }

            seed++;
            count++;
        }
        while (clock.Elapsed < budget && seed != ClassicGenerator.KnownSeeds + 1);

        TestContext.Current.TestOutputHelper?.WriteLine($"{count} expressions agreed, last seed {seed - 1}");
    }

    private (int Kept, int Dropped) Compare(string[] expressions)
    {
        var run = (delegate* unmanaged<FilterProgram*, PacketHeader*, byte*, int>)Function("pcap_offline_filter");
        int kept = 0;
        int dropped = 0;
        foreach (string expression in expressions)
        {
            FilterProgram compiled = Compile(expression, isOptimised: 0);
            ClassicProgram? own = FilterExpression.Compile(expression, out FilterProblem? problem);
            Assert.True(own is not null, $"{expression}: {problem}");
            Assert.Null(ClassicCheck.Check(own));
            using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
            for (int number = 1; packets.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame); number++)
            {
                fixed (byte* bytes = frame)
                {
                    var header = new PacketHeader { Captured = (uint)frame.Length, Length = (uint)frame.Length };
                    uint expected = (uint)run(&compiled, &header, bytes);
                    uint actual = ClassicReference.Run(own, frame);
                    Assert.True(expected == actual, $"{expression}: packet {number} {Convert.ToHexStringLower(frame)}: libpcap returns {expected}, ours {actual}");
                    (kept, dropped) = actual != 0 ? (kept + 1, dropped) : (kept, dropped + 1);
                }
            }

            ((delegate* unmanaged<FilterProgram*, void>)Function("pcap_freecode"))(&compiled);
        }

        return (kept, dropped);
    }

    [Fact]
    public void Instructions_are_listed_as_in_libpcap()
    {
        var random = new Random(20);
        var image = (delegate* unmanaged<ClassicInstruction*, int, byte*>)Function("bpf_image");
        int compared = 0;
        for (int i = 0; i < 20_000; i++)
        {
            var one = new ClassicInstruction((ushort)random.Next(0x100), (byte)random.Next(0x100), (byte)random.Next(0x100),
                random.Next(3) switch { 0 => (uint)random.Next(300), 1 => ClassicAncillaryTable.Base + (uint)(random.Next(16) * 4), _ => (uint)random.NextInt64(1L << 32) });
            if (ClassicCheck.Check(new ClassicProgram([one with { IfTrue = 0, IfFalse = 0 }, new(0x06, 0, 0, 0)]))?.What.StartsWith("unknown code", StringComparison.Ordinal) == true)
            {
                continue;
            }

            // Some instructions of Linux libpcap has no words for; the target of a jump too far it reckons in 32 bits.
            string expected = Marshal.PtrToStringUTF8((nint)image(&one, 7))!.TrimEnd();
            if (!expected.Contains("unimp", StringComparison.Ordinal) && one is not { Class: ClassicClass.Jmp, Jump: Osmia.Bytecode.JumpOperation.Ja, K: > int.MaxValue - 8 })
            {
                Assert.Equal(expected, ClassicListing.Line(one, 7));
                compared++;
            }
        }

        Assert.True(compared > 1000, $"{compared} lines");
    }

    [Fact]
    public void Tcpdumps_numbers_are_read()
    {
        Assert.SkipUnless(ReferenceTool.Exists("tcpdump"), "needs tcpdump");
        foreach (string expression in s_expressions)
        {
            FilterProgram compiled = Compile(expression);
            foreach (string form in (string[])["-d", "-dd", "-ddd"])
            {
                string text = ReferenceTool.Run("tcpdump", "-y", "EN10MB", form, expression);
                ClassicProgram? program = ClassicText.Read(text, out ClassicTextProblem? problem);
                Assert.True(program is not null, $"{expression} {form}: {problem}");
                if (form != "-d")
                {
                    Assert.Equal(Read(compiled).Instructions, program.Instructions);
                }

                // The listing leaves out constants that mean nothing.
                Assert.Equal(Read(compiled).Instructions.Select(ClassicListing.Line), program.Instructions.Select(ClassicListing.Line));
            }
        }
    }

    private FilterProgram Compile(string expression, int isOptimised = 1)
    {
        FilterProgram program;
        nint text = Marshal.StringToCoTaskMemUTF8(expression);
        int result = ((delegate* unmanaged<nint, FilterProgram*, nint, int, uint, int>)Function("pcap_compile"))(_handle, &program, text, isOptimised, uint.MaxValue);
        Marshal.FreeCoTaskMem(text);
        Assert.True(result == 0, $"{expression}: libpcap: {(result == 0 ? "" : Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)Function("pcap_geterr"))(_handle)))}");
        return program;
    }

    private static ClassicProgram Read(FilterProgram program) => ClassicProgram.FromBytes(new ReadOnlySpan<byte>(program.Code, (int)program.Length * ClassicInstruction.SizeInBytes));

    private nint Function(string name) => NativeLibrary.GetExport(_library, name);

    [StructLayout(LayoutKind.Sequential)]
    private struct FilterProgram
    {
        public uint Length;
        public ClassicInstruction* Code;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PacketHeader
    {
        public long Seconds;
        public long Microseconds;
        public uint Captured;
        public uint Length;
    }
}
