// SPDX-License-Identifier: MIT
// Reports every file that is opened: by whom, how, and with what result.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 targ_pid = 0; // only this process; 0 for all
const volatile bool targ_failed = false; // only calls that failed

// Records lost because the buffer was full or too many calls were under way.
__u64 lost __tag("osmia:lost") = 0;

#define PATH_LENGTH 256

struct open_event {
	__u32 pid;
	__u32 uid;
	__s32 ret; // file descriptor, or a negative errno
	__u32 flags __tag("osmia:hex");
	char comm[TASK_COMM_LEN];
	char path[PATH_LENGTH];
};

EVENT_TYPE(open_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps") __tag("osmia:event=open_event");

struct call {
	__u64 path __tag("osmia:hex"); // address in the caller's memory
	__u32 flags __tag("osmia:hex");
	__u32 pad __tag("osmia:skip");
};

// Calls under way, by thread.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct call);
} calls SEC(".maps");

// What openat2 takes instead of flags; further members follow.
struct open_how {
	__u64 flags;
};

static __always_inline int begin(unsigned long path, __u32 flags)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call call = { .path = path, .flags = flags };

	if (targ_pid != 0 && targ_pid != current_tgid())
		return 0;
	if (bpf_map_update_elem(&calls, &tid, &call, BPF_ANY))
		atomic_add(&lost, 1);
	return 0;
}

// The path is read here and not in begin(): by now the kernel has read it too, so its page is in memory.
static __always_inline int end(long ret)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &tid);

	if (!call)
		return 0;

	if (!targ_failed || ret < 0) {
		struct open_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

		if (event) {
			__builtin_memset(event->path, 0, sizeof(event->path));
			event->pid = current_tgid();
			event->uid = current_uid();
			event->ret = ret;
			event->flags = call->flags;
			bpf_get_current_comm(event->comm, sizeof(event->comm));
			bpf_probe_read_user_str(event->path, sizeof(event->path), (const void *)call->path);
			bpf_ringbuf_submit(event, 0);
		} else {
			atomic_add(&lost, 1);
		}
	}

	bpf_map_delete_elem(&calls, &tid);
	return 0;
}

SEC("tp/syscalls/sys_enter_open")
int enter_open(struct trace_event_raw_sys_enter *ctx)
{
	return begin(ctx->args[0], ctx->args[1]);
}

SEC("tp/syscalls/sys_exit_open")
int exit_open(struct trace_event_raw_sys_exit *ctx)
{
	return end(ctx->ret);
}

SEC("tp/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	return begin(ctx->args[1], ctx->args[2]);
}

SEC("tp/syscalls/sys_exit_openat")
int exit_openat(struct trace_event_raw_sys_exit *ctx)
{
	return end(ctx->ret);
}

SEC("tp/syscalls/sys_enter_openat2")
int enter_openat2(struct trace_event_raw_sys_enter *ctx)
{
	struct open_how how = {};

	bpf_probe_read_user(&how, sizeof(how), (const void *)ctx->args[2]);
	return begin(ctx->args[1], how.flags);
}

SEC("tp/syscalls/sys_exit_openat2")
int exit_openat2(struct trace_event_raw_sys_exit *ctx)
{
	return end(ctx->ret);
}
