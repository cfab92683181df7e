using static Osmia.Bytecode.ContextUsers;

namespace Osmia.Bytecode;

// The rows: a structure each, a line a field. A layout is made when it is first asked for.
public sealed partial class ContextLayout
{
    private const ContextUsers Nobody = None;
    private const ContextUsers Tc = TrafficControl;
    private const ContextUsers Cgroup = CgroupSkb;
    private const ContextUsers Lwt = Tunnel;
    private const ContextUsers All = AllSkb;

    // Packet bytes without a helper, and the addresses of the packet's socket.
    private const ContextUsers Direct = All & ~SocketFilter;
    private const ContextUsers Addressed = Cgroup | SkSkb;
    private const ContextUsers Create = SocketCreate;
    private const ContextUsers Bind4 = PostBind4;
    private const ContextUsers Bind6 = PostBind6;
    private const ContextUsers AnySock = Create | Bind4 | Bind6;
    private const ContextUsers Addr = AllAddresses;
    private const ContextUsers Addr4 = Address4;
    private const ContextUsers Addr6 = Address6;
    private const ContextUsers Send4 = Sendmsg4;
    private const ContextUsers Send6 = Sendmsg6;
    private const ContextUsers GetOpt = Getsockopt;
    private const ContextUsers SetOpt = Setsockopt;
    private const ContextUsers Opt = GetOpt | SetOpt;

    private static ContextLayout? s_socketBuffer;
    private static ContextLayout? s_xdp;
    private static ContextLayout? s_createdSocket;
    private static ContextLayout? s_socket;
    private static ContextLayout? s_socketCommon;
    private static ContextLayout? s_tcpSocket;
    private static ContextLayout? s_xdpSocket;
    private static ContextLayout? s_flowKeys;
    private static ContextLayout? s_socketAddress;
    private static ContextLayout? s_socketOperations;
    private static ContextLayout? s_deviceAccess;
    private static ContextLayout? s_socketMessage;
    private static ContextLayout? s_portSharing;
    private static ContextLayout? s_sysctl;
    private static ContextLayout? s_socketOption;
    private static ContextLayout? s_socketLookup;
    private static ContextLayout? s_perfEventData;
    private static ContextLayout? s_registers;
    private static ContextLayout? s_tracepointRecord;
    private static ContextLayout? s_rawTracepointArguments;
    private static ContextLayout? s_writableTracepointArguments;
    private static ContextLayout? s_netfilterHook;
    private static ContextLayout? s_infraredSample;
    private static ContextLayout? s_callerMemory;

    /// <summary>Of programs that see a packet through the network stack.</summary>
    public static ContextLayout SocketBuffer => s_socketBuffer ??= new("__sk_buff", 192,
    [
        Word("len", 0, All),
        Word("pkt_type", 4, All),
        Word("mark", 8, All & ~SkSkb, Tc | Cgroup | Lwt, testRunInput: true),
        Word("queue_mapping", 12, All, Tc),
        Word("protocol", 16, All),
        Word("vlan_present", 20, All),
        Word("vlan_tci", 24, All),
        Word("vlan_proto", 28, All),
        Word("priority", 32, All, Tc | Cgroup | Lwt | SkSkb, testRunInput: true),
        Word("ingress_ifindex", 36, All, testRunInput: true),
        Word("ifindex", 40, All, testRunInput: true),
        Word("tc_index", 44, All, Tc | SkSkb),
        new("cb", 48, 20, ContextFieldKind.Scalar, ContextWidth.Any, All, All & ~SkSkb, TestRunInput: true),
        Word("hash", 68, All),
        Word("tc_classid", 72, Tc, Tc),
        new("data", 76, 4, ContextFieldKind.PacketData, ContextWidth.Whole, Direct | FlowDissector, Nobody),
        new("data_end", 80, 4, ContextFieldKind.PacketEnd, ContextWidth.Whole, Direct | FlowDissector, Nobody),
        Word("napi_id", 84, All),
        Word("family", 88, Addressed),
        Exact("remote_ip4", 92, 4, Addressed),
        Exact("local_ip4", 96, 4, Addressed),
        .. Words("remote_ip6", 100, 4, Addressed),
        .. Words("local_ip6", 116, 4, Addressed),
        Word("remote_port", 132, Addressed),
        Word("local_port", 136, Addressed),
        new("data_meta", 140, 4, ContextFieldKind.PacketMeta, ContextWidth.Whole, Tc, Nobody),
        new("flow_keys", 144, 8, ContextFieldKind.FlowKeys, ContextWidth.Whole, FlowDissector, Nobody),
        new("tstamp", 152, 8, ContextFieldKind.Scalar, ContextWidth.Whole, Tc | Cgroup, Tc | Cgroup, TestRunInput: true),
        Word("wire_len", 160, Tc, testRunInput: true),
        Word("gso_segs", 164, All, testRunInput: true),
        new("sk", 168, 8, ContextFieldKind.SocketCommon, ContextWidth.Whole, All, Nobody) { IsNullable = true },
        Word("gso_size", 176, All, testRunInput: true),
        Exact("tstamp_type", 180, 1, Tc),
        new("hwtstamp", 184, 8, ContextFieldKind.Scalar, ContextWidth.Whole, Tc | Cgroup, Nobody, TestRunInput: true),
    ]);

    public static ContextLayout Xdp => s_xdp ??= new("xdp_md", 24,
    [
        new("data", 0, 4, ContextFieldKind.PacketData, ContextWidth.Whole, ContextUsers.Xdp, Nobody, TestRunInput: true),
        new("data_end", 4, 4, ContextFieldKind.PacketEnd, ContextWidth.Whole, ContextUsers.Xdp, Nobody, TestRunInput: true),
        new("data_meta", 8, 4, ContextFieldKind.PacketMeta, ContextWidth.Whole, ContextUsers.Xdp, Nobody),
        new("ingress_ifindex", 12, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Xdp, Nobody, TestRunInput: true),
        new("rx_queue_index", 16, 4, ContextFieldKind.Scalar, ContextWidth.Whole, ContextUsers.Xdp, Nobody, TestRunInput: true),
        Exact("egress_ifindex", 20, 4, ContextUsers.XdpDevmap),
    ]);

    /// <summary>Of cgroup_sock programs.</summary>
    public static ContextLayout CreatedSocket => s_createdSocket ??= new("bpf_sock", 80,
    [
        Exact("bound_dev_if", 0, 4, Create, Create),
        new("family", 4, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, AnySock, Nobody),
        new("type", 8, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, AnySock, Nobody),
        new("protocol", 12, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, AnySock, Nobody),
        Exact("mark", 16, 4, Create, Create),
        Exact("priority", 20, 4, Create, Create),
        Word("src_ip4", 24, Bind4),
        new("src_ip6", 28, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Bind6, Nobody),
        new("src_port", 44, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Bind4 | Bind6, Nobody),
        new("dst_port", 48, 4, ContextFieldKind.Scalar, ContextWidth.PaddedHalf, AnySock, Nobody),
        Word("dst_ip4", 52, AnySock),
        new("dst_ip6", 56, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, AnySock, Nobody),
        new("state", 72, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, AnySock, Nobody),
        new("rx_queue_mapping", 76, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, AnySock, Nobody),
    ]);

    /// <summary>A full socket, behind a pointer.</summary>
    public static ContextLayout Socket => s_socket ??= new("bpf_sock", 80,
    [
        Exact("bound_dev_if", 0, 4, Owner),
        new("family", 4, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        new("type", 8, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        new("protocol", 12, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        Exact("mark", 16, 4, Owner),
        Exact("priority", 20, 4, Owner),
        Word("src_ip4", 24, Owner),
        new("src_ip6", 28, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Owner, Nobody),
        new("src_port", 44, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        new("dst_port", 48, 4, ContextFieldKind.Scalar, ContextWidth.PaddedHalf, Owner, Nobody),
        Word("dst_ip4", 52, Owner),
        new("dst_ip6", 56, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Owner, Nobody),
        new("state", 72, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        new("rx_queue_mapping", 76, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
    ]);

    /// <summary>The part that every socket has, behind a pointer.</summary>
    public static ContextLayout SocketCommon => s_socketCommon ??= new("bpf_sock", 80,
    [
        Exact("bound_dev_if", 0, 4, Owner),
        new("family", 4, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        Word("src_ip4", 24, Owner),
        new("src_ip6", 28, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Owner, Nobody),
        new("src_port", 44, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        new("dst_port", 48, 4, ContextFieldKind.Scalar, ContextWidth.PaddedHalf, Owner, Nobody),
        Word("dst_ip4", 52, Owner),
        new("dst_ip6", 56, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Owner, Nobody),
        new("state", 72, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        new("rx_queue_mapping", 76, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
    ]);

    /// <summary>What bpf_tcp_sock returns.</summary>
    public static ContextLayout TcpSocket => s_tcpSocket ??= new("bpf_tcp_sock", 112,
    [
        Exact("snd_cwnd", 0, 4, Owner),
        Exact("srtt_us", 4, 4, Owner),
        Exact("rtt_min", 8, 4, Owner),
        Exact("snd_ssthresh", 12, 4, Owner),
        Exact("rcv_nxt", 16, 4, Owner),
        Exact("snd_nxt", 20, 4, Owner),
        Exact("snd_una", 24, 4, Owner),
        Exact("mss_cache", 28, 4, Owner),
        Exact("ecn_flags", 32, 4, Owner),
        Exact("rate_delivered", 36, 4, Owner),
        Exact("rate_interval_us", 40, 4, Owner),
        Exact("packets_out", 44, 4, Owner),
        Exact("retrans_out", 48, 4, Owner),
        Exact("total_retrans", 52, 4, Owner),
        Exact("segs_in", 56, 4, Owner),
        Exact("data_segs_in", 60, 4, Owner),
        Exact("segs_out", 64, 4, Owner),
        Exact("data_segs_out", 68, 4, Owner),
        Exact("lost_out", 72, 4, Owner),
        Exact("sacked_out", 76, 4, Owner),
        Exact("bytes_received", 80, 8, Owner),
        Exact("bytes_acked", 88, 8, Owner),
        Exact("dsack_dups", 96, 4, Owner),
        Exact("delivered", 100, 4, Owner),
        Exact("delivered_ce", 104, 4, Owner),
        Exact("icsk_retransmits", 108, 4, Owner),
    ]);

    /// <summary>What a lookup in an xskmap returns.</summary>
    public static ContextLayout XdpSocket => s_xdpSocket ??= new("bpf_xdp_sock", 4,
    [
        Exact("queue_id", 0, 4, Owner),
    ]);

    /// <summary>Behind __sk_buff.flow_keys; the program fills it in.</summary>
    public static ContextLayout FlowKeys => s_flowKeys ??= new("bpf_flow_keys", 56,
    [
        new("flow_keys", 0, 56, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Owner),
    ]);

    /// <summary>Of cgroup_sock_addr programs.</summary>
    public static ContextLayout SocketAddress => s_socketAddress ??= new("bpf_sock_addr", 72,
    [
        Exact("user_family", 0, 4, Addr),
        Word("user_ip4", 4, Addr4, Addr4),
        new("user_ip6", 8, 16, ContextFieldKind.Scalar, ContextWidth.WideWords, Addr6, Addr6),
        Word("user_port", 24, Addr, Addr),
        Exact("family", 28, 4, Addr),
        Exact("type", 32, 4, Addr),
        Exact("protocol", 36, 4, Addr),
        Word("msg_src_ip4", 40, Send4, Send4),
        new("msg_src_ip6", 44, 16, ContextFieldKind.Scalar, ContextWidth.WideWords, Send6, Send6),
        new("sk", 64, 8, ContextFieldKind.Socket, ContextWidth.Whole, Addr, Nobody),
    ]);

    /// <summary>Of sock_ops programs.</summary>
    public static ContextLayout SocketOperations => s_socketOperations ??= new("bpf_sock_ops", 224,
    [
        Exact("op", 0, 4, Owner),
        Exact("args[0] or reply", 4, 4, Owner, Owner),
        Exact("args[1]", 8, 4, Owner),
        Exact("args[2]", 12, 4, Owner),
        Exact("args[3]", 16, 4, Owner),
        Exact("family", 20, 4, Owner),
        Exact("remote_ip4", 24, 4, Owner),
        Exact("local_ip4", 28, 4, Owner),
        .. Words("remote_ip6", 32, 4, Owner),
        .. Words("local_ip6", 48, 4, Owner),
        Exact("remote_port", 64, 4, Owner),
        Exact("local_port", 68, 4, Owner),
        Exact("is_fullsock", 72, 4, Owner),
        Exact("snd_cwnd", 76, 4, Owner),
        Exact("srtt_us", 80, 4, Owner),
        Exact("bpf_sock_ops_cb_flags", 84, 4, Owner),
        Exact("state", 88, 4, Owner),
        Exact("rtt_min", 92, 4, Owner),
        Exact("snd_ssthresh", 96, 4, Owner),
        Exact("rcv_nxt", 100, 4, Owner),
        Exact("snd_nxt", 104, 4, Owner),
        Exact("snd_una", 108, 4, Owner),
        Exact("mss_cache", 112, 4, Owner),
        Exact("ecn_flags", 116, 4, Owner),
        Exact("rate_delivered", 120, 4, Owner),
        Exact("rate_interval_us", 124, 4, Owner),
        Exact("packets_out", 128, 4, Owner),
        Exact("retrans_out", 132, 4, Owner),
        Exact("total_retrans", 136, 4, Owner),
        Exact("segs_in", 140, 4, Owner),
        Exact("data_segs_in", 144, 4, Owner),
        Exact("segs_out", 148, 4, Owner),
        Exact("data_segs_out", 152, 4, Owner),
        Exact("lost_out", 156, 4, Owner),
        Exact("sacked_out", 160, 4, Owner),
        Exact("sk_txhash", 164, 4, Owner, Owner),
        Exact("bytes_received", 168, 8, Owner),
        Exact("bytes_acked", 176, 8, Owner),
        new("sk", 184, 8, ContextFieldKind.Socket, ContextWidth.Whole, Owner, Nobody) { IsNullable = true },
        new("skb_data", 192, 8, ContextFieldKind.PacketData, ContextWidth.Whole, Owner, Nobody),
        new("skb_data_end", 200, 8, ContextFieldKind.PacketEnd, ContextWidth.Whole, Owner, Nobody),
        Exact("skb_len", 208, 4, Owner),
        new("skb_tcp_flags", 212, 4, ContextFieldKind.Scalar, ContextWidth.LeadingLoads, Owner, Nobody),
        Exact("skb_hwtstamp", 216, 8, Owner),
    ]);

    /// <summary>Of cgroup_device programs.</summary>
    public static ContextLayout DeviceAccess => s_deviceAccess ??= new("bpf_cgroup_dev_ctx", 12,
    [
        Word("access_type", 0, Owner),
        Exact("major", 4, 4, Owner),
        Exact("minor", 8, 4, Owner),
    ]);

    /// <summary>Of sk_msg programs.</summary>
    public static ContextLayout SocketMessage => s_socketMessage ??= new("sk_msg_md", 80,
    [
        new("data", 0, 8, ContextFieldKind.PacketData, ContextWidth.Whole, Owner, Nobody),
        new("data_end", 8, 8, ContextFieldKind.PacketEnd, ContextWidth.Whole, Owner, Nobody),
        Exact("family", 16, 4, Owner),
        Exact("remote_ip4", 20, 4, Owner),
        Exact("local_ip4", 24, 4, Owner),
        .. Words("remote_ip6", 28, 4, Owner),
        .. Words("local_ip6", 44, 4, Owner),
        Exact("remote_port", 60, 4, Owner),
        Exact("local_port", 64, 4, Owner),
        Exact("size", 68, 4, Owner),
        new("sk", 72, 8, ContextFieldKind.Socket, ContextWidth.Whole, Owner, Nobody),
    ]);

    /// <summary>Of sk_reuseport programs.</summary>
    public static ContextLayout PortSharing => s_portSharing ??= new("sk_reuseport_md", 56,
    [
        new("data", 0, 8, ContextFieldKind.PacketData, ContextWidth.Whole, Owner, Nobody),
        new("data_end", 8, 8, ContextFieldKind.PacketEnd, ContextWidth.Whole, Owner, Nobody),
        Word("len", 16, Owner),
        new("eth_protocol", 20, 4, ContextFieldKind.Scalar, ContextWidth.HalfLoads, Owner, Nobody),
        Word("ip_protocol", 24, Owner),
        Word("bind_inany", 28, Owner),
        Exact("hash", 32, 4, Owner),
        new("sk", 40, 8, ContextFieldKind.Socket, ContextWidth.Whole, Owner, Nobody),
        new("migrating_sk", 48, 8, ContextFieldKind.SocketCommon, ContextWidth.Whole, Owner, Nobody) { IsNullable = true },
    ]);

    /// <summary>Of cgroup_sysctl programs.</summary>
    public static ContextLayout Sysctl => s_sysctl ??= new("bpf_sysctl", 8,
    [
        Word("write", 0, Owner),
        Word("file_pos", 4, Owner, Owner),
    ]);

    /// <summary>Of cgroup_sockopt programs.</summary>
    public static ContextLayout SocketOption => s_socketOption ??= new("bpf_sockopt", 40,
    [
        new("sk", 0, 8, ContextFieldKind.Socket, ContextWidth.Whole, Opt, Nobody),
        new("optval", 8, 8, ContextFieldKind.PacketData, ContextWidth.Whole, Opt, Nobody),
        new("optval_end", 16, 8, ContextFieldKind.PacketEnd, ContextWidth.Whole, Opt, Nobody),
        Exact("level", 24, 4, Opt, SetOpt),
        Exact("optname", 28, 4, Opt, SetOpt),
        Exact("optlen", 32, 4, Opt, Opt),
        Exact("retval", 36, 4, GetOpt, GetOpt),
    ]);

    /// <summary>Of sk_lookup programs.</summary>
    public static ContextLayout SocketLookup => s_socketLookup ??= new("bpf_sk_lookup", 72,
    [
        new("sk", 0, 8, ContextFieldKind.Socket, ContextWidth.Whole, Owner, Nobody) { IsNullable = true },
        Word("family", 8, Owner, testRunInput: true),
        Word("protocol", 12, Owner, testRunInput: true),
        Word("remote_ip4", 16, Owner, testRunInput: true),
        new("remote_ip6", 20, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Owner, Nobody, TestRunInput: true),
        Word("remote_port", 36, Owner, testRunInput: true),
        Word("local_ip4", 40, Owner, testRunInput: true),
        new("local_ip6", 44, 16, ContextFieldKind.Scalar, ContextWidth.NarrowWords, Owner, Nobody, TestRunInput: true),
        Word("local_port", 60, Owner, testRunInput: true),
        Word("ingress_ifindex", 64, Owner),
    ]);

    /// <summary>Of perf_event programs, on x86-64.</summary>
    public static ContextLayout PerfEventData => s_perfEventData ??= new("bpf_perf_event_data", 184,
    [
        new("regs", 0, 168, ContextFieldKind.Scalar, ContextWidth.DoubleWords, Owner, Nobody),
        new("sample_period", 168, 8, ContextFieldKind.Scalar, ContextWidth.NarrowLoads, Owner, Nobody),
        new("addr", 176, 8, ContextFieldKind.Scalar, ContextWidth.NarrowLoads, Owner, Nobody),
    ]);

    /// <summary>Of kprobe and uprobe programs, on x86-64. Kernels after 6.18 let a uprobe program write them.</summary>
    public static ContextLayout Registers => s_registers ??= new("pt_regs", 168,
    [
        new("r15", 0, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r14", 8, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r13", 16, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r12", 24, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("bp", 32, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("bx", 40, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r11", 48, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r10", 56, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r9", 64, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("r8", 72, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("ax", 80, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("cx", 88, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("dx", 96, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("si", 104, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("di", 112, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("orig_ax", 120, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("ip", 128, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("cs", 136, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("flags", 144, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("sp", 152, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
        new("ss", 160, 8, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
    ]);

    /// <summary>Of tracepoint programs: what the format file of the event says, after 8 bytes that are not for programs.</summary>
    public static ContextLayout TracepointRecord => s_tracepointRecord ??= new("trace_event", 8192,
    [
        new("record", 8, 8184, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
    ]);

    /// <summary>Of raw_tracepoint programs: the tracepoint's arguments, twelve at most.</summary>
    public static ContextLayout RawTracepointArguments => s_rawTracepointArguments ??= new("bpf_raw_tracepoint_args", 96,
    [
        new("args", 0, 96, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
    ]);

    /// <summary>Of raw_tracepoint_writable programs: the first argument is a buffer the program may write.</summary>
    public static ContextLayout WritableTracepointArguments => s_writableTracepointArguments ??= new("bpf_raw_tracepoint_args", 96,
    [
        new("args[0]", 0, 8, ContextFieldKind.TracepointBuffer, ContextWidth.Whole, Owner, Nobody),
        new("args", 8, 88, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Nobody),
    ]);

    /// <summary>Of netfilter programs.</summary>
    public static ContextLayout NetfilterHook => s_netfilterHook ??= new("bpf_nf_ctx", 16,
    [
        new("state", 0, 8, ContextFieldKind.BtfPointer, ContextWidth.Whole, Owner, Nobody) { TypeName = "nf_hook_state" },
        new("skb", 8, 8, ContextFieldKind.BtfPointer, ContextWidth.Whole, Owner, Nobody) { TypeName = "sk_buff" },
    ]);

    /// <summary>Of lirc_mode2 programs: pulse or space, and how long.</summary>
    public static ContextLayout InfraredSample => s_infraredSample ??= new("unsigned int", 4,
    [
        Exact("sample", 0, 4, Owner),
    ]);

    /// <summary>Of syscall programs: memory of whoever runs it, of the size given there.</summary>
    public static ContextLayout CallerMemory => s_callerMemory ??= new("ctx", 65535,
    [
        new("memory", 0, 65535, ContextFieldKind.Scalar, ContextWidth.Any, Owner, Owner),
    ]);

    private static ContextField Word(string name, int offset, ContextUsers readers, ContextUsers writers = Nobody, bool testRunInput = false) =>
        new(name, offset, 4, ContextFieldKind.Scalar, ContextWidth.NarrowLoads, readers, writers, testRunInput);

    private static ContextField Exact(string name, int offset, int size, ContextUsers readers, ContextUsers writers = Nobody) =>
        new(name, offset, size, ContextFieldKind.Scalar, ContextWidth.Whole, readers, writers);

    private static IEnumerable<ContextField> Words(string name, int offset, int count, ContextUsers readers)
    {
        for (int i = 0; i < count; i++)
        {
            yield return Exact($"{name}[{i}]", offset + (4 * i), 4, readers);
        }
    }
}
