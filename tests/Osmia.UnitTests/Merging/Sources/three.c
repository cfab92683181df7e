// SPDX-License-Identifier: MIT
// A third voice: weak definitions that come too late, and a hidden function.
#include "merge.h"

extern struct shared_map shared SEC(".maps");
extern int pick(int value);

struct record { int pid; __u64 time; } __attribute__((preserve_access_index));

int level __weak = 9;
static int calls = 9;
const volatile __u64 limits[2] SEC(".rodata.limits") = { 1, 2 };

__weak noinline int keep(int value)
{
	volatile int result = value + 200;
	return result;
}

__hidden noinline int quiet(int value)
{
	volatile int result = value + calls++;
	return result;
}

SEC("socket") int three(void *ctx)
{
	__u32 key = 3;

	bpf_trace_printk("text of three", 14, 0);
	return !!bpf_map_lookup_elem(&shared, &key) + keep(1) + quiet(2) + pick(3) + level + limits[key & 1]
		+ __builtin_preserve_field_info(((struct record *)0)->time, 1);
}

char LICENSE[] SEC("license") = "GPL";
