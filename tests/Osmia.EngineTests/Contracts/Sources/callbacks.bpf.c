#include "contract.h"

struct { __uint(type, 1); __uint(max_entries, 16); __type(key, __u32); __type(value, __u64); } hash SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 5); __type(key, __u32); __type(value, __u64); } array SEC(".maps");
struct { __uint(type, 31); __uint(max_entries, 4096); } samples SEC(".maps");
struct { __uint(type, 3); __uint(max_entries, 4); __type(key, __u32); __type(value, __u32); } programs SEC(".maps");

static long step(__u64 index, __s64 *sum) { *sum += index; return index == 6; }
static long inner(__u64 index, __s64 *sum) { *sum += 1; return 0; }
static long outer(__u64 index, __s64 *sum) { out[20] += bpf_loop(3, inner, sum, 0); return 0; }
static long forget(void *map, __u32 *key, __u64 *value, __s64 *sum) { *sum += *key + *value; bpf_map_delete_elem(map, key); return 0; }
static long stop_at_2(void *map, __u32 *key, __u64 *value, __s64 *sum) { *sum += *value; *value = 100; return *key == 2; }

SEC("tc") int loops(struct __sk_buff *skb)
{
	__s64 sum = 0;
	out[0] = bpf_loop(5, step, &sum, 0);
	out[1] = sum;
	out[2] = bpf_loop(100, step, &sum, 0);
	out[3] = sum;
	out[4] = bpf_loop(0, step, &sum, 0);
	out[5] = bpf_loop(5, step, &sum, 1);
	out[6] = (int)bpf_loop(8388609, step, &sum, 0); // The kernel writes the loop out, with a result of 32 bits.
	out[7] = bpf_loop(4, outer, &sum, 0);
	out[8] = sum;
	return 1;
}

static noinline int put(__u32 key)
{
	__u64 value = key * 3;
	bpf_map_update_elem(&hash, &key, &value, 0);
	return bpf_map_update_elem(&array, &key, &value, 0);
}

SEC("tc") int elements(struct __sk_buff *skb)
{
	__s64 sum = 0;
	for (int i = 0; i < 10; i++) put(i);

	out[0] = bpf_for_each_map_elem(&hash, forget, &sum, 0);
	out[1] = sum;
	out[2] = bpf_for_each_map_elem(&hash, forget, &sum, 0);
	out[3] = bpf_for_each_map_elem(&array, stop_at_2, &sum, 0);
	out[4] = sum;
	out[5] = bpf_for_each_map_elem(&array, stop_at_2, &sum, 1);
	return 1;
}

static long sample(struct bpf_dynptr *p, __s64 *sum)
{
	__u64 word = 0;
	long result = bpf_dynptr_read(&word, 8, p, 0, 0);
	*sum = *sum * 10 + (result ? result : (long)word);
	return word == 4;
}

SEC("tc") int drains(struct __sk_buff *skb)
{
	__s64 sum = 0;
	out[0] = bpf_user_ringbuf_drain(&samples, sample, &sum, 0);
	out[1] = sum;
	out[2] = bpf_user_ringbuf_drain(&samples, sample, &sum, 0);
	out[3] = sum;
	out[4] = bpf_user_ringbuf_drain(&samples, sample, &sum, 4);
	return 1;
}

SEC("tc") int formats(struct __sk_buff *skb)
{
	static const char name[] = "name";
	static const __u8 address[16] = { 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const char text[] = "%d %u %x %s %lld %5d|%-5d|%05x %c%% %pI4 %pI6";
	char buffer[128] = {};
	__u64 values[] = { -5, 7, 0xbeef, (__u64)name, -1234567890123, 42, 42, 42, 'z', (__u64)address, (__u64)address };
	out[0] = bpf_snprintf(buffer, sizeof(buffer), text, values, sizeof(values));
	for (int i = 0; i < 128; i += 8) out[1 + i / 8] = *(__s64 *)(buffer + i);
	static const char plain[] = "%d %u %x %s %lld %5d|%-5d|%05x %c%%";
	out[20] = bpf_snprintf(buffer, 10, plain, values, 9 * sizeof(*values));
	out[21] = *(__s64 *)buffer;
	return 1;
}
