// SPDX-License-Identifier: MIT
// The twin of hello-ring for kernels before 5.8: the same greeting through a perf buffer, one buffer per CPU.
#include "hello.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Greet only this process; 0 greets all.
const volatile __u32 targ_pid = 0;

// Greetings lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} output SEC(".maps") __tag("osmia:event=hello_event");

EVENT_TYPE(hello_event);

SEC("tp/syscalls/sys_enter_execve")
int hello(void *ctx)
{
	struct hello_event event = {};

	if (targ_pid != 0 && targ_pid != current_tgid())
		return 0;

	fill_hello(&event);
	if (bpf_perf_event_output(ctx, &output, BPF_F_CURRENT_CPU, &event, sizeof(event)))
		atomic_add(&lost, 1);
	return 0;
}
