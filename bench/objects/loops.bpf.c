// SPDX-License-Identifier: MIT
// Programs for the interpreter benchmark: r1 is memory, r2 its length. They are never loaded into a kernel.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

// Registers only: 10000 rounds of a 64-bit xorshift.
SEC("tp/bench/alu")
__u64 alu(const __u8 *memory, __u64 length)
{
	__u64 x = length | 1;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < 10000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

// One load for each two bytes: the checksum of RFC 1071.
SEC("tp/bench/checksum")
__u64 checksum(const __u8 *memory, __u64 length)
{
	const __u16 *words = (const __u16 *)memory;
	__u32 sum = 0;

#pragma clang loop unroll(disable)
	for (__u64 i = 0; i < length / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~(sum + (sum >> 16));
}

// Branches and bytes: the 5-tuple of an IPv4 frame, hashed with FNV-1a.
SEC("tp/bench/parse")
__u64 parse(const __u8 *frame, __u64 length)
{
	__u64 hash = 0xcbf29ce484222325ULL;
	__u32 ports;

	if (length < 38 || frame[12] != 8 || frame[13] != 0 || (frame[14] >> 4) != 4)
		return 0;
	ports = 14 + (frame[14] & 15) * 4;
	if (ports + 4 > length || (frame[23] != 6 && frame[23] != 17))
		return 1;
#pragma clang loop unroll(disable)
	for (__u32 i = 26; i < 34; i++)
		hash = (hash ^ frame[i]) * 0x100000001b3ULL;
#pragma clang loop unroll(disable)
	for (__u32 i = ports; i < ports + 4; i++)
		hash = (hash ^ frame[i]) * 0x100000001b3ULL;
	return hash ^ frame[23];
}

// A hash map: 64 lookups that find their key, each followed by an addition to the value.
SEC("tp/bench/lookups")
__u64 lookups(const __u8 *memory, __u64 length)
{
	__u64 found = 0;

#pragma clang loop unroll(disable)
	for (__u32 key = 0; key < 64; key++) {
		__u32 copy = key;
		__u64 *value = bpf_map_lookup_elem(&table, &copy);

		if (value) {
			*value += 1;
			found++;
		}
	}
	return found;
}
