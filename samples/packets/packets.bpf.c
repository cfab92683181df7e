// SPDX-License-Identifier: MIT
// Counts the frames of an interface, or of a capture, per protocol and per source address. Passes them all.
#include "osmia_packet.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Layers are counted one by one: a TCP segment in a tagged frame adds to VLAN, IPV4 and TCP.
enum layer {
	ALL_FRAMES,
	VLAN,
	ARP,
	IPV4,
	IPV6,
	FRAGMENT,
	TCP,
	UDP,
	ICMP,
	ICMPV6,
	OTHER_ETHERTYPE, // neither ARP nor IP
	OTHER_PROTOCOL, // IP, but none of the protocols above
	MALFORMED, // headers cut short or contradicting themselves
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct source4 {
	__be32 addr __tag("osmia:ip4");
};

struct source6 {
	__u8 addr[16] __tag("osmia:ip6");
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, enum layer);
	__type(value, struct traffic);
} protocols SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct source4);
	__type(value, struct traffic);
} sources4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct source6);
	__type(value, struct traffic);
} sources6 SEC(".maps");

static __always_inline struct traffic *lookup_or_add(void *map, const void *key)
{
	struct traffic *traffic = bpf_map_lookup_elem(map, key);

	if (!traffic) {
		struct traffic none = {};

		bpf_map_update_elem(map, key, &none, BPF_NOEXIST);
		traffic = bpf_map_lookup_elem(map, key);
	}

	return traffic;
}

// A function of its own rather than inline: the program calls it up to seven times.
static __attribute__((noinline)) void count_layer(enum layer layer, __u64 bytes)
{
	struct traffic *traffic = lookup_or_add(&protocols, &layer);

	if (traffic) {
		traffic->packets++;
		traffic->bytes += bytes;
	}
}

static __always_inline void count_source(void *map, const void *key, __u64 bytes)
{
	struct traffic *traffic = lookup_or_add(map, key);

	if (traffic) {
		atomic_add(&traffic->packets, 1);
		atomic_add(&traffic->bytes, bytes);
	}
}

static __always_inline enum layer transport_layer(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return TCP;
	case IPPROTO_UDP:
		return UDP;
	case IPPROTO_ICMP:
		return ICMP;
	case IPPROTO_ICMPV6:
		return ICMPV6;
	default:
		return OTHER_PROTOCOL;
	}
}

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
	__u64 bytes = frame_length(ctx);
	struct packet packet = {};

	read_packet(ctx, &packet);

	count_layer(ALL_FRAMES, bytes);
	if (packet.is_malformed)
		count_layer(MALFORMED, bytes);
	if (packet.vlan_tags)
		count_layer(VLAN, bytes);

	if (packet.ip_version) {
		count_layer(packet.ip_version == 4 ? IPV4 : IPV6, bytes);
		if (packet.is_fragment)
			count_layer(FRAGMENT, bytes);
		if (!packet.is_malformed)
			count_layer(transport_layer(packet.protocol), bytes);
	} else if (!packet.is_malformed) {
		count_layer(packet.ethertype == ETHERTYPE_ARP ? ARP : OTHER_ETHERTYPE, bytes);
	}

	if (packet.ip_version == 4) {
		struct source4 source = { .addr = packet.source4 };

		count_source(&sources4, &source, bytes);
	} else if (packet.ip_version == 6) {
		struct source6 source;

		__builtin_memcpy(source.addr, packet.source6, sizeof(source.addr));
		count_source(&sources6, &source, bytes);
	}

	return XDP_PASS;
}
