// SPDX-License-Identifier: MIT
// Uses what two.c and three.c define, and defines weakly what they define better.
#include "merge.h"

extern struct shared_map shared SEC(".maps");
extern int total;
extern struct pair pair;
extern int add(int left, struct pair *right);
extern int LINUX_KERNEL_VERSION SEC(".kconfig");
extern _Bool CONFIG_MISSING_HERE SEC(".kconfig") __weak;

struct {
	__uint(type, 2);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} own SEC(".maps");

static int calls = 1;
const volatile int limit = 10;
int level __weak = 1;
int only_here __weak = 3;
char first_byte = 7;

static noinline int helper(int value)
{
	return value * 3 + calls;
}

__weak noinline int pick(int value)
{
	volatile int result = value + 1;
	return result;
}

__weak noinline int keep(int value)
{
	volatile int result = value + 100;
	return result;
}

static int each(__u32 index, void *context)
{
	return calls++ > limit;
}

SEC("socket") int one(void *ctx)
{
	__u32 key = limit;
	struct pair *found = bpf_map_lookup_elem(&shared, &key);

	bpf_map_lookup_elem(&own, &key);
	bpf_loop(4, each, 0, 0);
	if (!found)
		return helper(total) + level + only_here + LINUX_KERNEL_VERSION;
	found->first++;
	return add(helper(key), found) + pick(key) + keep(key) + pair.second + first_byte + CONFIG_MISSING_HERE;
}

char LICENSE[] SEC("license") = "GPL";
