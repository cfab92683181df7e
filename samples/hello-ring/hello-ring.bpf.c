// SPDX-License-Identifier: MIT
// Greets every call of execve through a ring buffer, with a message of the user's own if the config map holds one.
#include "hello.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Greet only this process; 0 greets all.
const volatile __u32 targ_pid = 0;

// Greetings lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} output SEC(".maps") __tag("osmia:event=hello_event");

EVENT_TYPE(hello_event);

SEC("tp/syscalls/sys_enter_execve")
int hello(void *ctx)
{
	if (targ_pid != 0 && targ_pid != current_tgid())
		return 0;

	struct hello_event *event = bpf_ringbuf_reserve(&output, sizeof(*event), 0);

	if (!event) {
		atomic_add(&lost, 1);
		return 0;
	}

	fill_hello(event);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
