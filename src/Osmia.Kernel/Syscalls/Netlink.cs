using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Osmia.Kernel.Syscalls.Tracing;

namespace Osmia.Kernel.Syscalls;

/// <summary>
/// A rtnetlink(7) socket of the calling thread's network namespace: one request, its answers, its acknowledgement. Results are 0 or a negated errno, as
/// of bpf(2).
/// </summary>
internal sealed unsafe class Netlink : IDisposable
{
    public const ushort NewRoute = 24;
    public const ushort DeleteRoute = 25;
    public const ushort NewQueue = 36;
    public const ushort DeleteQueue = 37;
    public const ushort NewFilter = 44;
    public const ushort DeleteFilter = 45;
    public const ushort GetFilter = 46;

    public const ushort Create = 0x400;
    public const ushort Exclusive = 0x200;
    public const ushort Echo = 0x8;
    public const ushort Dump = 0x300;

    private const int Family = 16;
    private const int RawCloseOnExec = 3 | 0x80000;
    private const ushort Request = 1;
    private const ushort Acknowledge = 4;
    private const ushort ErrorType = 2;
    private const ushort DoneType = 3;
    private const int HeaderSize = 16;

    private readonly BpfHandle _socket;
    private readonly byte[] _buffer = new byte[32 * 1024];
    private uint _sequence;

    private Netlink(BpfHandle socket) => _socket = socket;

    /// <returns>Null with the negated errno when there is no such socket.</returns>
    public static Netlink? Open(out int result)
    {
        long started = SyscallTrace.IsOn ? SyscallTrace.Start() : 0;
        int fd = Libc.Socket(Family, RawCloseOnExec, 0);
        result = fd < 0 ? -Marshal.GetLastPInvokeError() : 0;
        if (started != 0)
        {
            SyscallTrace.Tell("socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE)", fd < 0 ? result : fd, started);
        }

        return fd < 0 ? null : new Netlink(new BpfHandle(fd));
    }

    public void Dispose() => _socket.Dispose();

    /// <param name="payload">What follows the message header.</param>
    /// <param name="answer">Called with the payload of every message that is no acknowledgement.</param>
    public int Send(ushort type, ushort flags, ReadOnlySpan<byte> payload, Action<ReadOnlyMemory<byte>>? answer = null)
    {
        byte[] message = new byte[HeaderSize + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), type);
        bool isDump = flags == Dump;
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), (ushort)(flags | Request | (isDump ? 0 : Acknowledge)));
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), ++_sequence);
        payload.CopyTo(message.AsSpan(HeaderSize));
        fixed (byte* bytes = message)
        {
            long started = SyscallTrace.IsOn ? SyscallTrace.Start() : 0;
            nint sent = Libc.Send(_socket.Descriptor, bytes, message.Length, 0);
            sent = sent < 0 ? -Marshal.GetLastPInvokeError() : sent;
            if (started != 0)
            {
                SyscallTrace.Tell(NetlinkCallText.Sent(_socket.Descriptor, message), sent, started);
            }

            if (sent < 0)
            {
                return (int)sent;
            }
        }

        return Receive(answer);
    }

    private int Receive(Action<ReadOnlyMemory<byte>>? answer)
    {
        while (true)
        {
            nint received;
            long started = SyscallTrace.IsOn ? SyscallTrace.Start() : 0;
            fixed (byte* bytes = _buffer)
            {
                received = Libc.Receive(_socket.Descriptor, bytes, _buffer.Length, 0);
            }

            received = received < 0 ? -Marshal.GetLastPInvokeError() : received;
            if (started != 0)
            {
                SyscallTrace.Tell(NetlinkCallText.Received(_socket.Descriptor, _buffer.AsSpan(0, (int)Math.Max(received, 0))), received, started);
            }

            if (received == -Errno.EINTR)
            {
                continue;
            }

            if (received < 0)
            {
                return (int)received;
            }

            for (int at = 0; at + HeaderSize <= received;)
            {
                ReadOnlySpan<byte> header = _buffer.AsSpan(at);
                int length = BinaryPrimitives.ReadInt32LittleEndian(header);
                if (length < HeaderSize || length > received - at)
                {
                    break;
                }

                ushort type = BinaryPrimitives.ReadUInt16LittleEndian(header[4..]);
                if (BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) == _sequence)
                {
                    if (type == ErrorType)
                    {
                        return BinaryPrimitives.ReadInt32LittleEndian(header[HeaderSize..]);
                    }

                    if (type == DoneType)
                    {
                        return 0;
                    }

                    answer?.Invoke(_buffer.AsMemory(at + HeaderSize, length - HeaderSize));
                }

                at += (length + 3) & ~3;
            }
        }
    }
}

/// <summary>Attributes of a netlink message: length, type, value, padded to four bytes.</summary>
internal sealed class NetlinkAttributes
{
    private readonly List<byte> _bytes = [];

    public NetlinkAttributes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public NetlinkAttributes Add(ushort type, ReadOnlySpan<byte> value)
    {
        Span<byte> header = stackalloc byte[4];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(4 + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], type);
        _bytes.AddRange(header);
        _bytes.AddRange(value);
        while (_bytes.Count % 4 != 0)
        {
            _bytes.Add(0);
        }

        return this;
    }

    public NetlinkAttributes Add(ushort type, string text) => Add(type, Encoding.UTF8.GetBytes(text + "\0"));

    public NetlinkAttributes Add(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Add(type, bytes);
    }

    public NetlinkAttributes Add(ushort type, NetlinkAttributes nested) => Add(type, nested.ToArray());

    public byte[] ToArray() => [.. _bytes];
}
