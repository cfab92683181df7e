// SPDX-License-Identifier: MIT
// Drops frames by source network, destination port and header sanity; counts what each rule decided.
//
// Rules come from the maps, which may change while the program runs, and from the built-in lists, which are options
// fixed at load. A source found in a map is decided by the map alone.
#include "osmia_packet.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum rule {
	RULE_PASS = 0,
	RULE_DENY_SOURCE = 1,
	RULE_DENY_SOURCE6 = 2,
	RULE_BLOCKED_PORT = 3,
	RULE_FRAGMENT = 4,
	RULE_MALFORMED = 5,
};

enum blocked {
	BLOCKED_NOT = 0,
	BLOCKED_TCP = 1,
	BLOCKED_UDP = 2,
	BLOCKED_BOTH = 3,
};

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct network4 {
	__u32 prefixlen; // of the longest prefix in the trie, and of the key looked up: 32
	__be32 addr;
};

struct network6 {
	__u32 prefixlen;
	__u8 addr[16] __tag("osmia:ip6");
};

#define DENY_LIST_LENGTH 4
#define PORT_LIST_LENGTH 8

// Built-in rules. A prefix length of 0 and a port of 0 are unused places. Addresses are in network order, ports are not.
const volatile struct network4 deny4[DENY_LIST_LENGTH] = {
	{ .prefixlen = 24, .addr = bpf_htonl(0xcb007100) }, // 203.0.113.0/24
};
const volatile struct network6 deny6[DENY_LIST_LENGTH] = {
	{ .prefixlen = 48, .addr = { 0x20, 0x01, 0x0d, 0xb8, 0x0b, 0xad } }, // 2001:db8:bad::/48
};
const volatile __u16 deny_tcp[PORT_LIST_LENGTH] = { 23 };
const volatile __u16 deny_udp[PORT_LIST_LENGTH] = { 1900 };

// Also drop fragments after the first: they carry no ports to judge.
const volatile bool drop_fragments = false;

// Network to rule, 0 (RULE_PASS) lets a part of a denied network through.
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct network4);
	__type(value, enum rule);
} denylist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct network6);
	__type(value, enum rule);
} denylist6 SEC(".maps");

// Destination port to the protocols it is blocked for.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __be16);
	__type(value, enum blocked);
} blocked_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8);
	__type(key, enum rule);
	__type(value, struct traffic);
} rules SEC(".maps");

static __always_inline bool is_denied4(__be32 source)
{
	struct network4 key = { .prefixlen = 32, .addr = source };
	enum rule *rule = bpf_map_lookup_elem(&denylist, &key);

	if (rule)
		return *rule != RULE_PASS;

	for (int i = 0; i < DENY_LIST_LENGTH; i++) {
		__u32 length = deny4[i].prefixlen;

		if (length == 0 || length > 32)
			continue;
		if ((bpf_ntohl(source ^ deny4[i].addr) >> (32 - length)) == 0)
			return true;
	}

	return false;
}

static __always_inline bool is_in_network6(const __be32 *address, const volatile struct network6 *network)
{
	const volatile __be32 *wanted = (const volatile __be32 *)network->addr;
	__u32 left = network->prefixlen;

	if (left == 0 || left > 128)
		return false;

#pragma unroll
	for (int word = 0; word < 4; word++) {
		__u32 difference = bpf_ntohl(address[word] ^ wanted[word]);

		if (left < 32)
			return left == 0 || (difference >> (32 - left)) == 0;
		if (difference)
			return false;
		left -= 32;
	}

	return true;
}

static __always_inline bool is_denied6(const __be32 *source)
{
	struct network6 key = { .prefixlen = 128 };

	__builtin_memcpy(key.addr, source, sizeof(key.addr));

	enum rule *rule = bpf_map_lookup_elem(&denylist6, &key);

	if (rule)
		return *rule != RULE_PASS;

	for (int i = 0; i < DENY_LIST_LENGTH; i++) {
		if (is_in_network6(source, &deny6[i]))
			return true;
	}

	return false;
}

static __always_inline bool is_blocked_port(__u8 protocol, __be16 port)
{
	__u32 bit = protocol == IPPROTO_TCP ? BLOCKED_TCP : BLOCKED_UDP;
	enum blocked *blocked = bpf_map_lookup_elem(&blocked_ports, &port);

	if (blocked)
		return (*blocked & bit) != 0;
	if (port == 0)
		return false;

	for (int i = 0; i < PORT_LIST_LENGTH; i++) {
		__u16 listed = protocol == IPPROTO_TCP ? deny_tcp[i] : deny_udp[i];

		if (listed == bpf_ntohs(port))
			return true;
	}

	return false;
}

static __always_inline enum rule judge(const struct packet *packet)
{
	if (packet->is_malformed)
		return RULE_MALFORMED;
	if (packet->ip_version == 4 && is_denied4(packet->source4))
		return RULE_DENY_SOURCE;
	if (packet->ip_version == 6 && is_denied6(packet->source6))
		return RULE_DENY_SOURCE6;
	if (packet->is_later_fragment && drop_fragments)
		return RULE_FRAGMENT;
	if (packet->has_transport && (packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_UDP) &&
	    is_blocked_port(packet->protocol, packet->ports.destination))
		return RULE_BLOCKED_PORT;
	return RULE_PASS;
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	__u64 bytes = frame_length(ctx);
	struct packet packet = {};

	read_packet(ctx, &packet);

	enum rule rule = judge(&packet);
	struct traffic *traffic = bpf_map_lookup_elem(&rules, &rule);

	if (!traffic) {
		struct traffic none = {};

		bpf_map_update_elem(&rules, &rule, &none, BPF_NOEXIST);
		traffic = bpf_map_lookup_elem(&rules, &rule);
	}

	if (traffic) {
		traffic->packets++;
		traffic->bytes += bytes;
	}

	return rule == RULE_PASS ? XDP_PASS : XDP_DROP;
}
