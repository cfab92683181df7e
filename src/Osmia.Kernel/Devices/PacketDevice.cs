using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime.Packets;

namespace Osmia.Kernel.Devices;

/// <summary>
/// The frames of a network device, read and written whole: of one that is there, as copies (a packet socket), or of a TAP device made here, which
/// takes the place of a cable: what the kernel sends on it is read here, what is sent here the kernel receives. One thread reads.
/// </summary>
/// <remarks>The VLAN tag that a device takes off a frame is not put back (its frames come without).</remarks>
[SupportedOSPlatform("linux")]
public sealed unsafe class PacketDevice : PacketReader, IPacketSink
{
    private readonly BpfHandle _handle;
    private readonly byte[] _frame = GC.AllocateUninitializedArray<byte>(MaxFrameLength, pinned: true);
    private readonly PacketInterface[] _interfaces;
    private readonly CancellationToken _stop;

    private PacketDevice(string name, BpfHandle handle, CancellationToken stop)
    {
        Name = name;
        _handle = handle;
        _stop = stop;
        _interfaces = [new PacketInterface(name, PacketLinkType.Ethernet, MaxFrameLength)];
    }

    public string Name { get; }

    public override IReadOnlyList<PacketInterface> Interfaces => _interfaces;

    /// <summary>How long <see cref="TryRead"/> waits for a frame before it looks at the request to stop again.</summary>
    private const int LookMs = 100;

    /// <summary>Opens a device of the calling thread's network namespace. It needs CAP_NET_RAW.</summary>
    /// <param name="stop">Ends reading: the next <see cref="TryRead"/> gives false.</param>
    /// <exception cref="Objects.Diagnostics.KernelException">There is no such device, or it may not be opened (OSM5090).</exception>
    public static PacketDevice Open(string name, CancellationToken stop = default)
    {
        uint index = Libc.InterfaceIndex(name);
        if (index == 0)
        {
            throw Refused(name, "if_nametoindex", -Marshal.GetLastPInvokeError());
        }

        var handle = new BpfHandle(Libc.Socket(DeviceCalls.PacketFamily, DeviceCalls.RawSocket | DeviceCalls.CloseOnExec | DeviceCalls.NonBlocking, 0));
        int error = handle.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        if (error == 0)
        {
            // Older kernels show what is sent too.
            int one = 1;
            _ = Libc.SetSocketOption(handle.Descriptor, DeviceCalls.PacketLevel, DeviceCalls.IgnoreOutgoing, &one, sizeof(int));
            var address = new DeviceCalls.LinkAddress { Family = DeviceCalls.PacketFamily, Protocol = BinaryPrimitives.ReverseEndianness(DeviceCalls.AllProtocols), Interface = index };
            error = Libc.Bind(handle.Descriptor, &address, (uint)sizeof(DeviceCalls.LinkAddress)) < 0 ? Marshal.GetLastPInvokeError() : 0;
        }

        if (error != 0)
        {
            handle.Dispose();
            throw Refused(name, "socket(AF_PACKET)", -error);
        }

        return new PacketDevice(name, handle, stop);
    }

    /// <summary>Opens the device with a number; null when the namespace has none.</summary>
    public static PacketDevice? Open(uint index)
    {
        byte* name = stackalloc byte[DeviceCalls.NameSize];
        return Libc.InterfaceName(index, name) == 0 ? null : Open(Marshal.PtrToStringUTF8((nint)name)!);
    }

    /// <summary>Makes a TAP device in the calling thread's network namespace; it ends with this object. It needs CAP_NET_ADMIN.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">The kernel has no TUN driver, or the device may not be made (OSM5090).</exception>
    public static PacketDevice CreateTap(string name, CancellationToken stop = default)
    {
        int bytes = Encoding.UTF8.GetByteCount(name);
        ArgumentOutOfRangeException.ThrowIfZero(bytes, nameof(name));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(bytes, DeviceCalls.NameSize, nameof(name));
        var handle = new BpfHandle(Libc.Open("/dev/net/tun", DeviceCalls.OpenReadWrite | DeviceCalls.CloseOnExec | DeviceCalls.NonBlocking, 0));
        if (handle.IsInvalid)
        {
            int missing = Marshal.GetLastPInvokeError();
            handle.Dispose();
            throw Refused(name, "open(/dev/net/tun)", -missing);
        }

        var request = new DeviceCalls.InterfaceRequest { Flags = DeviceCalls.Tap | DeviceCalls.NoPacketInformation };
        Encoding.UTF8.GetBytes(name, new Span<byte>(request.Name, DeviceCalls.NameSize));
        if (Libc.IoControl(handle.Descriptor, DeviceCalls.SetTunDevice, (nint)(&request)) < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            throw Refused(name, "ioctl(TUNSETIFF)", -error);
        }

        return new PacketDevice(name, handle, stop);
    }

    /// <summary>Waits for a frame; false when reading was stopped, or the device is gone.</summary>
    public override bool TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame)
    {
        byte* buffer = (byte*)Pinned(_frame);
        while (!_stop.IsCancellationRequested)
        {
            nint length = DeviceCalls.Read(_handle.Descriptor, buffer, MaxFrameLength);
            if (length >= 0)
            {
                frame = _frame.AsSpan(0, (int)length);
                long now = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
                info = new PacketInfo(now, 0, (int)length, (uint)length, PacketLinkType.Ethernet);
                return true;
            }

            int error = Marshal.GetLastPInvokeError();
            if (error is not (Errno.EAGAIN or Errno.EINTR))
            {
                // ENETDOWN while the device is down: there is nothing to read until it is up again.
                const int NetworkDown = 100;
                if (error != NetworkDown)
                {
                    break;
                }
            }

            var entry = new DeviceCalls.PollEntry { Descriptor = _handle.Descriptor, Events = Libc.PollIn };
            _ = DeviceCalls.Poll(&entry, 1, LookMs);
        }

        info = default;
        frame = default;
        return false;
    }

    /// <summary>Sends a frame; one that the device has no room for is tried again for a moment, then dropped as a wire would.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">The device does not take the frame (OSM5091).</exception>
    public void Send(ReadOnlySpan<byte> frame)
    {
        const int NoBuffers = 105;
        const int Attempts = 50;
        fixed (byte* bytes = frame)
        {
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                if (DeviceCalls.Write(_handle.Descriptor, bytes, frame.Length) >= 0)
                {
                    return;
                }

                int error = Marshal.GetLastPInvokeError();
                if (error is not (Errno.EAGAIN or Errno.EINTR or NoBuffers))
                {
                    throw Refusal.Of("OSM5091", $"device {Name} does not take a frame of {frame.Length} bytes", "write", -error, $"device {Name}",
                        error == 90 ? "the frame is longer than the device's MTU" : null, "ip link show lists the device's state and MTU");
                }

                var entry = new DeviceCalls.PollEntry { Descriptor = _handle.Descriptor, Events = 4 };
                _ = DeviceCalls.Poll(&entry, 1, 1);
            }

            Dropped++;
        }
    }

    /// <summary>Frames that were not sent because the device had no room for them.</summary>
    public long Dropped { get; private set; }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _handle.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void* Pinned(byte[] array) => Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));

    private static Objects.Diagnostics.KernelException Refused(string name, string call, int result) => Refusal.Of("OSM5090", $"device {name} cannot be opened for its frames", call, result, $"device {name}",
        -result is Errno.ENODEV or Errno.ENOENT ? call.StartsWith("if", StringComparison.Ordinal) ? "this network namespace has no device of that name" : "the kernel has no TUN driver here" : null,
        -result is Errno.ENODEV or Errno.ENOENT ? call.StartsWith("if", StringComparison.Ordinal) ? "ip link show lists the devices" : "modprobe tun" : null,
        Capability.NetRaw, Capability.NetAdmin);
}
