#include "contract.h"

struct bpf_iter_num { __u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_bits { __u64 opaque[2]; } __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const __u64 *words, __u32 count) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;

static noinline void numbers(int at, int start, int end)
{
	struct bpf_iter_num it;
	int *v;
	__s64 sum = 0, count = 0;
	__s64 result = bpf_iter_num_new(&it, start, end);
	while ((v = bpf_iter_num_next(&it))) { sum += *v; count++; }
	bpf_iter_num_destroy(&it);
	if (at < 0 || at > 60) return;
	out[at] = result;
	out[at + 1] = sum;
	out[at + 2] = count;
}

SEC("tc") int number_ranges(struct __sk_buff *skb)
{
	numbers(0, 0, 10);
	numbers(3, -5, 5);
	numbers(6, 5, 5);
	numbers(9, 6, 5);
	numbers(12, 0, 8388609);
	numbers(15, 2147483640, 2147483647);
	numbers(18, -2147483647 - 1, -2147483640);
	numbers(21, -2147483647 - 1, 2147483647);
	return 1;
}

static noinline void bits(int at, const __u64 *words, __u32 count)
{
	struct bpf_iter_bits it;
	int *v;
	__s64 sum = 0, found = 0;
	__s64 result = bpf_iter_bits_new(&it, words, count);
	while ((v = bpf_iter_bits_next(&it))) { sum = sum * 7 + *v; found++; }
	bpf_iter_bits_destroy(&it);
	if (at < 0 || at > 60) return;
	out[at] = result;
	out[at + 1] = sum;
	out[at + 2] = found;
}

__u64 words[512];

SEC("tc") int bit_sets(struct __sk_buff *skb)
{
	words[0] = 0x8000000000000105;
	words[1] = 0;
	words[2] = 0x10;
	words[510] = 1;
	bits(0, words, 1);
	bits(3, words, 3);
	bits(6, words, 0);
	bits(9, words, 511);
	bits(12, words, 512);
	bits(15, words + 1, 1);
	bits(18, words, 64);
	return 1;
}
