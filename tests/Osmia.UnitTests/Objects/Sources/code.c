// SPDX-License-Identifier: MIT
// Functions in every place a compiler puts them: static and global, called within a section, across sections, by address.
#include "bpf.h"

static noinline int twice(int n)
{
	asm volatile("" : "+r"(n));
	return n * 2;
}

noinline int thrice(int n)
{
	asm volatile("" : "+r"(n));
	return twice(n) + n;
}

__attribute__((weak)) noinline int perhaps(int n)
{
	asm volatile("" : "+r"(n));
	return n + 1;
}

static int each(__u32 index, void *context)
{
	*(__u64 *)context += thrice(index);
	return 0;
}

SEC("tc") int beside(void *ctx)
{
	return thrice(1);
}

SEC("tc") int entry(void *ctx)
{
	__u64 sum = 0;

	bpf_loop(4, each, &sum, 0);
	return sum + perhaps(2) + twice(3);
}

SEC("?xdp") int left_out(void *ctx)
{
	return 2;
}

char LICENSE[] SEC("license") = "GPL";
