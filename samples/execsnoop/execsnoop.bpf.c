// SPDX-License-Identifier: MIT
// Reports every program that starts: who started it, what it is, and with which arguments.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 targ_ppid = 0; // only children of this process; 0 for all
const volatile __s32 targ_uid = -1; // only this user; -1 for all
const volatile __u64 targ_cgroup = 0; // only this cgroup v2 directory (its inode number); 0 for all
const volatile bool targ_with_failed = false; // also attempts that failed: ret holds the negative errno

// Records lost because the buffer was full or too many calls were under way.
__u64 lost __tag("osmia:lost") = 0;

#define FILENAME_LENGTH 128
#define ARGS_LENGTH 256

struct exec_event {
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	__s32 ret;
	char comm[TASK_COMM_LEN];
	char filename[FILENAME_LENGTH];
	char args[ARGS_LENGTH]; // separated by spaces; a longer list is cut
};

EVENT_TYPE(exec_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps") __tag("osmia:event=exec_event");

struct attempt {
	char filename[FILENAME_LENGTH];
};

// Calls under way, by process: an exec ends all other threads, and the one that called comes back as the leader.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct attempt);
} attempts SEC(".maps");

static __always_inline __u32 parent_tgid(struct task_struct *task)
{
	struct task_struct *parent = core_read(task, real_parent);

	return core_read(parent, tgid);
}

static __always_inline bool is_wanted(struct task_struct *task)
{
	if (targ_uid != -1 && (__u32)targ_uid != current_uid())
		return false;
	if (targ_cgroup != 0 && targ_cgroup != bpf_get_current_cgroup_id())
		return false;
	if (targ_ppid != 0 && targ_ppid != parent_tgid(task))
		return false;
	return true;
}

static __always_inline int begin(const char *filename)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct attempt attempt = {};
	__u32 tgid = current_tgid();

	if (!is_wanted(task))
		return 0;

	// The page may not be in memory yet; then end() finds the name where the kernel put a copy.
	bpf_probe_read_user_str(attempt.filename, sizeof(attempt.filename), filename);
	if (bpf_map_update_elem(&attempts, &tgid, &attempt, BPF_ANY))
		atomic_add(&lost, 1);
	return 0;
}

// On success the kernel has just laid out the new program's stack: the arguments from arg_start to arg_end, each ended
// by a zero byte, and above the environment the name of the file. Those pages are in memory.
static __always_inline void read_new_program(struct exec_event *event, struct task_struct *task)
{
	struct mm_struct *mm = core_read(task, mm);
	unsigned long start = core_read(mm, arg_start);
	unsigned long length = core_read(mm, arg_end) - start;

	if (event->filename[0] == 0) {
		const char *name = (const char *)core_read(mm, env_end);

		bpf_probe_read_user_str(event->filename, sizeof(event->filename), name);
	}

	if (length > ARGS_LENGTH)
		length = ARGS_LENGTH;
	if (length == 0 || bpf_probe_read_user(event->args, length, (const void *)start))
		return;

	// The last zero byte stays, or is put in the place of the last character kept.
	for (__u32 i = 0; i < ARGS_LENGTH - 1; i++) {
		if (i + 1 >= length)
			break;
		if (event->args[i] == 0)
			event->args[i] = ' ';
	}

	event->args[ARGS_LENGTH - 1] = 0;
}

static __always_inline int end(long ret)
{
	__u32 tgid = current_tgid();
	struct attempt *attempt = bpf_map_lookup_elem(&attempts, &tgid);

	if (!attempt)
		return 0;

	if (ret >= 0 || targ_with_failed) {
		struct exec_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

		if (event) {
			struct task_struct *task = (struct task_struct *)bpf_get_current_task();

			__builtin_memset(event, 0, sizeof(*event));
			event->pid = tgid;
			event->ppid = parent_tgid(task);
			event->uid = current_uid();
			event->ret = ret;
			bpf_get_current_comm(event->comm, sizeof(event->comm));
			__builtin_memcpy(event->filename, attempt->filename, sizeof(event->filename));
			if (ret >= 0)
				read_new_program(event, task);
			bpf_ringbuf_submit(event, 0);
		} else {
			atomic_add(&lost, 1);
		}
	}

	bpf_map_delete_elem(&attempts, &tgid);
	return 0;
}

SEC("tp/syscalls/sys_enter_execve")
int enter_execve(struct trace_event_raw_sys_enter *ctx)
{
	return begin((const char *)ctx->args[0]);
}

SEC("tp/syscalls/sys_exit_execve")
int exit_execve(struct trace_event_raw_sys_exit *ctx)
{
	return end(ctx->ret);
}

SEC("tp/syscalls/sys_enter_execveat")
int enter_execveat(struct trace_event_raw_sys_enter *ctx)
{
	return begin((const char *)ctx->args[1]);
}

SEC("tp/syscalls/sys_exit_execveat")
int exit_execveat(struct trace_event_raw_sys_exit *ctx)
{
	return end(ctx->ret);
}
