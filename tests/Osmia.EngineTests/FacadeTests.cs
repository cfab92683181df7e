using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Tests.Kernel;

namespace Osmia.Tests;

[SupportedOSPlatform("linux")]
public class FacadeTests
{
    /// <summary>The README's code, on a process of the test's own.</summary>
    [Fact]
    public async Task Opens_of_a_process_are_read_as_values()
    {
        KernelTest.OpenOrSkip().Dispose();
        using Process shell = Process.Start(new ProcessStartInfo("bash", ["-c", "read -r; for i in $(seq 7); do : < /nonexistent/$i; done"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        CancellationToken cancellation = stop.Token;
        var results = new List<int>();

        using var engine = KernelEngine.Open();
        var obj = BpfObject.Read(RepositoryFiles.PathOf("samples", "opensnoop", "opensnoop.bpf.o"));
        obj.Constants.Set("targ_pid", (uint)shell.Id);
        obj.Constants.Set("targ_failed", (byte)1);
        using var loaded = engine.Load(obj);
        using var links = loaded.AttachAll();
        using var events = loaded.RingBuffer<OpenEvent>("events");
        await shell.StandardInput.WriteLineAsync();
        await shell.StandardInput.FlushAsync(cancellation);
        await foreach (OpenEvent e in events.ReadAllAsync(cancellation))
        {
            Assert.Equal((uint)shell.Id, e.Pid);
            if (!e.Path.StartsWith("/nonexistent/"u8))
            {
                continue; // The shell looks for message catalogues too.
            }

            results.Add(e.Ret);
            if (results.Count == 7)
            {
                await stop.CancelAsync();
            }
        }

        Assert.Equal(Enumerable.Repeat(-2, 7), results);
        Assert.Equal(0, events.TooShort);
        await shell.WaitForExitAsync(CancellationToken.None);
    }

    [Fact]
    public void Constants_refuse_values_of_another_size()
    {
        var obj = BpfObject.Read(RepositoryFiles.PathOf("samples", "opensnoop", "opensnoop.bpf.o"));
        Assert.Throws<ArgumentException>(() => obj.Constants.Set("targ_pid", 1L));
        Assert.Throws<ArgumentException>(() => obj.Constants.Set("none", 1u));
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct OpenEvent
    {
        public readonly uint Pid;
        public readonly uint Uid;
        public readonly int Ret;
        public readonly uint Flags;
        private readonly Bytes16 _comm;
        private readonly Bytes256 _path;

        [UnscopedRef]
        public ReadOnlySpan<byte> Path => _path;
    }

    [InlineArray(16)]
    private struct Bytes16
    {
        private byte _first;
    }

    [InlineArray(256)]
    private struct Bytes256
    {
        private byte _first;
    }
}
