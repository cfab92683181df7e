using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>What sockets can do, done by this thread over the loopback device: each hook of sockets is passed at least once.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class SocketTraffic
{
    private const int Tcp = 6;
    private const int Congestion = 13;

    public static void Everything()
    {
        Try(() => Datagrams(IPAddress.Loopback));
        Try(() => Datagrams(IPAddress.IPv6Loopback));
        Try(() => Stream(IPAddress.Loopback));
        Try(() => Stream(IPAddress.IPv6Loopback));
        Try(UnixSockets);
        _ = File.ReadAllText("/proc/sys/kernel/ostype");
        File.OpenHandle("/dev/null").Dispose();
    }

    /// <summary>A connection whose sender uses a congestion control of that name.</summary>
    public static void TcpWith(string congestionControl)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        byte[] name = Encoding.ASCII.GetBytes(congestionControl);
        fixed (byte* bytes = name)
        {
            Assert.Equal(0, Libc.SetSocketOption((int)client.Handle, Tcp, Congestion, bytes, (uint)name.Length));
        }

        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        server.ReceiveTimeout = 5000;
        byte[] buffer = new byte[16];
        for (int i = 0; i < 50; i++)
        {
            client.Send("hello"u8);
            server.Receive(buffer);
        }
    }

    /// <summary>A connected pair over TCP.</summary>
    public static (Socket Client, Socket Server) Pair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        Socket server = listener.Accept();
        server.ReceiveTimeout = 3000;
        return (client, server);
    }

    private static void Datagrams(IPAddress address)
    {
        using var receiver = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 3000 };
        receiver.Bind(new IPEndPoint(address, 0));
        using var sender = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        byte[] buffer = new byte[16];
        EndPoint from = new IPEndPoint(address, 0);
        sender.SendTo("hello"u8, receiver.LocalEndPoint!);
        receiver.ReceiveFrom(buffer, ref from);
    }

    private static void Stream(IPAddress address)
    {
        using var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _ = listener.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Type);
        listener.Bind(new IPEndPoint(address, 0));
        listener.Listen();
        using var client = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        Names(client);
        Names(server);
        server.ReceiveTimeout = 3000;
        client.Send("hello"u8);
        server.Receive(new byte[16]);
    }

    private static void UnixSockets()
    {
        string folder = Directory.CreateTempSubdirectory("osmia-unix-").FullName;
        try
        {
            using (var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "s")));
                listener.Listen();
                using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                client.Connect(new UnixDomainSocketEndPoint(Path.Combine(folder, "s")));
                using Socket server = listener.Accept();
                Names(client);
                Names(server);
            }

            using var receiver = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 3000 };
            receiver.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "d")));
            using var sender = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            sender.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "e")));
            sender.SendTo("hello"u8, new UnixDomainSocketEndPoint(Path.Combine(folder, "d")));
            EndPoint from = new UnixDomainSocketEndPoint(Path.Combine(folder, "e"));
            receiver.ReceiveFrom(new byte[16], ref from);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Names(Socket socket)
    {
        byte* address = stackalloc byte[128];
        uint length = 128;
        _ = GetName((int)socket.Handle, address, &length);
        length = 128;
        _ = GetPeerName((int)socket.Handle, address, &length);
    }

    // A family that the machine lacks passes no hook, which the count shows.
    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (SocketException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "getsockname")]
    private static partial int GetName(int socket, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "getpeername")]
    private static partial int GetPeerName(int socket, byte* address, uint* length);
}
