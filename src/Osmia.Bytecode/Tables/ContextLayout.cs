namespace Osmia.Bytecode;

/// <summary>What a load of a context field yields.</summary>
public enum ContextFieldKind
{
    Scalar,

    /// <summary>First byte of the packet: a 32-bit load yields a full pointer.</summary>
    PacketData,

    /// <summary>The byte after the packet's directly accessible part.</summary>
    PacketEnd,

    /// <summary>First byte of the metadata in front of the packet.</summary>
    PacketMeta,

    /// <summary>A socket or NULL.</summary>
    Socket,
}

/// <summary>Which widths a field may be accessed with.</summary>
public enum ContextWidth
{
    /// <summary>Only the field's own size.</summary>
    Whole,

    /// <summary>Loads may take an aligned part of the field; stores take all of it.</summary>
    NarrowLoads,

    /// <summary>Any aligned 1, 2, 4 or 8 bytes within the field.</summary>
    Any,
}

/// <summary>Program types by what their context may be used for; a field names its readers and writers with it.</summary>
[Flags]
public enum ContextUsers
{
    None = 0,
    Xdp = 1,
    XdpDevmap = 2,
    TrafficControl = 4,
    SocketFilter = 8,
    CgroupSkb = 16,
    AllSkb = TrafficControl | SocketFilter | CgroupSkb,
}

/// <param name="TestRunInput">Whether BPF_PROG_TEST_RUN takes the field from the caller's context; all others must be zero there.</param>
public sealed record ContextField(string Name, int Offset, int Size, ContextFieldKind Kind, ContextWidth Width, ContextUsers Readers, ContextUsers Writers, bool TestRunInput = false)
{
    public int End => Offset + Size;
}

/// <summary>
/// The context structures that the kernel rewrites: which bytes a program of a type may read and write, and what it finds there.
/// </summary>
/// <remarks>Facts: include/uapi/linux/bpf.h and the is_valid_access rules of net/core/filter.c, Linux 6.18.</remarks>
public sealed class ContextLayout
{
    private const ContextUsers Tc = ContextUsers.TrafficControl;
    private const ContextUsers Cgroup = ContextUsers.CgroupSkb;
    private const ContextUsers All = ContextUsers.AllSkb;

    private readonly ContextField?[] _byByte;

    private ContextLayout(string name, int size, ContextField[] fields)
    {
        Name = name;
        Size = size;
        Fields = fields;
        _byByte = new ContextField?[size];
        foreach (ContextField field in fields)
        {
            _byByte.AsSpan(field.Offset, field.Size).Fill(field);
        }
    }

    /// <summary>The C name of the structure.</summary>
    public string Name { get; }

    public int Size { get; }

    /// <summary>In the order of their offsets. Bytes of no field are padding that nobody may touch.</summary>
    public IReadOnlyList<ContextField> Fields { get; }

    public static ContextLayout Xdp { get; } = new("xdp_md", 24,
    [
        new("data", 0, 4, ContextFieldKind.PacketData, ContextWidth.Whole, ContextUsers.Xdp, ContextUsers.None, TestRunInput: true),
        new("data_end", 4, 4, ContextFieldKind.PacketEnd, ContextWidth.Whole, ContextUsers.Xdp, ContextUsers.None, TestRunInput: true),
        new("data_meta", 8, 4, ContextFieldKind.PacketMeta, ContextWidth.Whole, ContextUsers.Xdp, ContextUsers.None),
        new("ingress_ifindex", 12, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Xdp, ContextUsers.None, TestRunInput: true),
        new("rx_queue_index", 16, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Xdp, ContextUsers.None, TestRunInput: true),
        new("egress_ifindex", 20, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.XdpDevmap, ContextUsers.None),
    ]);

    public static ContextLayout SocketBuffer { get; } = new("__sk_buff", 192,
    [
        Word("len", 0, All),
        Word("pkt_type", 4, All),
        Word("mark", 8, All, Tc | Cgroup, testRunInput: true),
        Word("queue_mapping", 12, All, Tc),
        Word("protocol", 16, All),
        Word("vlan_present", 20, All),
        Word("vlan_tci", 24, All),
        Word("vlan_proto", 28, All),
        Word("priority", 32, All, Tc | Cgroup, testRunInput: true),
        Word("ingress_ifindex", 36, All, testRunInput: true),
        Word("ifindex", 40, All, testRunInput: true),
        Word("tc_index", 44, All, Tc),
        new("cb", 48, 20, ContextFieldKind.Scalar, ContextWidth.Any, All, All, TestRunInput: true),
        Word("hash", 68, All),
        Word("tc_classid", 72, Tc, Tc),
        new("data", 76, 4, ContextFieldKind.PacketData, ContextWidth.Whole, Tc | Cgroup, ContextUsers.None),
        new("data_end", 80, 4, ContextFieldKind.PacketEnd, ContextWidth.Whole, Tc | Cgroup, ContextUsers.None),
        Word("napi_id", 84, All),
        Word("family", 88, Cgroup),
        new("remote_ip4", 92, 4, ContextFieldKind.Scalar, ContextWidth.Whole, Cgroup, ContextUsers.None),
        new("local_ip4", 96, 4, ContextFieldKind.Scalar, ContextWidth.Whole, Cgroup, ContextUsers.None),
        .. Words("remote_ip6", 100, 4, Cgroup),
        .. Words("local_ip6", 116, 4, Cgroup),
        Word("remote_port", 132, Cgroup),
        Word("local_port", 136, Cgroup),
        new("data_meta", 140, 4, ContextFieldKind.PacketMeta, ContextWidth.Whole, Tc, ContextUsers.None),
        new("tstamp", 152, 8, ContextFieldKind.Scalar, ContextWidth.Whole, Tc | Cgroup, Tc | Cgroup, TestRunInput: true),
        Word("wire_len", 160, Tc, testRunInput: true),
        Word("gso_segs", 164, All, testRunInput: true),
        new("sk", 168, 8, ContextFieldKind.Socket, ContextWidth.Whole, All, ContextUsers.None),
        Word("gso_size", 176, All, testRunInput: true),
        new("tstamp_type", 180, 1, ContextFieldKind.Scalar, ContextWidth.Whole, Tc, ContextUsers.None),
        new("hwtstamp", 184, 8, ContextFieldKind.Scalar, ContextWidth.Whole, Tc | Cgroup, ContextUsers.None, TestRunInput: true),
    ]);

    /// <summary>The layout of a program type's context, or null when it is not one of the rewritten kinds.</summary>
    public static ContextLayout? For(ProgramType type) => type switch
    {
        ProgramType.Xdp => Xdp,
        ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.SocketFilter or ProgramType.CgroupSkb => SocketBuffer,
        _ => null,
    };

    public static ContextUsers UsersOf(ProgramType type, AttachType? attachType) => type switch
    {
        ProgramType.Xdp => attachType == AttachType.XdpDevmap ? ContextUsers.Xdp | ContextUsers.XdpDevmap : ContextUsers.Xdp,
        ProgramType.SchedCls or ProgramType.SchedAct => ContextUsers.TrafficControl,
        ProgramType.SocketFilter => ContextUsers.SocketFilter,
        ProgramType.CgroupSkb => ContextUsers.CgroupSkb,
        _ => ContextUsers.None,
    };

    public ContextField Field(string name) => Fields.First(field => field.Name == name);

    /// <summary>The field that a byte belongs to, or null for padding and beyond.</summary>
    public ContextField? FieldAt(int offset) => (uint)offset < (uint)_byByte.Length ? _byByte[offset] : null;

    private static ContextField Word(string name, int offset, ContextUsers readers, ContextUsers writers = ContextUsers.None, bool testRunInput = false) =>
        new(name, offset, 4, ContextFieldKind.Scalar, ContextWidth.NarrowLoads, readers, writers, testRunInput);

    private static IEnumerable<ContextField> Words(string name, int offset, int count, ContextUsers readers)
    {
        for (int i = 0; i < count; i++)
        {
            yield return new ContextField($"{name}[{i}]", offset + (4 * i), 4, ContextFieldKind.Scalar, ContextWidth.Whole, readers, ContextUsers.None);
        }
    }
}
