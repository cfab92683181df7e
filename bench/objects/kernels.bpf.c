// SPDX-License-Identifier: MIT
// Small kernels for the VM benchmark, over the first SIZE bytes of a packet, which the verifier can judge. With -DPLAIN r1 is memory and r2
// its length, for engines that have no packets; the same text is compiled natively, where the array map is an array. They are never
// loaded into a kernel.
#ifdef __bpf__
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

static inline __attribute__((always_inline)) __u64 *counter(__u32 index)
{
	return bpf_map_lookup_elem(&counters, &index);
}
#else
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int32_t __s32;

static __u64 counters[64];

static inline __u64 *counter(__u32 index)
{
	return index < 64 ? &counters[index] : 0;
}

__attribute__((visibility("default"))) __u64 repeat(__u64 (*kernel)(__u8 *, __u64), __u8 *m, __u64 length, __u32 times)
{
	__u64 result = 0;

	for (__u32 i = 0; i < times; i++)
		result = kernel(m, length);
	return result;
}
#endif

#define SIZE 3072

#if defined(__bpf__) && !defined(PLAIN)
#define ENTRY(name) SEC("xdp") int name(struct xdp_md *context)
#define MEMORY __u8 *memory = (void *)(long)context->data, *end = (void *)(long)context->data_end
#elif defined(__bpf__)
#define ENTRY(name) SEC("tp/bench/" #name) __u64 name(__u8 *memory, __u64 size)
#define MEMORY __u8 *end = memory + size
#else
#define ENTRY(name) __attribute__((visibility("default"))) __u64 name(__u8 *memory, __u64 size)
#define MEMORY __u8 *end = memory + size
#endif

// A kernel over the memory, and one that needs none.
#define KERNEL(name) \
	static inline __attribute__((always_inline)) __u64 run_##name(__u8 *m, __u64 length); \
	ENTRY(name) \
	{ \
		MEMORY; \
		return memory + SIZE > end ? 0 : run_##name(memory, end - memory); \
	} \
	static inline __u64 run_##name(__u8 *m, __u64 length)
#define KERNEL_ALONE(name) ENTRY(name)

#define KEEP_LOOP _Pragma("clang loop unroll(disable)")

// Nothing: what a run costs by itself.
KERNEL_ALONE(empty)
{
	return 0;
}

// 64-bit registers only.
KERNEL(xorshift)
{
	__u64 x = length | 1;

	KEEP_LOOP
	for (__u32 i = 0; i < 4096; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

// 32-bit division.
KERNEL(primes)
{
	__u32 count = 0;

	KEEP_LOOP
	for (__u32 n = 3; n < 600; n += 2) {
		__u32 d = 3;

		KEEP_LOOP
		while (d * d <= n && n % d)
			d += 2;
		count += d * d > n;
	}
	return count;
}

// A multiplication for each byte.
KERNEL(fnv1a)
{
	__u64 hash = 0xcbf29ce484222325ULL;

	KEEP_LOOP
	for (__u32 i = 0; i < 1500; i++)
		hash = (hash ^ m[i]) * 0x100000001b3ULL;
	return hash;
}

// RFC 1071 over 1500 bytes.
KERNEL(checksum)
{
	const __u16 *words = (const __u16 *)m;
	__u32 sum = 0;

	KEEP_LOOP
	for (__u32 i = 0; i < 750; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~(sum + (sum >> 16));
}

// Bit by bit: shifts and a condition.
KERNEL(crc32)
{
	__u32 crc = ~0u;

	KEEP_LOOP
	for (__u32 i = 0; i < 256; i++) {
		crc ^= m[i];
		KEEP_LOOP
		for (__u32 bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}

// Loads and stores in a packet's memory.
KERNEL(sort)
{
	__u32 *a = (__u32 *)m;
	__u32 x = 12345;

	KEEP_LOOP
	for (__u32 i = 0; i < 64; i++) {
		x = x * 1664525 + 1013904223;
		a[i] = x >> 8;
	}
	KEEP_LOOP
	for (__u32 i = 1; i < 64; i++) {
		__u32 value = a[i];
		__u32 at = i;

		KEEP_LOOP
		while (at > 0 && a[at - 1] > value) {
			a[at] = a[at - 1];
			at--;
		}
		a[at] = value;
	}
	return a[0] + a[63];
}

#define ROTL(x, n) ((x) << (n) | (x) >> (64 - (n)))
#define ROUND do { v0 += v1; v1 = ROTL(v1, 13); v1 ^= v0; v0 = ROTL(v0, 32); v2 += v3; v3 = ROTL(v3, 16); v3 ^= v2; \
	v0 += v3; v3 = ROTL(v3, 21); v3 ^= v0; v2 += v1; v1 = ROTL(v1, 17); v1 ^= v2; v2 = ROTL(v2, 32); } while (0)

// 64-bit rotations, straight-line.
KERNEL(siphash)
{
	const __u64 *words = (const __u64 *)m;
	__u64 v0 = 0x736f6d6570736575ULL, v1 = 0x646f72616e646f6dULL, v2 = 0x6c7967656e657261ULL, v3 = 0x7465646279746573ULL;

	KEEP_LOOP
	for (__u32 i = 0; i < 64; i++) {
		__u64 w = words[i];

		v3 ^= w;
		ROUND;
		ROUND;
		v0 ^= w;
	}
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

#define ROTL32(x, n) ((x) << (n) | (x) >> (32 - (n)))

// 32-bit rotations and multiplications.
KERNEL(murmur3)
{
	const __u32 *words = (const __u32 *)m;
	__u32 hash = 42;

	KEEP_LOOP
	for (__u32 i = 0; i < 256; i++) {
		__u32 k = words[i] * 0xcc9e2d51u;

		hash ^= ROTL32(k, 15) * 0x1b873593u;
		hash = ROTL32(hash, 13) * 5 + 0xe6546b64u;
	}
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	return hash ^ (hash >> 13);
}

// Words and their letters: branches that the bytes decide.
KERNEL(words)
{
	__u32 inside = 0, words = 0, letters = 0;

	KEEP_LOOP
	for (__u32 i = 0; i < 1024; i++) {
		if (m[i] < 'a') {
			inside = 0;
			continue;
		}
		letters++;
		if (!inside)
			words++;
		inside = 1;
	}
	return words << 16 | letters;
}

enum { BLANK, WORD, NUMBER, OTHER };

static const __u8 kinds[128] = {
	[0 ... ' '] = BLANK,
	['!' ... '/'] = OTHER,
	['0' ... '9'] = NUMBER,
	[':' ... '`'] = OTHER,
	['a' ... 'z'] = WORD,
	['{' ... 127] = OTHER,
};

// From a state by the kind of a byte: a number within a word belongs to it.
static const __u8 next[4][4] = {
	[BLANK] = { BLANK, WORD, NUMBER, OTHER },
	[WORD] = { BLANK, WORD, WORD, OTHER },
	[NUMBER] = { BLANK, OTHER, NUMBER, OTHER },
	[OTHER] = { BLANK, WORD, NUMBER, OTHER },
};

// A state machine over bytes, driven by tables.
KERNEL(tokens)
{
	__u32 state = BLANK, sum = 0;

	KEEP_LOOP
	for (__u32 i = 0; i < 1024; i++) {
		state = next[state & 3][kinds[m[i] & 127] & 3];
		sum += state;
	}
	return sum;
}

// The 5-tuple of a frame, hashed: a few branches and loads.
KERNEL(parse)
{
	__u32 source, destination, ports, hash;

	if (length < 64 || m[12] != 8 || m[13] != 0 || (m[14] & 0xf0) != 0x40)
		return 0;
	if (m[23] != 6 && m[23] != 17)
		return 1;
	source = *(__u32 *)(m + 26);
	destination = *(__u32 *)(m + 30);
	ports = *(__u32 *)(m + 34);
	hash = source * 0x9e3779b1u;
	hash = ROTL32(hash ^ destination, 11) * 0x85ebca6bu;
	hash = ROTL32(hash ^ ports, 7) * 0xc2b2ae35u;
	return hash ^ (hash >> 15) ^ m[23];
}

// Three nested loops over small matrices.
KERNEL(matrix)
{
	const __u32 *a = (const __u32 *)m, *b = a + 144;
	__u32 *c = (__u32 *)m + 288;

	KEEP_LOOP
	for (__u32 i = 0; i < 12; i++) {
		KEEP_LOOP
		for (__u32 j = 0; j < 12; j++) {
			__u32 sum = 0;

			KEEP_LOOP
			for (__u32 k = 0; k < 12; k++)
				sum += a[i * 12 + k] * b[k * 12 + j];
			c[i * 12 + j] = sum;
		}
	}
	return c[143];
}

// Bytes moved one at a time.
KERNEL(reverse)
{
	__u32 low = 0, high = 1023;

	KEEP_LOOP
	while (low < high) {
		__u8 t = m[low];

		m[low++] = m[high];
		m[high--] = t;
	}
	return m[0];
}

// A table on the stack.
KERNEL(histogram)
{
	__u16 counts[64] = {};
	__u64 result = 0;

	KEEP_LOOP
	for (__u32 i = 0; i < 1024; i++)
		counts[m[i] & 63]++;
	KEEP_LOOP
	for (__u32 i = 0; i < 64; i++)
		result = result * 31 + counts[i];
	return result;
}

// Halving a range of a sorted table.
KERNEL(search)
{
	const __u32 *a = (const __u32 *)m;
	__u32 found = 0, x = 1;

	KEEP_LOOP
	for (__u32 n = 0; n < 32; n++) {
		__u32 low = 0, high = 256;

		x = x * 1664525 + 1013904223;
		KEEP_LOOP
		while (low < high) {
			__u32 middle = (low + high) / 2;

			if (a[middle] < x)
				low = middle + 1;
			else
				high = middle;
		}
		found += low;
	}
	return found;
}

// Bits counted without a table.
KERNEL(bits)
{
	const __u64 *words = (const __u64 *)m;
	__u64 count = 0;

	KEEP_LOOP
	for (__u32 i = 0; i < 128; i++) {
		__u64 x = words[i];

		x -= (x >> 1) & 0x5555555555555555ULL;
		x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
		x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
		count += (x * 0x0101010101010101ULL) >> 56;
	}
	return count;
}

// Branches that cannot be foreseen.
KERNEL(collatz)
{
	__u32 longest = 0;

	KEEP_LOOP
	for (__u32 n = 1; n < 128; n++) {
		__u64 x = n;
		__u32 steps = 0;

		KEEP_LOOP
		while (x != 1) {
			x = x & 1 ? 3 * x + 1 : x / 2;
			steps++;
		}
		longest = steps > longest ? steps : longest;
	}
	return longest;
}

// A cipher: 32 rounds over 16 blocks.
KERNEL(xtea)
{
	const __u32 *words = (const __u32 *)m;
	__u32 result = 0;

	KEEP_LOOP
	for (__u32 block = 0; block < 16; block++) {
		__u32 a = words[block * 2], b = words[block * 2 + 1], sum = 0;

		KEEP_LOOP
		for (__u32 round = 0; round < 32; round++) {
			a += ((b << 4 ^ b >> 5) + b) ^ (sum + words[64 + (sum & 3)]);
			sum += 0x9e3779b9u;
			b += ((a << 4 ^ a >> 5) + a) ^ (sum + words[64 + (sum >> 11 & 3)]);
		}
		result ^= a ^ b;
	}
	return result;
}

// Distance of two words by a row of a table in memory.
KERNEL(distance)
{
	__u8 *row = m + 2048;

	KEEP_LOOP
	for (__u32 i = 0; i <= 32; i++)
		row[i] = i;
	KEEP_LOOP
	for (__u32 i = 0; i < 32; i++) {
		__u32 corner = i;
		__u32 left = i + 1;

		row[0] = left;
		KEEP_LOOP
		for (__u32 j = 0; j < 32; j++) {
			__u32 up = row[j + 1];
			__u32 best = corner + (m[i] != m[64 + j]);

			best = up + 1 < best ? up + 1 : best;
			best = left + 1 < best ? left + 1 : best;
			corner = up;
			left = best;
			row[j + 1] = best;
		}
	}
	return row[32];
}

// 64 lookups in an array map, each with an addition.
KERNEL_ALONE(arraymap)
{
	__u64 found = 0;

	KEEP_LOOP
	for (__u32 i = 0; i < 64; i++) {
		__u64 *value = counter(i);

		if (value) {
			*value += i;
			found++;
		}
	}
	return found;
}

#ifdef __bpf__
// 64 lookups in a hash map that find their key.
KERNEL_ALONE(hashmap)
{
	__u64 found = 0;

	KEEP_LOOP
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
#endif
