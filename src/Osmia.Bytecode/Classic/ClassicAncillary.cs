namespace Osmia.Bytecode.Classic;

/// <summary>What Linux lets a filter load beside the packet: <c>SKF_AD_*</c>, offsets behind <c>SKF_AD_OFF</c>.</summary>
public enum ClassicAncillary
{
    Protocol = 0,
    PacketType = 4,
    InterfaceIndex = 8,
    NetlinkAttribute = 12,
    NestedNetlinkAttribute = 16,
    Mark = 20,
    Queue = 24,
    HardwareType = 28,
    Hash = 32,
    Cpu = 36,
    XorX = 40,
    VlanTag = 44,
    VlanTagPresent = 48,
    PayloadOffset = 52,
    Random = 56,
    VlanProtocol = 60,
}

/// <summary>A row of <see cref="ClassicAncillaryTable"/>.</summary>
/// <param name="Name">As libpcap prints it.</param>
/// <param name="Field">The field of <c>__sk_buff</c> that holds it; empty when it is none.</param>
/// <param name="Missing">Why eBPF code cannot load it; empty when it can.</param>
public sealed record ClassicAncillaryRow(ClassicAncillary Kind, string Name, string Field, string Missing);

/// <summary>The ancillary loads, and what eBPF has in their place.</summary>
/// <remarks>Facts: include/uapi/linux/filter.h and net/core/filter.c; each tried on Linux 6.18.</remarks>
public static class ClassicAncillaryTable
{
    /// <summary>SKF_AD_OFF, as the unsigned constant of an instruction.</summary>
    public const uint Base = 0xfffff000;

    public static IReadOnlyList<ClassicAncillaryRow> Rows { get; } =
    [
        new(ClassicAncillary.Protocol, "proto", "protocol", ""),
        new(ClassicAncillary.PacketType, "type", "pkt_type", ""),
        new(ClassicAncillary.InterfaceIndex, "ifidx", "ifindex", ""),
        new(ClassicAncillary.NetlinkAttribute, "nla", "", "it walks the attributes of a netlink message, which no eBPF helper does"),
        new(ClassicAncillary.NestedNetlinkAttribute, "nlan", "", "it walks the attributes of a netlink message, which no eBPF helper does"),
        new(ClassicAncillary.Mark, "mark", "mark", ""),
        new(ClassicAncillary.Queue, "queue", "queue_mapping", ""),
        new(ClassicAncillary.HardwareType, "hatype", "", "the device's hardware type is no field of __sk_buff"),
        new(ClassicAncillary.Hash, "rxhash", "hash", ""),
        new(ClassicAncillary.Cpu, "cpu", "", ""),
        new(ClassicAncillary.XorX, "xor_x", "", ""),
        new(ClassicAncillary.VlanTag, "vlan_tci", "vlan_tci", ""),
        new(ClassicAncillary.VlanTagPresent, "vlanp", "vlan_present", ""),
        new(ClassicAncillary.PayloadOffset, "poff", "", "the kernel dissects the packet for it, which no eBPF helper does"),
        new(ClassicAncillary.Random, "random", "", ""),
        new(ClassicAncillary.VlanProtocol, "vlan_tpid", "vlan_proto", ""),
    ];

    public static ClassicAncillaryRow? Find(ClassicAncillary kind) => Rows.FirstOrDefault(row => row.Kind == kind);
}
