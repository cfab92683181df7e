// SPDX-License-Identifier: MIT
// Large programs for the verifier: unrolled parsing whose steps leave different ranges behind, a loop walked round by round with
// decisions inside, and paths that never meet again in the same state. They are only loaded.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct option {
	__u8 kind;
	__u8 length;
};

/* Options of variable length: each step moves by what the packet says. */
SEC("xdp")
int options(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 offset = 14 + 20;
	__u64 seen = 0;

#pragma unroll
	for (int i = 0; i < 40; i++) {
		struct option *option = data + (offset & 0xfff);
		if ((void *)(option + 1) > end)
			break;
		if (option->kind == 0)
			break;
		if (option->kind == 1) {
			offset++;
			continue;
		}
		if (option->length < 2)
			return XDP_DROP;
		if (option->kind < 64)
			seen |= 1ull << option->kind;
		offset += option->length;
	}

	__u32 key = seen & 63;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		*count += 1;
	return XDP_PASS;
}

/* A loop the verifier walks round by round, with decisions inside. */
SEC("xdp")
int bounded(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 state = 0, sum = 0;

	for (int i = 0; i < 1200; i++) {
		__u8 *byte = data + i;
		if ((void *)(byte + 1) > end)
			break;
		switch (state) {
		case 0:
			state = *byte == ':' ? 1 : 0;
			break;
		case 1:
			state = *byte == ' ' ? 1 : 2;
			break;
		case 2:
			if (*byte == '\r')
				state = 3;
			else
				sum = sum * 31 + *byte;
			break;
		default:
			state = 0;
			break;
		}
	}

	__u32 key = sum & 63;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		*count += 1;
	return XDP_PASS;
}

/* Paths that differ in what they know, and never meet again in the same state: most states miss. */
SEC("tc")
int diamonds(struct __sk_buff *skb)
{
	__u64 table[16] = {};
	__u32 index = 0;

#pragma unroll
	for (int i = 0; i < 14; i++) {
		__u32 bit = (skb->mark >> i) & 1;
		if (bit)
			index += i + 1;
		else
			index += 1;
		table[index & 15] = skb->len;
	}

	return table[skb->ifindex & 15] & 1;
}
