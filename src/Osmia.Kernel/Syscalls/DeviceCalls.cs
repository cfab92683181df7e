using System.Runtime.InteropServices;

namespace Osmia.Kernel.Syscalls;

/// <summary>What reading and writing whole frames needs: packet(7), and /dev/net/tun (Documentation/networking/tuntap.rst).</summary>
internal static unsafe partial class DeviceCalls
{
    public const int PacketFamily = 17;
    public const int RawSocket = 3;
    public const int CloseOnExec = 0x80000;
    public const int NonBlocking = 0x800;
    public const ushort AllProtocols = 0x0003;

    /// <summary>SOL_PACKET and PACKET_IGNORE_OUTGOING (Linux 4.20).</summary>
    public const int PacketLevel = 263;
    public const int IgnoreOutgoing = 23;

    public const int OpenReadWrite = 2;
    public const nuint SetTunDevice = 0x400454ca;
    public const short Tap = 0x0002;
    public const short NoPacketInformation = 0x1000;
    public const int NameSize = 16;

    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int fd, void* bytes, nint length);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int fd, void* bytes, nint length);

    [LibraryImport(Library, EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollEntry* entries, nuint count, int timeoutMs);

    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>struct sockaddr_ll.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 20)]
    public struct LinkAddress
    {
        public ushort Family;

        /// <summary>In network order.</summary>
        public ushort Protocol;
        public uint Interface;
    }

    /// <summary>struct ifreq with flags.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 40)]
    public struct InterfaceRequest
    {
        public fixed byte Name[NameSize];
        public short Flags;
    }
}
