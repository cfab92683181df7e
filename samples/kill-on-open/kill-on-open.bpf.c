// SPDX-License-Identifier: MIT
// Ends a process that opens a certain file, before the call does anything: bpf_send_signal.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static long (*const bpf_send_signal)(__u32 signal) = (void *)109;

#define PATH_LENGTH 64
#define SIGKILL 9

const volatile char guarded_path[PATH_LENGTH] = ""; // the file, as the program names it; none when empty
const volatile __u32 signal_number = SIGKILL;

// Records lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

struct open_event {
	__u32 pid;
	__u32 uid;
	char comm[TASK_COMM_LEN];
	char path[PATH_LENGTH];
};

EVENT_TYPE(open_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps") __tag("osmia:event=open_event");

static __always_inline bool is_the_path(const char *opened)
{
	if (guarded_path[0] == 0)
		return false;

	for (int i = 0; i < PATH_LENGTH; i++) {
		if (opened[i] != guarded_path[i])
			return false;
		if (guarded_path[i] == 0)
			return true;
	}

	return true;
}

SEC("tp/syscalls/sys_enter_openat")
int guard_open(struct trace_event_raw_sys_enter *ctx)
{
	char opened[PATH_LENGTH] = {};
	struct open_event *event;

	bpf_probe_read_user_str(opened, sizeof(opened), (void *)ctx->args[1]);
	if (!is_the_path(opened))
		return 0;

	bpf_send_signal(signal_number);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		atomic_add(&lost, 1);
		return 0;
	}

	event->pid = current_tgid();
	event->uid = current_uid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	__builtin_memcpy(event->path, opened, sizeof(opened));
	bpf_ringbuf_submit(event, 0);
	return 0;
}
