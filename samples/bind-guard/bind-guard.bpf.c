// SPDX-License-Identifier: MIT
// Lets a cgroup's processes bind to ports of a range only, and reports every attempt.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u16 lowest_port = 1024;
const volatile __u16 highest_port = 65535;

// Records lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

enum verdict {
	REFUSED = 0,
	ALLOWED = 1,
};

struct bind_event {
	__u32 pid;
	char comm[TASK_COMM_LEN];
	__be32 addr __tag("osmia:ip4");
	__be16 port __tag("osmia:port");
	__u16 pad __tag("osmia:skip");
	enum verdict verdict;
};

EVENT_TYPE(bind_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps") __tag("osmia:event=bind_event");

SEC("cgroup/bind4")
int guard_bind(struct bpf_sock_addr *ctx)
{
	__be16 wire_port = ctx->user_port;
	__u16 port = bpf_ntohs(wire_port);

	// Port 0 leaves the choice to the kernel.
	enum verdict verdict = port == 0 || (port >= lowest_port && port <= highest_port) ? ALLOWED : REFUSED;
	struct bind_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (event) {
		event->pid = current_tgid();
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		event->addr = ctx->user_ip4;
		event->port = wire_port;
		event->pad = 0;
		event->verdict = verdict;
		bpf_ringbuf_submit(event, 0);
	} else {
		atomic_add(&lost, 1);
	}

	return verdict; // 0 makes bind fail with EPERM
}
