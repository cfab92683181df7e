using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Inventory;

/// <summary>What runs on the network devices of this thread's namespace, read by netlink and BPF_PROG_QUERY; and XDP without a link, which stays when the process ends.</summary>
public static class NetworkAttachments
{
    private const uint Root = 0xffffffff;
    private const uint ClsactIngress = 0xfffffff2;
    private const uint ClsactEgress = 0xfffffff3;

    private static readonly (AttachType Hook, string Kind)[] s_hooks =
        [(AttachType.TcxIngress, "tcx/ingress"), (AttachType.TcxEgress, "tcx/egress"), (AttachType.NetkitPrimary, "netkit/primary"), (AttachType.NetkitPeer, "netkit/peer")];

    /// <exception cref="KernelException">OSM5076: netlink does not answer.</exception>
    public static IReadOnlyList<DeviceInfo> Devices()
    {
        const int LinkHeader = 16;
        const ushort NameAttribute = 3;
        const ushort XdpAttribute = 43;
        var devices = new List<DeviceInfo>();
        Dump(NetlinkQuery.GetLink, new byte[LinkHeader], message =>
        {
            ReadOnlySpan<byte> bytes = message.Span;
            int index = BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]);
            Dictionary<int, ReadOnlyMemory<byte>> attributes = NetlinkQuery.Attributes(message[LinkHeader..]);
            string name = attributes.TryGetValue(NameAttribute, out ReadOnlyMemory<byte> text) ? NetlinkQuery.Text(text) : "";
            devices.Add(new DeviceInfo(index, name) { Xdp = attributes.TryGetValue(XdpAttribute, out ReadOnlyMemory<byte> xdp) ? XdpOf(xdp) : [] });
        });
        return devices;
    }

    /// <summary>Programs of a device at TCX and netkit first, then those of filters.</summary>
    public static IReadOnlyList<TrafficProgram> TrafficControl(DeviceInfo device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var found = new List<TrafficProgram>();
        foreach ((AttachType hook, string kind) in s_hooks)
        {
            foreach (HookedProgram program in ProgramAttachments.OfDevice(device.Index, hook))
            {
                found.Add(new TrafficProgram(kind, NameOf(program.ProgramId), program.ProgramId) { Hooked = program });
            }
        }

        var places = new List<(uint Parent, string Kind)>();
        AddHandles(NetlinkQuery.GetClass, device.Index, isQueue: false, places);
        AddHandles(NetlinkQuery.GetQueue, device.Index, isQueue: true, places);
        places.AddRange([(Root, "root"), (ClsactIngress, "clsact/ingress"), (ClsactEgress, "clsact/egress")]);
        foreach ((uint parent, string kind) in places)
        {
            AddFilters(device.Index, parent, kind, found);
        }

        return found;
    }

    /// <summary>Attaches an XDP program without a link, or with null detaches what is there: until then it stays, whoever attached it.</summary>
    /// <param name="isReplacing">Takes the place of a program that is there.</param>
    /// <exception cref="KernelException">OSM5077: the device does not take it.</exception>
    public static void SetXdp(DeviceInfo device, KernelProgram? program, XdpAttachMode mode, bool isReplacing)
    {
        const ushort SetLink = 19;
        const ushort Nested = 0x8000;
        const ushort XdpAttribute = 43;
        const ushort FdAttribute = 1;
        const ushort FlagsAttribute = 3;
        const uint OnlyIfNone = 1;
        ArgumentNullException.ThrowIfNull(device);
        using Netlink netlink = Netlink.Open(out int result) ?? throw Failed("netlink", result);
        byte[] header = new byte[16];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), device.Index);
        uint flags = (uint)mode | (program is null || isReplacing ? 0 : OnlyIfNone);
        var xdp = new NetlinkAttributes().Add(FdAttribute, (uint)(program?.Handle.Descriptor ?? -1)).Add(FlagsAttribute, flags);
        result = netlink.Send(SetLink, 0, new NetlinkAttributes().Raw(header).Add(XdpAttribute | Nested, xdp).ToArray());
        GC.KeepAlive(program);
        if (result < 0)
        {
            throw Refusal.Of("OSM5077", program is null ? $"XDP of {device.Name} cannot be detached" : $"program '{program.Name}' cannot be attached to {device.Name}", "netlink RTM_SETLINK", result,
                why: -result switch
                {
                    Errno.EBUSY or Errno.EEXIST => "the device has an XDP program already, held by a link or in another mode",
                    Errno.EOPNOTSUPP => $"the driver of {device.Name} has no native XDP",
                    Errno.EINVAL => "the program is not of type xdp, was loaded for a device or devmap, or the mode is not offered",
                    _ => null,
                },
                remedy: -result is Errno.EBUSY or Errno.EEXIST ? "detach that one first, or say overwrite" : null, needed: [Capability.NetAdmin]);
        }
    }

    private static List<(string Mode, uint ProgramId)> XdpOf(ReadOnlyMemory<byte> nested)
    {
        const int AttachedAttribute = 2;
        const int ProgramAttribute = 4;
        const int Multiple = 4;
        string[] modes = ["", "driver", "generic", "offload"];
        Dictionary<int, ReadOnlyMemory<byte>> parts = NetlinkQuery.Attributes(nested);
        int attached = parts.TryGetValue(AttachedAttribute, out ReadOnlyMemory<byte> one) && one.Length > 0 ? one.Span[0] : 0;
        if (attached is > 0 and < Multiple)
        {
            return parts.TryGetValue(ProgramAttribute, out ReadOnlyMemory<byte> id) ? [(modes[attached], NetlinkQuery.Number(id))] : [];
        }

        // More than one mode at once: each has an attribute of its own (driver 5, generic 6, offload 7), shown in the order generic, driver, offload.
        return attached != Multiple ? [] :
            [.. new[] { (6, "generic"), (5, "driver"), (7, "offload") }.Where(mode => parts.ContainsKey(mode.Item1)).Select(mode => (mode.Item2, NetlinkQuery.Number(parts[mode.Item1])))];
    }

    private static void AddHandles(ushort command, int device, bool isQueue, List<(uint, string)> places) => Dump(command, NetlinkQuery.TrafficHeader(device, 0), message =>
    {
        if (BinaryPrimitives.ReadInt32LittleEndian(message.Span[4..]) != device)
        {
            return;
        }

        uint handle = BinaryPrimitives.ReadUInt32LittleEndian(message.Span[8..]);
        Dictionary<int, ReadOnlyMemory<byte>> attributes = NetlinkQuery.Attributes(message[NetlinkQuery.TrafficHeaderSize..]);
        string kind = attributes.TryGetValue(NetlinkQuery.KindAttribute, out ReadOnlyMemory<byte> text) ? NetlinkQuery.Text(text) : "unknown";
        if (!isQueue || (kind != "clsact" && handle != 0))
        {
            places.Add((handle, kind));
        }
    });

    private static void AddFilters(int device, uint parent, string kind, List<TrafficProgram> found) => Dump(Netlink.GetFilter, NetlinkQuery.TrafficHeader(device, parent), message =>
    {
        const int ActionAttribute = 1;
        const int NameAttribute = 7;
        const int IdAttribute = 11;
        Dictionary<int, ReadOnlyMemory<byte>> attributes = NetlinkQuery.Attributes(message[NetlinkQuery.TrafficHeaderSize..]);
        if (attributes.TryGetValue(NetlinkQuery.OptionsAttribute, out ReadOnlyMemory<byte> options)
            && attributes.TryGetValue(NetlinkQuery.KindAttribute, out ReadOnlyMemory<byte> filter) && NetlinkQuery.Text(filter) == "bpf")
        {
            Dictionary<int, ReadOnlyMemory<byte>> parts = NetlinkQuery.Attributes(options);
            found.Add(new TrafficProgram(
                kind,
                parts.TryGetValue(NameAttribute, out ReadOnlyMemory<byte> name) ? NetlinkQuery.Text(name) : "",
                parts.TryGetValue(IdAttribute, out ReadOnlyMemory<byte> id) ? NetlinkQuery.Number(id) : 0)
            {
                Actions = parts.TryGetValue(ActionAttribute, out ReadOnlyMemory<byte> actions) ? ActionsOf(actions) : [],
            });
        }
    });

    private static List<(string Name, uint ProgramId)> ActionsOf(ReadOnlyMemory<byte> nested)
    {
        const int KindAttribute = 1;
        const int OptionsAttribute = 2;
        const int NameAttribute = 6;
        const int IdAttribute = 9;
        var found = new List<(string, uint)>();
        foreach ((int _, ReadOnlyMemory<byte> action) in NetlinkQuery.Attributes(nested).OrderBy(pair => pair.Key))
        {
            Dictionary<int, ReadOnlyMemory<byte>> parts = NetlinkQuery.Attributes(action);
            if (parts.TryGetValue(KindAttribute, out ReadOnlyMemory<byte> kind) && NetlinkQuery.Text(kind) == "bpf" && parts.TryGetValue(OptionsAttribute, out ReadOnlyMemory<byte> options))
            {
                Dictionary<int, ReadOnlyMemory<byte>> inner = NetlinkQuery.Attributes(options);
                found.Add((
                    inner.TryGetValue(NameAttribute, out ReadOnlyMemory<byte> name) ? NetlinkQuery.Text(name) : "",
                    inner.TryGetValue(IdAttribute, out ReadOnlyMemory<byte> id) ? NetlinkQuery.Number(id) : 0));
            }
        }

        return found;
    }

    private static string NameOf(uint program)
    {
        try
        {
            using KernelProgram opened = KernelInventory.OpenProgram(program);
            return KernelInventory.Describe(opened.Handle).FullName;
        }
        catch (KernelException e) when (e.Errno == Errno.ENOENT)
        {
            return ""; // It was detached meanwhile.
        }
    }

    private static void Dump(ushort command, byte[] payload, Action<ReadOnlyMemory<byte>> answer)
    {
        using Netlink netlink = Netlink.Open(out int result) ?? throw Failed("netlink", result);
        result = netlink.Send(command, Netlink.Dump, payload, answer);

        // A device without such queueing disciplines, or one that went away meanwhile, has nothing to show.
        if (result < 0 && -result is not (Errno.ENOENT or Errno.EINVAL or Errno.ENODEV or Errno.EOPNOTSUPP))
        {
            throw Failed("netlink dump", result);
        }
    }

    private static KernelException Failed(string call, int result) => Refusal.Of("OSM5076", "the network devices cannot be listed", call, result);
}
