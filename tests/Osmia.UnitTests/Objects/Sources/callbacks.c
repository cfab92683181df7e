// SPDX-License-Identifier: MIT
// How a kernel of our own has the callbacks of structops.c.
struct sock { int none; };
struct tcp_congestion_ops {
	long added;
	void (*init)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, unsigned ack, unsigned acked);
	unsigned (*ssthresh)(struct sock *sk);
	unsigned (*undo_cwnd)(struct sock *sk);
	unsigned flags;
	char name[16];
};
struct bpf_struct_ops_tcp_congestion_ops { int common; struct tcp_congestion_ops data; } value;
