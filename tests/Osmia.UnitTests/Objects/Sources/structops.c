// SPDX-License-Identifier: MIT
// Callbacks of TCP congestion control, in an order of their own: members are found by name.
#include "bpf.h"

struct sock { int none; };
struct tcp_congestion_ops {
	char name[16];
	unsigned (*ssthresh)(struct sock *sk);
	unsigned (*undo_cwnd)(struct sock *sk);
	void (*init)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 not_in_any_kernel;
	__u32 flags;
};

__u64 calls;

SEC("struct_ops/ssthresh") unsigned osmia_ssthresh(__u64 *arguments)
{
	calls++;
	return 2;
}

SEC("struct_ops/undo_cwnd") unsigned osmia_undo(__u64 *arguments)
{
	return 2;
}

SEC("struct_ops/init") void osmia_init(__u64 *arguments)
{
	calls += 1000;
}

SEC("struct_ops/cong_avoid") void osmia_avoid(__u64 *arguments)
{
	calls++;
}

SEC("?struct_ops/cong_avoid") void osmia_unused(__u64 *arguments)
{
}

SEC(".struct_ops.link") struct tcp_congestion_ops osmia_linked = {
	.name = "osmia_linked",
	.ssthresh = (void *)osmia_ssthresh,
	.undo_cwnd = (void *)osmia_undo,
	.init = (void *)osmia_init,
	.cong_avoid = (void *)osmia_avoid,
};

SEC(".struct_ops") struct tcp_congestion_ops osmia_written = {
	.name = "osmia_written",
	.ssthresh = (void *)osmia_ssthresh,
	.undo_cwnd = (void *)osmia_undo,
	.cong_avoid = (void *)osmia_avoid,
};

SEC("?.struct_ops.link") struct tcp_congestion_ops osmia_optional = {
	.name = "osmia_optional",
	.ssthresh = (void *)osmia_ssthresh,
	.undo_cwnd = (void *)osmia_undo,
	.cong_avoid = (void *)osmia_unused,
};

char LICENSE[] SEC("license") = "GPL";
