using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Links;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Readers;

/// <summary>How an AF_XDP socket is laid out.</summary>
/// <param name="Frames">Packets there is memory for: a power of two.</param>
/// <param name="FrameSize">Bytes of each: 2048 or 4096.</param>
/// <param name="Queue">The queue of the device, and the key in the map.</param>
/// <param name="SendFrames">Packets there is memory for to be sent, besides: a power of two, or 0 for a socket that only receives.</param>
public sealed record XdpSocketOptions(int Frames = 4096, int FrameSize = 2048, int Queue = 0, int SendFrames = 0);

/// <summary>
/// An AF_XDP socket: the packets that an XDP program redirects into a map of such sockets (xskmap) come straight into this process's memory
/// (Linux 4.18), past the kernel's stack; and packets of this process go out of the device the same way. Zero-copy where the driver has it.
/// </summary>
/// <remarks>
/// Source: Documentation/networking/af_xdp.rst, include/uapi/linux/if_xdp.h. Safe although unsafe: places and lengths that the kernel writes are checked
/// against the memory it was given.
/// </remarks>
public sealed unsafe partial class XdpSocket : RecordReader
{
    private const int Family = 44;
    private const int RawSocket = 3;
    private const int CloseOnExec = 0x80000;
    private const int Level = 283;
    private const int OffsetsOption = 1;
    private const int ReceiveRingOption = 2;
    private const int MemoryOption = 4;
    private const int FillRingOption = 5;
    private const int CompletionRingOption = 6;
    private const int StatisticsOption = 7;
    private const long FillRingPage = 0x1_0000_0000;
    private const int DescriptorSize = 16;

    private readonly KernelMap _map;
    private readonly XdpSocketOptions _options;
    private readonly BpfHandle _socket;
    private readonly EpollSet _epoll;
    private readonly byte[] _key;
    private bool _isInMap;
    private byte* _memory;
    private Ring _receive;
    private Ring _fill;

    private XdpSocket(KernelMap map, XdpSocketOptions options, BpfHandle socket)
        : base(map.Name)
    {
        _map = map;
        _options = options;
        _socket = socket;
        _key = BitConverter.GetBytes(options.Queue);
        _epoll = new EpollSet(map.Name);
    }

    /// <summary>Packets the kernel had no room for: the receive ring was full, no frame was free, or one did not fit.</summary>
    public override long Lost
    {
        get
        {
            ulong* statistics = stackalloc ulong[6];
            uint length = 6 * sizeof(ulong);
            return !IsDisposed && Libc.GetSocketOption(_socket.Descriptor, Level, StatisticsOption, statistics, &length) == 0 ? (long)(statistics[0] + statistics[3] + statistics[4]) : 0;
        }
    }

    /// <summary>Opens a socket on one receive queue of a device and puts it into the map, from which disposing takes it again.</summary>
    /// <exception cref="UnsupportedFeatureException">OSM5015: the map is no xskmap.</exception>
    /// <exception cref="KernelException">OSM5027: the kernel refused.</exception>
    public static XdpSocket Open(KernelMap map, string device, XdpSocketOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        options ??= new XdpSocketOptions();
        if (map.Type != MapType.Xskmap)
        {
            throw Refusal.Unsupported("OSM5015", $"map '{map.Name}' ({map.Type.ToKernelName()}) holds no AF_XDP sockets", $"packets of {map.Type.ToKernelName()}", "only an xskmap does",
                "redirect into a map of type BPF_MAP_TYPE_XSKMAP");
        }

        if (!int.IsPow2(options.Frames) || options.FrameSize is not (2048 or 4096) || (options.SendFrames != 0 && !int.IsPow2(options.SendFrames)))
        {
            throw new ArgumentOutOfRangeException(nameof(options),
                $"{options.Frames} frames of {options.FrameSize} bytes, {options.SendFrames} of them to send: powers of two of frames of 2048 or 4096 bytes are wanted");
        }

        int fd = Libc.Socket(Family, RawSocket | CloseOnExec, 0);
        if (fd < 0)
        {
            throw Failed(map, device, "socket(AF_XDP)", -Marshal.GetLastPInvokeError());
        }

        var socket = new XdpSocket(map, options, new BpfHandle(fd));
        try
        {
            socket.SetUp(device);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public override bool Wait(TimeSpan timeout)
    {
        Enter();
        try
        {
            return _receive.Available() > 0 || _epoll.Wait(timeout);
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Hands over every packet that is there; the frame goes back to the kernel when the handler returns.</summary>
    public override int Consume(RecordHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Enter();
        try
        {
            int packets = 0;
            for (uint count = _receive.Available(); count > 0 && !IsDisposed; count--)
            {
                byte* descriptor = _receive.Next(DescriptorSize);
                ulong place = *(ulong*)descriptor;
                uint length = *(uint*)(descriptor + 8);
                ulong total = (ulong)_options.Frames * (ulong)_options.FrameSize;
                if (place > total || length > total - place)
                {
                    throw new InvalidDataException($"AF_XDP socket of map '{MapName}': a packet of {length} bytes at {place} leaves the {total} bytes of memory");
                }

                try
                {
                    packets++;
                    handler(new ReadOnlySpan<byte>(_memory + place, (int)length), _options.Queue);
                }
                finally
                {
                    _receive.Take();
                    GiveBack(place & ~((ulong)_options.FrameSize - 1));
                }
            }

            return packets;
        }
        finally
        {
            Leave();
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing)
        {
            return;
        }

        if (_isInMap && !_map.Handle.IsClosed)
        {
            _map.Delete(_key);
        }

        _epoll.Dispose();
        _receive.Unmap();
        _fill.Unmap();
        _transmit.Unmap();
        _completion.Unmap();
        _socket.Dispose();
        if (_memory != null)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
        }
    }

    private void SetUp(string device)
    {
        uint index = Libc.InterfaceIndex(device);
        if (index == 0)
        {
            throw Failed(_map, device, "if_nametoindex", -Errno.ENODEV);
        }

        nuint bytes = (nuint)(_options.Frames + _options.SendFrames) * (nuint)_options.FrameSize;
        _memory = (byte*)NativeMemory.AlignedAlloc(bytes, (nuint)Environment.SystemPageSize);

        // struct xdp_umem_reg: address, length, size of a frame, headroom, flags.
        ulong* registration = stackalloc ulong[4];
        new Span<ulong>(registration, 4).Clear();
        (registration[0], registration[1], registration[2]) = ((ulong)_memory, bytes, (uint)_options.FrameSize);
        Set(device, MemoryOption, registration, 4 * sizeof(ulong));
        int frames = _options.Frames;
        Set(device, FillRingOption, &frames, sizeof(int));
        int sent = Math.Max(_options.SendFrames, 1);
        Set(device, CompletionRingOption, &sent, sizeof(int));
        Set(device, ReceiveRingOption, &frames, sizeof(int));
        if (_options.SendFrames > 0)
        {
            Set(device, TransmitRingOption, &sent, sizeof(int));
        }

        // struct xdp_mmap_offsets: producer, consumer, descriptors and flags of the receive, transmit, fill and completion rings.
        ulong* offsets = stackalloc ulong[16];
        uint length = 16 * sizeof(ulong);
        if (Libc.GetSocketOption(_socket.Descriptor, Level, OffsetsOption, offsets, &length) < 0)
        {
            throw Failed(_map, device, "getsockopt(XDP_MMAP_OFFSETS)", -Marshal.GetLastPInvokeError());
        }

        _receive = Ring.Map(_map, _socket, offsets, 0, (uint)frames, DescriptorSize);
        _fill = Ring.Map(_map, _socket, offsets + 8, FillRingPage, (uint)frames, sizeof(ulong));
        for (int i = 0; i < frames; i++)
        {
            GiveBack((ulong)i * (ulong)_options.FrameSize);
        }

        if (_options.SendFrames > 0)
        {
            _transmit = Ring.Map(_map, _socket, offsets + 4, TransmitRingPage, (uint)sent, DescriptorSize);
            _completion = Ring.Map(_map, _socket, offsets + 12, CompletionRingPage, (uint)sent, sizeof(ulong));
            for (int i = 0; i < sent; i++)
            {
                _free.Push((ulong)(frames + i) * (ulong)_options.FrameSize);
            }
        }

        // struct sockaddr_xdp: family, flags, device, queue, shared socket.
        uint* address = stackalloc uint[4];
        (address[0], address[1], address[2], address[3]) = (Family, index, (uint)_options.Queue, 0);
        int bound = Libc.Bind(_socket.Descriptor, address, 16) < 0 ? -Marshal.GetLastPInvokeError() : 0;

        // The kernel lets a queue go a moment after its last socket was closed.
        for (int attempt = 0; bound == -Errno.EBUSY && attempt < 20; attempt++)
        {
            Thread.Sleep(10);
            bound = Libc.Bind(_socket.Descriptor, address, 16) < 0 ? -Marshal.GetLastPInvokeError() : 0;
        }

        if (bound < 0)
        {
            throw Failed(_map, device, "bind", bound);
        }

        _map.SetElement(_key, _socket);
        _isInMap = true;
        _epoll.Add(_socket);
    }

    private void Set(string device, int option, void* value, uint length)
    {
        if (Libc.SetSocketOption(_socket.Descriptor, Level, option, value, length) < 0)
        {
            throw Failed(_map, device, $"setsockopt(SOL_XDP, {option})", -Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>There is always room: the ring holds as many places as there are frames.</summary>
    private void GiveBack(ulong frame)
    {
        *(ulong*)_fill.Free(sizeof(ulong)) = frame;
        _fill.Put();
    }

    private static KernelException Failed(KernelMap map, string device, string call, int result) =>
        Refusal.Of("OSM5027", $"no AF_XDP socket can be had on {device}", call, result, $"map '{map.Name}'", -result switch
        {
            97 => "the kernel has no AF_XDP (CONFIG_XDP_SOCKETS)",
            Errno.EBUSY => "another socket has that queue",
            Errno.EINVAL => "the device has no such queue, or the memory does not suit its driver",
            Errno.ENODEV => "this network namespace has no such device",
            _ => null,
        }, null, Capability.NetRaw);

    /// <summary>One ring of the socket: a producer and a consumer position, and places between.</summary>
    private struct Ring
    {
        private nint _address;
        private nint _length;
        private uint* _producer;
        private uint* _consumer;
        private byte* _places;
        private uint _mask;

        public static Ring Map(KernelMap map, BpfHandle socket, ulong* offsets, long page, uint places, int size)
        {
            var length = (nint)(offsets[2] + (ulong)places * (ulong)size);
            nint address = Libc.MemoryMap(0, length, Libc.ProtRead | Libc.ProtWrite, Libc.MapShared, socket.Descriptor, (nint)page);
            return address != Libc.MapFailed
                ? new Ring
                {
                    _address = address,
                    _length = length,
                    _producer = (uint*)(address + (nint)offsets[0]),
                    _consumer = (uint*)(address + (nint)offsets[1]),
                    _places = (byte*)(address + (nint)offsets[2]),
                    _mask = places - 1,
                }
                : throw Failed(map, "the device", "mmap", -Marshal.GetLastPInvokeError());
        }

        /// <summary>Places the kernel has filled.</summary>
        public readonly uint Available() => _producer == null ? 0 : Volatile.Read(ref *_producer) - *_consumer;

        public readonly byte* Next(int size) => _places + (*_consumer & _mask) * (uint)size;

        public readonly void Take() => Volatile.Write(ref *_consumer, *_consumer + 1);

        public readonly byte* Free(int size) => _places + (*_producer & _mask) * (uint)size;

        /// <summary>Places the kernel has not taken yet.</summary>
        public readonly uint Waiting() => _producer == null ? 0 : *_producer - Volatile.Read(ref *_consumer);

        public readonly void Put() => Volatile.Write(ref *_producer, *_producer + 1);

        public void Unmap()
        {
            if (_address != 0)
            {
                _ = Libc.MemoryUnmap(_address, _length);
                this = default;
            }
        }
    }
}
