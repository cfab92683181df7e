// SPDX-License-Identifier: MIT
// Counts which instruction each CPU was at, sample by sample: a profile without stacks.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Count only this process; 0 counts all, and the idle CPU.
const volatile __u32 targ_pid = 0;

// Samples not counted because a map was full.
__u64 lost __tag("osmia:lost") = 0;

struct kernel_ip {
	__u64 ip __tag("osmia:ksym");
};

struct user_ip {
	__u32 pid;
	__u32 pad __tag("osmia:skip");
	__u64 ip __tag("osmia:usym");
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct kernel_ip);
	__type(value, __u64);
} kernel_ips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct user_ip);
	__type(value, __u64);
} user_ips SEC(".maps");

static __always_inline void count(void *map, const void *key)
{
	__u64 *count = bpf_map_lookup_elem(map, key);

	if (!count) {
		__u64 none = 0;

		bpf_map_update_elem(map, key, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(map, key);
	}

	if (count)
		atomic_add(count, 1);
	else
		atomic_add(&lost, 1);
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	__u32 tgid = current_tgid();
	__u64 ip = ctx->regs.ip;

	if (targ_pid != 0 && targ_pid != tgid)
		return 0;

	// The kernel lives in the upper half of the address space.
	if ((__s64)ip < 0) {
		struct kernel_ip key = { .ip = ip };

		count(&kernel_ips, &key);
	} else {
		struct user_ip key = { .pid = tgid, .ip = ip };

		count(&user_ips, &key);
	}

	return 0;
}
