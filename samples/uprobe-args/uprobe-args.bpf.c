// SPDX-License-Identifier: MIT
// Shows the arguments and the result of a function of a program, without a change to the program.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Records lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

struct call_event {
	__u32 pid;
	__s32 apples;
	__s32 pears;
	__s32 result;
	char label[16];
};

EVENT_TYPE(call_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps") __tag("osmia:event=call_event");

// Calls under way, by thread: arguments are seen at the start, the result at the end.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct call_event);
} calls SEC(".maps");

// The first three arguments stand in rdi, rsi and rdx: the calling convention of x86-64.
SEC("uprobe/weigh")
int call_begins(struct pt_regs *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call_event call = { .pid = thread >> 32, .apples = ctx->di, .pears = ctx->si };

	bpf_probe_read_user_str(call.label, sizeof(call.label), (void *)ctx->dx);
	bpf_map_update_elem(&calls, &thread, &call, BPF_ANY);
	return 0;
}

SEC("uretprobe/weigh")
int call_ends(struct pt_regs *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call_event *call = bpf_map_lookup_elem(&calls, &thread);
	struct call_event *event;

	if (!call)
		return 0;

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		*event = *call;
		event->result = ctx->ax;
		bpf_ringbuf_submit(event, 0);
	} else {
		atomic_add(&lost, 1);
	}

	bpf_map_delete_elem(&calls, &thread);
	return 0;
}
