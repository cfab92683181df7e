// SPDX-License-Identifier: MIT
// Refuses IPv4 connections of a cgroup's processes to the ports in a map, and reports every attempt.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Put into the map at the first attempt to reach it; 0 for none. (The map may be filled and changed at any time.)
const volatile __u16 refuse_port = 0;

// Records lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

enum verdict {
	REFUSED = 0,
	ALLOWED = 1,
};

struct connect_event {
	__u32 pid;
	__u32 uid;
	char comm[TASK_COMM_LEN];
	__be32 addr __tag("osmia:ip4");
	__be16 port __tag("osmia:port");
	__u16 pad __tag("osmia:skip");
	enum verdict verdict;
};

EVENT_TYPE(connect_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps") __tag("osmia:event=connect_event");

// Port to the number of attempts refused.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __be16);
	__type(value, __u64);
} refused_ports SEC(".maps");

static __always_inline enum verdict judge(__be16 port)
{
	__u64 *refusals = bpf_map_lookup_elem(&refused_ports, &port);

	if (!refusals && refuse_port != 0 && bpf_htons(refuse_port) == port) {
		__u64 none = 0;

		bpf_map_update_elem(&refused_ports, &port, &none, BPF_NOEXIST);
		refusals = bpf_map_lookup_elem(&refused_ports, &port);
		if (!refusals)
			return REFUSED; // the map is full, the option still holds
	}

	if (!refusals)
		return ALLOWED;

	atomic_add(refusals, 1);
	return REFUSED;
}

SEC("cgroup/connect4")
int guard_connect(struct bpf_sock_addr *ctx)
{
	__be16 port = ctx->user_port;
	enum verdict verdict = judge(port);
	struct connect_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (event) {
		event->pid = current_tgid();
		event->uid = current_uid();
		bpf_get_current_comm(event->comm, sizeof(event->comm));
		event->addr = ctx->user_ip4;
		event->port = port;
		event->pad = 0;
		event->verdict = verdict;
		bpf_ringbuf_submit(event, 0);
	} else {
		atomic_add(&lost, 1);
	}

	return verdict; // 0 makes connect fail with EPERM
}
