// SPDX-License-Identifier: MIT
// Programs past the limits of a JIT made for methods: thousands of instructions of straight mixing, and of decisions over bytes, in a
// global variable, which the verifier can judge. With -DPLAIN r1 is memory and r2 its length, for engines that have no maps. The
// benchmark compiles the same text for all of them.
#ifdef __bpf__
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
#else
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long __u64;

__attribute__((visibility("default"))) __u64 repeat(__u64 (*kernel)(__u8 *, __u64), __u8 *m, __u64 length, __u32 times)
{
	__u64 result = 0;

	for (__u32 i = 0; i < times; i++)
		result = kernel(m, length);
	return result;
}
#endif

#if defined(__bpf__) && !defined(PLAIN)
__u8 memory[3072];

#define KERNEL(name) \
	static inline __attribute__((always_inline)) __u64 run_##name(__u8 *m, __u64 length); \
	SEC("xdp") int name(struct xdp_md *context) \
	{ \
		return run_##name(memory, context->data_end - context->data); \
	} \
	static inline __u64 run_##name(__u8 *m, __u64 length)
#elif defined(__bpf__)
#define KERNEL(name) SEC("tp/bench/" #name) __u64 name(__u8 *m, __u64 length)
#else
#define KERNEL(name) __attribute__((visibility("default"))) __u64 name(__u8 *m, __u64 length)
#endif

#define TIMES4(x) x x x x
#define TIMES16(x) TIMES4(TIMES4(x))
#define TIMES128(x) TIMES4(TIMES16(x x))
#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))

// Four words, each step of which waits for the one before.
#define MIX \
	a += b; b = ROTATE(b, 13) ^ a; a = ROTATE(a, 32); \
	c += d; d = ROTATE(d, 16) ^ c; \
	a += d; d = ROTATE(d, 21) ^ a; \
	c += b; b = ROTATE(b, 17) ^ c; c = ROTATE(c, 32);

// A byte decides what becomes of two sums; each step reads another.
#define DECIDE \
	i = (i * 5 + 13) & 1023; \
	v = m[i]; \
	if (v > 100) \
		a += v ^ b; \
	else if (v < 40) \
		b += 3 * v; \
	else \
		a ^= v << 7;

KERNEL(mix5k)
{
	__u64 a = *(__u64 *)m, b = *(__u64 *)(m + 8), c = *(__u64 *)(m + 16), d = *(__u64 *)(m + 24);

	TIMES128(MIX)
	return a ^ b ^ c ^ d;
}

KERNEL(mix20k)
{
	__u64 a = *(__u64 *)m, b = *(__u64 *)(m + 8), c = *(__u64 *)(m + 16), d = *(__u64 *)(m + 24);

	TIMES4(TIMES128(MIX))
	return a ^ b ^ c ^ d;
}

KERNEL(decide5k)
{
	__u64 a = length, b = 1;
	__u32 i = length, v;

	TIMES4(TIMES128(DECIDE))
	return a ^ b;
}

KERNEL(decide20k)
{
	__u64 a = length, b = 1;
	__u32 i = length, v;

	TIMES16(TIMES128(DECIDE))
	return a ^ b;
}
