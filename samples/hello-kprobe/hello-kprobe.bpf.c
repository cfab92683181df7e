// SPDX-License-Identifier: MIT
// Counts how often each program removes a file: a probe on a function of the kernel, and one on its return.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 targ_pid = 0; // count only this process; 0 for all

struct caller {
	char comm[TASK_COMM_LEN];
};

struct outcome {
	__u64 tried;
	__u64 failed;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct caller);
	__type(value, struct outcome);
} removals SEC(".maps");

static __always_inline struct outcome *outcome_of_caller(void)
{
	struct caller caller = {};
	struct outcome none = {};

	if (targ_pid != 0 && targ_pid != current_tgid())
		return NULL;

	bpf_get_current_comm(caller.comm, sizeof(caller.comm));
	bpf_map_update_elem(&removals, &caller, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&removals, &caller);
}

SEC("kprobe/vfs_unlink")
int remove_begins(struct pt_regs *ctx)
{
	struct outcome *outcome = outcome_of_caller();

	if (outcome)
		atomic_add(&outcome->tried, 1);
	return 0;
}

SEC("kretprobe/vfs_unlink")
int remove_ends(struct pt_regs *ctx)
{
	struct outcome *outcome = (int)ctx->ax != 0 ? outcome_of_caller() : NULL;

	if (outcome)
		atomic_add(&outcome->failed, 1);
	return 0;
}
