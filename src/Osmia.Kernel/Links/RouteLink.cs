using System.Net;
using System.Net.Sockets;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>A route whose packets go through a program: lightweight tunnels <c>bpf</c> (Linux 4.10) and <c>seg6local End.BPF</c> (4.18), by netlink.</summary>
/// <remarks>Source: include/uapi/linux/rtnetlink.h, lwtunnel.h, seg6_local.h. No descriptor holds a route: it stays when the process is killed.</remarks>
internal static class RouteLink
{
    private const ushort Destination = 1;
    private const ushort OutputDevice = 4;
    private const ushort EncapType = 21;
    private const ushort Encap = 22;
    private const byte BpfTunnel = 6;
    private const byte Seg6LocalTunnel = 7;
    private const uint EndBpf = 15;
    private const byte MainTable = 254;
    private const byte StaticProtocol = 4;
    private const byte LinkScope = 253;
    private const byte Unicast = 1;

    public static KernelLink Attach(KernelProgram program, RouteTarget target)
    {
        if (!IPNetwork.TryParse(target.Prefix, out IPNetwork prefix))
        {
            throw KernelLink.Refused(program, target, "netlink(RTM_NEWROUTE)", -Errno.EINVAL, $"'{target.Prefix}' is no network", "give it as 10.0.0.0/24 or fc00:1::/64", "OSM5039");
        }

        int device = NetworkDevice.Index(program, target, target.Device);
        byte[] message = Message(program, prefix, device);
        Netlink netlink = Netlink.Open(out int opened) ?? throw KernelLink.Refused(program, target, "socket(AF_NETLINK)", opened);
        int result = netlink.Send(Netlink.NewRoute, Netlink.Create | Netlink.Exclusive, message);
        if (result < 0)
        {
            netlink.Dispose();
            (string? why, string? remedy) = -result switch
            {
                Errno.EEXIST => ("there is such a route already", "remove it first: ip route del " + target.Prefix),
                Errno.EOPNOTSUPP => ("the kernel has no such tunnels (CONFIG_LWTUNNEL_BPF; for seg6local CONFIG_IPV6_SEG6_BPF)", (string?)null),
                100 => ($"device {target.Device} is down", $"ip link set {target.Device} up"),
                Errno.EPERM when !Privileges.Has(Capability.NetAdmin) => ("netlink asks for CAP_NET_ADMIN itself: CAP_SYS_ADMIN does not stand in for it", Privileges.Remedy(Capability.NetAdmin)),
                _ => (null, null),
            };
            throw KernelLink.Refused(program, target, "netlink(RTM_NEWROUTE)", result, why, remedy, "OSM5039", Capability.NetAdmin);
        }

        return new DetachedLink(program, target, () =>
        {
            using (netlink)
            {
                _ = netlink.Send(Netlink.DeleteRoute, 0, message);
            }
        });
    }

    private static byte[] Message(KernelProgram program, IPNetwork prefix, int device)
    {
        bool isVersion6 = prefix.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6;

        // struct rtmsg: family, lengths of the destination and source prefix, tos, table, protocol, scope, type, flags.
        byte[] header = [(byte)(isVersion6 ? 10 : 2), (byte)prefix.PrefixLength, 0, 0, MainTable, StaticProtocol, isVersion6 ? (byte)0 : LinkScope, Unicast, 0, 0, 0, 0];
        bool isSeg6 = program.Type == ProgramType.LwtSeg6local;
        NetlinkAttributes named = new NetlinkAttributes().Add(1, (uint)program.Handle.Descriptor).Add(2, program.Name);
        NetlinkAttributes encap = isSeg6
            ? new NetlinkAttributes().Add(1, EndBpf).Add(8, named)
            : new NetlinkAttributes().Add((ushort)(program.Type switch { ProgramType.LwtIn => 1, ProgramType.LwtOut => 2, _ => 3 }), named);
        return new NetlinkAttributes().Raw(header).Add(Destination, prefix.BaseAddress.GetAddressBytes()).Add(OutputDevice, (uint)device)
            .Add(EncapType, [isSeg6 ? Seg6LocalTunnel : BpfTunnel, 0]).Add(Encap, encap).ToArray();
    }
}
