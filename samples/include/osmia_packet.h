/* SPDX-License-Identifier: MIT */
/*
 * Reads the headers of one Ethernet frame: up to two VLAN tags, ARP, IPv4, IPv6 with its extension headers, and the
 * first bytes of TCP, UDP, ICMP and ICMPv6. Header layouts: IEEE 802.3, 802.1Q, RFC 791, 8200, 9293, 768, 4302.
 */
#ifndef OSMIA_PACKET_H
#define OSMIA_PACKET_H

#include "osmia_helpers.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_QINQ 0x88a8

#define IPPROTO_HOP_BY_HOP 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_NONE 59
#define IPPROTO_DESTINATION 60

struct ethernet_header {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
} __attribute__((packed));

struct vlan_header {
	__be16 tag;
	__be16 type;
};

struct ipv4_header {
	__u8 version_and_length;
	__u8 service;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 time_to_live;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 destination;
};

struct ipv6_header {
	__be32 version_and_flow;
	__be16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__be32 source[4];
	__be32 destination[4];
};

struct ipv6_extension {
	__u8 next_header;
	__u8 length;
	__be16 fragment; /* offset and flags, in a fragment header only */
};

struct port_pair {
	__be16 source;
	__be16 destination;
};

struct tcp_header {
	struct port_pair ports;
	__be32 sequence;
	__be32 acknowledgement;
	__u8 data_offset;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

struct udp_header {
	struct port_pair ports;
	__be16 length;
	__be16 checksum;
};

/* No header of a frame worth judging starts past this offset; it bounds what the verifier has to consider. */
#define MAX_HEADER_OFFSET 0x7fff

/* What the headers said. Members below the point where a frame turned out malformed stay zero. */
struct packet {
	__u16 ethertype; /* of the innermost tag, host order; 0 if even that is missing */
	__u8 vlan_tags;
	__u8 ip_version; /* 4, 6, or 0 */
	__u8 protocol; /* transport protocol, valid if ip_version is set */
	bool has_transport; /* the transport header (or its ICMP type) is in this frame and whole */
	bool is_fragment;
	bool is_later_fragment;
	bool is_malformed;
	__u8 tcp_flags;
	struct port_pair ports;
	__be32 source4;
	__be32 source6[4];
};

static __always_inline __u64 frame_length(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end - (void *)(long)ctx->data;
}

/*
 * These two are global functions, which the kernel's verifier judges once, for any arguments, rather than again on every
 * path that leads to a call. Inlined, the header chains below would be past what it is willing to follow.
 */
__attribute__((noinline)) __u64 read_extension(struct xdp_md *ctx, __u32 offset, __u32 kind);
__attribute__((noinline)) int read_packet(struct xdp_md *ctx, struct packet *packet);

/* `left` is what the IP header says follows at `offset`; a frame may be longer (padding), never shorter. */
static __always_inline void read_transport(struct xdp_md *ctx, struct packet *packet, __u32 offset, __u32 left)
{
	void *end = (void *)(long)ctx->data_end;
	void *at = (void *)(long)ctx->data;

	if (offset > MAX_HEADER_OFFSET) {
		packet->is_malformed = true;
		return;
	}

	at += offset;
	if (packet->protocol == IPPROTO_TCP) {
		struct tcp_header *tcp = at;

		if (left < sizeof(*tcp) || (void *)(tcp + 1) > end) {
			packet->is_malformed = true;
			return;
		}

		__u32 length = (tcp->data_offset >> 4) * 4;

		if (length < sizeof(*tcp) || length > left) {
			packet->is_malformed = true;
			return;
		}

		packet->ports = tcp->ports;
		packet->tcp_flags = tcp->flags;
	} else if (packet->protocol == IPPROTO_UDP) {
		struct udp_header *udp = at;

		if (left < sizeof(*udp) || (void *)(udp + 1) > end) {
			packet->is_malformed = true;
			return;
		}

		__u32 length = bpf_ntohs(udp->length);

		/* The first of several fragments holds less than the datagram's length; zero is an IPv6 jumbogram. */
		if ((length != 0 && length < sizeof(*udp)) || (length > left && !packet->is_fragment)) {
			packet->is_malformed = true;
			return;
		}

		packet->ports = udp->ports;
	} else if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6) {
		/* type, code, checksum, and the four bytes that follow in every common message */
		if (left < 8 || at + 8 > end) {
			packet->is_malformed = true;
			return;
		}
	} else {
		return;
	}

	packet->has_transport = true;
}

static __always_inline void read_ipv4(struct xdp_md *ctx, struct packet *packet, __u32 offset)
{
	void *end = (void *)(long)ctx->data_end;
	struct ipv4_header *ip = (void *)(long)ctx->data + offset;

	if ((void *)(ip + 1) > end || ip->version_and_length >> 4 != 4) {
		packet->is_malformed = true;
		return;
	}

	__u32 header = (ip->version_and_length & 15) * 4;
	__u32 total = bpf_ntohs(ip->total_length);

	if (header < sizeof(*ip) || total < header || total > (__u64)(end - (void *)ip)) {
		packet->is_malformed = true;
		return;
	}

	packet->ip_version = 4;
	packet->protocol = ip->protocol;
	packet->source4 = ip->source;

	__u16 fragment = bpf_ntohs(ip->fragment);

	packet->is_fragment = (fragment & 0x3fff) != 0;
	packet->is_later_fragment = (fragment & 0x1fff) != 0;
	if (!packet->is_later_fragment)
		read_transport(ctx, packet, offset + header, total - header);
}

/* An extension header as one number: length, next header << 16, fragment bits << 32. Zero if it is cut short. */
__u64 read_extension(struct xdp_md *ctx, __u32 offset, __u32 kind)
{
	void *end = (void *)(long)ctx->data_end;
	struct ipv6_extension *extension = (void *)(long)ctx->data;

	if (offset > MAX_HEADER_OFFSET)
		return 0;

	extension = (void *)extension + offset;
	if ((void *)(extension + 1) > end)
		return 0;

	__u64 next = (__u64)extension->next_header << 16;

	if (kind == IPPROTO_FRAGMENT)
		return 8 | next | (__u64)bpf_ntohs(extension->fragment) << 32;
	if (kind == IPPROTO_AH)
		return (extension->length + 2) * 4 | next;
	return (extension->length + 1) * 8 | next;
}

static __always_inline bool is_extension(__u8 kind)
{
	return kind == IPPROTO_HOP_BY_HOP || kind == IPPROTO_ROUTING || kind == IPPROTO_FRAGMENT || kind == IPPROTO_AH ||
	       kind == IPPROTO_DESTINATION;
}

static __always_inline void read_ipv6(struct xdp_md *ctx, struct packet *packet, __u32 offset)
{
	void *end = (void *)(long)ctx->data_end;
	struct ipv6_header *ip = (void *)(long)ctx->data + offset;

	if ((void *)(ip + 1) > end || (bpf_ntohl(ip->version_and_flow) >> 28) != 6) {
		packet->is_malformed = true;
		return;
	}

	__u32 left = bpf_ntohs(ip->payload_length);

	if (left > (__u64)(end - (void *)(ip + 1))) {
		packet->is_malformed = true;
		return;
	}

	packet->ip_version = 6;
	packet->source6[0] = ip->source[0];
	packet->source6[1] = ip->source[1];
	packet->source6[2] = ip->source[2];
	packet->source6[3] = ip->source[3];
	packet->protocol = ip->next_header;
	offset += sizeof(*ip);

	/* Nobody sends more than six extension headers in good faith. */
	for (int i = 0; i < 6 && is_extension(packet->protocol); i++) {
		__u64 extension = read_extension(ctx, offset, packet->protocol);
		__u32 length = extension & 0xffff;

		if (length == 0 || length > left) {
			packet->is_malformed = true;
			return;
		}

		if (packet->protocol == IPPROTO_FRAGMENT) {
			packet->is_fragment = (extension >> 32 & 0xfff9) != 0;
			packet->is_later_fragment = (extension >> 32 & 0xfff8) != 0;
		}

		packet->protocol = extension >> 16 & 0xff;
		if (packet->is_later_fragment)
			return;

		offset += length;
		left -= length;
	}

	if (is_extension(packet->protocol))
		packet->is_malformed = true;
	else
		read_transport(ctx, packet, offset, left);
}

/* `packet` must be all zero. */
int read_packet(struct xdp_md *ctx, struct packet *packet)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethernet_header *ethernet = (void *)(long)ctx->data;
	__u32 offset = sizeof(*ethernet);

	if (!packet)
		return -1;

	if ((void *)(ethernet + 1) > end) {
		packet->is_malformed = true;
		return 0;
	}

	packet->ethertype = bpf_ntohs(ethernet->type);

#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct vlan_header *vlan = (void *)ethernet + offset;

		if (packet->ethertype != ETHERTYPE_VLAN && packet->ethertype != ETHERTYPE_QINQ)
			break;

		packet->vlan_tags++;
		if ((void *)(vlan + 1) > end) {
			packet->is_malformed = true;
			return 0;
		}

		packet->ethertype = bpf_ntohs(vlan->type);
		offset += sizeof(*vlan);
	}

	if (packet->ethertype == ETHERTYPE_IPV4)
		read_ipv4(ctx, packet, offset);
	else if (packet->ethertype == ETHERTYPE_IPV6)
		read_ipv6(ctx, packet, offset);
	else if (packet->ethertype == ETHERTYPE_ARP && (void *)ethernet + offset + 28 > end)
		packet->is_malformed = true; /* 28: an ARP packet for IPv4 over Ethernet */
	return 0;
}

#endif
