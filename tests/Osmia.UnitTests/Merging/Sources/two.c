// SPDX-License-Identifier: MIT
// Defines functions and variables that one.c uses; has static names of its own that are the same.
#include "merge.h"

extern struct shared_map shared SEC(".maps");
extern int LINUX_KERNEL_VERSION SEC(".kconfig");
extern unsigned long CONFIG_HZ SEC(".kconfig") __weak;
extern char first_byte;

static __u64 calls = 5;
int total = 42;
struct pair pair = { 1, 2 };
int level = 2;
static char buffer[24];

static noinline int helper(int value)
{
	return value * 5 + calls;
}

noinline int add(int left, struct pair *right)
{
	if (!right)
		return 0;
	calls++;
	return helper(left) + right->first + first_byte;
}

noinline int pick(int value)
{
	volatile int result = value + 2;
	return result;
}

SEC("socket") int two(void *ctx)
{
	__u32 key = 3;
	struct pair *found = bpf_map_lookup_elem(&shared, &key);

	buffer[key & 7]++;
	bpf_trace_printk("text of two %d", 15, level);
	return found ? add(key, found) + level + buffer[1] : LINUX_KERNEL_VERSION + CONFIG_HZ;
}

char _license[] SEC("license") = "GPL";
