namespace Osmia.Bytecode;

/// <summary>
/// The structures a program is handed: which bytes a program of a type may read and write, and what it finds there. Also the
/// structures that a context's pointers lead to and that are read by the same rules (sockets, flow keys).
/// </summary>
/// <remarks>Facts: include/uapi/linux/bpf.h and the is_valid_access rules of net/core/filter.c, kernel/bpf/cgroup.c, kernel/trace/bpf_trace.c; every access tried on Linux 6.18.</remarks>
public sealed partial class ContextLayout
{
    private const int MapLimit = 256;

    private readonly ContextField[] _fields;
    private readonly ContextField?[]? _byByte;

    private ContextLayout(string name, int size, ContextField[] fields)
    {
        Name = name;
        Size = size;
        _fields = fields;
        if (size > MapLimit)
        {
            return;
        }

        _byByte = new ContextField?[size];
        foreach (ContextField field in fields)
        {
            _byByte.AsSpan(field.Offset, field.Size).Fill(field);
        }
    }

    /// <summary>A context of an application's own, for the program types it adds to a target (<c>TargetProgramType</c>).</summary>
    /// <param name="size">Bytes of the structure.</param>
    /// <param name="fields">In the order of their offsets; their readers and writers are <see cref="ContextUsers.Owner"/>.</param>
    public static ContextLayout Define(string name, int size, params ReadOnlySpan<ContextField> fields)
    {
        int end = 0;
        foreach (ContextField field in fields)
        {
            if (field.Offset < end || field.Size <= 0 || field.End > size)
            {
                throw new ArgumentException($"field '{field.Name}' at {field.Offset} with {field.Size} bytes does not fit behind the one before or into the {size} bytes of {name}", nameof(fields));
            }

            end = field.End;
        }

        return new ContextLayout(name, size, fields.ToArray());
    }

    /// <summary>The C name of the structure.</summary>
    public string Name { get; }

    public int Size { get; }

    /// <summary>In the order of their offsets. Bytes of no field are padding that nobody may touch.</summary>
    public IReadOnlyList<ContextField> Fields => _fields;

    /// <summary>
    /// The layout of a program type's context, or null when it has none of its own: typed arguments (tracing, lsm, struct_ops), or those
    /// of another program (ext).
    /// </summary>
    public static ContextLayout? For(ProgramType type) => type switch
    {
        ProgramType.Xdp => Xdp,
        ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.SocketFilter or ProgramType.CgroupSkb or ProgramType.LwtIn or ProgramType.LwtOut
            or ProgramType.LwtXmit or ProgramType.LwtSeg6local or ProgramType.SkSkb or ProgramType.FlowDissector => SocketBuffer,
        ProgramType.CgroupSock => CreatedSocket,
        ProgramType.CgroupSockAddr => SocketAddress,
        ProgramType.SockOps => SocketOperations,
        ProgramType.CgroupDevice => DeviceAccess,
        ProgramType.SkMsg => SocketMessage,
        ProgramType.SkReuseport => PortSharing,
        ProgramType.CgroupSysctl => Sysctl,
        ProgramType.CgroupSockopt => SocketOption,
        ProgramType.SkLookup => SocketLookup,
        ProgramType.PerfEvent => PerfEventData,
        ProgramType.Kprobe => Registers,
        ProgramType.Tracepoint => TracepointRecord,
        ProgramType.RawTracepoint => RawTracepointArguments,
        ProgramType.RawTracepointWritable => WritableTracepointArguments,
        ProgramType.Netfilter => NetfilterHook,
        ProgramType.LircMode2 => InfraredSample,
        ProgramType.Syscall => CallerMemory,
        _ => null,
    };

    /// <param name="attachType">The expected attach type; it decides in XDP, cgroup_sock, cgroup_sock_addr and cgroup_sockopt programs.</param>
    public static ContextUsers UsersOf(ProgramType type, AttachType? attachType) => type switch
    {
        ProgramType.Xdp => attachType == AttachType.XdpDevmap ? ContextUsers.Xdp | ContextUsers.XdpDevmap : ContextUsers.Xdp,
        ProgramType.SchedCls or ProgramType.SchedAct => ContextUsers.TrafficControl,
        ProgramType.SocketFilter => ContextUsers.SocketFilter,
        ProgramType.CgroupSkb => ContextUsers.CgroupSkb,
        ProgramType.LwtIn or ProgramType.LwtOut or ProgramType.LwtXmit or ProgramType.LwtSeg6local => ContextUsers.Tunnel,
        ProgramType.SkSkb => ContextUsers.SkSkb,
        ProgramType.FlowDissector => ContextUsers.FlowDissector,
        ProgramType.CgroupSock => attachType switch
        {
            AttachType.CgroupInet4PostBind => ContextUsers.PostBind4,
            AttachType.CgroupInet6PostBind => ContextUsers.PostBind6,
            _ => ContextUsers.SocketCreate,
        },
        ProgramType.CgroupSockAddr => AddressUsers(attachType),
        ProgramType.CgroupSockopt => attachType == AttachType.CgroupSetsockopt ? ContextUsers.Setsockopt : ContextUsers.Getsockopt,
        _ => For(type) is null ? ContextUsers.None : ContextUsers.Owner,
    };

    public ContextField Field(string name) => _fields.First(field => field.Name == name);

    /// <summary>The field that a byte belongs to, or null for padding and beyond.</summary>
    public ContextField? FieldAt(int offset)
    {
        if (_byByte is not null)
        {
            return (uint)offset < (uint)_byByte.Length ? _byByte[offset] : null;
        }

        foreach (ContextField field in _fields)
        {
            if (offset >= field.Offset && offset < field.End)
            {
                return field;
            }
        }

        return null;
    }

    /// <summary>Whether programs of these users may make that access, by the rules of the fields alone.</summary>
    public bool Allows(ContextUsers users, int offset, int size, bool isWrite) =>
        FieldAt(offset) is { } field && ((isWrite ? field.Writers : field.Readers) & users) != 0 && field.Allows(offset, size, isWrite);

    private static ContextUsers AddressUsers(AttachType? attachType) => attachType switch
    {
        AttachType.CgroupUdp4Sendmsg => ContextUsers.Address4 | ContextUsers.Sendmsg4,
        AttachType.CgroupUdp6Sendmsg => ContextUsers.Address6 | ContextUsers.Sendmsg6,
        AttachType.CgroupInet4Bind or AttachType.CgroupInet4Connect or AttachType.CgroupUdp4Recvmsg or AttachType.CgroupInet4Getpeername
            or AttachType.CgroupInet4Getsockname => ContextUsers.Address4,
        AttachType.CgroupInet6Bind or AttachType.CgroupInet6Connect or AttachType.CgroupUdp6Recvmsg or AttachType.CgroupInet6Getpeername
            or AttachType.CgroupInet6Getsockname => ContextUsers.Address6,
        _ => ContextUsers.AddressUnix,
    };
}
