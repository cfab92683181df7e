using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Kernel;

/// <summary>
/// A network namespace of one thread, with a veth pair <c>v0</c> - <c>v1</c>. It ends with the thread, so that nothing stays behind
/// even when a test is killed.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class IsolatedNetwork
{
    /// <summary>An Ethernet type for local experiments (IEEE 802), which no other traffic has.</summary>
    public const ushort ExperimentalType = 0x88b5;

    private const int NewNetworkNamespace = 0x40000000;

    public static void Run(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                SetUp();
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

    /// <summary>Sends frames of the experimental type from <c>v0</c>, so that <c>v1</c> receives them.</summary>
    public static void Send(int count, string device = "v0")
    {
        Span<byte> frame = stackalloc byte[60];
        frame.Clear();
        frame[..6].Fill(0xff);
        frame[6] = 2;
        (frame[12], frame[13]) = (ExperimentalType >> 8, ExperimentalType & 0xff);
        SendRaw(frame, device, count);
    }

    /// <summary>Sends a frame as it is.</summary>
    public static void SendRaw(ReadOnlySpan<byte> frame, string device = "v0", int count = 1)
    {
        using var socket = new BpfHandle(Libc.Socket(17, 3, 0));
        Span<byte> address = stackalloc byte[20];
        address.Clear();
        address[0] = 17;
        MemoryMarshal.Write(address[4..], Libc.InterfaceIndex(device));
        fixed (byte* addressPointer = address)
        fixed (byte* framePointer = frame)
        {
            Assert.Equal(0, Libc.Bind(socket.Descriptor, addressPointer, 20));
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(frame.Length, Write(socket.Descriptor, framePointer, frame.Length));
            }
        }
    }

    private static void SetUp()
    {
        Assert.SkipUnless(Unshare(NewNetworkNamespace) == 0, "needs the right to make a network namespace");
        Assert.SkipUnless(Ip("link add v0 type veth peer name v1") == 0, "needs iproute2 and veth devices");
        Assert.Equal(0, Ip("link set lo up"));
        Assert.Equal(0, Ip("link set v0 up"));
        Assert.Equal(0, Ip("link set v1 up"));

        // Until the kernel has noticed that the pair is connected, a device silently drops what it is to send.
        KernelTest.Eventually(
            () => Ip("-o link show v0", out string first) == 0 && Ip("-o link show v1", out string second) == 0
                && first.Contains("state UP", StringComparison.Ordinal) && second.Contains("state UP", StringComparison.Ordinal),
            "the veth pair is up");
    }

    public static int Ip(string arguments) => Ip(arguments, out _);

    private static int Ip(string arguments, out string output)
    {
        output = "";

        // A child started by this thread is born into the thread's namespace.
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int fd, byte* bytes, nint length);
}
