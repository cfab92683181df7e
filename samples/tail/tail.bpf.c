// SPDX-License-Identifier: MIT
// One program looks at a frame and hands it to the program for its protocol, through a program array.
//
// `dispatch` is the entry; the others run only by tail call, which does not come back. Where the array has no program,
// the call fails and `dispatch` goes on.
#include "osmia_packet.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Places in the program array and in the counters.
enum slot {
	SLOT_TCP = 0,
	SLOT_UDP = 1,
	SLOT_ICMP = 2,
	SLOT_ICMPV6 = 3, // no program: falls through
	SLOT_NONE = 4, // not asked for: another protocol, or no transport header to read
	SLOT_FELL_THROUGH = 5,
	SLOT_TCP_SYN = 6, // counted in SLOT_TCP too
	SLOT_COUNT = 7,
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOT_COUNT);
	__type(key, __u32);
	__type(value, struct traffic);
} counts SEC(".maps");

int handle_tcp(struct xdp_md *ctx);
int handle_udp(struct xdp_md *ctx);
int handle_icmp(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} handlers SEC(".maps") = {
	.values = {
		[SLOT_TCP] = (void *)&handle_tcp,
		[SLOT_UDP] = (void *)&handle_udp,
		[SLOT_ICMP] = (void *)&handle_icmp,
	},
};

static __always_inline int count(struct xdp_md *ctx, __u32 slot)
{
	struct traffic *traffic = bpf_map_lookup_elem(&counts, &slot);

	if (traffic) {
		traffic->packets++;
		traffic->bytes += frame_length(ctx);
	}

	return XDP_PASS;
}

SEC("xdp")
int dispatch(struct xdp_md *ctx)
{
	struct packet packet = {};

	read_packet(ctx, &packet);
	if (!packet.has_transport)
		return count(ctx, SLOT_NONE);

	if (packet.protocol == IPPROTO_TCP)
		bpf_tail_call(ctx, &handlers, SLOT_TCP);
	else if (packet.protocol == IPPROTO_UDP)
		bpf_tail_call(ctx, &handlers, SLOT_UDP);
	else if (packet.protocol == IPPROTO_ICMP)
		bpf_tail_call(ctx, &handlers, SLOT_ICMP);
	else if (packet.protocol == IPPROTO_ICMPV6)
		bpf_tail_call(ctx, &handlers, SLOT_ICMPV6);

	return count(ctx, SLOT_FELL_THROUGH);
}

// Nothing but the context survives a tail call: this program reads the frame again.
SEC("xdp")
int handle_tcp(struct xdp_md *ctx)
{
	struct packet packet = {};

	read_packet(ctx, &packet);
	if ((packet.tcp_flags & 0x12) == 0x02) // SYN without ACK: somebody opens a connection
		count(ctx, SLOT_TCP_SYN);
	return count(ctx, SLOT_TCP);
}

SEC("xdp")
int handle_udp(struct xdp_md *ctx)
{
	return count(ctx, SLOT_UDP);
}

SEC("xdp")
int handle_icmp(struct xdp_md *ctx)
{
	return count(ctx, SLOT_ICMP);
}
