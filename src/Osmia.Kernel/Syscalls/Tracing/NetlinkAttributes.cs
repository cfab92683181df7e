using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Osmia.Kernel.Syscalls.Tracing;

/// <summary>Attributes of rtnetlink messages as text, by the names of include/uapi/linux (if_link.h, rtnetlink.h, pkt_cls.h).</summary>
internal static class NetlinkAttributes
{
    private const int HeaderSize = 4;

    // Bits of the type: the value holds attributes again, and its numbers are big-endian.
    private const int TypeMask = 0x3fff;

    private static readonly Family s_xdp = new("IFLA_XDP_", "FD ATTACHED FLAGS PROG_ID DRV_PROG_ID SKB_PROG_ID HW_PROG_ID EXPECTED_FD", "", []);
    private static readonly Family s_bpf = new("TCA_BPF_", "ACT POLICE CLASSID OPS_LEN OPS FD NAME FLAGS FLAGS_GEN TAG ID", "NAME", []);

    public static readonly Family Link = new("IFLA_",
        "ADDRESS BROADCAST IFNAME MTU LINK QDISC STATS COST PRIORITY MASTER WIRELESS PROTINFO TXQLEN MAP WEIGHT OPERSTATE LINKMODE LINKINFO NET_NS_PID IFALIAS NUM_VF VFINFO_LIST STATS64 "
        + "VF_PORTS PORT_SELF AF_SPEC GROUP NET_NS_FD EXT_MASK PROMISCUITY NUM_TX_QUEUES NUM_RX_QUEUES CARRIER PHYS_PORT_ID CARRIER_CHANGES PHYS_SWITCH_ID LINK_NETNSID PHYS_PORT_NAME "
        + "PROTO_DOWN GSO_MAX_SEGS GSO_MAX_SIZE PAD XDP EVENT NEW_NETNSID IF_NETNSID CARRIER_UP_COUNT CARRIER_DOWN_COUNT NEW_IFINDEX MIN_MTU MAX_MTU PROP_LIST ALT_IFNAME PERM_ADDRESS "
        + "PROTO_DOWN_REASON PARENT_DEV_NAME PARENT_DEV_BUS_NAME GRO_MAX_SIZE TSO_MAX_SIZE TSO_MAX_SEGS ALLMULTI DEVLINK_PORT GSO_IPV4_MAX_SIZE GRO_IPV4_MAX_SIZE DPLL_PIN",
        "IFNAME QDISC IFALIAS PHYS_PORT_NAME ALT_IFNAME PARENT_DEV_NAME PARENT_DEV_BUS_NAME", [("XDP", s_xdp)]);

    public static readonly Family Traffic = new("TCA_",
        "KIND OPTIONS STATS XSTATS RATE FCNT STATS2 STAB PAD DUMP_INVISIBLE CHAIN HW_OFFLOAD INGRESS_BLOCK EGRESS_BLOCK DUMP_FLAGS EXT_WARN_MSG", "KIND EXT_WARN_MSG", []);

    /// <summary>Of a filter: its options are those of a classifier of kind bpf, the only one this process makes.</summary>
    public static readonly Family Filter = Traffic with { Nested = [("OPTIONS", s_bpf)] };

    public static readonly Family Route = new("RTA_",
        "DST SRC IIF OIF GATEWAY PRIORITY PREFSRC METRICS MULTIPATH PROTOINFO FLOW CACHEINFO SESSION MP_ALGO TABLE MARK MFC_STATS VIA NEWDST PREF ENCAP_TYPE ENCAP EXPIRES PAD UID TTL_PROPAGATE "
        + "IP_PROTO SPORT DPORT NH_ID", "", []);

    /// <param name="isFirst">Nothing stands in front of them.</param>
    public static void Append(StringBuilder text, ReadOnlySpan<byte> bytes, Family family, bool isFirst = false)
    {
        for (int at = 0; at + HeaderSize <= bytes.Length;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
            if (length < HeaderSize || length > bytes.Length - at)
            {
                return;
            }

            int type = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(at + 2)..]) & TypeMask;
            text.Append(isFirst ? "" : ", ").Append("{nla_type=").Append(family.NameOf(type)).Append(", ");
            AppendValue(text, bytes[(at + HeaderSize)..(at + length)], family, type);
            text.Append('}');
            isFirst = false;
            at += (length + 3) & ~3;
        }
    }

    private static void AppendValue(StringBuilder text, ReadOnlySpan<byte> value, Family family, int type)
    {
        if (family.NestedIn(type) is { } inner)
        {
            text.Append('[');
            Append(text, value, inner, isFirst: true);
            text.Append(']');
        }
        else if (family.IsText(type))
        {
            text.Append(SyscallTrace.Quote(value.Length > 0 && value[^1] == 0 ? value[..^1] : value));
        }
        else
        {
            text.Append(value.Length switch
            {
                1 => value[0].ToString(CultureInfo.InvariantCulture),
                2 => BinaryPrimitives.ReadUInt16LittleEndian(value).ToString(CultureInfo.InvariantCulture),
                4 => BinaryPrimitives.ReadInt32LittleEndian(value).ToString(CultureInfo.InvariantCulture),
                _ => SyscallTrace.Quote(value),
            });
        }
    }

    /// <summary>The attributes of one kind of message, numbered from 1.</summary>
    /// <param name="Texts">Those whose value is a text.</param>
    /// <param name="Nested">Those whose value holds attributes of another family.</param>
    internal sealed record Family(string Prefix, string Names, string Texts, (string Name, Family Inner)[] Nested)
    {
        private readonly string[] _names = Names.Split(' ');
        private readonly string[] _texts = Texts.Split(' ');

        public string NameOf(int type) => Short(type) is { } name ? Prefix + name : type.ToString(CultureInfo.InvariantCulture);

        public bool IsText(int type) => Short(type) is { } name && Array.IndexOf(_texts, name) >= 0;

        public Family? NestedIn(int type) => Short(type) is { } name ? Array.Find(Nested, row => row.Name == name).Inner : null;

        private string? Short(int type) => type >= 1 && type <= _names.Length ? _names[type - 1] : null;
    }
}
