using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Maps;

/// <summary>
/// The sockets a host described. Programs hold the address of a socket's <c>struct bpf_sock</c>, which stands in memory of the table that is kept
/// as long as the engine: what was removed reads as zeros.
/// </summary>
internal sealed unsafe class SocketTable : IDisposable
{
    public const int StructureSize = 80;

    private const int Stride = 128;
    private const int Capacity = 4096;
    private const int AddressFamilyIp4 = 2;
    private const int AddressFamilyIp6 = 10;
    private const int Established = 1;
    private const int Closed = 7;
    private const int Listening = 10;

    private readonly Lock _gate = new();
    private readonly VmSocket?[] _sockets = new VmSocket?[Capacity];
    private byte* _memory;
    private int _used;

    /// <summary>Ids begin at 1.</summary>
    public uint Add(VmSocket socket)
    {
        lock (_gate)
        {
            int at = Array.IndexOf(_sockets, null, 0, _used);
            at = at < 0 ? _used : at;
            if (at == Capacity)
            {
                throw new InvalidOperationException($"an engine holds at most {Capacity} sockets");
            }

            if (_memory == null)
            {
                _memory = (byte*)NativeMemory.AllocZeroed(Capacity * Stride);
            }

            Describe(socket, (uint*)(_memory + (at * Stride)));
            Volatile.Write(ref _sockets[at], socket);
            Volatile.Write(ref _used, Math.Max(_used, at + 1));
            return (uint)at + 1;
        }
    }

    public bool Remove(uint id)
    {
        lock (_gate)
        {
            if (id - 1 >= (uint)_used || _sockets[id - 1] is null)
            {
                return false;
            }

            Volatile.Write(ref _sockets[id - 1], null);
            new Span<byte>(_memory + ((id - 1) * Stride), Stride).Clear();
            return true;
        }
    }

    /// <summary>The address of a socket's structure; 0 when there is none.</summary>
    public ulong AddressOf(uint id) => id - 1 < (uint)Volatile.Read(ref _used) && Volatile.Read(ref _sockets[id - 1]) is not null ? (ulong)(_memory + ((id - 1) * Stride)) : 0;

    /// <summary>The socket whose structure begins at an address; 0 when none does.</summary>
    public uint IdAt(ulong address)
    {
        ulong offset = address - (ulong)_memory;
        return _memory != null && offset < (ulong)(Volatile.Read(ref _used) * Stride) && offset % Stride == 0 ? (uint)(offset / Stride) + 1 : 0;
    }

    /// <summary>The structure around an address.</summary>
    public bool TryLocate(ulong address, out MapRegion region)
    {
        ulong offset = address - (ulong)_memory;
        region = default;
        if (_memory == null || offset >= (ulong)(Volatile.Read(ref _used) * Stride))
        {
            return false;
        }

        region = new MapRegion((ulong)_memory + (offset / Stride * Stride), StructureSize, IsWritable: false);
        return true;
    }

    public bool IsListening(uint id) => Volatile.Read(ref _sockets[id - 1]) is { Protocol: VmSocket.Tcp, Remote: null };

    /// <summary>The connected socket of a flow, else one that listens there; 0 when there is none.</summary>
    /// <param name="tuple">struct bpf_sock_tuple: source and destination address, then their ports, in network order.</param>
    public uint Find(int protocol, ReadOnlySpan<byte> tuple)
    {
        int size = tuple.Length < 36 ? 4 : 16;
        ReadOnlySpan<byte> source = tuple[..size];
        ReadOnlySpan<byte> destination = tuple.Slice(size, size);
        int sourcePort = (tuple[2 * size] << 8) | tuple[(2 * size) + 1];
        int destinationPort = (tuple[(2 * size) + 2] << 8) | tuple[(2 * size) + 3];
        uint best = 0;
        int bestScore = 0;
        for (int i = 0; i < Volatile.Read(ref _used); i++)
        {
            if (Volatile.Read(ref _sockets[i]) is not { } socket || socket.Protocol != protocol || socket.Local.Port != destinationPort)
            {
                continue;
            }

            int score = 1 + Matches(socket.Local.Address, destination);
            if (score == 0)
            {
                continue;
            }

            if (socket.Remote is { } remote)
            {
                int match = remote.Port == sourcePort ? Matches(remote.Address, source) : -1;
                score = match > 0 ? score + 4 : 0;
            }

            (best, bestScore) = score > bestScore ? ((uint)i + 1, score) : (best, bestScore);
        }

        return best;
    }

    public void Dispose()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }

    /// <returns>1 the address itself, 0 any address, -1 another one.</returns>
    private static int Matches(IPAddress address, ReadOnlySpan<byte> wanted)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out int written) || written != wanted.Length)
        {
            return -1;
        }

        return bytes[..written].SequenceEqual(wanted) ? 1 : bytes[..written].IndexOfAnyExcept((byte)0) < 0 ? 0 : -1;
    }

    /// <summary>struct bpf_sock of include/uapi/linux/bpf.h.</summary>
    private static void Describe(VmSocket socket, uint* words)
    {
        new Span<byte>(words, Stride).Clear();
        bool isIp6 = socket.Local.AddressFamily == AddressFamily.InterNetworkV6;
        words[0] = socket.BoundInterface;
        words[1] = isIp6 ? (uint)AddressFamilyIp6 : AddressFamilyIp4;
        words[2] = socket.Protocol == VmSocket.Tcp ? 1u : 2u;
        words[3] = (uint)socket.Protocol;
        words[4] = socket.Mark;
        words[5] = socket.Priority;
        Write(socket.Local.Address, words + 6, words + 7);
        words[11] = (uint)socket.Local.Port;
        if (socket.Remote is { } remote)
        {
            words[12] = (ushort)IPAddress.HostToNetworkOrder((short)remote.Port);
            Write(remote.Address, words + 13, words + 14);
        }

        words[18] = socket.Remote is not null ? (uint)Established : socket.Protocol == VmSocket.Tcp ? (uint)Listening : Closed;
        words[19] = uint.MaxValue;
    }

    private static void Write(IPAddress address, uint* ip4, uint* ip6) =>
        address.TryWriteBytes(new Span<byte>(address.AddressFamily == AddressFamily.InterNetworkV6 ? ip6 : ip4, 16), out _);
}
