using System.Runtime.Versioning;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>Devices of this thread's network namespace that iproute2 may be too old to make.</summary>
[SupportedOSPlatform("linux")]
internal static class NetworkDevices
{
    private const ushort NewLink = 16;
    private const ushort Name = 3;
    private const ushort Info = 18;

    /// <summary>A pair of netkit devices that carry Ethernet frames, both up.</summary>
    /// <returns>False when the kernel has none.</returns>
    public static bool AddNetkit(string name, out string? peer)
    {
        using Netlink netlink = Netlink.Open(out int opened) ?? throw new InvalidOperationException($"no netlink: {opened}");
        HashSet<string> before = [.. Names()];

        // IFLA_INFO_KIND, IFLA_INFO_DATA { IFLA_NETKIT_MODE: 0 is layer 2 }.
        byte[] message = new NetlinkAttributes().Raw(new byte[16]).Add(Name, name)
            .Add(Info, new NetlinkAttributes().Add(1, "netkit").Add(2, new NetlinkAttributes().Add(3, 0u))).ToArray();
        int result = netlink.Send(NewLink, Netlink.Create | Netlink.Exclusive, message);
        peer = null;
        if (result < 0)
        {
            return false;
        }

        peer = Names().First(device => device != name && !before.Contains(device));
        Up(netlink, name);
        Up(netlink, peer);
        return true;
    }

    private static void Up(Netlink netlink, string device)
    {
        // struct ifinfomsg: family, type, index, flags, change.
        byte[] header = new byte[16];
        BitConverter.TryWriteBytes(header.AsSpan(4), (int)Libc.InterfaceIndex(device));
        header[8] = 1;
        header[12] = 1;
        Assert.Equal(0, netlink.Send(NewLink, 0, header));
    }

    private static IEnumerable<string> Names() =>
        File.ReadLines("/proc/thread-self/net/dev").Skip(2).Select(line => line[..line.IndexOf(':', StringComparison.Ordinal)].Trim());
}
