// SPDX-License-Identifier: MIT
// A congestion control for TCP: doubles its window up to a threshold, then adds one a round, and halves it at a loss.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Segments acknowledged, losses, and the largest window seen, over all connections that use it.
__u64 acknowledged = 0;
__u64 losses = 0;
__u32 largest_window = 0;

// The members that are read or written; the kernel lets a congestion control write these three.
struct tcp_sock {
	__u32 snd_cwnd;
	__u32 snd_cwnd_cnt;
	__u32 snd_ssthresh;
} core_struct;

struct sock;

// The callbacks this one has; the kernel's struct has more, which stay empty.
struct tcp_congestion_ops {
	char name[16];
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
};

// Arguments stand one after another in the context; the kernel knows the first as a TCP socket.
static __always_inline struct tcp_sock *socket_of(__u64 *arguments)
{
	return (struct tcp_sock *)arguments[0];
}

SEC("struct_ops/ssthresh")
__u32 threshold_after_loss(__u64 *arguments)
{
	__u32 half = socket_of(arguments)->snd_cwnd / 2;

	atomic_add(&losses, 1);
	return half > 2 ? half : 2;
}

SEC("struct_ops/cong_avoid")
void grow_window(__u64 *arguments)
{
	struct tcp_sock *tcp = socket_of(arguments);
	__u32 acked = arguments[2];
	__u32 window = tcp->snd_cwnd;

	atomic_add(&acknowledged, acked);
	if (window < tcp->snd_ssthresh) {
		window += acked;
		tcp->snd_cwnd = window;
	} else if (tcp->snd_cwnd_cnt + acked >= window) {
		tcp->snd_cwnd_cnt = 0;
		tcp->snd_cwnd = ++window;
	} else {
		tcp->snd_cwnd_cnt += acked;
	}

	if (window > largest_window)
		largest_window = window;
}

SEC("struct_ops/undo_cwnd")
__u32 window_before_loss(__u64 *arguments)
{
	return socket_of(arguments)->snd_cwnd;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops osmia_cc = {
	.name = "osmia_cc",
	.ssthresh = (void *)threshold_after_loss,
	.cong_avoid = (void *)grow_window,
	.undo_cwnd = (void *)window_before_loss,
};
