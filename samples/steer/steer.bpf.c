// SPDX-License-Identifier: MIT
// Connections to one port reach the server that listens on another: a program chooses the socket.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static long (*const bpf_sock_map_update)(void *ops, void *map, void *key, __u64 flags) = (void *)53;
static long (*const bpf_sk_release)(void *socket) = (void *)86;
static long (*const bpf_sk_assign)(void *ctx, void *socket, __u64 flags) = (void *)124;

#define TCP_LISTEN_CALLBACK 11
#define PASS 1

const volatile __u16 from_port = 7777; // what clients connect to
const volatile __u16 to_port = 8080; // what the server listens on

// Connections sent to the server, and those for which no server was there.
__u64 steered = 0;
__u64 without_server = 0;

struct bpf_sock_ops {
	__u32 op;
	__u32 args[4];
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port; // of this host's byte order
};

struct bpf_sk_lookup {
	__u64 cookie;
	__u32 family;
	__u32 protocol;
	__u32 remote_ip4;
	__u32 remote_ip6[4];
	__be16 remote_port;
	__u16 pad;
	__u32 local_ip4;
	__u32 local_ip6[4];
	__u32 local_port; // of this host's byte order
};

// The server's listening socket.
struct {
	__uint(type, 15); // sockmap
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} server SEC(".maps");

// Sees every socket of the cgroup begin to listen.
SEC("sockops")
int find_server(struct bpf_sock_ops *ops)
{
	__u32 first = 0;

	if (ops->op == TCP_LISTEN_CALLBACK && ops->local_port == to_port)
		bpf_sock_map_update(ops, &server, &first, BPF_ANY);
	return PASS;
}

// Asked when a packet wants a socket that listens.
SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	__u32 first = 0;
	void *socket;

	if (ctx->local_port != from_port)
		return PASS;

	socket = bpf_map_lookup_elem(&server, &first);
	if (!socket) {
		atomic_add(&without_server, 1);
		return PASS;
	}

	if (bpf_sk_assign(ctx, socket, 0) == 0)
		atomic_add(&steered, 1);
	bpf_sk_release(socket);
	return PASS;
}
