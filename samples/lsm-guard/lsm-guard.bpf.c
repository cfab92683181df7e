// SPDX-License-Identifier: MIT
// A security module of a few lines: refuses opening files of one name, to one process or to all.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define NAME_LENGTH 32
#define EPERM 1

const volatile char refuse_name[NAME_LENGTH] = ""; // the last part of a path; none when empty
const volatile __u32 targ_pid = 0; // only this process; 0 for all

// Records lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

struct qstr {
	const unsigned char *name;
} core_struct;

struct dentry {
	struct qstr d_name;
} core_struct;

struct path {
	struct dentry *dentry;
} core_struct;

struct file {
	struct path f_path;
} core_struct;

struct refusal {
	__u32 pid;
	char comm[TASK_COMM_LEN];
	char name[NAME_LENGTH];
};

EVENT_TYPE(refusal);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps") __tag("osmia:event=refusal");

static __always_inline bool is_refused(const char *name)
{
	if (refuse_name[0] == 0)
		return false;

	for (int i = 0; i < NAME_LENGTH; i++) {
		if (name[i] != refuse_name[i])
			return false;
		if (name[i] == 0)
			return true;
	}

	return true;
}

// Asked after the kernel's own checks; what is returned is what open(2) answers.
SEC("lsm/file_open")
int guard_open(__u64 *arguments)
{
	struct file *file = (struct file *)arguments[0];
	char name[NAME_LENGTH] = {};
	struct refusal *event;

	if (targ_pid != 0 && targ_pid != current_tgid())
		return 0;

	bpf_probe_read_kernel_str(name, sizeof(name), file->f_path.dentry->d_name.name);
	if (!is_refused(name))
		return 0;

	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		event->pid = current_tgid();
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		__builtin_memcpy(event->name, name, sizeof(name));
		bpf_ringbuf_submit(event, 0);
	} else {
		atomic_add(&lost, 1);
	}

	return -EPERM;
}
