// SPDX-License-Identifier: MIT
// Maps with every attribute, static maps, and maps whose values stand in the object.
#include "bpf.h"

struct key { __u32 a, b; };
struct inner {
	__uint(type, 2);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, __u64);
};

struct {
	__uint(type, 1);
	__uint(max_entries, 100);
	__uint(map_flags, 1);
	__uint(pinning, 1);
	__type(key, struct key);
	__type(value, __u64);
} everything SEC(".maps");

static struct {
	__uint(type, 2);
	__uint(max_entries, 3);
	__type(key, int);
	__type(value, int);
} hidden SEC(".maps");

struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(".maps");
struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
struct inner first SEC(".maps"), second SEC(".maps");
static struct inner third SEC(".maps");

struct {
	__uint(type, 12);
	__uint(max_entries, 4);
	__type(key, int);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { &first, 0, &second, &third } };

int entry(void *ctx);
int other(void *ctx);

struct {
	__uint(type, 3);
	__uint(max_entries, 3);
	__uint(key_size, 4);
	__array(values, int(void *));
} programs SEC(".maps") = { .values = { [1] = (void *)&entry, [2] = (void *)&other } };

SEC("xdp") int entry(void *ctx)
{
	struct key key = {};
	int index = 0;

	bpf_tail_call(ctx, &programs, 2);
	return !bpf_map_lookup_elem(&everything, &key) + !bpf_map_lookup_elem(&hidden, &index) + !bpf_map_lookup_elem(&outer, &index);
}

SEC("xdp") int other(void *ctx)
{
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
