using System.Buffers.Binary;
using System.Net;
using Osmia.Runtime.Packets.Frames;

namespace Osmia.Traffic;

/// <summary>Who is where. Link addresses come from the documentation range of RFC 7042.</summary>
internal static class Net
{
    public static readonly IPAddress Host = IPAddress.Parse("192.168.1.20");
    public static readonly IPAddress Gateway = IPAddress.Parse("192.168.1.1");
    public static readonly IPAddress Printer = IPAddress.Parse("192.168.1.30");
    public static readonly IPAddress Guest = IPAddress.Parse("192.168.1.57");
    public static readonly IPAddress HostOnVlan = IPAddress.Parse("10.20.0.20");
    public static readonly IPAddress Camera = IPAddress.Parse("10.20.0.8");
    public static readonly IPAddress Resolver = IPAddress.Parse("198.51.100.53");
    public static readonly IPAddress Clock = IPAddress.Parse("198.51.100.123");
    public static readonly IPAddress Web = IPAddress.Parse("198.51.100.10");
    public static readonly IPAddress Visitor = IPAddress.Parse("192.0.2.44");
    public static readonly IPAddress Host6 = IPAddress.Parse("2001:db8:1::20");
    public static readonly IPAddress HostLocal6 = IPAddress.Parse("fe80::200:5eff:fe00:5320");
    public static readonly IPAddress Guest6 = IPAddress.Parse("2001:db8:1::57");
    public static readonly IPAddress GatewayLocal6 = IPAddress.Parse("fe80::1");
    public static readonly IPAddress Resolver6 = IPAddress.Parse("2001:db8:53::53");
    public static readonly IPAddress Clock6 = IPAddress.Parse("2001:db8:53::123");
    public static readonly IPAddress Web6 = IPAddress.Parse("2001:db8:cafe::10");
    public static readonly IPAddress Visitor6 = IPAddress.Parse("2001:db8:44::44");

    private static readonly Dictionary<IPAddress, byte> s_stations = new()
    {
        [Host] = 0x20, [HostOnVlan] = 0x20, [Host6] = 0x20, [HostLocal6] = 0x20, [Printer] = 0x30, [Guest] = 0x57, [Guest6] = 0x57, [Camera] = 0x08,
    };

    /// <summary>Group addresses map to their link group; what is not on this network is behind the gateway.</summary>
    public static MacAddress MacOf(IPAddress ip)
    {
        var bytes = ip.GetAddressBytes();
        if (bytes.Length == 16 && bytes[0] == 0xFF)
        {
            return new MacAddress(0x3333_0000_0000UL | BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(12)));
        }

        if (bytes.Length == 4 && bytes[0] >> 4 == 14)
        {
            return new MacAddress(0x0100_5E00_0000UL | BinaryPrimitives.ReadUInt32BigEndian(bytes) & 0x7F_FFFF);
        }

        return new MacAddress(0x0000_5E00_5300UL | s_stations.GetValueOrDefault(ip, (byte)1));
    }
}
