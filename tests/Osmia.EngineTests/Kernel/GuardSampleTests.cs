using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using Osmia.Tests.Kernel.Attaching;

namespace Osmia.Tests.Kernel;

/// <summary>The samples that refuse, redirect and rewrite, with a known workload. Those of kprobes and LSM run in the guests of eng/vmtest.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed class GuardSampleTests : IDisposable
{
    private const int Times = 13;

    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-guards-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Kill_on_open_ends_the_process_that_opens_the_file()
    {
        string secret = Path.Combine(_folder, "secret");
        File.WriteAllText(secret, "plain");
        using var workload = new Workload($"cat {secret}; echo $?; cat {secret}.other; echo $?");
        using Running running = Start("kill-on-open", source => Set(source, "guarded_path", secret));
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        string[] lines = workload.Finish().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["137", "1"], lines);
        Assert.Equal(1, reader.Consume((record, _) => Assert.Equal((secret, "cat"), (Text(record[24..]), Text(record.Slice(8, 16))))));
    }

    [Fact]
    public void Device_guard_keeps_a_cgroup_from_one_device()
    {
        using var cgroup = new ChildCgroup();
        using Running running = Start("device-guard", source =>
        {
            source.Constants.Set("refuse_major", 1u);
            source.Constants.Set("refuse_minor", 5u);
        }, new AttachOptions { Cgroup = cgroup.Directory });
        string output = cgroup.Run($"exec 2>&1; for i in $(seq {Times}); do : < /dev/zero; done; : < /dev/null && echo null is open");
        Assert.Equal(Times, output.Split("/dev/zero: Operation not permitted").Length - 1);
        Assert.Contains("null is open", output, StringComparison.Ordinal);
        byte[] answers = new byte[16];
        Assert.True(running.Loaded.Map("devices").TryLookup([1, 0, 0, 0, 5, 0, 0, 0], answers));
        Assert.Equal((0L, (long)Times), (BitConverter.ToInt64(answers), BitConverter.ToInt64(answers, 8)));
    }

    [Fact]
    public void Bind_guard_lets_ports_of_its_range_through() => IsolatedNetwork.Run(() =>
    {
        using var cgroup = new VisitedCgroup();
        using Running running = Start("bind-guard", source => source.Constants.Set("lowest_port", (ushort)2000), new AttachOptions { Cgroup = cgroup.Directory });
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        cgroup.Visit(() =>
        {
            foreach (int port in (int[])[1999, 2000, 0])
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                if (port == 1999)
                {
                    Assert.Equal(SocketError.AccessDenied, Assert.Throws<SocketException>(() => socket.Bind(new IPEndPoint(IPAddress.Loopback, port))).SocketErrorCode);
                }
                else
                {
                    socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                }
            }
        });

        // pid, comm[16], addr, port, pad, verdict.
        var seen = new List<(int Port, int Verdict)>();
        reader.Consume((record, _) =>
        {
            if (MemoryMarshal.Read<int>(record) == Environment.ProcessId)
            {
                seen.Add((BinaryPrimitives.ReadUInt16BigEndian(record[24..]), MemoryMarshal.Read<int>(record[28..])));
            }
        });
        Assert.Equal([(1999, 0), (2000, 1), (0, 1)], seen);
    });

    [Fact]
    public void Steer_sends_connections_of_one_port_to_the_server_of_another() => IsolatedNetwork.Run(() =>
    {
        using var cgroup = new VisitedCgroup();
        using Running running = Start("steer", _ => { }, new AttachOptions { Cgroup = cgroup.Directory });
        cgroup.Visit(() =>
        {
            using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 8080));
            listener.Listen();
            for (int i = 0; i < Times; i++)
            {
                using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                client.Connect(new IPEndPoint(IPAddress.Loopback, 7777));
                using Socket server = listener.Accept();
                client.Send("hello"u8);
                server.ReceiveTimeout = 5000;
                Assert.Equal(5, server.Receive(new byte[16]));
            }
        });
        Assert.Equal((Times, 0), ((int)running.Loaded.ReadVariable<ulong>("steered"), (int)running.Loaded.ReadVariable<ulong>("without_server")));
    });

    [Fact]
    public void Sockmap_redirect_takes_every_message_past_the_stack() => IsolatedNetwork.Run(() =>
    {
        using var cgroup = new VisitedCgroup();
        using Running running = Start("sockmap-redirect", _ => { }, new AttachOptions { Cgroup = cgroup.Directory });
        cgroup.Visit(() =>
        {
            (Socket client, Socket server) = SocketTraffic.Pair();
            using (client)
            using (server)
            {
                byte[] buffer = new byte[64];
                for (int i = 0; i < Times; i++)
                {
                    client.Send("question"u8);
                    Assert.Equal("question", Encoding.ASCII.GetString(buffer, 0, server.Receive(buffer)));
                    server.Send("answer"u8);
                    client.ReceiveTimeout = 3000;
                    Assert.Equal("answer", Encoding.ASCII.GetString(buffer, 0, client.Receive(buffer)));
                }
            }
        });
        Assert.Equal((2 * Times, Times * 14), ((int)running.Loaded.ReadVariable<ulong>("redirected"), (int)running.Loaded.ReadVariable<ulong>("bytes")));
    });

    [Fact]
    public void Shape_rewrites_port_and_class_and_keeps_the_sums_right() => IsolatedNetwork.Run(() =>
    {
        using Running running = Start("shape", _ => { }, new AttachOptions { Device = "v1" });
        byte[] frame = Datagram(9999);
        byte[] shaped = new byte[frame.Length];
        ProgramRunResult result = running.Loaded.Programs[0].Run(new ProgramRun { Data = frame, DataOut = shaped });
        Assert.Equal((0, frame.Length), ((int)result.ReturnValue, result.DataLength));
        Assert.Equal((0xb8, 9998), ((int)shaped[15], BinaryPrimitives.ReadUInt16BigEndian(shaped.AsSpan(36))));
        Assert.Equal((0, 0), (Sum(shaped.AsSpan(14, 20)), SumOfUdp(shaped)));

        byte[] other = Datagram(53);
        running.Loaded.Programs[0].Run(new ProgramRun { Data = other, DataOut = shaped });
        Assert.Equal(other, shaped);

        IsolatedNetwork.SendRaw(frame);
        ulong rewritten = 0;
        for (int i = 0; i < 500 && rewritten < 2; i++)
        {
            rewritten = running.Loaded.ReadVariable<ulong>("rewritten");
            Thread.Sleep(10);
        }

        // A test run before, and the frame that was sent.
        Assert.Equal(2ul, rewritten);
    });

    [Fact]
    public void Uprobe_args_shows_arguments_and_results_of_a_program()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the sample reads registers of x86-64");
        string binary = Path.Combine(_folder, "target");
        Toolchain.Build(binary, "clang-19", "samples/uprobe-args/target.c", "-O1");
        using Running running = Start("uprobe-args", _ => { }, new AttachOptions { BinaryPath = binary });
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        Assert.Equal("9282", Toolchain.Run(binary).Trim());
        var seen = new List<(int, int, int, string)>();
        reader.Consume((record, _) => seen.Add((MemoryMarshal.Read<int>(record[4..]), MemoryMarshal.Read<int>(record[8..]), MemoryMarshal.Read<int>(record[12..]), Text(record.Slice(16, 16)))));
        Assert.Equal(Enumerable.Range(1, Times).Select(i => (i, 2 * i, 102 * i, "basket")), seen);
    }

    [Theory]
    [InlineData("-O1")]
    [InlineData("-O0")]
    public void Usdt_shows_arguments_from_registers_memory_and_constants(string optimization)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the sample's record of arguments is tried on x86-64");
        string binary = Path.Combine(_folder, "target");
        Toolchain.Build(binary, "clang-19", "samples/usdt/target.c", optimization);
        using Running running = Start("usdt", _ => { }, new AttachOptions { BinaryPath = binary });
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        Assert.Equal("163208757380", Toolchain.Run(binary).Trim());

        // pid, item, arguments, pieces, cents, cookie, name.
        var seen = new List<(int, int, int, long, ulong, string)>();
        reader.Consume((record, _) => seen.Add((record[4], record[5], MemoryMarshal.Read<short>(record[6..]), MemoryMarshal.Read<long>(record[8..]), MemoryMarshal.Read<ulong>(record[16..]), Text(record[24..]))));
        short[] pieces = [1, -2, 3, 4];
        Assert.Equal([.. Enumerable.Range(0, Times).Select(i => (200 + i, 4, (int)pieces[(200 + i) & 3], (1L << 33) + i, 0ul, "apple")), (7, 4, -1, 163208757380, 0ul, "apple")], seen);

        // Only seen because the kernel counted the semaphore up: every fourth sale is taken back.
        Assert.Equal((3, 0), ((int)running.Loaded.ReadVariable<ulong>("refunds"), (int)running.Loaded.ReadVariable<ulong>("lost")));
        using (engine.Attach(running.Loaded.Program("sale"), new UsdtTarget(binary, "shop", "sale", Cookie: 0xfeed_0000_0000_0007)))
        {
            Toolchain.Run(binary);
            int marked = 0;
            reader.Consume((record, _) => marked += MemoryMarshal.Read<ulong>(record[16..]) == 0xfeed_0000_0000_0007 ? 1 : 0);
            Assert.Equal(Times + 1, marked);
        }
    }

    [Fact]
    public void Hello_kprobe_counts_what_a_program_removes()
    {
        using Running running = Start("hello-kprobe", source => source.Constants.Set("targ_pid", (uint)Environment.ProcessId));
        for (int i = 0; i < Times; i++)
        {
            string file = Path.Combine(_folder, $"file{i}");
            File.WriteAllText(file, "");
            File.Delete(file);
        }

        // By the name of the thread that did it; other tests may remove files meanwhile.
        byte[] key = new byte[16];
        byte[] outcome = new byte[16];
        long tried = 0;
        for (bool found = running.Loaded.Map("removals").TryNextKey(default, key); found; found = running.Loaded.Map("removals").TryNextKey(key.ToArray(), key))
        {
            Assert.True(running.Loaded.Map("removals").TryLookup(key, outcome));
            tried += BitConverter.ToInt64(outcome);
        }

        Assert.InRange(tried, Times, long.MaxValue);
    }

    [Fact]
    public void Lsm_guard_refuses_a_file_by_its_name()
    {
        string secret = Path.Combine(_folder, "secret.key");
        File.WriteAllText(secret, "plain");
        using (Running running = Start("lsm-guard", source =>
        {
            Set(source, "refuse_name", "secret.key");
            source.Constants.Set("targ_pid", (uint)Environment.ProcessId);
        }))
        {
            using RecordReader reader = running.Loaded.Map("events").OpenReader();
            Exception refused = Assert.ThrowsAny<Exception>(() => File.ReadAllText(secret));
            Assert.True(refused is IOException or UnauthorizedAccessException, refused.ToString());
            int count = reader.Consume((record, _) => Assert.Equal("secret.key", Text(record[20..])));
            Assert.Equal(1, count);
        }

        Assert.Equal("plain", File.ReadAllText(secret));
    }

    /// <summary>Loads and attaches, or skips by what this kernel has not.</summary>
    private static Running Start(string sample, Action<BpfObject> configure, AttachOptions? options = null)
    {
        KernelEngine engine = KernelTest.OpenOrSkip();
        var source = BpfObject.Read(KernelTest.SamplePath(sample));
        configure(source);
        LoadedObject? loaded = null;
        try
        {
            loaded = engine.Load(source);
            return new Running(loaded, loaded.AttachAll(options));
        }
        catch (KernelException e) when (e.Id is "OSM5021" or "OSM5031" or "OSM5034")
        {
            loaded?.Dispose();
            Assert.Skip($"needs what {sample} attaches to: {e.Diagnostic.Why}");
            throw;
        }
    }

    private static void Set(BpfObject source, string variable, string text) => ValueText.Set(source.Types, source.FindVariable(variable)!, text);

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes.IndexOf((byte)0) is >= 0 and var end ? bytes[..end] : bytes);

    /// <summary>A frame with a datagram of five bytes, all sums right.</summary>
    private static byte[] Datagram(ushort port)
    {
        byte[] frame = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 33, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 0, 0, 13, 0, 0, .. "hello"u8];
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), port);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), (ushort)Sum(frame.AsSpan(14, 20)));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(40), (ushort)SumOfUdp(frame));
        return frame;
    }

    private static int SumOfUdp(byte[] frame) => Sum([.. frame.AsSpan(26, 8), 0, 17, .. frame.AsSpan(38, 2), .. frame.AsSpan(34)]);

    /// <summary>The internet checksum; 0 over bytes that hold a right one.</summary>
    private static int Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += i % 2 == 0 ? (uint)bytes[i] << 8 : bytes[i];
        }

        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (int)(~sum & 0xffff);
    }

    private sealed record Running(LoadedObject Loaded, LinkSet Links) : IDisposable
    {
        public void Dispose()
        {
            Links.Dispose();
            Loaded.Dispose();
        }
    }
}
