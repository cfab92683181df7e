// SPDX-License-Identifier: MIT
// Data between two sockets of this machine goes from one to the other at once, past the whole network stack.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static long (*const bpf_sock_hash_update)(void *ops, void *map, void *key, __u64 flags) = (void *)70;
static long (*const bpf_msg_redirect_hash)(void *message, void *map, void *key, __u64 flags) = (void *)71;

#define ACTIVE_ESTABLISHED 4
#define PASSIVE_ESTABLISHED 5
#define TO_INGRESS 1
#define PASS 1
#define IPV4_FAMILY 2

// Messages that took the short way, and their bytes.
__u64 redirected = 0;
__u64 bytes = 0;

struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port; // of the wire's byte order
	__u32 local_port; // of this host's
};

struct sk_msg_md {
	__u64 data;
	__u64 data_end;
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port; // of the wire's byte order
	__u32 local_port; // of this host's
	__u32 size;
};

// One end of a connection, as that end sees it.
struct end {
	__be32 local_ip;
	__be32 remote_ip;
	__u32 local_port;
	__u32 remote_port;
};

struct {
	__uint(type, 18); // sockhash
	__uint(max_entries, 4096);
	__type(key, struct end);
	__type(value, __u64);
} sockets SEC(".maps");

// Both ends of a connection of the cgroup pass here, each for itself.
SEC("sockops")
int keep_socket(struct bpf_sock_ops *ops)
{
	struct end end = { ops->local_ip4, ops->remote_ip4, ops->local_port, bpf_ntohl(ops->remote_port) };

	if (ops->family == IPV4_FAMILY && (ops->op == ACTIVE_ESTABLISHED || ops->op == PASSIVE_ESTABLISHED))
		bpf_sock_hash_update(ops, &sockets, &end, BPF_ANY);
	return PASS;
}

// Runs for what a socket of the map sends. The other end is kept with the two sides exchanged.
SEC("sk_msg")
int redirect(struct sk_msg_md *message)
{
	struct end other = { message->remote_ip4, message->local_ip4, bpf_ntohl(message->remote_port), message->local_port };
	__u32 size = message->size;

	if (bpf_msg_redirect_hash(message, &sockets, &other, TO_INGRESS) == PASS) {
		atomic_add(&redirected, 1);
		atomic_add(&bytes, size);
	}

	return PASS; // without another end the data goes its usual way
}
