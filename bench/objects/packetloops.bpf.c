// SPDX-License-Identifier: MIT
// The loops of loops.bpf.c over a packet, in a form that the verifier accepts: for the interpreter benchmark's verified column.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define WORDS 700

// Registers only: 1000 rounds of a 64-bit xorshift.
SEC("xdp")
int alu(struct xdp_md *context)
{
	__u64 x = context->rx_queue_index | 1;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 1000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x ^ x >> 32;
}

// One load for each two bytes: the checksum of RFC 1071.
SEC("xdp")
int checksum(struct xdp_md *context)
{
	const __u16 *words = (const __u16 *)(long)context->data;
	const void *end = (const void *)(long)context->data_end;
	__u32 sum = 0;

	if ((const void *)(words + WORDS) > end)
		return 0;
#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < WORDS; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~(sum + (sum >> 16));
}

// Branches and bytes: the 5-tuple of an IPv4 frame, hashed with FNV-1a.
SEC("xdp")
int parse(struct xdp_md *context)
{
	const __u8 *frame = (const __u8 *)(long)context->data;
	const __u8 *end = (const __u8 *)(long)context->data_end;
	__u64 hash = 0xcbf29ce484222325ULL;
	const __u8 *ports;

	if (frame + 38 > end || frame[12] != 8 || frame[13] != 0 || (frame[14] >> 4) != 4)
		return 0;
	ports = frame + 14 + (frame[14] & 15) * 4;
	if (ports + 4 > end || (frame[23] != 6 && frame[23] != 17))
		return 1;
#pragma clang loop unroll(disable)
	for (__u32 i = 26; i < 34; i++)
		hash = (hash ^ frame[i]) * 0x100000001b3ULL;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 4; i++)
		hash = (hash ^ ports[i]) * 0x100000001b3ULL;
	hash ^= frame[23];
	return hash ^ hash >> 32;
}
