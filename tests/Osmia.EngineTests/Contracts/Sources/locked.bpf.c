#include "contract.h"

struct locked { struct bpf_spin_lock lock; __u32 other; __u64 value; };

struct { __uint(type, 1); __uint(max_entries, 4); __type(key, __u32); __type(value, struct locked); } hashed SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32); __type(value, struct locked); } elements SEC(".maps");

// Modes of updates, with BPF_F_LOCK (4) and without.
static noinline int modes(void *map, __u32 key, int at)
{
	struct locked next = { .other = 1, .value = 10 };
	struct locked *found;
	out[at] = bpf_map_update_elem(map, &key, &next, 6);
	next.value = 11;
	out[at + 1] = bpf_map_update_elem(map, &key, &next, 4);
	next.value = 12;
	out[at + 2] = bpf_map_update_elem(map, &key, &next, 5);
	next.value = 13;
	out[at + 3] = bpf_map_update_elem(map, &key, &next, 7);
	out[at + 4] = bpf_map_update_elem(map, &key, &next, 12);
	out[at + 5] = bpf_map_update_elem(map, &key, &next, 8);
	next.value = 14;
	out[at + 6] = bpf_map_update_elem(map, &key, &next, 6);
	found = bpf_map_lookup_elem(map, &key);
	out[at + 7] = found ? found->value : -1;
	return 0;
}

SEC("tc") int hash_modes(struct __sk_buff *skb) { return modes(&hashed, 1, 0); }

SEC("tc") int array_modes(struct __sk_buff *skb) { return modes(&elements, 1, 0); }

SEC("tc") int array_modes_outside(struct __sk_buff *skb) { return modes(&elements, 4, 0); }
