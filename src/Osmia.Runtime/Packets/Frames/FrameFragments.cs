using System.Buffers.Binary;

namespace Osmia.Runtime.Packets.Frames;

/// <summary>Splits a finished frame into IP fragments, each a frame of its own.</summary>
public static class FrameFragments
{
    /// <param name="frame">An Ethernet frame without VLAN tags that carries IPv4 without options.</param>
    /// <param name="size">Bytes of IP payload per fragment, a multiple of 8.</param>
    public static IReadOnlyList<byte[]> SplitIpv4(ReadOnlySpan<byte> frame, int size)
    {
        const int Ip = 14;
        CheckSize(size);
        if (frame.Length < Ip + 20 || frame[Ip] != 0x45)
        {
            throw new ArgumentException("The frame does not carry IPv4 without options.", nameof(frame));
        }

        var headers = frame[..(Ip + 20)];
        var payload = frame[headers.Length..(Ip + BinaryPrimitives.ReadUInt16BigEndian(frame[(Ip + 2)..]))];
        var fragments = new List<byte[]>();
        for (var offset = 0; offset < payload.Length; offset += size)
        {
            var part = payload[offset..Math.Min(offset + size, payload.Length)];
            var isLast = offset + part.Length == payload.Length;
            byte[] fragment = [.. headers, .. part];
            var ip = fragment.AsSpan(Ip);
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            BinaryPrimitives.WriteUInt16BigEndian(ip[6..], (ushort)(offset / 8 | (isLast ? 0 : 0x2000)));
            ip.Slice(10, 2).Clear();
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Compute(ip[..20]));
            fragments.Add(fragment);
        }

        return fragments;
    }

    /// <param name="frame">An Ethernet frame without VLAN tags that carries IPv6; all its extension headers become fragmentable.</param>
    /// <param name="size">Bytes of IP payload per fragment, a multiple of 8.</param>
    public static IReadOnlyList<byte[]> SplitIpv6(ReadOnlySpan<byte> frame, int size, uint identification)
    {
        const int Ip = 14;
        CheckSize(size);
        if (frame.Length < Ip + 40 || frame[Ip] >> 4 != 6)
        {
            throw new ArgumentException("The frame does not carry IPv6.", nameof(frame));
        }

        var headers = frame[..(Ip + 40)];
        var payload = frame.Slice(headers.Length, BinaryPrimitives.ReadUInt16BigEndian(frame[(Ip + 4)..]));
        var fragments = new List<byte[]>();
        Span<byte> extension = stackalloc byte[8];
        for (var offset = 0; offset < payload.Length; offset += size)
        {
            var part = payload[offset..Math.Min(offset + size, payload.Length)];
            var isLast = offset + part.Length == payload.Length;
            extension[0] = headers[Ip + 6];
            extension[1] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(extension[2..], (ushort)(offset | (isLast ? 0 : 1)));
            BinaryPrimitives.WriteUInt32BigEndian(extension[4..], identification);
            byte[] fragment = [.. headers, .. extension, .. part];
            fragment[Ip + 6] = (byte)IpProtocol.Ipv6Fragment;
            BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(Ip + 4), (ushort)(8 + part.Length));
            fragments.Add(fragment);
        }

        return fragments;
    }

    private static void CheckSize(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        if (size % 8 != 0)
        {
            throw new ArgumentException($"Fragment offsets count units of 8 bytes; {size} is not a multiple.", nameof(size));
        }
    }
}
