using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Objects;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>The kernel samples with a known workload: they report exactly what was done.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed class SampleRunTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-samples-").FullName;

    [Fact]
    public void Hello_counts_the_execs_of_a_process()
    {
        using Workload workload = ExecChain(12);
        using Running running = Start("hello", source => source.Constants.Set("targ_pid", (uint)workload.Pid));
        workload.Finish();
        Assert.Equal([13ul], running.Loaded.Map<uint, ulong>("execs").Entries().Select(entry => entry.Value));
    }

    [Theory]
    [InlineData("hello-ring")]
    [InlineData("hello-perf")]
    public void Hello_twins_greet_every_exec_with_the_users_message(string sample)
    {
        using Workload workload = ExecChain(12);
        using Running running = Start(sample, source => source.Constants.Set("targ_pid", (uint)workload.Pid));
        byte[] key = new byte[4];
        MemoryMarshal.Write(key, UserId());
        running.Loaded.Map("config").Update(key, "Hi, tester!\0"u8);
        using RecordReader reader = running.Loaded.Map("output").OpenReader();
        workload.Finish();

        // pid, uid, command[16], message[12]; a perf buffer pads.
        List<byte[]> events = ReadAll(reader);
        Assert.Equal(13, events.Count);
        Assert.All(events, record => Assert.Equal((workload.Pid, "Hi, tester!"), (MemoryMarshal.Read<int>(record), Text(record.AsSpan(24, 12)))));
        Assert.Equal(0, reader.Lost);
        Assert.Equal(0ul, running.Loaded.ReadVariable<ulong>("lost"));
    }

    [Fact]
    public void Execsnoop_reports_every_program_a_process_starts()
    {
        using var workload = new Workload("for i in $(seq 13); do /bin/true number $i; done");
        using Running running = Start("execsnoop", source => source.Constants.Set("targ_ppid", (uint)workload.Pid));
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        workload.Finish();

        // pid, ppid, uid, ret, comm[16], filename[128], args[256]. `seq` is a child too.
        List<byte[]> events = [.. ReadAll(reader).Where(record => Text(record.AsSpan(32, 128)) == "/bin/true")];
        Assert.Equal(Enumerable.Range(1, 13).Select(i => $"/bin/true number {i}"), events.Select(record => Text(record.AsSpan(160, 256)).TrimEnd()));
        Assert.All(events, record => Assert.Equal((workload.Pid, 0, "true"), (MemoryMarshal.Read<int>(record.AsSpan(4)), MemoryMarshal.Read<int>(record.AsSpan(12)), Text(record.AsSpan(16, 16)))));
        Assert.Equal(0ul, running.Loaded.ReadVariable<ulong>("lost"));
    }

    [Fact]
    public void Opensnoop_reports_every_file_a_process_opens()
    {
        using var workload = new Workload($"for i in {{1..17}}; do : > {_folder}/file$i; done; : < {_folder}/missing");
        using Running running = Start("opensnoop", source => source.Constants.Set("targ_pid", (uint)workload.Pid));
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        workload.Finish();

        // pid, uid, ret, flags, comm[16], path[256].
        List<byte[]> events = [.. ReadAll(reader).Where(record => Text(record.AsSpan(32)).StartsWith(_folder, StringComparison.Ordinal))];
        Assert.Equal([.. Enumerable.Range(1, 17).Select(i => $"{_folder}/file{i}"), $"{_folder}/missing"], events.Select(record => Text(record.AsSpan(32))));
        Assert.Equal(-2, MemoryMarshal.Read<int>(events[^1].AsSpan(8)));
        Assert.All(events, record => Assert.Equal(workload.Pid, MemoryMarshal.Read<int>(record)));
    }

    [Fact]
    public void Connect_guard_refuses_only_the_ports_of_its_map()
    {
        KernelTest.OpenOrSkip().Dispose();
        using var cgroup = new ChildCgroup();
        using Running running = Start("connect-guard", _ => { }, new AttachOptions { Cgroup = cgroup.Directory });
        byte[] portOne = [0, 1];
        running.Loaded.Map("refused_ports").Update(portOne, new byte[8]);
        using RecordReader reader = running.Loaded.Map("events").OpenReader();
        string output = cgroup.Run("for i in {1..7}; do (exec 3<>/dev/tcp/127.0.0.1/1) 2>&1; (exec 3<>/dev/tcp/127.0.0.1/2) 2>&1; done");
        Assert.Equal((7, 7), (output.Split("connect: Operation not permitted").Length - 1, output.Split("connect: Connection refused").Length - 1));

        byte[] refused = new byte[8];
        Assert.True(running.Loaded.Map("refused_ports").TryLookup(portOne, refused));
        Assert.Equal(7ul, MemoryMarshal.Read<ulong>(refused));
        Assert.Equal(14, ReadAll(reader).Count);
    }

    [Fact]
    public void Runqlat_measures_the_waits_of_a_process()
    {
        using Running running = Start("runqlat", source => source.Constants.Set("targ_tgid", (uint)Environment.ProcessId));
        for (int i = 0; i < 50; i++)
        {
            Thread.Sleep(1);
        }

        // 26 slots of four bytes, then the name.
        byte[] waits = new byte[26 * 4 + 16];
        Assert.True(running.Loaded.Map("run_queue").TryLookup(new byte[4], waits));
        Assert.True(MemoryMarshal.Cast<byte, uint>(waits.AsSpan(0, 104)).ToArray().Sum(slot => slot) >= 50);
    }

    [Fact]
    public void Sampleip_finds_a_busy_process_at_work()
    {
        using Running running = Start("sampleip", source => source.Constants.Set("targ_pid", (uint)Environment.ProcessId));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (clock.ElapsedMilliseconds < 500)
        {
            Thread.SpinWait(1000);
        }

        ulong samples = 0;
        foreach (string map in new[] { "kernel_ips", "user_ips" })
        {
            byte[] key = [];
            byte[] next = new byte[running.Loaded.Map(map).KeySize];
            byte[] value = new byte[8];
            while (running.Loaded.Map(map).TryNextKey(key, next))
            {
                key = [.. next];
                Assert.True(running.Loaded.Map(map).TryLookup(key, value));
                samples += MemoryMarshal.Read<ulong>(value);
            }
        }

        Assert.True(samples is > 10 and < 500, $"{samples} samples in half a second");
    }

    [Theory]
    [InlineData("softirqs", "/proc/softirqs")]
    [InlineData("hardirqs", "/proc/interrupts")]
    public void Interrupt_counters_agree_with_the_kernels_own(string sample, string file)
    {
        long earliest = Interrupts(file);
        using Running running = Start(sample, _ => { });
        long afterAttach = Interrupts(file);
        for (int i = 0; i < 20; i++)
        {
            Thread.Sleep(5);
            File.WriteAllBytes(Path.Combine(_folder, "data"), new byte[4096]);
        }

        long beforeDetach = Interrupts(file);
        running.Links.Dispose();
        long latest = Interrupts(file);

        long counted = 0;
        Map map = running.Loaded.Map("totals");
        byte[] key = [];
        byte[] next = new byte[map.KeySize];
        byte[] value = new byte[16];
        while (map.TryNextKey(key, next))
        {
            key = [.. next];
            Assert.True(map.TryLookup(key, value));
            counted += MemoryMarshal.Read<long>(value);
        }

        // One may be under way on each CPU at either end.
        int slack = Environment.ProcessorCount;
        Assert.InRange(counted, beforeDetach - afterAttach - slack, latest - earliest + slack);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A shell that replaces itself so many times, and once more to begin: all in one process.</summary>
    private Workload ExecChain(int times)
    {
        string script = Path.Combine(_folder, "chain.sh");
        File.WriteAllText(script, "[ \"$1\" = 0 ] && exit 0\nexec /bin/sh \"$0\" $(($1 - 1))\n");
        return new Workload($"exec /bin/sh {script} {times}");
    }

    private static Running Start(string sample, Action<BpfObject> configure, AttachOptions? options = null)
    {
        KernelEngine engine = KernelTest.OpenOrSkip();
        var source = BpfObject.Read(KernelTest.SamplePath(sample));
        configure(source);
        LoadedObject loaded = engine.Load(source);
        try
        {
            return new Running(loaded, loaded.AttachAll(options));
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    private static List<byte[]> ReadAll(RecordReader reader)
    {
        var records = new List<byte[]>();
        while (reader.Wait(TimeSpan.FromMilliseconds(50)))
        {
            reader.Consume((record, _) => records.Add(record.ToArray()));
        }

        return records;
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private static uint UserId() =>
        uint.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Sum over all CPUs of the lines that samples count: numbered device lines of /proc/interrupts, all of /proc/softirqs.</summary>
    private static long Interrupts(string file) => File.ReadLines(file).Skip(1)
        .Select(line => line.Split([' '], StringSplitOptions.RemoveEmptyEntries))
        .Where(words => file.EndsWith("softirqs", StringComparison.Ordinal) || char.IsAsciiDigit(words[0][0]))
        .Sum(words => words.Skip(1).TakeWhile(word => long.TryParse(word, out _)).Take(PossibleCpus.Online().Length).Sum(long.Parse));

    private sealed record Running(LoadedObject Loaded, LinkSet Links) : IDisposable
    {
        public void Dispose()
        {
            Links.Dispose();
            Loaded.Dispose();
        }
    }
}
