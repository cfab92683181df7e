// SPDX-License-Identifier: MIT
// Rewrites packets on their way in: datagrams to one port go to another, marked as urgent.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static long (*const bpf_skb_store_bytes)(void *skb, __u32 offset, const void *from, __u32 length, __u64 flags) = (void *)9;
static long (*const bpf_l3_csum_replace)(void *skb, __u32 offset, __u64 from, __u64 to, __u64 size) = (void *)10;
static long (*const bpf_l4_csum_replace)(void *skb, __u32 offset, __u64 from, __u64 to, __u64 flags) = (void *)11;
static long (*const bpf_skb_load_bytes)(const void *skb, __u32 offset, void *to, __u32 length) = (void *)26;

#define ETHERNET 14
#define IPV4 0x0800
#define UDP 17
#define NEXT 0 // TCX_PASS, TC_ACT_OK

// A sum of 0 means "none" in UDP and stays; two bytes change.
#define MARK_MANGLED_0 (1 << 5)

const volatile __u16 from_port = 9999;
const volatile __u16 to_port = 9998;
const volatile __u8 traffic_class = 0xb8; // the second byte of the IP header: expedited forwarding

__u64 rewritten = 0;

struct ipv4 {
	__u8 version_and_length;
	__u8 traffic_class;
	__be16 length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 sum;
	__be32 source;
	__be32 destination;
};

struct udp {
	__be16 source;
	__be16 destination;
	__be16 length;
	__be16 sum;
};

#define offset_of(type, member) __builtin_offsetof(type, member)

SEC("tc")
int shape(struct __sk_buff *skb)
{
	struct ipv4 ip;
	struct udp udp;
	__be16 class_before, class_after, port;
	__u32 transport;

	if (skb->protocol != bpf_htons(IPV4) || bpf_skb_load_bytes(skb, ETHERNET, &ip, sizeof(ip)) < 0 || ip.protocol != UDP)
		return NEXT;
	if (ip.fragment & bpf_htons(0x1fff)) // not the first fragment: no ports
		return NEXT;

	transport = ETHERNET + (ip.version_and_length & 15) * 4;
	if (bpf_skb_load_bytes(skb, transport, &udp, sizeof(udp)) < 0 || udp.destination != bpf_htons(from_port))
		return NEXT;

	port = bpf_htons(to_port);
	bpf_l4_csum_replace(skb, transport + offset_of(struct udp, sum), udp.destination, port, MARK_MANGLED_0 | sizeof(port));
	bpf_skb_store_bytes(skb, transport + offset_of(struct udp, destination), &port, sizeof(port), 0);

	// The sum of the header goes over words: the class is the second byte of one.
	class_before = bpf_htons(ip.version_and_length << 8 | ip.traffic_class);
	class_after = bpf_htons(ip.version_and_length << 8 | traffic_class);
	bpf_l3_csum_replace(skb, ETHERNET + offset_of(struct ipv4, sum), class_before, class_after, sizeof(class_after));
	bpf_skb_store_bytes(skb, ETHERNET, &class_after, sizeof(class_after), 0);
	atomic_add(&rewritten, 1);
	return NEXT;
}
