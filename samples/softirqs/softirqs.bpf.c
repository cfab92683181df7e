// SPDX-License-Identifier: MIT
// Counts the kernel's soft interrupts by kind and the time they took.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile bool targ_dist = false; // also a histogram of times for each kind
const volatile bool targ_ns = false; // the histogram in nanoseconds instead of microseconds

// In the kernel's order, which is also that of the lines of /proc/softirqs.
enum softirq {
	HI,
	TIMER,
	NET_TX,
	NET_RX,
	BLOCK,
	IRQ_POLL,
	TASKLET,
	SCHED,
	HRTIMER,
	RCU,
};

struct total {
	__u64 count;
	__u64 time __tag("osmia:ns");
};

struct histogram {
	__u32 slots[32];
};

// When the soft interrupt that runs on this CPU began; they do not nest.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, enum softirq);
	__type(value, struct total);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, enum softirq);
	__type(value, struct histogram);
} times SEC(".maps");

SEC("tp_btf/softirq_entry")
int enter_softirq(__u64 *ctx)
{
	__u32 zero = 0;
	__u64 *start = bpf_map_lookup_elem(&started, &zero);

	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/softirq_exit")
int exit_softirq(__u64 *ctx)
{
	__u32 zero = 0;
	__u64 *start = bpf_map_lookup_elem(&started, &zero);
	enum softirq kind = trace_arg(ctx, 0, __u32);

	if (!start || *start == 0)
		return 0; // began before this program was attached

	__u64 time = bpf_ktime_get_ns() - *start;

	*start = 0;

	struct total *total = bpf_map_lookup_elem(&totals, &kind);

	if (!total) {
		struct total none = {};

		bpf_map_update_elem(&totals, &kind, &none, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&totals, &kind);
	}

	if (total) {
		atomic_add(&total->count, 1);
		atomic_add(&total->time, time);
	}

	if (targ_dist) {
		struct histogram *histogram = bpf_map_lookup_elem(&times, &kind);

		if (!histogram) {
			struct histogram none = {};

			bpf_map_update_elem(&times, &kind, &none, BPF_NOEXIST);
			histogram = bpf_map_lookup_elem(&times, &kind);
		}

		if (histogram)
			count_in_slot(histogram->slots, targ_ns ? time : time / 1000);
	}

	return 0;
}
