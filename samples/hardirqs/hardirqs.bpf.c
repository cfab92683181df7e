// SPDX-License-Identifier: MIT
// Counts the interrupts of each device and the time their handlers took.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile bool targ_dist = false; // also a histogram of times for each handler
const volatile bool targ_ns = false; // the histogram in nanoseconds instead of microseconds

// Handler runs not counted because a map was full.
__u64 lost __tag("osmia:lost") = 0;

#define NAME_LENGTH 28

// One device of one line: several devices may share a line, and one device have several.
struct handler {
	__u32 irq;
	char name[NAME_LENGTH];
};

struct total {
	__u64 count;
	__u64 time __tag("osmia:ns");
};

struct histogram {
	__u32 slots[32];
};

// When the handler that runs on this CPU began; handlers do not nest.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct handler);
	__type(value, struct total);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct handler);
	__type(value, struct histogram);
} times SEC(".maps");

SEC("tp_btf/irq_handler_entry")
int enter_handler(__u64 *ctx)
{
	__u32 zero = 0;
	__u64 *start = bpf_map_lookup_elem(&started, &zero);

	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int exit_handler(__u64 *ctx)
{
	__u32 zero = 0;
	__u64 *start = bpf_map_lookup_elem(&started, &zero);
	struct irqaction *action = trace_arg(ctx, 1, struct irqaction *);
	struct handler handler = { .irq = trace_arg(ctx, 0, __u32) };

	if (!start || *start == 0)
		return 0; // began before this program was attached

	__u64 time = bpf_ktime_get_ns() - *start;

	*start = 0;
	bpf_probe_read_kernel_str(handler.name, sizeof(handler.name), action->name);

	struct total *total = bpf_map_lookup_elem(&totals, &handler);

	if (!total) {
		struct total none = {};

		bpf_map_update_elem(&totals, &handler, &none, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&totals, &handler);
		if (!total) {
			atomic_add(&lost, 1);
			return 0;
		}
	}

	atomic_add(&total->count, 1);
	atomic_add(&total->time, time);

	if (targ_dist) {
		struct histogram *histogram = bpf_map_lookup_elem(&times, &handler);

		if (!histogram) {
			struct histogram none = {};

			bpf_map_update_elem(&times, &handler, &none, BPF_NOEXIST);
			histogram = bpf_map_lookup_elem(&times, &handler);
		}

		if (histogram)
			count_in_slot(histogram->slots, targ_ns ? time : time / 1000);
	}

	return 0;
}
