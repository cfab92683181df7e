// SPDX-License-Identifier: MIT
// Maps of before BTF: the five common numbers, the same in a section of its own, and iproute2's longer form with tail calls.
#include "bpf.h"

struct plain { __u32 type, key_size, value_size, max_entries, flags; };
struct iproute2 { __u32 type, key_size, value_size, max_entries, flags, id, pinning, inner_id, inner_index; };
struct pair { int number; __u64 value; };

struct plain SEC("maps") counts = { 2, 4, 8, 16, 0 };
struct plain SEC("maps/own") own = { 1, 4, sizeof(struct pair), 32, 1 };

struct iproute2 SEC("maps") shared = { 1, 8, 4, 64, 0, 0, 2, 0, -1 };
struct iproute2 SEC("maps") inner = { 2, 4, 4, 1, 0, 17, 0, 0, 3 };
struct iproute2 SEC("maps") outer = { 12, 4, 4, 8, 0, 18, 0, 17, -1 };
struct iproute2 SEC("maps") jumps = { 3, 4, 4, 4, 0, 5, 0, 0, -1 };

/* BPF_ANNOTATE_KV_PAIR */
struct ____btf_map_own { int key; struct pair value; };
struct ____btf_map_own SEC(".maps.own") ____btf_map_own = {};

SEC("classifier") int entry(void *ctx)
{
	int key = 1;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	struct pair *pair = bpf_map_lookup_elem(&own, &key);

	if (count)
		*count += 1;
	if (pair)
		pair->number++;
	bpf_tail_call(ctx, &jumps, 2);
	return 0;
}

SEC("5/2") int second(void *ctx)
{
	int key = 3;
	void *map = bpf_map_lookup_elem(&outer, &key);

	return map ? 42 : 1;
}

SEC("5/0x3") int third(void *ctx)
{
	return 43;
}

char LICENSE[] SEC("license") = "GPL";
