#include "common.h"

#define CORE __attribute__((preserve_access_index))
struct socket { unsigned long flags; } CORE;
struct sock { struct socket *sk_socket; unsigned int sk_mark; unsigned long sk_pacing_rate; __u32 sk_pacing_status; } CORE;
struct inet_sock { struct sock sk; } CORE;
struct inet_connection_sock { struct inet_sock icsk_inet; __u64 icsk_ca_priv[13]; } CORE;
struct tcp_sock { struct inet_connection_sock inet_conn; __u32 snd_cwnd, snd_ssthresh, app_limited, snd_una; } CORE;
struct rate_sample { int delivered; } CORE;
struct tcp_congestion_ops {
    __u32 (*ssthresh)(struct sock *sk);
    void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
    void (*set_state)(struct sock *sk, __u8 state);
    void (*cwnd_event)(struct sock *sk, int event);
    void (*in_ack_event)(struct sock *sk, __u32 flags);
    __u32 (*min_tso_segs)(struct sock *sk);
    void (*cong_control)(struct sock *sk, __u32 ack, int flag, const struct rate_sample *rs);
    __u32 (*undo_cwnd)(struct sock *sk);
    __u32 (*sndbuf_expand)(struct sock *sk);
    void (*init)(struct sock *sk);
    void (*release)(struct sock *sk);
    char name[16];
};
struct bpf_dummy_ops_state { int val; } CORE;
struct bpf_dummy_ops { int (*test_1)(struct bpf_dummy_ops_state *cb); int (*test_2)(struct bpf_dummy_ops_state *cb, int a1, unsigned short a2, char a3, unsigned long a4); };

#define MEMBER(member, name, body) SEC("struct_ops/" #member) int name(__u64 *ctx) { struct sock *sk = (void *)ctx[0]; struct tcp_sock *tp = (void *)sk; OPAQUE(tp); body; return 0; }
MEMBER(ssthresh, ok_window, tp->snd_cwnd = 3; tp->snd_ssthresh = 2; tp->app_limited = 1)
MEMBER(cong_avoid, ok_private, ((struct inet_connection_sock *)sk)->icsk_ca_priv[12] = 1; sk->sk_pacing_rate = 3; sk->sk_pacing_status = 1)
MEMBER(undo_cwnd, ok_socket_option, int one = 1; bpf_setsockopt(sk, 6, 13, &one, 4))
MEMBER(init, bad_cookie, bpf_get_socket_cookie(sk))
MEMBER(set_state, ok_ack, bpf_tcp_send_ack(tp, 1))
SEC("struct_ops/in_ack_event") void ok_no_result(__u64 *ctx) {}
SEC(".struct_ops") struct tcp_congestion_ops first = { .ssthresh = (void *)ok_window, .cong_avoid = (void *)ok_private, .undo_cwnd = (void *)ok_socket_option, .init = (void *)bad_cookie, .set_state = (void *)ok_ack, .in_ack_event = (void *)ok_no_result, .name = "osmia_one" };

MEMBER(ssthresh, bad_sequence, tp->snd_una = 3)
MEMBER(cong_avoid, bad_behind_private, ((volatile char *)((struct inet_connection_sock *)sk)->icsk_ca_priv)[104] = 1)
MEMBER(undo_cwnd, bad_mark, sk->sk_mark = 1)
MEMBER(set_state, bad_other_object, sk->sk_socket->flags = 1)
MEMBER(min_tso_segs, bad_argument, return ctx[1])
MEMBER(cong_control, bad_sample, ((volatile struct rate_sample *)ctx[3])->delivered = 1)
MEMBER(release, bad_option_at_release, int one = 1; bpf_setsockopt(sk, 6, 13, &one, 4))
SEC(".struct_ops") struct tcp_congestion_ops second = { .ssthresh = (void *)bad_sequence, .cong_avoid = (void *)bad_behind_private, .undo_cwnd = (void *)bad_mark, .set_state = (void *)bad_other_object, .min_tso_segs = (void *)bad_argument, .cong_control = (void *)bad_sample, .release = (void *)bad_option_at_release, .name = "osmia_two" };

SEC("struct_ops/test_1") int ok_state(__u64 *ctx) { struct bpf_dummy_ops_state *s = (void *)ctx[0]; if (!s) return 1; s->val = 3; return s->val; }
SEC("struct_ops/test_2") int bad_behind_state(__u64 *ctx) { ((volatile char *)ctx[0])[4] = 1; return 0; }
SEC(".struct_ops") struct bpf_dummy_ops third = { .test_1 = (void *)ok_state, .test_2 = (void *)bad_behind_state };
SEC("struct_ops/test_1") int bad_state_unchecked(__u64 *ctx) { return ((struct bpf_dummy_ops_state *)ctx[0])->val; }
SEC("struct_ops/test_2") int bad_ack_of_dummy(__u64 *ctx) { bpf_tcp_send_ack((void *)ctx[0], 1); return 0; }
SEC(".struct_ops") struct bpf_dummy_ops fourth = { .test_1 = (void *)bad_state_unchecked, .test_2 = (void *)bad_ack_of_dummy };
