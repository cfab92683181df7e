// SPDX-License-Identifier: MIT
// Counts how often each user asks for a program to be run.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Count only this process; 0 counts all.
const volatile __u32 targ_pid = 0;

struct user {
	__u32 uid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct user);
	__type(value, __u64);
} execs SEC(".maps");

SEC("tp/syscalls/sys_enter_execve")
int count_exec(void *ctx)
{
	if (targ_pid != 0 && targ_pid != current_tgid())
		return 0;

	struct user user = { .uid = current_uid() };
	__u64 *count = bpf_map_lookup_elem(&execs, &user);

	if (!count) {
		__u64 none = 0;

		bpf_map_update_elem(&execs, &user, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&execs, &user);
	}

	if (count)
		atomic_add(count, 1);
	return 0;
}
