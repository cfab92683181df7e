using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>
/// A packet socket that sees the frames of one device, or of all in the namespace, with the program as its filter. The link owns
/// the socket; frames the program keeps queue up in it until its receive buffer is full, after which the program still runs.
/// </summary>
internal static unsafe class SocketFilterLink
{
    private const int PacketFamily = 17;
    private const int RawCloseOnExec = 3 | 0x80000;
    private const int SocketLevel = 1;
    private const int AttachBpf = 50;
    private const ushort AllProtocols = 3;

    /// <summary><c>struct sockaddr_ll</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 20)]
    private struct PacketAddress
    {
        [FieldOffset(0)] public ushort Family;
        [FieldOffset(2)] public ushort ProtocolBigEndian;
        [FieldOffset(4)] public int DeviceIndex;
    }

    public static KernelLink Attach(KernelProgram program, SocketFilterTarget target)
    {
        int device = target.Device.Length == 0 ? 0 : NetworkDevice.Index(program, target, target.Device);

        // Protocol 0 receives nothing: no frame passes before the filter is in place.
        int fd = Libc.Socket(PacketFamily, RawCloseOnExec, 0);
        if (fd < 0)
        {
            throw KernelLink.Refused(program, target, "socket(AF_PACKET)", -Marshal.GetLastPInvokeError(), needed: [Capability.NetRaw]);
        }

        var socket = new BpfHandle(fd);
        int programFd = program.Handle.Descriptor;
        if (Libc.SetSocketOption(fd, SocketLevel, AttachBpf, &programFd, sizeof(int)) < 0)
        {
            throw Close(socket, KernelLink.Refused(program, target, "setsockopt(SO_ATTACH_BPF)", -Marshal.GetLastPInvokeError()));
        }

        var address = new PacketAddress { Family = PacketFamily, ProtocolBigEndian = BinaryPrimitives.ReverseEndianness(AllProtocols), DeviceIndex = device };
        if (Libc.Bind(fd, &address, (uint)sizeof(PacketAddress)) < 0)
        {
            throw Close(socket, KernelLink.Refused(program, target, "bind", -Marshal.GetLastPInvokeError(),
                Marshal.GetLastPInvokeError() == 100 ? $"device {target.Device} is down" : null, $"ip link set {target.Device} up"));
        }

        GC.KeepAlive(program);
        return new KernelLink(program, target, socket);
    }

    private static Exception Close(BpfHandle socket, Exception error)
    {
        socket.Dispose();
        return error;
    }
}
