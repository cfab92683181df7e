// SPDX-License-Identifier: MIT
// Calls that a kernel accepts, in an order that shows where a linker puts each function.
#include "../../Objects/Sources/bpf.h"

struct { __uint(type, 2); __uint(max_entries, 2); __type(key, int); __type(value, __u64); } counts SEC(".maps");

static noinline __u64 leaf(__u64 n)
{
	asm volatile("" : "+r"(n));
	return n + 1;
}

noinline __u64 middle(__u64 n)
{
	asm volatile("" : "+r"(n));
	return leaf(n) + n;
}

noinline __u64 shared(__u64 n)
{
	asm volatile("" : "+r"(n));
	return middle(n) + leaf(n);
}

static int each(__u32 index, void *context)
{
	*(__u64 *)context += shared(index);
	return 0;
}

SEC("tc") int first(void *ctx)
{
	return leaf(1) + shared(2);
}

SEC("tc") int second(void *ctx)
{
	__u64 sum = 0;
	int key = 0;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	bpf_loop(4, each, &sum, 0);
	if (count)
		*count += shared(sum) + middle(1);
	return 0;
}

SEC("xdp") int third(void *ctx)
{
	return 2;
}

char LICENSE[] SEC("license") = "GPL";
