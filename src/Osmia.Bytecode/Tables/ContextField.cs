namespace Osmia.Bytecode;

/// <summary>What a load of a context field yields.</summary>
public enum ContextFieldKind
{
    Scalar,

    /// <summary>First byte of the packet (of the option value in sockopt programs): a 32-bit load yields a full pointer.</summary>
    PacketData,

    /// <summary>The byte after the packet's directly accessible part.</summary>
    PacketEnd,

    /// <summary>First byte of the metadata in front of the packet.</summary>
    PacketMeta,

    /// <summary>A full socket (<see cref="ContextLayout.Socket"/>).</summary>
    Socket,

    /// <summary>A socket of which only the common fields may be read (<see cref="ContextLayout.SocketCommon"/>).</summary>
    SocketCommon,

    /// <summary>What the flow dissector fills in (<see cref="ContextLayout.FlowKeys"/>).</summary>
    FlowKeys,

    /// <summary>The writable buffer of a raw tracepoint.</summary>
    TracepointBuffer,

    /// <summary>A trusted kernel pointer whose BTF type is <see cref="ContextField.TypeName"/>.</summary>
    BtfPointer,
}

/// <summary>Which widths a field may be accessed with; an access is always aligned to its size.</summary>
public enum ContextWidth
{
    /// <summary>Only the field's own size.</summary>
    Whole,

    /// <summary>Loads may take any part of the field up to 4 bytes, or all of it; stores take all of it.</summary>
    NarrowLoads,

    /// <summary>Loads may take the first 1, 2 or 4 bytes of the field; stores take all of it.</summary>
    LeadingLoads,

    /// <summary>Loads may take 2 bytes or all of the field, not 1.</summary>
    HalfLoads,

    /// <summary>A 16-bit value in a 4-byte field: loads may take parts of the value or the whole field, not parts of the padding.</summary>
    PaddedHalf,

    /// <summary>An array of 4-byte words read in any part within a word.</summary>
    NarrowWords,

    /// <summary>As <see cref="NarrowWords"/>, and two words at once; stores take one or two words.</summary>
    WideWords,

    /// <summary>An array of 8-byte words, taken one at a time.</summary>
    DoubleWords,

    /// <summary>Any 1, 2, 4 or 8 bytes within the field.</summary>
    Any,
}

/// <summary>Program types by what their context may be used for; a field names its readers and writers with it.</summary>
[Flags]
public enum ContextUsers
{
    None = 0,
    Xdp = 1,
    XdpDevmap = 1 << 1,
    TrafficControl = 1 << 2,
    SocketFilter = 1 << 3,
    CgroupSkb = 1 << 4,

    /// <summary>lwt_in, lwt_out, lwt_xmit, lwt_seg6local.</summary>
    Tunnel = 1 << 5,
    SkSkb = 1 << 6,
    FlowDissector = 1 << 7,

    /// <summary>cgroup_sock programs when a socket is made or released.</summary>
    SocketCreate = 1 << 8,
    PostBind4 = 1 << 9,
    PostBind6 = 1 << 10,

    /// <summary>cgroup_sock_addr programs for IPv4, IPv6 and Unix addresses.</summary>
    Address4 = 1 << 11,
    Address6 = 1 << 12,
    AddressUnix = 1 << 13,
    Sendmsg4 = 1 << 14,
    Sendmsg6 = 1 << 15,
    Getsockopt = 1 << 16,
    Setsockopt = 1 << 17,

    /// <summary>The one program type whose context the structure is.</summary>
    Owner = 1 << 18,
    AllSkb = TrafficControl | SocketFilter | CgroupSkb | Tunnel | SkSkb,
    AllAddresses = Address4 | Address6 | AddressUnix,
}

/// <summary>A field of a context structure: who may read or write it, and what a load yields.</summary>
/// <param name="Offset">From the start of the structure, in bytes.</param>
/// <param name="TestRunInput">Whether BPF_PROG_TEST_RUN takes the field from the caller's context; all others must be zero there.</param>
public sealed record ContextField(string Name, int Offset, int Size, ContextFieldKind Kind, ContextWidth Width, ContextUsers Readers, ContextUsers Writers, bool TestRunInput = false)
{
    public int End => Offset + Size;

    /// <summary>A load may yield null, and a program must check.</summary>
    public bool IsNullable { get; init; }

    /// <summary>The BTF type of a <see cref="ContextFieldKind.BtfPointer"/>, else empty.</summary>
    public string TypeName { get; init; } = "";

    /// <summary>Whether an access of this place and size is one of the field's widths, whoever makes it.</summary>
    public bool Allows(int offset, int size, bool isWrite)
    {
        if (offset < Offset || offset + size > End || offset % size != 0)
        {
            return false;
        }

        int within = offset - Offset;
        bool isWhole = within == 0 && size == Size;
        return Width switch
        {
            ContextWidth.NarrowLoads => isWhole || (!isWrite && size <= sizeof(uint)),
            ContextWidth.LeadingLoads => isWhole || (!isWrite && within == 0 && size <= sizeof(uint)),
            ContextWidth.HalfLoads => isWhole || (!isWrite && size == sizeof(ushort)),
            ContextWidth.PaddedHalf => isWhole || (!isWrite && within + size <= sizeof(ushort)),
            ContextWidth.NarrowWords => size == sizeof(uint) || (!isWrite && size < sizeof(uint)),
            ContextWidth.WideWords => size >= sizeof(uint) || !isWrite,
            ContextWidth.DoubleWords => size == sizeof(ulong),
            ContextWidth.Any => true,
            _ => isWhole,
        };
    }
}
