using System.Net;
using System.Net.Sockets;
using Osmia.Runtime.Packets.Frames;

namespace Osmia.Traffic;

internal sealed class Network
{
    private ushort _id = 0x3A00;
    private ushort _port = 49_152;

    public List<(long TimeNs, byte[] Bytes, string? Comment)> Frames { get; } = [];

    public SplitMix Random { get; } = new(0x05317A);

    public void Add(long timeNs, byte[] frame, string? comment = null) => Frames.Add((timeNs, frame, comment));

    public ushort NextId() => _id += 7;

    public ushort NextPort() => _port += 3;

    /// <summary>Ethernet and IP between two addresses; far ones have come or will go through the gateway.</summary>
    public FrameBuilder Ip(IPAddress from, IPAddress to, byte? ttl = null, int? vlan = null)
    {
        var frame = new FrameBuilder().Ethernet(Net.MacOf(to), Net.MacOf(from));
        if (vlan is { } id)
        {
            frame.Vlan(id);
        }

        var hops = ttl ?? (byte)(Net.MacOf(from) == Net.MacOf(Net.Gateway) && !from.Equals(Net.Gateway) ? 53 : 64);
        return from.AddressFamily == AddressFamily.InterNetwork
            ? frame.Ipv4(from, to, hops, NextId(), dontFragment: true)
            : frame.Ipv6(from, to, hops);
    }
}
