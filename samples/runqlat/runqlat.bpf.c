// SPDX-License-Identifier: MIT
// How long threads that could run waited for a CPU, as a histogram.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 targ_tgid = 0; // only threads of this process; 0 for all
const volatile bool targ_ms = false; // milliseconds instead of microseconds
const volatile bool targ_per_process = false; // one histogram for each process

// Waits not measured because a map was full.
__u64 lost __tag("osmia:lost") = 0;

struct process {
	__u32 tgid; // 0: all processes together
};

struct waits {
	__u32 slots[26];
	char comm[TASK_COMM_LEN];
};

// When each waiting thread became ready, by thread.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} ready_since SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process);
	__type(value, struct waits);
} run_queue SEC(".maps");

static __always_inline void becomes_ready(struct task_struct *task)
{
	__u32 pid = task->pid;
	__u64 now = bpf_ktime_get_ns();

	// pid 0 is the idle thread of each CPU, which never waits.
	if (pid == 0 || (targ_tgid != 0 && targ_tgid != (__u32)task->tgid))
		return;
	if (bpf_map_update_elem(&ready_since, &pid, &now, BPF_ANY))
		atomic_add(&lost, 1);
}

static __always_inline bool wants_to_run(struct task_struct *task)
{
	if (core_has(task->__state))
		return task->__state == TASK_RUNNING;

	return ((struct task_struct___before_5_14 *)task)->state == TASK_RUNNING;
}

static __always_inline void gets_cpu(struct task_struct *task)
{
	__u32 pid = task->pid;
	__u64 *since = bpf_map_lookup_elem(&ready_since, &pid);

	if (!since)
		return;

	__s64 wait = bpf_ktime_get_ns() - *since;

	bpf_map_delete_elem(&ready_since, &pid);
	if (wait < 0) // the clocks of two CPUs may differ by a little
		return;

	struct process process = { .tgid = targ_per_process ? task->tgid : 0 };
	struct waits *waits = bpf_map_lookup_elem(&run_queue, &process);

	if (!waits) {
		struct waits none = {};

		if (targ_per_process)
			bpf_probe_read_kernel_str(none.comm, sizeof(none.comm), task->comm);
		bpf_map_update_elem(&run_queue, &process, &none, BPF_NOEXIST);
		waits = bpf_map_lookup_elem(&run_queue, &process);
		if (!waits) {
			atomic_add(&lost, 1);
			return;
		}
	}

	count_in_slot(waits->slots, (__u64)wait / (targ_ms ? 1000000 : 1000));
}

SEC("tp_btf/sched_wakeup")
int wakeup(__u64 *ctx)
{
	becomes_ready(trace_arg(ctx, 0, struct task_struct *));
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int wakeup_new(__u64 *ctx)
{
	becomes_ready(trace_arg(ctx, 0, struct task_struct *));
	return 0;
}

SEC("tp_btf/sched_switch")
int switch_threads(__u64 *ctx)
{
	bool is_preempted = trace_arg(ctx, 0, bool);
	struct task_struct *previous = trace_arg(ctx, 1, struct task_struct *);
	struct task_struct *next = trace_arg(ctx, 2, struct task_struct *);

	// A thread that loses the CPU without going to sleep waits from now on.
	if (is_preempted || wants_to_run(previous))
		becomes_ready(previous);

	gets_cpu(next);
	return 0;
}
