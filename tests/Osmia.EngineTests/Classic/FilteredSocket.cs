using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode.Classic;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Classic;

/// <summary>A pair of local datagram sockets, on one of which the kernel runs a classic filter. What arrives is as long as the filter says.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe partial class FilteredSocket : IDisposable
{
    private const int LocalFamily = 1;
    private const int Datagram = 2;
    private const int SocketLevel = 1;
    private const int AttachFilter = 26;
    private const int DoNotWait = 0x40;
    private const int InvalidArgument = 22;

    private readonly int _sender;
    private readonly int _receiver;
    private readonly byte[] _buffer = new byte[4096];

    public FilteredSocket()
    {
        int* pair = stackalloc int[2];
        Assert.Equal(0, SocketPair(LocalFamily, Datagram, 0, pair));
        (_sender, _receiver) = (pair[0], pair[1]);
    }

    /// <returns>False when the kernel refuses the filter as invalid.</returns>
    public bool TryAttach(ClassicProgram program) => TryAttach(_receiver, program);

    public static bool TryAttach(int socket, ClassicProgram program)
    {
        byte[] code = program.ToBytes();
        fixed (byte* pointer = code)
        {
            var filter = new SocketFilterProgram { Length = (ushort)program.Instructions.Length, Code = pointer };
            int result = Libc.SetSocketOption(socket, SocketLevel, AttachFilter, &filter, (uint)sizeof(SocketFilterProgram));
            int error = Marshal.GetLastPInvokeError();
            Assert.True(result == 0 || error == InvalidArgument, $"SO_ATTACH_FILTER failed with errno {error}");
            return result == 0;
        }
    }

    /// <returns>How many bytes of the packet came through; 0 when it was dropped.</returns>
    public int Send(ReadOnlySpan<byte> packet)
    {
        fixed (byte* bytes = packet)
        fixed (byte* buffer = _buffer)
        {
            Assert.Equal(packet.Length, Libc.Send(_sender, bytes, packet.Length, DoNotWait));
            return (int)Math.Max(0, Libc.Receive(_receiver, buffer, _buffer.Length, DoNotWait));
        }
    }

    public void Dispose()
    {
        _ = Libc.Close(_sender);
        _ = Libc.Close(_receiver);
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int family, int type, int protocol, int* pair);

    [StructLayout(LayoutKind.Sequential)]
    private struct SocketFilterProgram
    {
        public ushort Length;
        public byte* Code;
    }
}
