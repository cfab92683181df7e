using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Osmia.Runtime.Packets.Frames;

/// <summary>
/// Composes a frame from the outermost header to the payload. Each header names the next one by itself; lengths and checksums
/// are filled in by <see cref="Build"/>. Equal calls give equal bytes.
/// </summary>
public sealed partial class FrameBuilder
{
    private readonly List<Layer> _layers = [];
    private byte[] _bytes = new byte[256];
    private int _length;

    // Where the last header keeps the number of the header after it; -1 where there is none.
    private int _nextEtherType = -1;
    private int _nextProtocol = -1;

    private enum LayerKind
    {
        Llc,
        Ipv4,
        Ipv6,
        Tcp,
        Udp,
        Icmp,
        Icmpv6,
    }

    /// <param name="Outer">Index of the IP layer that encloses this one; -1 for none.</param>
    private readonly record struct Layer(LayerKind Kind, int Offset, int Outer);

    public FrameBuilder Ethernet(MacAddress destination, MacAddress source)
    {
        var header = Grow(14);
        destination.CopyTo(header);
        source.CopyTo(header[6..]);
        _nextEtherType = _length - 2;
        return this;
    }

    /// <param name="id">VLAN 0 to 4095.</param>
    /// <param name="priority">0 to 7.</param>
    /// <param name="tag">802.1Q, or the service tag of 802.1ad.</param>
    public FrameBuilder Vlan(int id, int priority = 0, EtherType tag = EtherType.Vlan)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(id, 4095);
        ArgumentOutOfRangeException.ThrowIfNegative(priority);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(priority, 7);
        NextIs(tag);
        var header = Grow(4);
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)(priority << 13 | id));
        _nextEtherType = _length - 2;
        return this;
    }

    /// <summary>An 802.2 header; the type field before it becomes the length of 802.3.</summary>
    public FrameBuilder Llc(byte destinationSap, byte sourceSap, byte control = 3)
    {
        if (_nextEtherType < 0)
        {
            throw new InvalidOperationException("An LLC header stands directly after an Ethernet or VLAN header.");
        }

        _layers.Add(new Layer(LayerKind.Llc, _nextEtherType, -1));
        _nextEtherType = -1;
        return Payload([destinationSap, sourceSap, control]);
    }

    /// <summary>The type of what follows when it is added as raw bytes.</summary>
    public FrameBuilder Type(EtherType type)
    {
        NextIs(type);
        return this;
    }

    /// <param name="operation">1 asks, 2 answers.</param>
    public FrameBuilder Arp(ushort operation, MacAddress senderMac, IPAddress sender, MacAddress targetMac, IPAddress target)
    {
        NextIs(EtherType.Arp);
        var header = Grow(28);
        BinaryPrimitives.WriteUInt16BigEndian(header, 1);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)EtherType.Ipv4);
        header[4] = 6;
        header[5] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], operation);
        senderMac.CopyTo(header[8..]);
        WriteAddress(sender, AddressFamily.InterNetwork, header[14..]);
        targetMac.CopyTo(header[18..]);
        WriteAddress(target, AddressFamily.InterNetwork, header[24..]);
        return this;
    }

    public FrameBuilder Payload(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Grow(bytes.Length));
        return this;
    }

    /// <summary>The frame with lengths and checksums, innermost header first because outer sums cover inner ones.</summary>
    /// <param name="minimumLength">Zeros fill a shorter frame, as a network card does to 60 bytes; they belong to no header.</param>
    public byte[] Build(int minimumLength = 0)
    {
        for (var i = _layers.Count - 1; i >= 0; i--)
        {
            Complete(_layers[i]);
        }

        var frame = new byte[Math.Max(_length, minimumLength)];
        _bytes.AsSpan(0, _length).CopyTo(frame);
        return frame;
    }

    private void Complete(Layer layer)
    {
        var rest = _bytes.AsSpan(layer.Offset, _length - layer.Offset);
        switch (layer.Kind)
        {
            case LayerKind.Llc:
                BinaryPrimitives.WriteUInt16BigEndian(rest, Length16(rest.Length - 2));
                break;
            case LayerKind.Ipv4:
                CompleteIpv4(rest);
                break;
            case LayerKind.Ipv6:
                BinaryPrimitives.WriteUInt16BigEndian(rest[4..], Length16(rest.Length - 40));
                break;
            case LayerKind.Tcp:
                WriteChecksum(rest, 16, PseudoHeader(layer, IpProtocol.Tcp, rest.Length));
                break;
            case LayerKind.Udp:
                CompleteUdp(rest, layer);
                break;
            case LayerKind.Icmp:
                WriteChecksum(rest, 2, 0);
                break;
            case LayerKind.Icmpv6:
                WriteChecksum(rest, 2, PseudoHeader(layer, IpProtocol.Icmpv6, rest.Length));
                break;
        }
    }

    private void NextIs(EtherType type)
    {
        if (_nextEtherType >= 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(_bytes.AsSpan(_nextEtherType), (ushort)type);
        }

        _nextEtherType = -1;
    }

    private void NextIs(IpProtocol protocol)
    {
        if (_nextProtocol >= 0)
        {
            _bytes[_nextProtocol] = (byte)protocol;
        }

        _nextProtocol = -1;
    }

    private int LastIp() => _layers.FindLastIndex(layer => layer.Kind is LayerKind.Ipv4 or LayerKind.Ipv6);

    private Span<byte> Grow(int count)
    {
        if (_bytes.Length - _length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
        }

        var added = _bytes.AsSpan(_length, count);
        _length += count;
        return added;
    }

    private static ushort Length16(int length) => length <= ushort.MaxValue
        ? (ushort)length
        : throw new InvalidOperationException($"A header with a 16-bit length cannot cover {length} bytes.");

    private static void WriteChecksum(Span<byte> bytes, int offset, ulong start)
    {
        bytes.Slice(offset, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(bytes[offset..], InternetChecksum.Compute(bytes, start));
    }

    private static void WriteAddress(IPAddress address, AddressFamily family, Span<byte> target)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily != family)
        {
            throw new ArgumentException($"{address} is not an address of the family {family}.", nameof(address));
        }

        address.TryWriteBytes(target, out _);
    }
}
