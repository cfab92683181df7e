using System.Buffers.Binary;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

public sealed class VmHelperTests : IDisposable
{
    private readonly List<string> _traced = [];
    private readonly VmEngine _engine;

    public VmHelperTests() => _engine = new VmEngine(new VmOptions
    {
        Slots = 2,
        Seed = 11,
        MonotonicClock = () => 1_000_000_007,
        Trace = text => _traced.Add(Encoding.UTF8.GetString(text)),
    });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Sums_of_long_memory_are_sums_of_its_words()
    {
        var random = new Random(1);
        byte[] bytes = new byte[600];
        for (int length = 0; length < bytes.Length; length++)
        {
            random.NextBytes(bytes);
            if (length % 7 == 0)
            {
                bytes.AsSpan().Fill(0xff);
            }

            uint seed = (uint)random.Next();
            ulong expected = seed;
            for (int i = 0; i < length; i++)
            {
                expected += (ulong)bytes[i] << ((i & 1) * 8);
            }

            while (expected > 0xffff)
            {
                expected = (expected & 0xffff) + (expected >> 16);
            }

            Assert.Equal(expected, Osmia.Vm.Helpers.Checksum.To16(Osmia.Vm.Helpers.Checksum.Partial(bytes.AsSpan(0, length), seed)));
        }
    }

    [Fact]
    public void Every_helper_of_the_table_is_listed_once_by_its_id()
    {
        Assert.True(VmHelpers.Supported.Length > 60);
        Assert.Equal(VmHelpers.Supported.Select(h => h.Id).Distinct().Order(), VmHelpers.Supported.Select(h => h.Id));
    }

    [Fact]
    public void Time_comes_from_the_engines_clock()
    {
        Assert.Equal(1_000_000_007UL, _engine.Run("call ktime_get_ns; exit"));
        Assert.Equal(250UL, _engine.Run("call jiffies64; exit"));
        using var real = new VmEngine(new VmOptions { Slots = 1 });
        using LoadedObject loaded = real.Load("call ktime_get_ns; r6 = r0; call ktime_get_ns; r0 -= r6; exit");
        Assert.InRange(loaded.Programs[0].Run(new ProgramRun()).ReturnValue, 0UL, 1_000_000_000UL);
    }

    [Fact]
    public void Random_numbers_follow_the_seed()
    {
        using var same = new VmEngine(new VmOptions { Slots = 2, Seed = 11 });
        using var other = new VmEngine(new VmOptions { Slots = 2, Seed = 12 });
        const string Code = "call get_prandom_u32; r6 = r0; call get_prandom_u32; r6 <<= 32; r0 |= r6; exit";
        ulong first = _engine.Run(Code);
        Assert.Equal(first, same.Run(Code));
        Assert.NotEqual(first, other.Run(Code));
        Assert.NotEqual(first, _engine.Run(Code));
    }

    [Fact]
    public void The_process_is_who_runs()
    {
        Assert.Equal((ulong)Environment.ProcessId, _engine.Run("call get_current_pid_tgid; r0 >>= 32; exit"));
        byte[] memory = new byte[16];
        using LoadedObject loaded = _engine.Load("r2 = 16; call get_current_comm; exit");
        Assert.Equal(0UL, loaded.Programs[0].Run(new ProgramRun { Data = memory, DataOut = memory }).ReturnValue);
        string name = Path.GetFileName(Environment.ProcessPath)!;
        Assert.Equal(name[..Math.Min(15, name.Length)], Encoding.UTF8.GetString(memory).TrimEnd('\0'));
    }

    [Theory]
    [InlineData("%d %i %u", "-5 -5 4294967291")]
    [InlineData("%ld %lu %llx", "-5 18446744073709551611 fffffffffffffffb")]
    [InlineData("%x|%X|%08x", "fffffffb|FFFFFFFB|fffffffb")]
    [InlineData("%5d|%-5d|%05d", "   -5|-5   |-0005")]
    [InlineData("%+ld% ld", "-5-5")]
    [InlineData("100%% %c", "100% \u00fb")]
    [InlineData("%px", "fffffffffffffffb")]
    [InlineData("plain\n", "plain")]
    public void Text_is_formatted_as_the_kernel_does(string format, string expected)
    {
        byte[] memory = [.. Encoding.UTF8.GetBytes(format), 0];
        using LoadedObject loaded = _engine.Load("r3 = -5; r4 = -5; r5 = -5; call trace_printk; exit");
        long result = (long)loaded.Programs[0].Run(new ProgramRun { Data = memory }).ReturnValue;
        Assert.True(result > 0, $"returned {result}");
        string text = Assert.Single(_traced);
        Assert.Equal(expected.Replace('\u00fb', '\ufffd'), text);
    }

    [Theory]
    [InlineData("%f")]
    [InlineData("%")]
    [InlineData("%.3d")]
    [InlineData("%hd")]
    [InlineData("%n")]
    [InlineData("%d %d %d %d")]
    [InlineData("%pI9")]
    [InlineData("%\u00e9")]
    public void Formats_the_kernel_refuses_are_refused(string format)
    {
        byte[] memory = [.. Encoding.UTF8.GetBytes(format), 0];
        using LoadedObject loaded = _engine.Load("r3 = 0; r4 = 0; r5 = 0; call trace_printk; exit");
        Assert.Equal(-22, (long)loaded.Programs[0].Run(new ProgramRun { Data = memory }).ReturnValue);
        Assert.Empty(_traced);
    }

    [Fact]
    public void Addresses_and_strings_are_formatted_from_memory()
    {
        byte[] text = Encoding.ASCII.GetBytes("%pI4 %pi4 %s|%pI6\0");
        byte[] memory = [.. text, 192, 168, 0, 1, (byte)'a', (byte)'b', 0, .. Enumerable.Range(0, 16).Select(i => (byte)i)];
        using LoadedObject loaded = _engine.Load(
            $"""
            r6 = r1
            r6 += {text.Length}
            *(u64 *)(r10 - 32) = r6
            *(u64 *)(r10 - 24) = r6
            r6 += 4
            *(u64 *)(r10 - 16) = r6
            r6 += 3
            *(u64 *)(r10 - 8) = r6
            r2 = {text.Length}; r3 = r10; r3 += -32; r4 = 32
            call trace_vprintk
            exit
            """);
        loaded.Programs[0].Run(new ProgramRun { Data = memory });
        Assert.Equal("192.168.0.1 192.168.000.001 ab|0001:0203:0405:0607:0809:0a0b:0c0d:0e0f", Assert.Single(_traced));
    }

    [Fact]
    public void Snprintf_tells_the_length_and_cuts()
    {
        byte[] memory = [.. Encoding.ASCII.GetBytes("n=%d\0"), .. new byte[5]];
        using LoadedObject loaded = _engine.Load(
            "r6 = r1; *(u64 *)(r10 - 8) = 12345; r1 += 5; r2 = 5; r3 = r6; r4 = r10; r4 += -8; r5 = 8; call snprintf; exit");
        Assert.Equal(8UL, loaded.Programs[0].Run(new ProgramRun { Data = memory, DataOut = memory }).ReturnValue);
        Assert.Equal("n=12\0", Encoding.ASCII.GetString(memory, 5, 5));
    }

    [Theory]
    [InlineData("123", 0UL, 3, 123L)]
    [InlineData("  -42x", 0UL, 5, -42L)]
    [InlineData("0x1f", 0UL, 4, 31L)]
    [InlineData("017", 0UL, 3, 15L)]
    [InlineData("ff", 16UL, 2, 255L)]
    [InlineData("9223372036854775808", 10UL, -34, 0L)]
    [InlineData("-9223372036854775808", 10UL, 20, long.MinValue)]
    [InlineData("x", 10UL, -22, 0L)]
    [InlineData("12", 7UL, -22, 0L)]
    public void Numbers_are_parsed(string text, ulong flags, int expected, long value)
    {
        byte[] memory = [.. new byte[8], .. Encoding.ASCII.GetBytes(text)];
        using LoadedObject loaded = _engine.Load($"r4 = r1; r1 += 8; r2 += -8; r3 = {flags}; call strtol; exit");
        Assert.Equal(expected, (long)loaded.Programs[0].Run(new ProgramRun { Data = memory, DataOut = memory }).ReturnValue);
        Assert.Equal(value, BinaryPrimitives.ReadInt64LittleEndian(memory));
    }

    [Theory]
    [InlineData("abc\0", "abc\0", 0)]
    [InlineData("abc\0", "abd\0", -1)]
    [InlineData("abd\0", "abc\0", 1)]
    [InlineData("ab\0x", "ab\0y", 0)]
    public void Strings_are_compared(string left, string right, int expected)
    {
        using LoadedObject loaded = _engine.Load("r3 = r1; r3 += 4; r2 = 4; call strncmp; exit");
        Assert.Equal(expected, (long)loaded.Programs[0].Run(new ProgramRun { Data = Encoding.ASCII.GetBytes(left + right) }).ReturnValue);
    }

    [Fact]
    public void Probe_reads_of_foreign_memory_fail_without_a_trap()
    {
        Assert.Equal(-14, (long)_engine.Run("r1 = r10; r1 += -8; r2 = 8; r3 = 0x7fff12345678 ll; call probe_read_kernel; exit"));
        Assert.Equal(-14, (long)_engine.Run("r1 = r10; r1 += -8; r2 = 8; r3 = 0; call probe_read_user; exit"));
        Assert.Equal(-14, (long)_engine.Run("r1 = r10; r1 += -8; r2 = 8; r3 = 1; call probe_read_str; exit"));
        Assert.Equal(0x0807UL, _engine.Run("r3 = r1; r3 += 6; r1 = r10; r1 += -8; r2 = 2; call probe_read; r0 = *(u16 *)(r10 - 8); exit", [1, 2, 3, 4, 5, 6, 7, 8]));
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run("r1 = 0; r2 = 8; r3 = r10; call probe_read; exit"));
        Assert.Contains("bpf_probe_read: argument 1", trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Probe_read_of_text_ends_it()
    {
        Assert.Equal(4UL, _engine.Run("r3 = r1; r1 = r10; r1 += -8; r2 = 8; call probe_read_str; exit", "abc\0def"u8));
        Assert.Equal(3UL, _engine.Run("r3 = r1; r1 = r10; r1 += -8; r2 = 3; call probe_read_str; exit", "abc\0def"u8));
        Assert.Equal(0x6261UL, _engine.Run("r3 = r1; r1 = r10; r1 += -8; r2 = 3; call probe_read_str; r0 = *(u16 *)(r10 - 8); exit", "abc\0def"u8));
    }

    [Theory]
    [InlineData("r1 = 0; r2 = r10; r2 += -4; call map_lookup_elem; exit", "argument 1")]
    [InlineData("r1 = map[0]; r2 = r10; call map_lookup_elem; exit", "argument 2")]
    [InlineData("r1 = map[0]; r2 = 0; call map_lookup_elem; exit", "argument 2")]
    [InlineData("r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -4; r4 = 0; call map_update_elem; exit", "argument 3")]
    [InlineData("r1 = map[0]; r2 = -1; r3 = 0; call ringbuf_reserve; exit", "argument 1")]
    [InlineData("r1 = r10; r1 += -8; r2 = -1; r3 = r10; r3 += -8; call probe_read; exit", "argument 2")]
    [InlineData("r1 = r10; r1 += -8; r2 = 9; r3 = r10; r3 += -8; call probe_read; exit", "argument 1")]
    [InlineData("r1 = r10; r1 += -4; call spin_lock; exit", "argument 1")]
    public void A_bad_argument_is_named(string code, string expected)
    {
        TrapException trap = Assert.Throws<TrapException>(() => _engine.Run(code, [], TestPrograms.Map(0, MapType.Hash, 4, 8, 4)));
        Assert.Equal("OSM6103", trap.Id);
        Assert.Contains(expected, trap.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_helper_the_vm_lacks_is_refused_with_name_and_place()
    {
        LinkedMap map = TestPrograms.Map(0, MapType.Hash, 4, 8, 4);
        UnsupportedFeatureException refusal = Assert.Throws<UnsupportedFeatureException>(() => _engine.Load("r0 = 0; call override_return; exit", map));
        Assert.Equal(("OSM6003", "bpf_override_return", "vm"), (refusal.Id, refusal.Feature, refusal.Engine));
        Assert.Contains("helper bpf_override_return is not available in the VM", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("it changes what a kernel function returns", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("instruction 1", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_helper_of_Linux_is_there_or_left_out_for_a_reason()
    {
        int[] known = [.. Enumerable.Range(1, HelperTable.Count)];
        int[] there = [.. VmHelpers.Supported.Select(helper => (int)helper.Id)];
        int[] absent = [.. Osmia.Vm.Helpers.HelperAbsence.Reasons.Keys.Select(helper => (int)helper)];
        Assert.Empty(there.Intersect(absent).Select(HelperTable.NameOf));
        Assert.Empty(known.Except(there).Except(absent).Select(HelperTable.NameOf));
    }
}
