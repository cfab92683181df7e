namespace Osmia.Bytecode;

public static partial class HelperTable
{
    /// <summary>
    /// One line a helper, in the order of the ids:  id | name | returns | arguments | since | traits | callers.
    /// A helper whose signature depends on the caller has a line for each signature; the first line that names the caller holds.
    /// </summary>
    /// <remarks>
    /// <para>Facts: the <c>bpf_func_proto</c> records and the functions that hand them out (kernel/bpf/helpers.c, kernel/trace/bpf_trace.c,
    /// net/core/filter.c, kernel/bpf/cgroup.c, kernel/bpf/bpf_lsm.c), Linux 6.12 and 7.2; callers and licenses by trial on 6.18.</para>
    /// <para>Arguments: <c>any</c> a number or a pointer, <c>scalar</c> a number, <c>size</c> and <c>size0</c> the size of the memory before it (not zero; zero
    /// allowed), <c>alloc0</c> a constant size, <c>ctx</c>, <c>map</c>, <c>key</c>, <c>value</c>, <c>mem</c>, <c>mem:N</c> memory of N bytes, <c>stack</c>,
    /// <c>func</c> a callback, <c>timer</c>, <c>lock</c>, <c>dynptr</c> and <c>dynptr:KIND</c>, <c>record</c> of a ring buffer, <c>string</c> constant text,
    /// <c>percpu</c>, <c>kptrslot</c>, <c>kptr</c>, <c>btf:TYPE</c> a typed kernel pointer, <c>sock</c> a socket of the verifier's own kinds, <c>btfsock</c> one of those
    /// or a typed pointer, <c>fullsock</c>. Before it: <c>in</c> read, <c>out</c> written (need not be initialised), <c>inout</c> written (must be initialised),
    /// <c>aligned</c>, <c>release</c> given up by the call. After it: <c>?</c> may be null.</para>
    /// <para>Traits: <c>gpl</c> only for GPL-compatible programs, <c>pkt</c> memory may be packet data, <c>sleep</c> only where a program may sleep, <c>fast</c>
    /// clobbers r0 alone when the JIT inlines it, <c>chg</c> ends packet pointers, <c>acq</c> the result must be released, <c>cast</c> the result is the
    /// argument by another type, <c>cb</c> calls its callback, <c>async</c> its callback runs later, <c>bpf</c>, <c>perfmon</c>, <c>sysadmin</c> the loader needs that
    /// capability (CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN) besides what the program type needs.</para>
    /// <para>Callers: program types; in brackets the attach types it is limited to and, after a colon, what else it depends on. Groups: see <see cref="HelperCallerGroups"/>.</para>
    /// </remarks>
    private static ReadOnlySpan<byte> Rows =>
        """
          1 | map_lookup_elem                | value?                  | map, key                                   | 3.19 | pkt               | @all
          2 | map_update_elem                | int                     | map, key, value, any                       | 3.19 | pkt               | @all
          3 | map_delete_elem                | int                     | map, key                                   | 3.19 | pkt               | @all
          4 | probe_read                     | int                     | out mem, size0, any                        | 4.1  | gpl               | @trace
          5 | ktime_get_ns                   | int                     |                                            | 4.1  |                   | @all
          6 | trace_printk                   | int                     | in mem, size                               | 4.1  | gpl perfmon       | @all
          7 | get_prandom_u32                | int                     |                                            | 4.1  |                   | @all
          8 | get_smp_processor_id           | int                     |                                            | 4.1  | fast              | @trace @lwt @tc xdp
          8 | get_smp_processor_id           | int                     |                                            | 4.1  |                   | @base
          9 | skb_store_bytes                | int                     | ctx, any, in mem, size, any                | 4.1  | chg               | @tc lwt_xmit sk_skb
         10 | l3_csum_replace                | int                     | ctx, any, any, any, any                    | 4.1  | chg               | @tc lwt_xmit
         11 | l4_csum_replace                | int                     | ctx, any, any, any, any                    | 4.1  | chg               | @tc lwt_xmit
         12 | tail_call                      | void                    | ctx, map, any                              | 4.2  | chg               | @all
         13 | clone_redirect                 | int                     | ctx, any, any                              | 4.2  | chg               | @tc lwt_xmit
         14 | get_current_pid_tgid           | int                     |                                            | 4.2  |                   | @base
         15 | get_current_uid_gid            | int                     |                                            | 4.2  |                   | @base
         16 | get_current_comm               | int                     | out mem, size                              | 4.2  | perfmon           | @base
         17 | get_cgroup_classid             | int                     | ctx                                        | 4.3  |                   | @tc @lwt
         17 | get_cgroup_classid             | int                     |                                            | 4.3  | bpf               | @base
         18 | skb_vlan_push                  | int                     | ctx, any, any                              | 4.3  | chg               | @tc
         19 | skb_vlan_pop                   | int                     | ctx                                        | 4.3  | chg               | @tc
         20 | skb_get_tunnel_key             | int                     | ctx, out mem, size, any                    | 4.3  |                   | @tc lwt_xmit
         21 | skb_set_tunnel_key             | int                     | ctx, in mem, size, any                     | 4.3  |                   | @tc lwt_xmit
         22 | perf_event_read                | int                     | map, any                                   | 4.3  | gpl perfmon       | @base
         23 | redirect                       | int                     | any, any                                   | 4.4  |                   | @tc xdp lwt_xmit
         24 | get_route_realm                | int                     | ctx                                        | 4.4  |                   | @lwt @tc
         25 | perf_event_output              | int                     | ctx, map, any, in mem, size0               | 4.4  | gpl               | @skb @trace @lwt xdp cgroup_sock sock_ops sk_skb cgroup_device sk_msg cgroup_sock_addr cgroup_sysctl cgroup_sockopt sk_lookup
         26 | skb_load_bytes                 | int                     | ctx, any, out mem, size                    | 4.5  |                   | @skb @lwt sk_skb sk_reuseport flow_dissector
         27 | get_stackid                    | int                     | ctx, map, any                              | 4.6  |                   | perf_event
         27 | get_stackid                    | int                     | ctx, map, any                              | 4.6  | gpl               | @trace
         28 | csum_diff                      | int                     | in mem?, size0, in mem?, size0, any        | 4.6  | pkt               | @lwt @tc xdp
         29 | skb_get_tunnel_opt             | int                     | ctx, out mem, size                         | 4.6  |                   | @tc lwt_xmit
         30 | skb_set_tunnel_opt             | int                     | ctx, in mem, size                          | 4.6  |                   | @tc lwt_xmit
         31 | skb_change_proto               | int                     | ctx, any, any                              | 4.8  | chg               | @tc
         32 | skb_change_type                | int                     | ctx, any                                   | 4.8  |                   | @tc
         33 | skb_under_cgroup               | int                     | ctx, map, any                              | 4.8  |                   | @lwt @tc
         34 | get_hash_recalc                | int                     | ctx                                        | 4.8  |                   | @lwt @tc
         35 | get_current_task               | int                     |                                            | 4.8  | gpl perfmon       | @base
         36 | probe_write_user               | int                     | any, in mem, size                          | 4.8  | gpl sysadmin      | @trace
         37 | current_task_under_cgroup      | int                     | map, any                                   | 4.9  | bpf               | @base
         38 | skb_change_tail                | int                     | ctx, any, any                              | 4.9  | chg               | @tc lwt_xmit sk_skb
         39 | skb_pull_data                  | int                     | ctx, any                                   | 4.9  | chg               | @lwt @tc sk_skb
         40 | csum_update                    | int                     | ctx, any                                   | 4.9  |                   | @tc lwt_xmit
         41 | set_hash_invalid               | int                     | ctx                                        | 4.9  |                   | @tc lwt_xmit
         42 | get_numa_node_id               | int                     |                                            | 4.10 |                   | @base
         43 | skb_change_head                | int                     | ctx, any, any                              | 4.10 | chg               | @tc lwt_xmit sk_skb
         44 | xdp_adjust_head                | int                     | ctx, any                                   | 4.10 | chg               | xdp
         45 | probe_read_str                 | int                     | out mem, size0, any                        | 4.11 | gpl               | @trace
         46 | get_socket_cookie              | int                     | btfsock?                                   | 4.12 |                   | @btf sk_reuseport
         46 | get_socket_cookie              | int                     | ctx                                        | 4.12 |                   | @skb cgroup_sock sock_ops sk_skb cgroup_sock_addr
         47 | get_socket_uid                 | int                     | ctx                                        | 4.12 |                   | @skb sk_skb
         48 | set_hash                       | int                     | ctx, any                                   | 4.13 |                   | @tc
         49 | setsockopt                     | int                     | btfsock, any, any, in mem, size            | 4.13 |                   | cgroup_sockopt[cgroup_setsockopt] tracing[trace_iter: of tcp and udp] struct_ops[: of tcp_congestion_ops, but not its release] lsm[lsm_cgroup: where a socket is locked or not yet in use]
         49 | setsockopt                     | int                     | ctx, any, any, in mem, size                | 4.13 |                   | sock_ops cgroup_sock_addr
         50 | skb_adjust_room                | int                     | ctx, any, any, any                         | 4.13 | chg               | @tc sk_skb
         51 | redirect_map                   | int                     | map, any, any                              | 4.14 |                   | xdp
         52 | sk_redirect_map                | int                     | ctx, map, any, any                         | 4.14 |                   | sk_skb
         53 | sock_map_update                | int                     | ctx, map, key, any                         | 4.14 | pkt               | sock_ops
         54 | xdp_adjust_meta                | int                     | ctx, any                                   | 4.15 | chg               | xdp
         55 | perf_event_read_value          | int                     | map, any, out mem, size                    | 4.15 | gpl perfmon       | @base
         56 | perf_prog_read_value           | int                     | ctx, out mem, size                         | 4.15 | gpl               | perf_event
         57 | getsockopt                     | int                     | btfsock, any, any, out mem, size           | 4.15 |                   | cgroup_sockopt[cgroup_setsockopt] tracing[trace_iter: of tcp and udp] struct_ops[: of tcp_congestion_ops, but not its release] lsm[lsm_cgroup: where a socket is locked or not yet in use]
         57 | getsockopt                     | int                     | ctx, any, any, out mem, size               | 4.15 |                   | sock_ops cgroup_sock_addr
         58 | override_return                | int                     | ctx, any                                   | 4.16 | gpl               | kprobe[: of functions that allow error injection]
         59 | sock_ops_cb_flags_set          | int                     | ctx, any                                   | 4.16 |                   | sock_ops
         60 | msg_redirect_map               | int                     | ctx, map, any, any                         | 4.17 |                   | sk_msg
         61 | msg_apply_bytes                | int                     | ctx, any                                   | 4.17 |                   | sk_msg
         62 | msg_cork_bytes                 | int                     | ctx, any                                   | 4.17 |                   | sk_msg
         63 | msg_pull_data                  | int                     | ctx, any, any, any                         | 4.17 | chg               | sk_msg
         64 | bind                           | int                     | ctx, in mem, size                          | 4.17 |                   | cgroup_sock_addr[cgroup_inet4_connect,cgroup_inet6_connect]
         65 | xdp_adjust_tail                | int                     | ctx, any                                   | 4.18 | chg               | xdp
         66 | skb_get_xfrm_state             | int                     | ctx, any, out mem, size, any               | 4.18 |                   | @tc
         67 | get_stack                      | int                     | ctx, out mem, size0, any                   | 4.18 | gpl               | @trace
         68 | skb_load_bytes_relative        | int                     | ctx, any, out mem, size, any               | 4.18 |                   | @skb sk_reuseport
         69 | fib_lookup                     | int                     | ctx, inout mem, size, any                  | 4.18 | gpl               | @tc xdp
         70 | sock_hash_update               | int                     | ctx, map, key, any                         | 4.18 | pkt               | sock_ops
         71 | msg_redirect_hash              | int                     | ctx, map, key, any                         | 4.18 |                   | sk_msg
         72 | sk_redirect_hash               | int                     | ctx, map, key, any                         | 4.18 |                   | sk_skb
         73 | lwt_push_encap                 | int                     | ctx, any, in mem, size                     | 4.18 | chg               | lwt_in lwt_xmit
         74 | lwt_seg6_store_bytes           | int                     | ctx, any, in mem, size                     | 4.18 | chg               | lwt_seg6local
         75 | lwt_seg6_adjust_srh            | int                     | ctx, any, any                              | 4.18 | chg               | lwt_seg6local
         76 | lwt_seg6_action                | int                     | ctx, any, in mem, size                     | 4.18 | chg               | lwt_seg6local
         77 | rc_repeat                      | int                     | ctx                                        | 4.18 | gpl               | lirc_mode2
         78 | rc_keydown                     | int                     | ctx, any, any, any                         | 4.18 | gpl               | lirc_mode2
         79 | skb_cgroup_id                  | int                     | ctx                                        | 4.18 |                   | @tc cgroup_skb
         80 | get_current_cgroup_id          | int                     |                                            | 4.18 | bpf               | @base
         81 | get_local_storage              | value                   | map, any                                   | 4.19 |                   | cgroup_skb cgroup_sock sock_ops cgroup_device cgroup_sock_addr cgroup_sysctl cgroup_sockopt lsm[lsm_cgroup]
         82 | sk_select_reuseport            | int                     | ctx, map, key, any                         | 4.19 |                   | sk_reuseport
         83 | skb_ancestor_cgroup_id         | int                     | ctx, any                                   | 4.19 |                   | @tc cgroup_skb
         84 | sk_lookup_tcp                  | fullsock?               | ctx, in mem, size0, any, any               | 4.20 | acq               | cgroup_sock_addr
         84 | sk_lookup_tcp                  | fullsock?               | ctx, in mem, size0, any, any               | 4.20 | pkt acq           | @tc xdp cgroup_skb sk_skb
         85 | sk_lookup_udp                  | fullsock?               | ctx, in mem, size0, any, any               | 4.20 | acq               | cgroup_sock_addr
         85 | sk_lookup_udp                  | fullsock?               | ctx, in mem, size0, any, any               | 4.20 | pkt acq           | @tc xdp cgroup_skb sk_skb
         86 | sk_release                     | int                     | release btfsock                            | 4.20 |                   | @tc xdp cgroup_skb sk_skb cgroup_sock_addr sk_lookup
         87 | map_push_elem                  | int                     | map, value, any                            | 4.20 | pkt               | @all
         88 | map_pop_elem                   | int                     | map, out value                             | 4.20 |                   | @all
         89 | map_peek_elem                  | int                     | map, out value                             | 4.20 |                   | @all
         90 | msg_push_data                  | int                     | ctx, any, any, any                         | 4.20 | chg               | sk_msg
         91 | msg_pop_data                   | int                     | ctx, any, any, any                         | 5.0  | chg               | sk_msg
         92 | rc_pointer_rel                 | int                     | ctx, any, any                              | 5.0  | gpl               | lirc_mode2
         93 | spin_lock                      | void                    | lock                                       | 5.1  | bpf               | @base
         94 | spin_unlock                    | void                    | lock                                       | 5.1  | bpf               | @base
         95 | sk_fullsock                    | fullsock?               | sock                                       | 5.1  | cast              | @tc cgroup_skb
         96 | tcp_sock                       | tcpsock?                | sock                                       | 5.1  | cast              | @tc cgroup_skb sock_ops cgroup_sockopt
         97 | skb_ecn_set_ce                 | int                     | ctx                                        | 5.1  |                   | @tc cgroup_skb
         98 | get_listener_sock              | fullsock?               | sock                                       | 5.1  |                   | @tc cgroup_skb
         99 | skc_lookup_tcp                 | sock?                   | ctx, in mem, size0, any, any               | 5.2  | acq               | cgroup_sock_addr
         99 | skc_lookup_tcp                 | sock?                   | ctx, in mem, size0, any, any               | 5.2  | pkt acq           | @tc xdp cgroup_skb sk_skb
        100 | tcp_check_syncookie            | int                     | btfsock, in mem, size, in mem, size        | 5.2  | gpl pkt           | @tc xdp
        101 | sysctl_get_name                | int                     | ctx, inout mem, size, any                  | 5.2  |                   | cgroup_sysctl
        102 | sysctl_get_current_value       | int                     | ctx, out mem, size                         | 5.2  |                   | cgroup_sysctl
        103 | sysctl_get_new_value           | int                     | ctx, out mem, size                         | 5.2  |                   | cgroup_sysctl
        104 | sysctl_set_new_value           | int                     | ctx, in mem, size                          | 5.2  |                   | cgroup_sysctl
        105 | strtol                         | int                     | in mem, size, any, out aligned mem:8       | 5.2  |                   | @base
        106 | strtoul                        | int                     | in mem, size, any, out aligned mem:8       | 5.2  |                   | @base
        107 | sk_storage_get                 | value?                  | map, btf:sock_common?, value?, any         | 5.2  |                   | tracing[trace_iter,trace_raw_tp,trace_fentry,trace_fexit: not of functions that begin with bpf_sk_storage]
        107 | sk_storage_get                 | value?                  | map, btfsock, value?, any                  | 5.2  |                   | @tc cgroup_skb sock_ops sk_msg cgroup_sock_addr cgroup_sockopt struct_ops[: of tcp_congestion_ops] lsm
        107 | sk_storage_get                 | value?                  | map, ctx, value?, any                      | 5.2  |                   | cgroup_sock
        108 | sk_storage_delete              | int                     | map, btf:sock_common?                      | 5.2  |                   | tracing[trace_iter,trace_raw_tp,trace_fentry,trace_fexit: not of functions that begin with bpf_sk_storage]
        108 | sk_storage_delete              | int                     | map, btfsock                               | 5.2  |                   | @tc cgroup_skb sock_ops sk_msg cgroup_sock_addr cgroup_sockopt struct_ops[: of tcp_congestion_ops] lsm
        109 | send_signal                    | int                     | any                                        | 5.3  | perfmon           | @base
        110 | tcp_gen_syncookie              | int                     | btfsock, in mem, size, in mem, size        | 5.4  | gpl pkt           | @tc xdp
        111 | skb_output                     | int                     | btf:sk_buff, map, any, in mem, size0       | 5.5  | gpl               | @btf
        112 | probe_read_user                | int                     | out mem, size0, any                        | 5.5  | gpl perfmon       | @base
        113 | probe_read_kernel              | int                     | out mem, size0, any                        | 5.5  | gpl perfmon       | @base
        114 | probe_read_user_str            | int                     | out mem, size0, any                        | 5.5  | gpl perfmon       | @base
        115 | probe_read_kernel_str          | int                     | out mem, size0, any                        | 5.5  | gpl perfmon       | @base
        116 | tcp_send_ack                   | int                     | btf:tcp_sock, any                          | 5.6  |                   | struct_ops[: of tcp_congestion_ops]
        117 | send_signal_thread             | int                     | any                                        | 5.6  | perfmon           | @base
        118 | jiffies64                      | int                     |                                            | 5.6  | bpf               | @base
        119 | read_branch_records            | int                     | ctx, inout mem?, size0, any                | 5.7  | gpl               | perf_event
        120 | get_ns_current_pid_tgid        | int                     | any, any, out mem, size                    | 5.7  |                   | @base
        121 | xdp_output                     | int                     | btf:xdp_buff, map, any, in mem, size0      | 5.7  | gpl               | @btf
        122 | get_netns_cookie               | int                     | ctx?                                       | 5.7  |                   | @skb cgroup_sock sock_ops sk_msg cgroup_sock_addr cgroup_sockopt
        123 | get_current_ancestor_cgroup_id | int                     | any                                        | 5.7  | bpf               | @base
        124 | sk_assign                      | int                     | ctx, btfsock, any                          | 5.7  |                   | @tc
        124 | sk_assign                      | int                     | ctx, fullsock?, any                        | 5.7  |                   | sk_lookup
        125 | ktime_get_boot_ns              | int                     |                                            | 5.8  |                   | @all
        126 | seq_printf                     | int                     | btf:seq_file, in mem, size, in mem?, size0 | 5.8  | gpl               | tracing[trace_iter]
        127 | seq_write                      | int                     | btf:seq_file, in mem, size0                | 5.8  | gpl               | tracing[trace_iter]
        128 | sk_cgroup_id                   | int                     | btfsock                                    | 5.8  |                   | cgroup_skb
        129 | sk_ancestor_cgroup_id          | int                     | btfsock, any                               | 5.8  |                   | cgroup_skb
        130 | ringbuf_output                 | int                     | map, in mem, size0, any                    | 5.8  |                   | @base
        131 | ringbuf_reserve                | record?                 | map, alloc0, any                           | 5.8  | acq               | @base
        132 | ringbuf_submit                 | void                    | release record, any                        | 5.8  |                   | @base
        133 | ringbuf_discard                | void                    | release record, any                        | 5.8  |                   | @base
        134 | ringbuf_query                  | int                     | map, any                                   | 5.8  |                   | @base
        135 | csum_level                     | int                     | ctx, any                                   | 5.8  |                   | @tc lwt_xmit
        136 | skc_to_tcp6_sock               | btf:tcp6_sock?          | btfsock                                    | 5.9  | cast              | @btf
        136 | skc_to_tcp6_sock               | btf:tcp6_sock?          | btfsock                                    | 5.9  | cast perfmon      | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        137 | skc_to_tcp_sock                | btf:tcp_sock?           | btfsock                                    | 5.9  | cast              | @btf
        137 | skc_to_tcp_sock                | btf:tcp_sock?           | btfsock                                    | 5.9  | cast perfmon      | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        138 | skc_to_tcp_timewait_sock       | btf:tcp_timewait_sock?  | btfsock                                    | 5.9  | cast              | @btf
        138 | skc_to_tcp_timewait_sock       | btf:tcp_timewait_sock?  | btfsock                                    | 5.9  | cast perfmon      | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        139 | skc_to_tcp_request_sock        | btf:tcp_request_sock?   | btfsock                                    | 5.9  | cast              | @btf
        139 | skc_to_tcp_request_sock        | btf:tcp_request_sock?   | btfsock                                    | 5.9  | cast perfmon      | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        140 | skc_to_udp6_sock               | btf:udp6_sock?          | btfsock                                    | 5.9  | cast              | @btf
        140 | skc_to_udp6_sock               | btf:udp6_sock?          | btfsock                                    | 5.9  | cast perfmon      | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        141 | get_task_stack                 | int                     | btf:task_struct, out mem, size0, any       | 5.9  | perfmon           | @base
        142 | load_hdr_opt                   | int                     | ctx, inout mem, size, any                  | 5.10 |                   | sock_ops
        143 | store_hdr_opt                  | int                     | ctx, in mem, size, any                     | 5.10 | chg               | sock_ops
        144 | reserve_hdr_opt                | int                     | ctx, any, any                              | 5.10 |                   | sock_ops
        145 | inode_storage_get              | value?                  | map, btf:inode?, value?, any               | 5.10 |                   | lsm
        146 | inode_storage_delete           | int                     | map, btf:inode?                            | 5.10 |                   | lsm
        147 | d_path                         | int                     | btf:path, inout mem, size0                 | 5.10 |                   | tracing[trace_iter,@trampoline: of functions where the path is stable] lsm[: of hooks that may sleep]
        148 | copy_from_user                 | int                     | out mem, size0, any                        | 5.10 | sleep perfmon     | @base
        149 | snprintf_btf                   | int                     | inout mem, size, in mem, size, any         | 5.10 | perfmon           | @base
        150 | seq_printf_btf                 | int                     | btf:seq_file, in mem, size0, any           | 5.10 | gpl               | tracing[trace_iter]
        151 | skb_cgroup_classid             | int                     | ctx                                        | 5.10 |                   | @tc
        152 | redirect_neigh                 | int                     | any, in mem?, size0, any                   | 5.10 |                   | @tc
        153 | per_cpu_ptr                    | percpu?                 | percpu, any                                | 5.10 | bpf               | @base
        154 | this_cpu_ptr                   | percpu                  | percpu                                     | 5.10 | bpf               | @base
        155 | redirect_peer                  | int                     | any, any                                   | 5.10 |                   | @tc
        156 | task_storage_get               | value?                  | map, btf:task_struct?, value?, any         | 5.11 | bpf               | @base
        157 | task_storage_delete            | int                     | map, btf:task_struct?                      | 5.11 | bpf               | @base
        158 | get_current_task_btf           | trusted btf:task_struct |                                            | 5.11 | gpl perfmon       | @base
        159 | bprm_opts_set                  | int                     | btf:linux_binprm, any                      | 5.11 |                   | lsm
        160 | ktime_get_coarse_ns            | int                     |                                            | 5.11 |                   | @skb @lwt xdp cgroup_sock sock_ops sk_skb sk_msg cgroup_sock_addr sk_reuseport flow_dissector cgroup_sysctl struct_ops[: of tcp_congestion_ops] sk_lookup
        161 | ima_inode_hash                 | int                     | btf:inode, out mem, size                   | 5.11 | sleep             | lsm[: of hooks that may sleep]
        162 | sock_from_file                 | btf:socket?             | btf:file                                   | 5.11 |                   | @btf
        163 | check_mtu                      | int                     | ctx, any, inout aligned mem:4, any, any    | 5.12 | gpl               | @tc xdp
        164 | for_each_map_elem              | int                     | map, func, stack?, any                     | 5.13 | cb bpf            | @base
        165 | snprintf                       | int                     | inout mem?, size0, string, in mem?, size0  | 5.13 | gpl perfmon       | @base
        166 | sys_bpf                        | int                     | any, in mem, size                          | 5.14 | sleep perfmon     | syscall
        167 | btf_find_by_name_kind          | int                     | in mem, size, any, any                     | 5.14 | sleep             | syscall
        168 | sys_close                      | int                     | any                                        | 5.14 | sleep             | syscall
        169 | timer_init                     | int                     | timer, map, any                            | 5.15 | gpl bpf           | @base
        170 | timer_set_callback             | int                     | timer, func                                | 5.15 | gpl async bpf     | @base
        171 | timer_start                    | int                     | timer, any, any                            | 5.15 | gpl bpf           | @base
        172 | timer_cancel                   | int                     | timer                                      | 5.15 | gpl bpf           | @base
        173 | get_func_ip                    | int                     | ctx                                        | 5.15 |                   | kprobe[trace_kprobe_multi,trace_kprobe_session,trace_uprobe_multi,trace_uprobe_session]
        173 | get_func_ip                    | int                     | ctx                                        | 5.15 | gpl               | kprobe tracing[@trampoline]
        174 | get_attach_cookie              | int                     | ctx                                        | 5.15 |                   | kprobe tracepoint perf_event raw_tracepoint raw_tracepoint_writable tracing[trace_raw_tp,@trampoline] lsm[lsm_mac]
        175 | task_pt_regs                   | btf:pt_regs             | btf:task_struct                            | 5.15 | gpl perfmon       | @base
        176 | get_branch_snapshot            | int                     | out mem, size0                             | 5.16 | gpl perfmon       | @base
        177 | trace_vprintk                  | int                     | in mem, size, in mem?, size0               | 5.16 | gpl perfmon       | @base
        178 | skc_to_unix_sock               | btf:unix_sock?          | btfsock                                    | 5.16 |                   | @btf
        178 | skc_to_unix_sock               | btf:unix_sock?          | btfsock                                    | 5.16 | perfmon           | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        179 | kallsyms_lookup_name           | int                     | in mem, size0, any, out aligned mem:8      | 5.16 |                   | syscall
        180 | find_vma                       | int                     | btf:task_struct, any, func, stack?, any    | 5.17 | cb perfmon        | @base
        181 | loop                           | int                     | scalar, func, stack?, any                  | 5.17 | cb bpf            | @base
        182 | strncmp                        | int                     | in mem, size, string                       | 5.17 |                   | @base
        183 | get_func_arg                   | int                     | ctx, any, out aligned mem:8                | 5.17 |                   | tracing[@trampoline] lsm[lsm_mac]
        184 | get_func_ret                   | int                     | ctx, out aligned mem:8                     | 5.17 |                   | tracing[@trampoline] lsm[lsm_mac]
        185 | get_func_arg_cnt               | int                     | ctx                                        | 5.17 |                   | tracing[@trampoline] lsm[lsm_mac]
        186 | get_retval                     | int                     |                                            | 5.18 |                   | cgroup_sock cgroup_device cgroup_sock_addr[@sock_addr_change] cgroup_sysctl cgroup_sockopt lsm[lsm_cgroup]
        187 | set_retval                     | int                     | any                                        | 5.18 |                   | cgroup_sock cgroup_device cgroup_sock_addr[@sock_addr_change] cgroup_sysctl cgroup_sockopt lsm[lsm_cgroup]
        188 | xdp_get_buff_len               | int                     | btf:xdp_buff                               | 5.18 |                   | @btf
        188 | xdp_get_buff_len               | int                     | ctx                                        | 5.18 |                   | xdp
        189 | xdp_load_bytes                 | int                     | ctx, any, out mem, size                    | 5.18 |                   | xdp
        190 | xdp_store_bytes                | int                     | ctx, any, in mem, size                     | 5.18 |                   | xdp
        191 | copy_from_user_task            | int                     | out mem, size0, any, btf:task_struct, any  | 5.18 | gpl sleep perfmon | @base
        192 | skb_set_tstamp                 | int                     | ctx, any, any                              | 5.18 |                   | @tc
        193 | ima_file_hash                  | int                     | btf:file, out mem, size                    | 5.18 | sleep             | lsm[: of hooks that may sleep]
        194 | kptr_xchg                      | kptr?                   | kptrslot, release kptr?                    | 5.19 | acq bpf           | @base
        195 | map_lookup_percpu_elem         | value?                  | map, key, any                              | 5.19 | pkt               | @base
        196 | skc_to_mptcp_sock              | btf:mptcp_sock?         | sock                                       | 5.19 | cast              | @btf
        196 | skc_to_mptcp_sock              | btf:mptcp_sock?         | sock                                       | 5.19 | cast perfmon      | @skb @lwt xdp sock_ops sk_skb sk_msg cgroup_sock_addr flow_dissector sk_lookup
        197 | dynptr_from_mem                | int                     | out mem, size0, any, out dynptr:local      | 5.19 | bpf               | @base
        198 | ringbuf_reserve_dynptr         | int                     | map, any, any, out dynptr:ringbuf          | 5.19 | bpf               | @base
        199 | ringbuf_submit_dynptr          | void                    | release dynptr:ringbuf, any                | 5.19 | bpf               | @base
        200 | ringbuf_discard_dynptr         | void                    | release dynptr:ringbuf, any                | 5.19 | bpf               | @base
        201 | dynptr_read                    | int                     | out mem, size0, dynptr, any, any           | 5.19 | bpf               | @base
        202 | dynptr_write                   | int                     | dynptr, any, in mem, size0, any            | 5.19 | bpf               | @base
        203 | dynptr_data                    | dynmem?                 | dynptr, any, alloc0                        | 5.19 | bpf               | @base
        204 | tcp_raw_gen_syncookie_ipv4     | int                     | in mem:20, in mem, size0                   | 6.0  | gpl pkt           | @tc xdp
        205 | tcp_raw_gen_syncookie_ipv6     | int                     | in mem:40, in mem, size0                   | 6.0  | gpl pkt           | @tc xdp
        206 | tcp_raw_check_syncookie_ipv4   | int                     | in mem:20, in mem:20                       | 6.0  | gpl pkt           | @tc xdp
        207 | tcp_raw_check_syncookie_ipv6   | int                     | in mem:40, in mem:20                       | 6.0  | gpl pkt           | @tc xdp
        208 | ktime_get_tai_ns               | int                     |                                            | 6.1  |                   | @base
        209 | user_ringbuf_drain             | int                     | map, func, stack?, any                     | 6.1  | cb bpf            | @base
        210 | cgrp_storage_get               | value?                  | map, btf:cgroup?, value?, any              | 6.2  | bpf               | @base
        211 | cgrp_storage_delete            | int                     | map, btf:cgroup?                           | 6.2  | bpf               | @base
        """u8;
}
