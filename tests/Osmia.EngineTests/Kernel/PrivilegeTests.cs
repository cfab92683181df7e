using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>What people without rights are told. Capabilities belong to threads: the test takes them from one of its own.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public unsafe partial class PrivilegeTests
{
    [Fact]
    public void Opening_without_rights_says_which_is_missing()
    {
        KernelTest.OpenOrSkip().Dispose();
        Assert.SkipUnless(File.ReadAllText("/proc/sys/kernel/unprivileged_bpf_disabled").Trim() != "0", "needs a kernel that keeps bpf(2) from others");
        WithoutCapabilities(() =>
        {
            var error = Assert.Throws<KernelException>(() => KernelEngine.Open());
            Assert.Equal(("OSM5002", 1), (error.Id, error.Errno));
            Assert.Contains("CAP_BPF", error.Diagnostic.Why, StringComparison.Ordinal);
            Assert.Contains("root", error.Diagnostic.Try, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Listing_and_reading_without_rights_say_so_too()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object(
            [new Asm().Move(R0, 0).Exit().Build("sample", ProgramType.PerfEvent)],
            [Linked.Map(MapType.PerfEventArray, 4, 4, 0)]));
        WithoutCapabilities(() =>
        {
            Assert.Equal("OSM5040", Assert.Throws<KernelException>(() => KernelInventory.Programs().ToList()).Id);
            Assert.Equal("OSM5018", Assert.Throws<KernelException>(loaded.Maps[0].OpenReader).Id);
            var attach = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new PerfEventTarget(SoftwareEvent.CpuClock, 99)));
            Assert.Equal("OSM5034", attach.Id);
            Assert.Contains("CAP_PERFMON", attach.Diagnostic.Why, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Types_the_kernel_refuses_are_left_out_with_a_warning()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();

        // Header, one INT of 4 bytes that claims 200 bits, strings "\0int\0".
        byte[] blob =
        [
            0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0,
            1, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 200, 0, 0, 0, 0, (byte)'i', (byte)'n', (byte)'t', 0,
        ];
        using LoadedObject loaded = engine.Load(Linked.Object([new Asm().Move(R0, 0).Exit().Build("plain", ProgramType.SocketFilter)], []) with { Types = BtfTypes.Parse(blob) });
        Diagnostic warning = Assert.Single(loaded.Warnings);
        Assert.Equal("OSM5016", warning.Id);
        Assert.Contains("EINVAL", warning.Why, StringComparison.Ordinal);
    }

    private static void WithoutCapabilities(Action action) => WithCapabilities(0, action);

    /// <summary>Runs on a thread of its own that has these capabilities (a bit each) and no others.</summary>
    internal static void WithCapabilities(ulong kept, Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                // _LINUX_CAPABILITY_VERSION_3, this thread; then effective, permitted and inheritable of two words.
                uint* header = stackalloc uint[] { 0x20080522, 0 };
                uint* data = stackalloc uint[6];
                new Span<uint>(data, 6).Clear();
                (data[0], data[1], data[3], data[4]) = ((uint)kept, (uint)kept, (uint)(kept >> 32), (uint)(kept >> 32));
                Assert.Equal(0, SetCapabilities(header, data));
                action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    [LibraryImport("libc", EntryPoint = "capset", SetLastError = true)]
    private static partial int SetCapabilities(uint* header, uint* data);
}
