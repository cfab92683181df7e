using System.Buffers.Binary;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>
/// A filter of the queueing discipline <c>clsact</c>, for kernels without TCX. No descriptor holds it: it is taken away when the link is disposed, and stays
/// when the process is killed. A clsact that this made goes with its last filter.
/// </summary>
internal static class ClassifierLink
{
    private const uint QueueHandle = 0xffff_0000;
    private const uint QueueParent = 0xffff_fff1;
    private const uint Ingress = 0xffff_fff2;
    private const uint Egress = 0xffff_fff3;
    private const uint AllProtocols = 0x0300;
    private const ushort Kind = 1;
    private const ushort Options = 2;
    private const ushort ProgramFd = 6;
    private const ushort ProgramName = 7;
    private const ushort Flags = 8;
    private const uint DirectAction = 1;

    public static KernelLink Attach(KernelProgram program, TrafficControlTarget target)
    {
        int device = NetworkDevice.Index(program, target, target.Device);
        Netlink netlink = Netlink.Open(out int opened) ?? throw KernelLink.Refused(program, target, "socket(AF_NETLINK)", opened);
        try
        {
            int made = netlink.Send(Netlink.NewQueue, Netlink.Create | Netlink.Exclusive, new NetlinkAttributes().Raw(Header(device, QueueHandle, QueueParent, 0)).Add(Kind, "clsact").ToArray());
            if (made < 0 && made != -Errno.EEXIST)
            {
                throw KernelLink.Refused(program, target, "netlink(RTM_NEWQDISC clsact)", made,
                    -made == Errno.ENOENT ? "the kernel has no clsact (CONFIG_NET_SCH_INGRESS), or its module is not loaded"
                    : made == -Errno.EPERM && !Privileges.Has(Capability.NetAdmin) ? "netlink asks for CAP_NET_ADMIN itself: CAP_SYS_ADMIN does not stand in for it" : null,
                    made == -Errno.EPERM ? Privileges.Remedy(Capability.NetAdmin) : null, needed: [Capability.NetAdmin]);
            }

            uint parent = target.IsEgress ? Egress : Ingress;
            uint info = 0;
            uint handle = 0;
            byte[] filter = new NetlinkAttributes().Raw(Header(device, 0, parent, AllProtocols)).Add(Kind, "bpf")
                .Add(Options, new NetlinkAttributes().Add(ProgramFd, (uint)program.Handle.Descriptor).Add(ProgramName, program.Name).Add(Flags, DirectAction))
                .ToArray();
            int result = netlink.Send(Netlink.NewFilter, Netlink.Create | Netlink.Exclusive | Netlink.Echo, filter, answer =>
            {
                handle = BinaryPrimitives.ReadUInt32LittleEndian(answer.Span[8..]);
                info = BinaryPrimitives.ReadUInt32LittleEndian(answer.Span[16..]);
            });
            if (result < 0)
            {
                RemoveQueue(netlink, device, made == 0);
                throw KernelLink.Refused(program, target, "netlink(RTM_NEWTFILTER bpf)", result,
                    -result == Errno.ENOENT ? "the kernel has no bpf classifier (CONFIG_NET_CLS_BPF), or its module is not loaded" : null, needed: [Capability.Bpf, Capability.NetAdmin]);
            }

            return new DetachedLink(program, target, () =>
            {
                using (netlink)
                {
                    _ = netlink.Send(Netlink.DeleteFilter, 0, new NetlinkAttributes().Raw(Header(device, handle, parent, info)).Add(Kind, "bpf").ToArray());
                    RemoveQueue(netlink, device, made == 0);
                }
            });
        }
        catch
        {
            netlink.Dispose();
            throw;
        }
    }

    private static void RemoveQueue(Netlink netlink, int device, bool isOurs)
    {
        if (isOurs && !HasFilters(netlink, device, Ingress) && !HasFilters(netlink, device, Egress))
        {
            _ = netlink.Send(Netlink.DeleteQueue, 0, new NetlinkAttributes().Raw(Header(device, QueueHandle, QueueParent, 0)).Add(Kind, "clsact").ToArray());
        }
    }

    private static bool HasFilters(Netlink netlink, int device, uint parent)
    {
        bool any = false;
        int result = netlink.Send(Netlink.GetFilter, Netlink.Dump, Header(device, 0, parent, 0), _ => any = true);
        return any || result < 0;
    }

    /// <summary><c>struct tcmsg</c>.</summary>
    private static byte[] Header(int device, uint handle, uint parent, uint info)
    {
        byte[] header = new byte[20];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), device);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), handle);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), parent);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), info);
        return header;
    }
}
