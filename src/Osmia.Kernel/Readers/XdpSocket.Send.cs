using System.Runtime.InteropServices;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Readers;

/// <content>
/// Sending: a frame is copied into memory that the kernel sees too, named in the transmit ring, and free again when its place comes back in the completion ring.
/// </content>
public sealed unsafe partial class XdpSocket
{
    private const int TransmitRingOption = 3;
    private const long TransmitRingPage = 0x8000_0000;
    private const long CompletionRingPage = 0x1_8000_0000;
    private const int DoNotWait = 0x40;
    private const int WouldBlock = 11;
    private const int NoBuffers = 105;

    private readonly Stack<ulong> _free = new();
    private Ring _transmit;
    private Ring _completion;

    /// <summary>Frames the device has taken, or dropped as any network device may.</summary>
    public long Sent { get; private set; }

    /// <summary>Frames that found no room: as many were under way as there is memory for.</summary>
    public long Refused { get; private set; }

    /// <summary>Frames that were given to the kernel and have not come back.</summary>
    public int UnderWay => _options.SendFrames - _free.Count;

    /// <summary>Frames that the kernel threw away unsent, because it found their descriptors wrong.</summary>
    public long SendLost
    {
        get
        {
            ulong* statistics = stackalloc ulong[6];
            uint length = 6 * sizeof(ulong);
            return !IsDisposed && Libc.GetSocketOption(_socket.Descriptor, Level, StatisticsOption, statistics, &length) == 0 ? (long)statistics[2] : 0;
        }
    }

    /// <summary>Takes a frame to be sent: from its Ethernet header on. It goes with the next <see cref="Flush"/>, together with others. One thread at a time.</summary>
    /// <returns>False, and counted in <see cref="Refused"/>, when there is no room: flush, and try again.</returns>
    /// <exception cref="ArgumentException">The frame is longer than <see cref="XdpSocketOptions.FrameSize"/>.</exception>
    /// <exception cref="InvalidOperationException">The socket was opened without frames to send.</exception>
    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (_options.SendFrames == 0)
        {
            throw new InvalidOperationException($"the AF_XDP socket of map '{MapName}' was opened to receive only: give it {nameof(XdpSocketOptions.SendFrames)}");
        }

        if (frame.IsEmpty || frame.Length > _options.FrameSize)
        {
            throw new ArgumentException($"a frame of {frame.Length} bytes; this socket sends 1 to {_options.FrameSize}", nameof(frame));
        }

        Reclaim();
        if (!_free.TryPop(out ulong place))
        {
            Refused++;
            return false;
        }

        // struct xdp_desc: place, length, options.
        frame.CopyTo(new Span<byte>(_memory + place, frame.Length));
        byte* descriptor = _transmit.Free(DescriptorSize);
        *(ulong*)descriptor = place;
        *(uint*)(descriptor + 8) = (uint)frame.Length;
        *(uint*)(descriptor + 12) = 0;
        _transmit.Put();
        return true;
    }

    /// <summary>Makes the kernel send what <see cref="TrySend"/> took.</summary>
    /// <returns>Frames it has not looked at yet: 0, or more when the device is busy; they go with the next call.</returns>
    /// <exception cref="KernelException">OSM5027: the device does not send.</exception>
    public int Flush()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);

        // Without zero-copy each call sends a few frames; one that sends none finds the device busy.
        while (_transmit.Waiting() is var before and not 0)
        {
            int errno = Libc.Send(_socket.Descriptor, null, 0, DoNotWait) < 0 ? Marshal.GetLastPInvokeError() : 0;
            Reclaim();
            if (errno is not (0 or WouldBlock or Errno.EBUSY or NoBuffers))
            {
                throw Refusal.Of("OSM5027", "the AF_XDP socket cannot send", "sendto", -errno, $"map '{MapName}', {before} frames left");
            }

            if (_transmit.Waiting() == before)
            {
                break;
            }
        }

        Reclaim();
        return (int)_transmit.Waiting();
    }

    private void Reclaim()
    {
        ulong total = (ulong)(_options.Frames + _options.SendFrames) * (ulong)_options.FrameSize;
        for (uint count = _completion.Available(); count > 0; count--)
        {
            ulong place = *(ulong*)_completion.Next(sizeof(ulong)) & ~((ulong)_options.FrameSize - 1);
            _completion.Take();
            if (place >= total || _free.Count >= _options.SendFrames)
            {
                throw new InvalidDataException($"AF_XDP socket of map '{MapName}': a frame at {place} came back that was not sent");
            }

            _free.Push(place);
            Sent++;
        }
    }
}
