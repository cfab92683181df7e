// SPDX-License-Identifier: MIT
// Types, functions and addresses of kernel modules: veth's and nf_conntrack's, which most distributions build as modules.
#include "../../Objects/Sources/bpf.h"

#define core __attribute__((preserve_access_index))
#define ksym __attribute__((section(".ksyms")))

typedef unsigned short __u16;

struct net_device;
struct veth_priv { struct net_device *peer; } core;
struct veth_rq { int xdp_mem; } core;
struct veth_no_such { int a; } core;

struct nf_conn { unsigned long status; } core;
struct xdp_md { __u32 data; };
struct bpf_sock_tuple { __u32 source, destination; __u16 source_port, destination_port; };
struct bpf_ct_opts { int netns_id, error; __u8 protocol, direction, reserved[2]; };

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *context, struct bpf_sock_tuple *tuple, __u32 tuple_size, struct bpf_ct_opts *options, __u32 size) ksym;
extern void bpf_ct_release(struct nf_conn *connection) ksym;
extern const void veth_xdp ksym;

__u64 address;

/* The size the module says its struct has, and whether others exist: 1000 for one that does, 100000 for one that does not. */
SEC("xdp") int types(struct xdp_md *context)
{
	int size = __builtin_preserve_type_info(*(struct veth_priv *)0, 1);

	size += 1000 * __builtin_preserve_type_info(*(struct veth_rq *)0, 0);
	return size + 100000 * __builtin_preserve_type_info(*(struct veth_no_such *)0, 0);
}

SEC("xdp") int functions(struct xdp_md *context)
{
	struct bpf_sock_tuple tuple = { .source = 1, .destination = 2 };
	struct bpf_ct_opts options = { .netns_id = -1, .protocol = 6 };
	struct nf_conn *connection = bpf_xdp_ct_lookup(context, &tuple, sizeof(tuple), &options, sizeof(options));

	if (connection) {
		bpf_ct_release(connection);
		return 1;
	}
	return options.error == -2 ? 2 : 0; /* ENOENT: it was looked for. */
}

SEC("xdp") int addresses(struct xdp_md *context)
{
	address = (__u64)&veth_xdp;
	return 2;
}

char _license[] SEC("license") = "GPL";
