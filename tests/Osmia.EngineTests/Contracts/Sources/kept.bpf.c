#include "contract.h"

struct bpf_timer { __u64 opaque[2]; } __attribute__((aligned(8)));
struct plain { __u64 a, b; };
struct inner { struct plain __kptr *object; };
struct kept { __u64 before; struct inner inner; struct bpf_timer timer; struct bpf_spin_lock lock; __u32 after; };

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;

struct { __uint(type, 2); __uint(max_entries, 2); __type(key, __u32); __type(value, struct kept); } elements SEC(".maps");
struct { __uint(type, 1); __uint(max_entries, 4); __type(key, __u32); __type(value, struct kept); } hashed SEC(".maps");

// Makes the value hold an object; says what was there.
static noinline int fill(void *map, int at)
{
	__u32 key = 1;
	struct kept empty = {};
	struct kept *value;
	struct plain *p, *old;
	bpf_map_update_elem(map, &key, &empty, 1);
	value = bpf_map_lookup_elem(map, &key);
	if (!value) return 1;
	p = bpf_obj_new_impl(__builtin_btf_type_id(*(struct plain *)0, 0), 0);
	if (!p) return 2;
	p->a = 42;
	old = bpf_kptr_xchg(&value->inner.object, p);
	out[at] = old != 0;
	if (old) bpf_obj_drop_impl(old, 0);
	value->before = 7;
	value->after = 8;
	return 0;
}

// Says what the value holds, and that its lock is free.
static noinline int look(void *map, int at)
{
	__u32 key = 1;
	struct kept *value = bpf_map_lookup_elem(map, &key);
	struct plain *p;
	if (!value) return 1;
	out[at] = value->inner.object != 0;
	out[at + 1] = value->before;
	bpf_spin_lock(&value->lock);
	out[at + 2] = value->after;
	bpf_spin_unlock(&value->lock);
	p = bpf_kptr_xchg(&value->inner.object, 0);
	out[at + 3] = p ? p->a : -1;
	if (p) bpf_obj_drop_impl(p, 0);
	return 0;
}

// A program's own update neither writes what the kernel keeps.
static noinline int write(void *map, int at)
{
	__u32 key = 1;
	__u64 filled[sizeof(struct kept) / 8];
	for (int i = 0; i < (int)(sizeof(filled) / 8); i++) filled[i] = 0x0101010101010101;
	out[at] = bpf_map_update_elem(map, &key, filled, 2);
	return 0;
}

SEC("tc") int fill_array(struct __sk_buff *skb) { return fill(&elements, 0); }
SEC("tc") int look_array(struct __sk_buff *skb) { return look(&elements, 0); }
SEC("tc") int write_array(struct __sk_buff *skb) { return write(&elements, 0); }
SEC("tc") int fill_hash(struct __sk_buff *skb) { return fill(&hashed, 0); }
SEC("tc") int look_hash(struct __sk_buff *skb) { return look(&hashed, 0); }
SEC("tc") int write_hash(struct __sk_buff *skb) { return write(&hashed, 0); }
